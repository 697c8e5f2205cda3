"""A table in memory: columns of text with what kind of values they hold, and the law by which text becomes a value.

Text stays text unless every cell of its column reads the same after text -> value -> text: leading zeros, long
numbers, phone numbers, "NA" and "yes" survive every conversion.
"""

import base64
import datetime
import decimal
import json
import re

import orjson
import pyarrow as pa
import pyarrow.compute as pc

MAX_COLUMNS = 16_384  # what a spreadsheet can hold, and far past what anybody reads
MAX_CELLS = 40_000_000

NAMED_DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}
NUMERIC = ("integer", "float", "decimal")
NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?")
WHOLE = re.compile(r"0|-?[1-9]\d{0,17}")  # a number of 64 bits that reads the same in both directions
FEW_ROWS = 64  # up to which looking at each cell is faster than a pass over the column
DATE = re.compile(r"\d{4}-\d\d-\d\d")
DATETIME = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d")


class Column:
    """``text`` has one string per row, null where there is no value. ``kind`` says what all of them are:
    text, integer, float, decimal, boolean, date, datetime, or mixed: then ``literal`` marks the cells whose text
    is a JSON literal (a number, a boolean, a nested object) and not a string. ``values`` are the typed values."""

    def __init__(self, name, text, kind="text", values=None, literal=None):
        self.name, self.text, self.kind, self.values, self.literal = name, text, kind, values, literal


class Table:
    """Columns of equal length. Not ``headed``: the names were made here and are not part of the document. ``above`` are
    rows of text that stand above the names: a title, notes."""

    def __init__(self, name, columns, rows, headed=True, above=()):
        self.name, self.columns, self.rows, self.headed, self.above = name, columns, rows, headed, above

    def notes(self):
        """What stands above the names, as lines of text."""
        lines = ("  ".join(cell.strip() for cell in row if cell and cell.strip()) for row in self.above)
        return [line for line in lines if line]


def leave_out(table):
    """Say what stands above the header, for formats of records, which have no place for it."""
    text = " / ".join(table.notes())
    for start in range(0, min(len(text), 700), 140):
        warn(f"above the header, left out: {text[start : start + 140]}")
    if len(text) > 700:
        warn(f"and further text above the header, {len(text) - 700} characters")


def chunked(array):
    return array if isinstance(array, pa.ChunkedArray) else pa.chunked_array([array])


def unique_names(columns):
    """Names for formats that need each one once: empty ones are numbered, repeated ones get a suffix."""
    names, seen = [], set()
    for number, column in enumerate(columns, 1):
        base = name = column.name or f"column_{number}"
        count = 1
        while name in seen:
            count += 1
            name = f"{base}_{count}"
        if name != column.name:
            warn("empty or repeated column names were made unique")
        seen.add(name)
        names.append(name)
    return names


# text -> values ------------------------------------------------------------------------------------------------------


def settle(column, dates):
    """Give a text column its values where the law allows it. ``dates`` is False for formats that have none."""
    if column.kind != "text":
        return
    first = next((text for chunk in column.text.chunks for text in chunk.drop_null().slice(0, 1).to_pylist()), None)
    if first is None:
        return
    if len(column.text) <= FEW_ROWS and all(text is None or WHOLE.fullmatch(text) for text in column.text.to_pylist()):
        column.kind, column.values = "integer", column.text.cast(pa.int64())
        return
    if NUMBER.fullmatch(first):
        point = first.find(".")
        attempts = [("integer", pa.int64())] if point < 0 else []
        if point > 0 and pc.any(pc.ends_with(column.text, "0")).as_py():  # 1.50, 2.25: a fixed number of decimals
            scale = len(first) - point - 1
            attempts += [("decimal", pa.decimal128(digits, scale)) for digits in (18, 38) if scale <= digits]
        if point >= 0 or len(first) < 17:
            attempts.append(("float", pa.float64()))
    elif first.lower() in ("true", "false"):
        attempts = [("boolean", pa.bool_())]
    elif dates and DATE.fullmatch(first):
        attempts = [("date", pa.date32())]
    elif dates and DATETIME.fullmatch(first):
        attempts = [("datetime", pa.timestamp("s"))]
    else:
        return
    for kind, type_ in attempts:
        try:
            values = column.text.cast(type_)
        except pa.ArrowInvalid:
            continue
        text = column.text
        if kind == "datetime":
            text = pc.replace_substring(text, "T", " ")
        elif kind == "boolean" and first != "true" and first != "false":
            alike = pc.is_in(text, pa.array(["True", "False"] if first[1:].islower() else ["TRUE", "FALSE"]))
            text = pc.utf8_lower(text) if pc.all(alike).as_py() else text
        if pc.all(pc.equal(plain(values), text)).as_py():
            column.kind, column.values = kind, values
            return


