"""Writes xlsx straight as XML from Arrow strings: inline text, numbers as they were read, dates as serial numbers."""

import re

import pyarrow as pa
import pyarrow.compute as pc

MOST_FROZEN = 12  # rows that stay in sight: the header, and a few above it
EXCEL_ESCAPED = r"_x[0-9A-Fa-f]{4}_|\r|" + ILLEGAL


def excel_text(array):
    """Text for a cell, with the characters that XML cannot hold as _xHHHH_ (ECMA-376 part 1, 22.9.2.19)."""
    if has_illegal(array) or has(array, (b"\r", b"_x")):
        array = each(
            array, lambda text: re.sub(EXCEL_ESCAPED, lambda found: f"_x{ord(found[0][0]):04X}_" + found[0][1:], text)
        )
    return replaced(array, [("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")])


def styles(tables):
    """The number format of each style: general, header, date, time of day, and one per count of decimals."""
    scales = {column.values.type.scale for table in tables for column in table.columns if column.kind == "decimal"}
    return {"date": 2, "datetime": 3, **{scale: 4 + n for n, scale in enumerate(sorted(scales))}}


def xlsx_cells(column, start, length, style):
    """Each cell of a column as XML; Excel keeps 15 digits, so longer numbers are text."""
    array = whole(column.text, start, length)
    if column.kind in ("date", "datetime"):
        serial = excel_serials(whole(column.values, start, length))
        if serial is not None:
            cells = joined(f'<c s="{style[column.kind]}"><v>', serial, "</v></c>")
            return pc.fill_null(cells, "<c/>")
    plain_text = joined('<c t="inlineStr"><is><t xml:space="preserve">', excel_text(array), "</t></is></c>")
    filled = pc.if_else(pc.equal(array, ""), "<c/>", plain_text)
    if column.kind == "boolean":
        filled = joined('<c t="b"><v>', pc.if_else(pc.equal(pc.utf8_lower(array), "true"), "1", "0"), "</v></c>")
    elif column.kind in NUMERIC:
        mark = "<c><v>"
        if column.kind == "decimal" and column.values.type.scale in style:
            mark = f'<c s="{style[column.values.type.scale]}"><v>'
        cells = joined(mark, array, "</v></c>")
        longest = pc.max(pc.binary_length(array)).as_py() or 0
        filled = cells if longest <= 15 else pc.if_else(exact(array, column.kind), cells, plain_text)
    elif column.literal is not None:
        literal = column.literal.slice(start, length)
        number = pc.and_(pc.and_(literal, pc.match_substring_regex(array, r"^-?[0-9]")), exact(array, "float"))
        boolean = pc.and_(literal, pc.is_in(array, pa.array(["true", "false"])))
        filled = pc.if_else(number, joined("<c><v>", array, "</v></c>"), filled)
        filled = pc.if_else(
            boolean, joined('<c t="b"><v>', pc.if_else(pc.equal(array, "true"), "1", "0"), "</v></c>"), filled
        )
    return pc.fill_null(filled, "<c/>")


def excel_serials(values):
    """Days since 1899-12-30 as text; None when a value is before March 1900, where Excel has a day too many, or finer than a millisecond, or past the year 9999."""
    if pa.types.is_date(values.type):
        days = values.cast(pa.int32())
        return None if outside(days, 1) else pc.add(days, 25569).cast(pa.string())
    try:
        milliseconds = values.cast(pa.timestamp("ms")).cast(pa.int64())
    except pa.ArrowInvalid:
        return None
    if outside(milliseconds, 86_400_000):
        return None
    return plain(pc.add(pc.divide(milliseconds.cast(pa.float64()), 86_400_000.0), 25569.0))


def outside(moments, day):
    """Whether one is before March 1900 or after the year 9999; all are counted from 1970."""
    span = pc.min_max(moments).as_py()
    return span["min"] is not None and (span["min"] < -25508 * day or span["max"] >= 2_932_897 * day)


