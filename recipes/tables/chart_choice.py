"""What of a table a chart shows: which column lies along x, which are drawn, and as what."""

import re

import pyarrow as pa
import pyarrow.compute as pc

MAX_BARS = 40
MAX_SERIES = 8


def read_loosely(column):
    """A chart needs magnitudes, not spellings: 1e3, 1,234, $5, 12% and 2024-01 are numbers and dates here."""
    settle(column, dates=True)
    if column.kind != "text":
        return
    text = pc.utf8_trim_whitespace(column.text)
    text = pc.if_else(pc.equal(text, ""), None, text)
    if text.null_count == len(text):
        return
    bare = pc.replace_substring_regex(text, r"^([-+]?)[$€£¥] ?|[ \x{a0}]?[%€]$", r"\1")
    grouped = pc.match_substring_regex(bare, r"^[-+]?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]+)?$")
    bare = pc.if_else(grouped, pc.replace_substring(bare, ",", ""), bare)
    if pc.all(pc.match_substring_regex(bare, r"^-?(0|[1-9][0-9]*)?(\.[0-9]+)?([eE][+-]?[0-9]+)?$")).as_py():
        try:
            column.values, column.kind = bare.cast(pa.float64()), "float"
        except pa.ArrowInvalid:
            pass
    elif pc.all(
        pc.match_substring_regex(text, r"^[0-9]{4}-[0-9]{2}(-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2})?)?)?$")
    ).as_py():
        whole_dates = pc.replace_substring_regex(text, r"^([0-9]{4}-[0-9]{2})$", r"\1-01")
        try:
            column.values, column.kind = whole_dates.cast(pa.timestamp("s")), "datetime"
        except pa.ArrowInvalid:
            pass


def named(table, text):
    """The column a caller means: its name, whatever its case, or its number from 1."""
    for column in table.columns:
        if column.name == text or column.name.strip().lower() == text.strip().lower():
            return column
    if text.isdigit() and 1 <= int(text) <= len(table.columns):
        return table.columns[int(text) - 1]
    refuse(
        "unsupported", f"there is no column {text!r}; there are: " + ", ".join(one.name for one in table.columns)[:300]
    )


def choice(table):
    """(kind, column along x or None, columns to draw)."""
    columns = table.columns
    numbers = [one for one in columns if one.kind in NUMERIC]
    dates = [one for one in columns if one.kind in ("date", "datetime")]
    labels = [one for one in columns if one.kind not in (*NUMERIC, "date", "datetime")]
    x = named(table, OPTIONS["x"]) if OPTIONS["x"] else None
    asked = [named(table, name) for name in re.split(r"\s*,\s*", OPTIONS["y"])] if OPTIONS["y"] else None
    kind = OPTIONS["kind"]
    measures = (
        asked
        or [one for one in numbers if one is not x and not is_counter(one)]
        or [one for one in numbers if one is not x]
    )
    if any(one.kind not in NUMERIC for one in measures):
        refuse(
            "unsupported",
            "a column to draw has no numbers: " + ", ".join(one.name for one in measures if one.kind not in NUMERIC),
        )
    if kind == "histogram":
        return (kind, None, measures[:MAX_SERIES]) if measures else refuse("unsupported", "no column has numbers")
    if not measures:
        return counts(table, x or min(labels or columns, key=distinct))
    if x is None and dates:
        x = dates[0]
    elif x is None and kind != "scatter" and labels:
        few = [one for one in labels if 1 < distinct(one) <= MAX_BARS]
        x = max(few, key=distinct) if few else (labels[0] if table.rows <= MAX_BARS else None)
    if x is None and len(numbers) > 1:
        x = next((one for one in numbers if is_counter(one)), numbers[0])
        measures = [one for one in measures if one is not x] or measures
    if kind == "auto":
        if x is not None and x.kind in ("date", "datetime"):
            kind = "line"
        elif x is not None and x.kind in NUMERIC:
            kind = "line" if is_counter(x) else "scatter"
        else:
            kind = "bar" if x is not None else "line"
    if len(measures) > MAX_SERIES:
        warn(f"the first {MAX_SERIES} of {len(measures)} columns with numbers are drawn; the option y names others")
    return kind, x, similar(measures, asked)[:MAX_SERIES]


def similar(measures, asked):
    """Columns that one axis can carry: those of the magnitude of the first, unless they were asked for."""
    if asked or len(measures) < 2:
        return measures
    sizes = [abs(pc.max(pc.abs(one.values.cast(pa.float64(), safe=False))).as_py() or 0) for one in measures]
    kept = [
        one for one, size in zip(measures, sizes, strict=True) if size <= 30 * (sizes[0] or 1) and 30 * size >= sizes[0]
    ]
    if len(kept) < len(measures):
        warn("columns of another magnitude are left out; the option y names what to draw")
    return kept


def distinct(column):
    return pc.count_distinct(column.text).as_py()


def is_counter(column):
    """Whether a column only numbers the rows: whole, rising by one each, or years."""
    if column.kind != "integer" or len(column.values) < 2 or column.values.null_count:
        return False
    values = column.values.to_pylist()
    return all(after - before == 1 for before, after in zip(values, values[1:], strict=False))


def counts(table, x):
    """Nothing to measure: draw how often each value occurs."""
    warn(f"no column has numbers: the rows of each {x.name!r} are counted")
    found = pc.value_counts(pc.fill_null(x.text, ""))
    values, sizes = found.field("values"), found.field("counts")
    order = pc.array_sort_indices(sizes, order="descending")
    table.rows = len(values)
    label = Column(x.name, chunked(values.take(order)))
    return "bar", label, [column_of_array("rows", sizes.take(order))]
