"""Reads delimited text: finds the encoding and the dialect, takes Arrow's fast parser, and the standard library's
where rows are ragged. Every cell is text here; no row is ever dropped."""

import csv
import io
import itertools
import re
import sys

import pyarrow as pa
import pyarrow.csv

RESERVED_BYTES = 384 << 20
DELIMITERS = "\t;|,"


def records_of(data, delimiter, padded=False, limit=None):
    csv.field_size_limit(sys.maxsize)
    lines = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8", errors="replace", newline="")
    for number, record in enumerate(csv.reader(lines, delimiter=delimiter, skipinitialspace=padded)):
        if number == limit:
            return
        if record:
            yield record


def dialect(data, preferred):
    """The delimiter under which most of the first 100 records have the same number of fields, header included."""
    sample = data[:200_000]
    if len(data) > len(sample):
        sample = sample[: sample.rfind(b"\n") + 1] or sample
    best, found = (0.0, 0, 0), preferred
    for rank, delimiter in enumerate(DELIMITERS):
        if delimiter.encode() not in sample:
            continue
        counts = [len(record) for record in records_of(sample, delimiter, limit=100)]
        usual = max(set(counts), key=lambda n: (counts.count(n) * (n > 1), n))
        if usual < 2:
            continue
        score = (
            (counts.count(usual) + (counts[0] == usual)) / (len(counts) + 1),
            usual,
            -rank + 9 * (delimiter == preferred),
        )
        if score > best:
            best, found = score, delimiter
    return found


def read_delimited(preferred):
    data = decoded(SOURCE.read_bytes(), OPTIONS.get("encoding", "auto"))
    hint = re.match(rb'"?sep=(.)"?\r?\n', data)
    if hint:
        data = data[hint.end() :]
    if not data.strip(b"\r\n\t ;,\0"):
        refuse("empty", "there is no value in this file")
    wanted = OPTIONS.get("delimiter", "auto")
    delimiter = NAMED_DELIMITERS.get(wanted) or (hint and hint[1].decode(errors="replace")) or dialect(data, preferred)
    padded = re.search(rb'(^|[%s]) +"' % re.escape(delimiter.encode()), data[:200_000], re.M) is not None
    headed = OPTIONS.get("header", True)
    above, data = split_above(data, delimiter) if headed else ((), data)
    columns = None if padded else fast_columns(data, delimiter)
    if columns is None:
        columns = careful_columns(data, delimiter, padded)
    names = [f"column_{n}" for n in range(1, len(columns) + 1)]
    if headed and len(columns[0]) == 1 and any(NUMBER.fullmatch(column[0].as_py() or "") for column in columns):
        headed = False
        warn("the only row has numbers: it was not taken for the names of the columns (option header)")
    if headed:
        names = [text or "" for text in (column[0].as_py() for column in columns)]
        columns = [column.slice(1) for column in columns]
    rows = len(columns[0])
    if headed and not rows:
        warn("the only row was taken for the names of the columns (option header)")
    return Table("Sheet1", [Column(name, text) for name, text in zip(names, columns, strict=True)], rows, headed, above)


def split_above(data, delimiter):
    """The records above the header, and the text from the header on."""
    lines = list(io.TextIOWrapper(io.BytesIO(data[:100_000]), encoding="utf-8", errors="replace", newline=""))
    reader = csv.reader(lines, delimiter=delimiter)
    records, ends = [], []
    for record in itertools.islice(reader, MOST_ABOVE + BELOW):
        records.append(record)
        ends.append(reader.line_num)
    at = header_row(records)
    if not at:
        return (), data
    above = records[:at] if any(map(filled, records[:at])) else ()
    if above:
        warn(f"the names of the columns are in line {ends[at - 1] + 1} (option header)")
    return above, data[len("".join(lines[: ends[at - 1]]).encode()) :]


def all_quoted(data, delimiter):
    """Whether every field is in quotes, so that "" is how this file says that there is no value."""
    if not data.startswith(b'"'):
        return False
    bare = re.sub(rb'"(?:[^"]|"")*(?:"|\Z)', b"q", data[:200_000])
    mark = re.escape(delimiter.encode())
    return re.search(rb"[^q\r\n%b]|%b%b|[\r\n]%b" % ((mark,) * 4), bare) is None


def fast_columns(data, delimiter):
    """Every column as text by Arrow's parser; None where it does not apply (ragged rows, odd delimiters)."""
    first = next(records_of(data, delimiter, limit=1), [])
    width = len(first)
    if not width or len(delimiter) > 1 or not delimiter.isascii():
        return None
    if width > MAX_COLUMNS:
        refuse("too_large", f"the first record has {width} fields")
    names = [str(number) for number in range(width)]
    # Arrow reserves a block's size for every column; and a record has to fit into a block.
    block = min(8 << 20, RESERVED_BYTES // width)
    if block < 8 * sum(map(len, first)):
        return None
    if width * len(data) > 2 * RESERVED_BYTES:
        return_what_is_free()
    try:
        table = pa.csv.read_csv(
            pa.py_buffer(data),
            pa.csv.ReadOptions(column_names=names, block_size=block),
            pa.csv.ParseOptions(delimiter=delimiter, newlines_in_values=b'"' in data),
            pa.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=all_quoted(data, delimiter),
            ),
        )
    except pa.ArrowInvalid:
        return None
    return table.columns


def return_what_is_free():
    """Have the C library map what is large by itself. Else a column's text, cut to its size, lies in the midst of what was
    reserved for it, the next reservation does not fit beside it, and the heap grows by columns times bytes."""
    import ctypes

    threshold = -3  # M_MMAP_THRESHOLD of mallopt(3)
    if set_option := getattr(ctypes.CDLL(None), "mallopt", None):
        set_option(threshold, 1 << 15)


def careful_columns(data, delimiter, padded):
    records = list(records_of(data, delimiter, padded))
    if not records:
        refuse("empty", "there is no record in this file")
    width = max(map(len, records))
    if width > MAX_COLUMNS or width * len(records) > MAX_CELLS:
        refuse("too_large", f"{len(records)} records of up to {width} fields")
    usual = len(records[0])
    long = sum(len(record) > usual for record in records)
    short = sum(len(record) < usual for record in records)
    if long:
        warn(f"{long} rows have more fields than the header: columns without a name were added")
    if short:
        warn(f"{short} rows have fewer fields than the header: their missing fields are empty")
    for record in records:
        record.extend([None] * (width - len(record)))
    return [
        pa.chunked_array([pa.array([field or None for field in column], pa.string())])
        for column in zip(*records, strict=True)
    ]