def column_letters(number):
    letters = ""
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def sheet_chunks(table, style):
    widths, top = [], len(table.above) + table.headed
    for number, column in enumerate(table.columns, 1):
        longest = pc.max(pc.utf8_length(column.text.slice(0, 200))).as_py() if table.rows else 0
        widths.append(
            f'<col min="{number}" max="{number}" width="{min(60, max(9, longest or 0, len(column.name) * table.headed) + 2)}" customWidth="1"/>'
        )
    yield (
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
        + (
            f'<dimension ref="A1:{column_letters(len(table.columns))}{max(1, top + table.rows)}"/>'
            if table.columns
            else ""
        )
        + '<sheetViews><sheetView workbookViewId="0">'
        + (
            f'<pane ySplit="{top}" topLeftCell="A{top + 1}" activePane="bottomLeft" state="frozen"/>'
            if table.headed and table.rows and top <= MOST_FROZEN
            else ""
        )
        + "</sheetView></sheetViews>"
        + (f"<cols>{''.join(widths)}</cols>" if widths else "")
        + "<sheetData>"
    ).encode()
    heads = [[column.name for column in table.columns]] if table.headed and table.columns else []
    for bold, row in [*((0, row) for row in table.above), *((1, row) for row in heads)]:
        cells = excel_text(pa.array([cell or "" for cell in row], pa.string())).to_pylist()
        style_of = ' s="1"' if bold else ""
        yield (
            "<row>"
            + "".join(
                f'<c{style_of} t="inlineStr"><is><t xml:space="preserve">{cell}</t></is></c>' if cell else "<c/>"
                for cell in cells
            )
            + "</row>"
        ).encode()

    def render(start, length):
        return joined("<row>", *(xlsx_cells(column, start, length, style) for column in table.columns), "</row>")

    yield from written_rows(table, render)
    yield b"</sheetData></worksheet>"


def write_xlsx(tables, path):
    tables = limited(tables)
    longest = max(
        (
            pc.max(pc.utf8_length(column.text)).as_py() or 0
            for table in tables
            for column in table.columns
            if column.kind == "text" and column.text.nbytes > 32_767
        ),
        default=0,
    )
    if longest > 32_767:
        warn(f"a cell has {longest} characters; Excel shows 32,767")
    style, names = styles(tables), [one_escaped(name).replace('"', "&quot;") for name in sheet_names(tables)]
    head = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    count = range(1, len(tables) + 1)
    scales = [scale for scale in style if isinstance(scale, int)]
    formats = [
        '<numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd"/><numFmt numFmtId="165" formatCode="yyyy\\-mm\\-dd\\ hh:mm:ss"/>'
    ]
    formats += [f'<numFmt numFmtId="{170 + n}" formatCode="0.{"0" * scale}"/>' for n, scale in enumerate(scales)]
    plain_format = (
        '<xf numFmtId="{}" fontId="{}" fillId="0" borderId="0" xfId="0" applyNumberFormat="1" applyFont="1"/>'
    )
    cell_formats = [
        plain_format.format(*one)
        for one in [(0, 0), (0, 1), (164, 0), (165, 0), *((170 + n, 0) for n in range(len(scales)))]
    ]
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="{kind}.sheet.main+xml"/>'
        f'<Override PartName="/xl/styles.xml" ContentType="{kind}.styles+xml"/>'
        + "".join(
            f'<Override PartName="/xl/worksheets/sheet{n}.xml" ContentType="{kind}.worksheet+xml"/>' for n in count
        )
        + "</Types>",
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="rId1" Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets>'
        + "".join(f'<sheet name="{name}" sheetId="{n}" r:id="rId{n}"/>' for n, name in zip(count, names, strict=True))
        + "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}/relationships">'
        + "".join(
            f'<Relationship Id="rId{n}" Type="{office}/worksheet" Target="worksheets/sheet{n}.xml"/>' for n in count
        )
        + f'<Relationship Id="rId{len(tables) + 1}" Type="{office}/styles" Target="styles.xml"/></Relationships>',
        "xl/styles.xml": f'<styleSheet xmlns="{main}"><numFmts count="{len(formats) + 1}">{"".join(formats)}</numFmts>'
        '<fonts count="2"><font><sz val="11"/><name val="Calibri"/></font><font><b/><sz val="11"/><name val="Calibri"/></font></fonts>'
        '<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills>'
        '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
        '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
        f'<cellXfs count="{len(cell_formats)}">{"".join(cell_formats)}</cellXfs>'
        '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>',
    }
    book = Zip(path)
    for name, text in parts.items():
        book.add(name, [(head + text).encode()])
    for number, table in zip(count, tables, strict=True):
        book.add(f"xl/worksheets/sheet{number}.xml", sheet_chunks(table, style))
    book.close()
