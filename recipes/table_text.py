"""Reads delimited text: finds the encoding and the dialect, takes Arrow's fast parser, and the standard library's
where rows are ragged. Every cell is text here; no row is ever dropped."""

import codecs
import csv
import io
import re
import sys

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# What statistics can tell from text; between the Western single-byte encodings they only guess.
DETECTABLE = {"big5", "big5hkscs", "gb2312", "gbk", "gb18030", "shift_jis", "cp932", "shift_jis_2004", "euc_jp",
              "euc_jis_2004", "euc_kr", "cp949", "johab", "cp1251", "koi8_r", "koi8_u", "iso8859_5", "cp866", "mac_cyrillic"}
DELIMITERS = "\t;|,"
NAMED_DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}


def decoded(data, wanted="auto"):
    """``data`` as UTF-8 bytes without a byte order mark, whatever it was before."""
    if wanted != "auto":
        try:
            return codecs.decode(data, wanted).removeprefix("\ufeff").encode()
        except LookupError:
            refuse("unsupported", f"no encoding is named {wanted!r}")
        except (UnicodeError, TypeError, AttributeError):
            refuse("damaged", f"the file is not {wanted} text")
    for mark, name in BOMS:
        if data.startswith(mark):
            if name == "utf-8":
                return decoded(data[3:])
            return lenient(data[len(mark):], name).encode()
    head = data[:4096]
    if b"\0" in head:
        for name, offset in (("utf-16-le", 1), ("utf-16-be", 0)):
            if head[offset::2].count(0) > 0.4 * len(head) / 2 and head[1 - offset :: 2].count(0) < len(head) / 20:
                warn(f"read as {name}")
                return lenient(data, name).encode()
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return legacy(data, error)
    return data


def lenient(data, name):
    try:
        return data.decode(name)
    except UnicodeDecodeError:
        warn(f"bytes that are not {name} were replaced")
        return data.decode(name, "replace")


def legacy(data, error):
    """Text that is not UTF-8: mostly UTF-8 with a few bad bytes, one that statistics can tell, or Windows-1252."""
    replaced = data.decode(errors="replace")
    bad = replaced.count("\ufffd")
    good = sum(1 for _ in re.finditer("[\x80-\ufffc]", replaced[:1_000_000]))
    if good > 10 * bad:
        warn(f"{bad} bytes that are not UTF-8 were replaced, the first at byte {error.start}")
        return replaced.encode()
    sample = b"\n".join(line for line in data[:2_000_000].splitlines() if not line.isascii())[:60_000]
    for name in detected(sample):
        try:
            text = data.decode(name)
        except UnicodeDecodeError:
            continue
        warn(f"read as {name}, by its statistics")
        return text.encode()
    name = "latin-1" if re.search(b"[\x81\x8d\x8f\x90\x9d]", data) else "windows-1252"
    warn(f"read as {name}: it is not UTF-8")
    return data.decode("latin-1" if name == "latin-1" else "cp1252").encode()


def detected(sample):
    """What statistics say, asked only where they can know: in Western text letters past ASCII stand alone, elsewhere in runs."""
    high = re.findall(rb"[\x80-\xff]+", sample)
    if sum(len(run) for run in high if len(run) > 1) < 0.6 * sum(map(len, high)):
        return []
    from charset_normalizer import from_bytes

    best = from_bytes(sample).best()
    return [best.encoding] if best and best.encoding in DETECTABLE else []


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
        score = ((counts.count(usual) + (counts[0] == usual)) / (len(counts) + 1), usual, -rank + 9 * (delimiter == preferred))
        if score > best:
            best, found = score, delimiter
    return found


def read_delimited(preferred):
    data = decoded(SOURCE.read_bytes(), OPTIONS.get("encoding", "auto"))
    hint = re.match(rb'"?sep=(.)"?\r?\n', data)
    if hint:
        data = data[hint.end():]
    if not data.strip(b"\r\n\t ;,\0"):
        refuse("empty", "there is no value in this file")
    wanted = OPTIONS.get("delimiter", "auto")
    delimiter = NAMED_DELIMITERS.get(wanted) or (hint and hint[1].decode(errors="replace")) or dialect(data, preferred)
    padded = re.search(rb'(^|[%s]) +"' % re.escape(delimiter.encode()), data[:200_000], re.M) is not None
    columns = None if padded else fast_columns(data, delimiter)
    if columns is None:
        columns = careful_columns(data, delimiter, padded)
    headed = OPTIONS.get("header", True)
    names = [f"column_{n}" for n in range(1, len(columns) + 1)]
    if headed:
        names = [text or "" for text in (column[0].as_py() for column in columns)]
        columns = [column.slice(1) for column in columns]
    rows = len(columns[0])
    return Table("Sheet1", [Column(name, text) for name, text in zip(names, columns, strict=True)], rows, headed)


def fast_columns(data, delimiter):
    """Every column as text by Arrow's parser; None where it does not apply (ragged rows, odd delimiters)."""
    width = len(next(records_of(data, delimiter, limit=1), []))
    if not width or len(delimiter) > 1 or not delimiter.isascii():
        return None
    if width > MAX_COLUMNS:
        refuse("too_large", f"the first record has {width} fields")
    names = [str(number) for number in range(width)]
    try:
        table = pa.csv.read_csv(
            pa.py_buffer(data),
            # A record has to fit into a block; its rows are text already decoded, so a big block is the only cost.
            pa.csv.ReadOptions(column_names=names, block_size=8 << 20),
            pa.csv.ParseOptions(delimiter=delimiter, newlines_in_values=b'"' in data),
            pa.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        )
    except pa.ArrowInvalid:
        return None
    return table.columns


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
    return [pa.chunked_array([pa.array([field or None for field in column], pa.string())]) for column in zip(*records, strict=True)]
