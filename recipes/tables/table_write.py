"""Writes tables as text by Arrow's string kernels, a slice of rows at a time, and counts what it wrote: csv, tsv,
html, md, json, ndjson and xml."""

import re

import orjson
import pyarrow as pa
import pyarrow.compute as pc

SLICE_BYTES = 1 << 20
SLICE_COLUMN_BYTES = 2048  # of each column at least: what is done for a column costs more than its text
CONTROLS = bytes(set(range(32)) - {9, 10, 13})
ILLEGAL = "[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]"  # what XML 1.0 and HTML cannot say


def joined(*parts):
    """One string per row; null where a part is null."""
    return pc.binary_join_element_wise(*parts, "")


def content(array):
    """The bytes of all strings of an Arrow array, one after the other, without a copy."""
    if not len(array):
        return b""
    offsets = memoryview(array.buffers()[1]).cast("i")
    start, end = offsets[array.offset], offsets[array.offset + len(array)]
    return memoryview(array.buffers()[2] or b"")[start:end]


def has(array, parts):
    """Whether one of ``parts`` (bytes, or several of them) is anywhere in an array of strings."""
    data = bytes(content(array))
    return any(one in data for one in parts)


def has_illegal(array):
    data = bytes(content(array))
    return len(data.translate(None, CONTROLS)) < len(data) or b"\xef\xbf\xbe" in data or b"\xef\xbf\xbf" in data


def whole(array, start, length):
    part = array.slice(start, length)
    if isinstance(part, pa.Array):
        return part
    return (
        part.chunk(0)
        if part.num_chunks == 1
        else pc.cast(part.combine_chunks(), pa.string())
        if part.num_chunks
        else pa.array([], pa.string())
    )


