"""Reads workbooks (xlsx, xlsm, xlsb, xls, ods) with calamine: which sheets, real values, and what calamine leaves
out: error cells, formulas without a value, and sheets that claim more cells than a machine has."""

import io
import posixpath
import re
import zipfile
import zlib

import pyarrow as pa
import pyarrow.compute as pc

SUSPICIOUS_BYTES = 200 << 20  # below this even a sheet that repeats one row, and packs a thousandfold, is harmless
MAX_SHEET_CELLS = 12_000_000  # a sheet is held as a rectangle of Python values
ERROR_CELL = re.compile(rb'<c\b[^>]*?\br="([A-Z]{1,3})(\d+)"[^>]*?\bt="e"[^>]*>(?:(?!</c>).)*?<v>([^<]*)</v>', re.S)
NO_VALUE = re.compile(rb"</f>\s*(?:<v\s*/>|<v></v>)?\s*</c>|<f\b[^>]*/>\s*(?:<v\s*/>|<v></v>)?\s*</c>")
LAST_ROW = re.compile(rb'<row\b[^>]*?\br="(\d+)"')


def read_book():
    """The tables of the sheets that were asked for."""
    from python_calamine import CalamineError, CalamineWorkbook, PasswordError, SheetTypeEnum, SheetVisibleEnum

    broken = (
        CalamineError,
        zipfile.BadZipFile,
        zlib.error,
        NotImplementedError,
        OSError,
        EOFError,
        KeyError,
        ValueError,
    )
    with SOURCE.open("rb") as head:
        magic = head.read(8)
    try:
        parts = open_parts() if magic.startswith(b"PK") else None
        source = opendocument(parts) if parts and "content.xml" in parts.namelist() else SOURCE
        book = CalamineWorkbook.from_object(source)
        sheets = [one for one in book.sheets_metadata if one.typ == SheetTypeEnum.WorkSheet] or list(
            book.sheets_metadata
        )
        tables = []
        for sheet in chosen(sheets, [one for one in sheets if one.visible == SheetVisibleEnum.Visible] or sheets):
            errors = look_inside(parts, sheet.name) if parts else []
            rows = book.get_sheet_by_name(sheet.name).to_python(skip_empty_area=False)
            tables.append(table_of_rows(sheet.name, rows, errors))
        return tables
    except PasswordError:
        refuse("encrypted", "the workbook is protected by a password")
    except broken as error:
        refuse("damaged", f"the workbook cannot be read: {error}")
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # how a fault inside calamine looks from here
            raise
        refuse("damaged", f"the workbook cannot be read: {error}")


def chosen(sheets, visible):
    """Which sheets the caller means: a name, a number, the first visible one, all visible ones, or really all."""
    if not sheets:
        refuse("empty", "the workbook has no sheet")
    wanted = OPTIONS.get("sheet", "auto").strip()
    named = [sheet for sheet in sheets if sheet.name == wanted]
    if len(visible) < len(sheets):
        warn(f"{len(sheets) - len(visible)} hidden sheets (name one with the option sheet)")
    if named:
        return named
    if wanted == "all" or (wanted == "auto" and TARGET in ("xlsx", "ods", "zip")):
        return visible
    if wanted in ("auto", "first"):
        if len(visible) > 1:
            warn(f"only the first of {len(visible)} sheets; the option sheet takes a name, a number or all")
        return visible[:1]
    if wanted.isdigit() and 1 <= int(wanted) <= len(sheets):
        return [sheets[int(wanted) - 1]]
    refuse(
        "unsupported", f"there is no sheet {wanted!r}; there are: " + ", ".join(sheet.name for sheet in sheets)[:300]
    )


def open_parts():
    parts = zipfile.ZipFile(SOURCE)
    unpacked, packed = sum(one.file_size for one in parts.infolist()), SOURCE.stat().st_size
    if unpacked > MAX_INFLATED_BYTES or (unpacked > SUSPICIOUS_BYTES and unpacked > MAX_INFLATION * packed):
        refuse("too_large", f"the workbook unpacks to {unpacked} bytes")
    # Announced sizes may lie; reading a part through zipfile stops at the size announced and then checks the CRC.
    for one in parts.infolist():
        if one.file_size > 1 << 20 and not one.filename.startswith("xl/worksheets/"):
            with parts.open(one) as stream:
                while stream.read(1 << 20):
                    pass
    return parts


def sheet_xml(parts, name):
    """The XML of one sheet of an xlsx; None for the other formats."""
    if "xl/workbook.xml" not in parts.namelist():
        return None
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)
    try:
        book = etree.fromstring(parts.read("xl/workbook.xml"), parser)
        relations = etree.fromstring(parts.read("xl/_rels/workbook.xml.rels"), parser)
    except etree.XMLSyntaxError as error:
        refuse("damaged", f"the workbook's directory of sheets: {error}")
    targets = {one.get("Id"): one.get("Target") for one in relations.iter("{*}Relationship")}
    for sheet in book.iter("{*}sheet"):
        if sheet.get("name") == name:
            target = (
                next((targets.get(value) for key, value in sheet.attrib.items() if key.endswith("}id")), None) or ""
            )
            path = (
                posixpath.normpath(posixpath.join("xl", target)).lstrip("/")
                if not target.startswith("/")
                else target[1:]
            )
            return parts.read(path) if path in parts.namelist() else None
    return None