# values -> text ------------------------------------------------------------------------------------------------------


def plain(values):
    """The text of an array of numbers, booleans, dates or times, as people write them."""
    text = values.cast(pa.string())
    if pa.types.is_floating(values.type):
        scientific = pc.fill_null(pc.match_substring(text, "e"), False)
        if pc.any(scientific).as_py():  # Arrow writes 1.2e+10 where people write 12000000000
            spelled = [repr(value).removesuffix(".0") for value in values.filter(scientific).to_pylist()]
            if isinstance(text, pa.ChunkedArray):
                text, scientific = text.combine_chunks(), scientific.combine_chunks()
            text = chunked(pc.replace_with_mask(text, scientific, pa.array(spelled, pa.string())))
        text = pc.if_else(pc.is_nan(values), None, text)
    elif pa.types.is_timestamp(values.type) or pa.types.is_time(values.type):
        text = pc.replace_substring_regex(text, r"(\.\d*?)0+(Z|[+-]\d\d:?\d\d|)$", r"\1\2")
        text = pc.replace_substring_regex(text, r"\.(Z|[+-]\d\d:?\d\d|)$", r"\1")
        text = (
            pc.replace_substring_regex(text, r"([+-]\d\d)(\d\d)$", r"\1:\2")
            if getattr(values.type, "tz", None)
            else text
        )
    return text


def scalar_text(value):
    """The text of one Python value and whether that text is a JSON literal."""
    kind = type(value)
    if kind is str:
        return value, False
    if kind is bool:
        return ("true" if value else "false"), True
    if kind is int:
        return str(value), True
    if kind is float:
        return (repr(value).removesuffix(".0"), True) if abs(value) < float("inf") else (None, False)
    if isinstance(value, datetime.timedelta):
        sign, span = ("-", -value) if value < datetime.timedelta() else ("", value)
        seconds = span.days * 86_400 + span.seconds
        fraction = f".{span.microseconds:06}".rstrip("0") if span.microseconds else ""
        return f"{sign}{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{fraction}", False
    if isinstance(value, datetime.datetime):
        return value.isoformat(" "), False
    if isinstance(value, (dict, list, tuple)):
        return nested_text(value), True
    if isinstance(value, bytes):
        return bytes_text(value), False
    return str(value), isinstance(value, decimal.Decimal) and value.is_finite()


def bytes_text(value):
    try:
        return value.decode()
    except UnicodeDecodeError:
        warn("binary values are written as base64")
        return base64.b64encode(value).decode()


def bare(value):
    """What JSON cannot say itself, said in text."""
    if isinstance(value, decimal.Decimal) and value.is_finite():
        return orjson.Fragment(str(value))
    return scalar_text(value)[0]


def nested_text(value):
    try:
        return orjson.dumps(value, default=bare, option=orjson.OPT_NON_STR_KEYS).decode()
    except (orjson.JSONEncodeError, RecursionError):  # whole numbers past 64 bits; lone surrogates
        text = json.dumps(value, default=lambda one: scalar_text(one)[0], ensure_ascii=False)
        return text.encode(errors="replace").decode()