def slices(table):
    """(start, length) of runs of rows that are about SLICE_BYTES of text each, more where there are many columns."""
    size = sum(column.text.nbytes for column in table.columns) + table.rows
    most = max(SLICE_BYTES, SLICE_COLUMN_BYTES * len(table.columns))
    step = max(1, min(1 << 17, most * max(1, table.rows) // max(1, size)))
    for start in range(0, table.rows, step):
        yield start, min(step, table.rows - start)


def cell_texts(table, start, length, escape):
    return together([whole(column.text, start, length) for column in table.columns], escape)


def together(arrays, change):
    """``change`` of each array of equal length; many short ones are one pass over all cells, not one for each."""
    if len(arrays) < 2 or len(arrays) < len(arrays[0]):
        return [change(array) for array in arrays]
    length, changed = len(arrays[0]), change(pa.concat_arrays(arrays))
    return [changed.slice(number * length, length) for number in range(len(arrays))]


def written_rows(table, render):
    """The text of all rows, slice by slice, from ``render(start, length)``; every row is there and none has lost a cell."""
    rows = 0
    for start, length in slices(table):
        text = render(start, length)
        if text.null_count or len(text) != length:
            raise RuntimeError("cells were lost while writing")
        rows += length
        yield content(text)
    if rows != table.rows:
        raise RuntimeError(f"{rows} rows were written of {table.rows}")


def each(array, function):
    """A rare case done cell by cell."""
    return pa.array([None if text is None else function(text) for text in array.to_pylist()], pa.string())


def replaced(array, pairs):
    for old, new in pairs:
        if has(array, old[:1].encode()):
            array = pc.replace_substring(array, old, new)
    return array


def wide(row, table):
    """A row above the header, as wide as the table."""
    return [*row, *[None] * (len(table.columns) - len(row))]


# delimited text -------------------------------------------------------------------------------------------------------


def write_delimited(table, out, delimiter):
    """RFC 4180 with LF: quoted where needed; an empty string is "", no value is nothing."""
    formulas = OPTIONS.get("escape_formulas", False)
    alone = len(table.columns) == 1  # a line with nothing on it would not be read as a row

    def quoted(array):
        if formulas and has(array, b"=+-@\t\r"):
            risky = pc.match_substring_regex(array, r"^[=+\-@\t\r]")
            number = pc.match_substring_regex(array, r"^[+-]?[0-9][0-9.,]*$")
            array = pc.if_else(pc.and_(risky, pc.invert(number)), joined("'", array), array)
        if has(array, b'"\r\n' + delimiter.encode()):
            needs = pc.match_substring_regex(array, '["\r\n' + re.escape(delimiter) + "]")
            array = pc.if_else(needs, joined('"', replaced(array, [('"', '""')]), '"'), array)
        if pc.any(pc.equal(array, "")).as_py():
            array = pc.if_else(pc.equal(array, ""), '""', array)
        return pc.fill_null(array, '""' if alone else "")

    heads = [[column.name for column in table.columns]] if table.headed else []
    for row in [*table.above, *heads]:
        cells = quoted(pa.array([cell or None for cell in wide(row, table)], pa.string()))
        out.write((delimiter.join(cells.to_pylist()) + "\n").encode())

    def render(start, length):
        return joined(pc.binary_join_element_wise(*cell_texts(table, start, length, quoted), delimiter), "\n")

    out.writelines(written_rows(table, render))


# markup ---------------------------------------------------------------------------------------------------------------


def escaped(array):
    """Text for XML and HTML; characters these cannot say become U+FFFD."""
    if has_illegal(array):
        warn("control characters were replaced")
        array = each(array, lambda text: re.sub(ILLEGAL, "\ufffd", text))
    return replaced(array, [("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\r", "&#13;")])


def one_escaped(text):
    return escaped(pa.array([text], pa.string()))[0].as_py()


HTML_HEAD = """<!DOCTYPE html>
<html>
<head>
<meta charset="utf-8">
<title>{title}</title>
<style>
body {{ font: 14px/1.4 system-ui, sans-serif; margin: 2em; }}
table {{ border-collapse: collapse; }}
th, td {{ border: 1px solid #ccc; padding: .25em .6em; text-align: left; vertical-align: top; white-space: pre-wrap; }}
thead th {{ background: #f3f3f3; position: sticky; top: 0; }}
.n {{ text-align: right; font-variant-numeric: tabular-nums; }}
</style>
</head>
<body>
"""


def write_html(tables, out):
    out.write(HTML_HEAD.format(title=one_escaped(OPTIONS.get("title") or tables[0].name)).encode())
    for table in tables:
        if len(tables) > 1:
            out.write(f"<h2>{one_escaped(table.name)}</h2>\n".encode())
        out.writelines(f"<p>{one_escaped(line)}</p>\n".encode() for line in table.notes())
        out.write(b"<table>\n")
        if table.headed:
            heads = "".join(f"<th>{one_escaped(column.name)}</th>" for column in table.columns)
            out.write(f"<thead>\n<tr>{heads}</tr>\n</thead>\n".encode())
        out.write(b"<tbody>\n")
        numbers = [column.kind in NUMERIC for column in table.columns]

        def render(start, length):
            parts = ["<tr>"]
            texts = cell_texts(table, start, length, lambda array: pc.fill_null(escaped(array), ""))
            for cell, number in zip(texts, numbers, strict=True):
                parts += ['<td class="n">' if number else "<td>", cell, "</td>"]
            return joined(*parts, "</tr>\n")

        out.writelines(written_rows(table, render))
        out.write(b"</tbody>\n</table>\n")
    out.write(b"</body>\n</html>\n")


def write_markdown(tables, out):
    def marked(array):
        array = replaced(
            array, [("\\", "\\\\"), ("|", "\\|"), ("*", "\\*"), ("`", "\\`"), ("[", "\\["), ("]", "\\]"), ("~", "\\~")]
        )
        if has(array, b"_"):  # emphasis starts only at the edge of a word: snake_case may stay as it is
            edge = pc.match_substring_regex(array, r"(^|[^\pL\pN])_|_([^\pL\pN]|$)")
            array = pc.if_else(edge, pc.replace_substring(array, "_", "\\_"), array)
        array = replaced(array, [("&", "&amp;"), ("<", "&lt;"), ("\0", "\ufffd")])
        return replaced(array, [("\r\n", "<br>"), ("\n", "<br>"), ("\r", "<br>")])

    for number, table in enumerate(tables):
        if len(tables) > 1:
            out.write(f"{chr(10) if number else ''}## {marked(pa.array([table.name]))[0].as_py()}\n\n".encode())
        for line in marked(pa.array(table.notes(), pa.string())).to_pylist():
            out.write(re.sub(r"^(\d*)(?=[#+>=.)-])", r"\1\\", line).encode() + b"\n\n")
        names = marked(
            pa.array([column.name if table.headed else "" for column in table.columns], pa.string())
        ).to_pylist()
        rule = ["---:" if column.kind in NUMERIC else "---" for column in table.columns]
        out.write(f"| {' | '.join(names)} |\n| {' | '.join(rule)} |\n".encode())

        def render(start, length):
            cells = cell_texts(table, start, length, lambda array: pc.fill_null(marked(array), ""))
            return joined("| ", pc.binary_join_element_wise(*cells, " | "), " |\n")

        out.writelines(written_rows(table, render))


def element_names(table):
    names = []
    for name in unique_names(table.columns):
        element = re.sub(r"[^\w.-]+", "_", name).strip("_") or "column"
        if not re.match(r"[^\W\d]", element) or element.lower().startswith("xml"):
            element = "_" + element
        while element in names:
            element += "_"
        names.append(element)
    return names


def write_xml(tables, out):
    """``<table name><row><column>text</column>…``: an element per column, left out where there is no value."""
    out.write(b'<?xml version="1.0" encoding="UTF-8"?>\n')
    out.write(b"<tables>\n" if len(tables) > 1 else b"")
    for table in tables:
        out.write(f'<table name="{one_escaped(table.name).replace(chr(34), "&quot;")}">\n'.encode())
        out.writelines(f"<note>{one_escaped(line)}</note>\n".encode() for line in table.notes())
        names = element_names(table)
        if names != [column.name for column in table.columns]:
            warn("column names that XML does not allow were changed")

        def render(start, length):
            parts = ["<row>"]
            for name, cell in zip(names, cell_texts(table, start, length, escaped), strict=True):
                parts.append(pc.fill_null(joined(f"<{name}>", cell, f"</{name}>"), ""))
            return joined(*parts, "</row>\n")

        out.writelines(written_rows(table, render))
        out.write(b"</table>\n")
    out.write(b"</tables>\n" if len(tables) > 1 else b"")


# JSON -----------------------------------------------------------------------------------------------------------------


def json_cells(columns, start, length):
    """The cells of each column as JSON literals: numbers with the digits they were read with."""
    plain = [one.kind == "text" and one.literal is None for one in columns]
    strings = iter(together([whole(one.text, start, length) for one, text in zip(columns, plain, strict=True) if text], json_strings))
    return [next(strings) if text else json_literals(one, start, length) for one, text in zip(columns, plain, strict=True)]


def json_strings(array):
    if has_illegal(array):
        array = each(array, lambda text: orjson.dumps(text)[1:-1].decode())
    else:
        array = replaced(array, [("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t")])
    return pc.fill_null(joined('"', array, '"'), "null")


def json_literals(column, start, length):
    array = whole(column.text, start, length)
    if column.kind in (*NUMERIC, "boolean"):
        if column.kind == "boolean":
            array = pc.utf8_lower(array)
        return pc.fill_null(array, "null") if array.null_count else array
    if column.values is not None and pa.types.is_timestamp(column.values.type):
        array = pc.replace_substring(array, " ", "T", max_replacements=1)
    strings = json_strings(array)
    if column.literal is not None:
        strings = pc.if_else(column.literal.slice(start, length), array, strings)
    return pc.fill_null(strings, "null")


def write_json(tables, out):
    """``out`` can seek. An array of objects; several sheets are one object of them. Arrays of values on request."""
    several = len(tables) > 1
    arrays = OPTIONS.get("orient") == "arrays"
    out.write(b"{\n" if several else b"")
    for number, table in enumerate(tables):
        if several:
            out.write((b",\n" if number else b"") + orjson.dumps(table.name) + b": ")
        out.write(b"[\n")
        if arrays and table.headed:
            out.write(orjson.dumps([column.name for column in table.columns]) + (b",\n" if table.rows else b"\n"))
        write_records(table, out, b",\n", arrays)
        out.write(b"]" if several else b"]\n")
    out.write(b"\n}\n" if several else b"")


def write_records(table, out, separator, arrays=False):
    keys = (
        [""] * len(table.columns)
        if arrays
        else [orjson.dumps(name).decode() + ":" for name in unique_names(table.columns)]
    )
    opening, closing = ("[", "]") if arrays else ("{", "}")

    def render(start, length):
        parts = [opening]
        for number, (key, cells) in enumerate(zip(keys, json_cells(table.columns, start, length), strict=True)):
            parts += ["," + key if number else key, cells]
        return joined(*parts, closing + separator.decode())

    out.writelines(written_rows(table, render))
    if table.rows and separator != b"\n":
        out.seek(-len(separator), 1)
        out.write(b"\n")
        out.truncate()
