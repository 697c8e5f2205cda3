"""Reads workbooks (xlsx, xlsm, xlsb, xls, ods) with calamine: which sheets, real values, and none that claims more cells
than a machine has."""

import io
import re
import zipfile
import zlib

import pyarrow as pa
import pyarrow.compute as pc

SUSPICIOUS_BYTES = 200 << 20  # below this even a sheet that repeats one row, and packs a thousandfold, is harmless
LAID_OUT = {"csv", "tsv", "xlsx", "ods", "zip", "html", "md", "pdf"}  # targets in which every row stays where it was
ODD_TYPE = re.compile(rb' office:value-type="(?!(?:float|percentage|currency|date|time|boolean|string|void)")[^"<>]*"')
NO_TYPE = re.compile(rb"<table:table-cell(?![^<>]*(?:value-type=|/>))(?=[^<>]*>\s*<text:p)")
MAX_SHEET_CELLS = 12_000_000  # a sheet is held as a rectangle of Python values


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
        old_errors = []
        if magic.startswith(OLE):
            source, old_errors = old_book()
        book = CalamineWorkbook.from_object(source)
        sheets = [one for one in book.sheets_metadata if one.typ == SheetTypeEnum.WorkSheet] or list(
            book.sheets_metadata
        )
        visible = [one for one in sheets if one.visible == SheetVisibleEnum.Visible] or sheets
        errors_of = {one.name: errors for one, errors in zip(book.sheets_metadata, old_errors, strict=False)}

        def table_of(sheet):
            errors = look_inside(parts, sheet.name) if parts else errors_of.get(sheet.name, [])
            return table_of_rows(sheet.name, book.get_sheet_by_name(sheet.name).to_python(skip_empty_area=False), errors)

        tables = [table_of(sheet) for sheet in chosen(sheets, visible)]
        if len(tables) == 1 and OPTIONS.get("sheet", "auto").strip() == "auto" and not tables[0].columns:
            for sheet in visible[1:]:
                if (table := table_of(sheet)).columns:
                    warn(f"the first sheet is empty: this is the sheet {sheet.name!r}")
                    return [table]
        return tables
    except PasswordError:
        refuse("encrypted", "the workbook is protected by a password")
    except broken as error:
        refuse("damaged", f"the workbook cannot be read: {error}")
    except BaseException as error:  # a PanicException: how a fault inside calamine looks from here
        if type(error).__name__ != "PanicException":
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
    """The ods that calamine shall read: not encrypted, of a bearable size, not indented, with what calamine passes over as text:
    the tabs and line breaks that are elements there, the names of errors, and cells that have a text but no type that ODF knows."""
    if "META-INF/manifest.xml" in parts.namelist() and b"encryption-data" in parts.read("META-INF/manifest.xml"):
        refuse("encrypted", "the workbook is protected by a password")
    xml = parts.read("content.xml")
    look_at_repeats(xml)
    indented = re.search(rb"<table:table-row\b[^>]*>\s", xml)
    untyped = NO_TYPE.search(xml) or ODD_TYPE.search(xml)
    if not indented and not untyped and not any(one in xml for one in (b"<text:tab", b"<text:line-break", b'calcext:value-type="error"')):
        return SOURCE
    if indented:
        xml = re.sub(rb">\s+<(?=/?table:|text:p\b)", b"><", xml)
    xml = re.sub(rb' office:string-value=""(?=[^<>]* calcext:value-type="error")', b"", xml)
    xml = re.sub(rb"<text:tab\b[^>]*/>", b"&#9;", re.sub(rb"<text:line-break\b[^>]*/>", b"&#10;", xml))
    if untyped:
        xml = NO_TYPE.sub(rb'\g<0> office:value-type="string"', ODD_TYPE.sub(rb' office:value-type="string"', xml))
    copy = io.BytesIO()
    with zipfile.ZipFile(copy, "w") as target:
        for name in parts.namelist():
            target.writestr(name, xml if name == "content.xml" else parts.read(name))
    copy.seek(0)
    return copy


def table_of_rows(name, rows, errors):
    for row, column, text in errors:
        if row < len(rows) and column < len(rows[row]):
            rows[row][column] = text
    while rows and not any(cell != "" for cell in rows[-1]):
        rows.pop()
    if TARGET in ("json", "ndjson", "parquet", "xml"):  # a record needs names: an empty margin has none
        first = next((number for number, row in enumerate(rows) if any(cell != "" for cell in row)), 0)
        rows = rows[first:] if first else rows
    headed, above = OPTIONS.get("header", True) and bool(rows), ()
    if headed and TARGET not in LAID_OUT:
        texts = [[scalar_text(cell)[0] or "" for cell in row] for row in rows[: MOST_ABOVE + BELOW]]
        above = texts[: header_row(texts)]
        rows = rows[len(above) :]
    width = max(map(len, rows), default=0)
    names = [scalar_text(cell)[0] or "" for cell in rows[0]] if headed else [f"column_{n}" for n in range(1, width + 1)]
    body = rows[1:] if headed else rows
    columns = zip(*body, strict=True) if body else [()] * width
    table = Table(name, [column_of_cells(*pair) for pair in zip(names, columns, strict=True)], len(body), headed, above)
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