def strings(values):
    """An Arrow array of strings, tolerant of the lone surrogates that JSON lets through."""
    try:
        return chunked(pa.array(values, pa.string()))
    except UnicodeEncodeError:
        warn("characters that are not Unicode were replaced")
        return chunked(pa.array([v and v.encode(errors="replace").decode() for v in values], pa.string()))


def column_of_values(name, values):
    """A column of Python values, None where there is none. One kind of value makes a typed column, several a mixed one."""
    kinds = set(map(type, values))
    kinds.discard(type(None))
    if kinds <= {str}:
        return Column(name, strings(values))
    try:
        if kinds == {bool}:
            return column_of_array(name, pa.array(values, pa.bool_()))
        if kinds == {int}:
            return column_of_array(name, pa.array(values, pa.int64()))
        if kinds <= {int, float}:
            return column_of_array(name, pa.array(values, pa.float64()))
        if kinds == {datetime.date}:
            return column_of_array(name, pa.array(values, pa.date32()))
        if kinds == {datetime.datetime} and not any(value and value.tzinfo for value in values):
            return column_of_array(name, pa.array(values, pa.timestamp("us")))
    except (OverflowError, pa.ArrowInvalid):
        pass  # whole numbers past 64 bits stay what they were, as text
    pairs = [(None, False) if value is None else scalar_text(value) for value in values]
    literal = pa.array([pair[1] for pair in pairs], pa.bool_())
    text = strings([pair[0] for pair in pairs])
    return Column(name, text, "mixed", None, literal) if pc.any(literal).as_py() else Column(name, text)


def column_of_array(name, values):
    """A column of an Arrow array of any type."""
    values, types = chunked(values), pa.types
    kind = values.type
    if types.is_dictionary(kind) or types.is_run_end_encoded(kind):
        kind = kind.value_type
        values = values.cast(kind) if types.is_dictionary(values.type) else chunked(pc.run_end_decode(values))
    if isinstance(kind, pa.BaseExtensionType):
        values = chunked(pa.chunked_array([chunk.storage for chunk in values.chunks], kind.storage_type))
        kind = values.type
    if types.is_string(kind):
        return Column(name, values)
    if types.is_large_string(kind) or types.is_string_view(kind):
        return Column(name, values.cast(pa.string()))
    if types.is_null(kind):
        return Column(name, values.cast(pa.string()))
    if types.is_boolean(kind):
        return Column(name, plain(values), "boolean", values)
    if types.is_integer(kind):
        return Column(name, plain(values), "integer", values)
    if types.is_floating(kind):
        finite = pc.is_finite(values)
        if not pc.all(finite).as_py() and pc.any(pc.invert(finite)).as_py():
            warn("NaN and infinity are written as no value")
            values = pc.if_else(finite, values, None)
        whole = values.cast(pa.float64()) if types.is_float16(kind) else values
        return Column(name, plain(whole), "float", values)
    if types.is_decimal(kind):
        return Column(name, values.cast(pa.string()), "decimal", values)
    if types.is_date(kind):
        values = values.cast(pa.date32())
        return Column(name, plain(values), "date", values)
    if types.is_timestamp(kind):
        return Column(name, plain(values), "text" if kind.tz else "datetime", values)
    if types.is_time(kind):
        return Column(name, plain(values), "text", values)
    if types.is_nested(kind):
        return column_of_nested(name, values)
    return Column(
        name,
        strings([None if value is None else scalar_text(value)[0] for value in values.to_pylist()]),
        "text",
        values,
    )


def column_of_nested(name, values):
    text, types = [], pa.types
    pairs = types.is_map(values.type)
    for value in values.to_pylist():
        if value is not None and pairs and all(isinstance(key, str) for key, _ in value):
            value = dict(value)
        text.append(None if value is None else nested_text(value))
    literal = pa.array([one is not None for one in text], pa.bool_())
    return Column(name, strings(text), "mixed", values, literal)