def look_at_size(xml, name):
    """A sheet is held as a rectangle up to its last row and column: two cells can announce a billion."""
    tail = xml[xml.rfind(b"<row") :]
    found = LAST_ROW.match(tail)
    rows = max(int(found[1]) if found else 0, xml.count(b"<row"))
    for letters, columns in ((3, 16_384), (2, 702), (1, 26)):
        if rows * columns <= MAX_SHEET_CELLS or letters == 1 or re.search(rb' r="[A-Z]{%d}\d' % letters, xml):
            break
    if rows * columns > MAX_SHEET_CELLS:
        columns = max((column_number(one[1]) for one in re.finditer(rb'<c\b[^>]*?\br="([A-Z]+)\d', xml)), default=1)
    if rows * columns > MAX_SHEET_CELLS:
        refuse("too_large", f"sheet {name!r} spans {rows} rows and {columns} columns")


def look_at_repeats(xml):
    """OpenDocument says of a cell or a row how often it is repeated: a few bytes can announce a billion cells."""
    for sheet in xml.split(b"<table:table ")[1:]:
        height = width = rows = 0
        for row in sheet.split(b"<table:table-row")[1:]:
            times, cells = 1, row.count(b"<table:table-cell") + row.count(b"<table:covered-table-cell")
            if b"-repeated=" in row:
                found = re.match(rb'[^>]*?number-rows-repeated="(\d+)"', row)
                times, cells, place = int(found[1]) if found else 1, 0, 0
                for tag in re.findall(rb"<table:(?:covered-)?table-cell\b[^>]*>", row):
                    found = re.search(rb'number-columns-repeated="(\d+)"', tag)
                    place += int(found[1]) if found else 1
                    cells = place if b"value-type=" in tag else cells
            rows += times
            if cells:
                height, width = rows, max(width, cells)
        if height * width > MAX_SHEET_CELLS:
            refuse("too_large", f"a sheet spans {height} rows and {width} columns")


def opendocument(parts):
    """The ods that calamine shall read: not encrypted, of a bearable size, with the tabs and line breaks that are elements
    there, which calamine passes over, as text."""
    if "META-INF/manifest.xml" in parts.namelist() and b"encryption-data" in parts.read("META-INF/manifest.xml"):
        refuse("encrypted", "the workbook is protected by a password")
    xml = parts.read("content.xml")
    look_at_repeats(xml)
    if b"<text:tab" not in xml and b"<text:line-break" not in xml:
        return SOURCE
    xml = re.sub(rb"<text:tab\b[^>]*/>", b"&#9;", re.sub(rb"<text:line-break\b[^>]*/>", b"&#10;", xml))
    copy = io.BytesIO()
    with zipfile.ZipFile(copy, "w") as target:
        for name in parts.namelist():
            target.writestr(name, xml if name == "content.xml" else parts.read(name))
    copy.seek(0)
    return copy


def column_number(letters):
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def look_inside(parts, name):
    """What calamine does not say of a sheet of an xlsx: its size before it is read, its error cells, formulas without a value."""
    xml = sheet_xml(parts, name)
    if not xml:
        return []
    look_at_size(xml, name)
    blank = len(NO_VALUE.findall(xml))
    if blank:
        warn(f"{blank} formulas have no stored value and are empty: open and save the workbook once to have them")
    return ERROR_CELL.findall(xml) if b't="e"' in xml else []


def table_of_rows(name, rows, errors):
    for letters, row, text in errors:
        row, column = int(row) - 1, column_number(letters) - 1
        if row < len(rows) and column < len(rows[row]):
            rows[row][column] = text.decode(errors="replace")
    while rows and not any(cell != "" for cell in rows[-1]):
        rows.pop()
    if TARGET in ("json", "ndjson", "parquet", "xml"):  # a record needs names: an empty margin has none
        first = next((number for number, row in enumerate(rows) if any(cell != "" for cell in row)), 0)
        rows = rows[first:] if first else rows
    headed = OPTIONS.get("header", True) and bool(rows)
    width = max(map(len, rows), default=0)
    names = [scalar_text(cell)[0] or "" for cell in rows[0]] if headed else [f"column_{n}" for n in range(1, width + 1)]
    body = rows[1:] if headed else rows
    columns = zip(*body, strict=True) if body else [()] * width
    table = Table(name, [column_of_cells(*pair) for pair in zip(names, columns, strict=True)], len(body), headed)
    if TARGET in ("json", "ndjson", "parquet", "xml"):
        table.columns = [one for one in table.columns if one.name or one.text.null_count < table.rows]
    return table


def column_of_cells(name, cells):
    """calamine's values: '' where there is nothing, every number a float."""
    kinds = set(map(type, cells))
    if str in kinds:
        if kinds == {str}:
            text = pa.array(cells, pa.string())
            return Column(name, chunked(pc.if_else(pc.equal(text, ""), None, text)))
        cells = [None if cell == "" else cell for cell in cells]
        kinds = set(map(type, cells)) - {type(None)}
    if kinds == {float}:
        numbers = pa.array(cells, pa.float64())
        if pc.all(pc.and_(pc.equal(numbers, pc.floor(numbers)), pc.less(pc.abs(numbers), 1e15))).as_py():
            numbers = numbers.cast(pa.int64())
        return column_of_array(name, numbers)
    return column_of_values(name, cells)
