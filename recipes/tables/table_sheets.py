"""What workbooks have in common: names of sheets, their limits, numbers that survive in them; and OpenDocument sheets,
written straight as XML from Arrow strings. Every text is an inert string: no formula can come into being."""

import re

import pyarrow as pa
import pyarrow.compute as pc

MAX_SHEET_ROWS = 1_048_576  # ECMA-376: the last row of a sheet


def sheet_names(tables, forbidden=r"[\[\]:*?/\\\x00-\x1f]"):
    """Names Excel takes: 1 to 31 characters, none of []:*?/\\, no apostrophe at an end, different without regard to case."""
    names = []
    for number, table in enumerate(tables, 1):
        base = name = re.sub(forbidden, "_", table.name)[:31].strip("'") or f"Sheet{number}"
        count = 1
        while name.lower() in [one.lower() for one in names]:
            count += 1
            name = f"{base[: 30 - len(str(count))]}_{count}"
        names.append(name)
    return names


def limited(tables):
    """Split what is longer than a sheet into several; refuse what is wider."""
    result = []
    for table in tables:
        if len(table.columns) > MAX_COLUMNS:
            refuse("unsupported", f"a sheet holds {MAX_COLUMNS} columns, this table has {len(table.columns)}")
        limit = MAX_SHEET_ROWS - table.headed - len(table.above)
        if table.rows <= limit:
            result.append(table)
            continue
        warn(f"{table.rows} rows are more than one sheet holds: they continue on further sheets")
        for number, start in enumerate(range(0, table.rows, limit), 1):
            columns = [
                Column(
                    one.name,
                    one.text.slice(start, limit),
                    one.kind,
                    one.values and one.values.slice(start, limit),
                    one.literal and one.literal.slice(start, limit),
                )
                for one in table.columns
            ]
            name = table.name if number == 1 else f"{table.name[:26]} ({number})"
            above = () if start else table.above
            result.append(Table(name, columns, min(limit, table.rows - start), table.headed, above))
    return result


def exact(array, kind):
    """Which numbers Excel keeps: at most 15 significant digits; a float is one already."""
    if kind == "float":
        return pc.invert(pc.match_substring_regex(array, r"^-?[0-9]{16}"))
    digits = pc.replace_substring_regex(array, r"^-?0*\.?0*|[.]|e.*", "")
    return pc.less_equal(pc.binary_length(digits), 15)


ODS_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"'
    ' xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"'
    ' office:version="1.3"><office:body><office:spreadsheet>'
)
ODS_EMPTY = "<table:table-cell/>"


def ods_text(array):
    """Paragraphs: ODF collapses white space, so runs of spaces, tabs and line breaks are elements (ODF 1.3 part 3, 6.1.3)."""
    array = escaped(array)
    if has(array, b" \t\n"):
        array = pc.replace_substring_regex(array, r"(^| ) ", "\\1<text:s/>")
        array = pc.replace_substring_regex(array, r" ( |$)", "<text:s/>\\1")
        array = replaced(array, [("\t", "<text:tab/>"), ("\n", "</text:p><text:p>")])
    return joined("<text:p>", array, "</text:p></table:table-cell>")


def ods_cells(column, start, length):
    array = whole(column.text, start, length)
    shown = ods_text(array)
    as_text = joined('<table:table-cell office:value-type="string">', shown)
    as_number = joined('<table:table-cell office:value-type="float" office:value="', array, '">', shown)
    as_boolean = joined(
        '<table:table-cell office:value-type="boolean" office:boolean-value="', pc.utf8_lower(array), '">', shown
    )
    if column.kind in NUMERIC:
        cells = pc.if_else(exact(array, column.kind), as_number, as_text)
    elif column.kind == "boolean":
        cells = as_boolean
    elif column.kind in ("date", "datetime"):
        stamp = pc.replace_substring(array, " ", "T")
        cells = joined('<table:table-cell office:value-type="date" office:date-value="', stamp, '">', shown)
    else:
        cells = pc.if_else(pc.equal(array, ""), ODS_EMPTY, as_text)
        if column.literal is not None:
            literal = column.literal.slice(start, length)
            cells = pc.if_else(pc.and_(literal, pc.match_substring_regex(array, r"^-?[0-9]")), as_number, cells)
            cells = pc.if_else(pc.and_(literal, pc.is_in(array, pa.array(["true", "false"]))), as_boolean, cells)
    return pc.fill_null(cells, ODS_EMPTY)


def ods_chunks(tables):
    yield ODS_HEAD.encode()
    for name, table in zip(sheet_names(tables), tables, strict=True):
        yield f'<table:table table:name="{one_escaped(name).replace(chr(34), "&quot;")}"><table:table-column table:number-columns-repeated="{max(1, len(table.columns))}"/>'.encode()
        heads = [[column.name for column in table.columns]] if table.headed and table.columns else []
        for row in [*table.above, *heads]:
            cells = joined(
                '<table:table-cell office:value-type="string">',
                ods_text(pa.array([cell or "" for cell in wide(row, table)], pa.string())),
            )
            yield f"<table:table-row>{''.join(cells.to_pylist())}</table:table-row>".encode()

        def render(start, length):
            return joined(
                "<table:table-row>",
                *(ods_cells(column, start, length) for column in table.columns),
                "</table:table-row>",
            )

        yield from written_rows(table, render)
        yield b"</table:table>"
    yield b"</office:spreadsheet></office:body></office:document-content>"


def write_ods(tables, path):
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    manifest = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0" manifest:version="1.3">'
        f'<manifest:file-entry manifest:full-path="/" manifest:version="1.3" manifest:media-type="{kind}"/>'
        '<manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml"/></manifest:manifest>'
    )
    book = Zip(path)
    book.add("mimetype", [kind.encode()], stored=True)  # ODF 1.3 part 2, 3.3: first and not compressed
    book.add("content.xml", ods_chunks(limited(tables)))
    book.add("META-INF/manifest.xml", [manifest.encode()])
    book.close()
