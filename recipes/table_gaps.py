"""What calamine does not say of a workbook: how large a sheet is before it is read, its error cells, and its formulas
without a value."""

import posixpath
import re
import struct

ERROR_CELL = re.compile(rb'<c\b(?=[^>]*\bt="e")[^>]*?\br="([A-Z]{1,3})(\d+)"[^>]*>(?:(?!</c>).)*?<v>([^<]*)</v>', re.S)
VALUED_CELL = re.compile(rb'<c\b[^>]*?\br="([A-Z]{1,3})(\d+)"[^>]*(?<!/)>(?:(?!</c>).)*?<(?:v|is)\b', re.S)
NO_VALUE = re.compile(rb"</f>\s*(?:<v\s*/>|<v></v>)?\s*</c>|<f\b[^>]*/>\s*(?:<v\s*/>|<v></v>)?\s*</c>")
LAST_ROW = re.compile(rb'<row\b[^>]*?\br="(\d+)"')
OLE = b"\xd0\xcf\x11\xe0"
ERRORS = {0x00: "#NULL!", 0x07: "#DIV/0!", 0x0F: "#VALUE!", 0x17: "#REF!", 0x1D: "#NAME?", 0x24: "#NUM!", 0x2A: "#N/A"}
OLD_ERROR = re.compile(rb"\x05\x02\x08\0|\x02.[\0\x07\x0f\x17\x1d\x24\x2a]...\xff\xff", re.S)  # what no sheet with an error is without
BOF, EOF, SHEET, FORMULA, ERROR = 0x809, 0x0A, 0x85, 0x06, 0x205  # [MS-XLS] 2.3: kinds of records


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
            return unprefixed(parts.read(path)) if path in parts.namelist() else None
    return None


def unprefixed(xml):
    """A sheet whose elements all have a prefix, as <x:row>, without it."""
    return re.sub(rb"<(/?)\w+:", rb"<\1", xml) if re.search(rb"<\w+:worksheet\b", xml[:4096]) else xml


def look_at_size(xml, name):
    """A sheet is held as a rectangle up to its last row and column with a value: two cells can announce a billion."""
    tail = xml[xml.rfind(b"<row") :]
    found = LAST_ROW.match(tail)
    rows = max(int(found[1]) if found else 0, xml.count(b"<row"))
    for letters, columns in ((3, 16_384), (2, 702), (1, 26)):
        if rows * columns <= MAX_SHEET_CELLS or letters == 1 or re.search(rb' r="[A-Z]{%d}\d' % letters, xml):
            break
    if rows * columns > MAX_SHEET_CELLS:  # a rough guess; many a sheet is coloured to its last row, and ends long before
        places = [(int(row), column_number(one)) for one, row in VALUED_CELL.findall(xml)]
        rows, columns = map(max, zip(*places, strict=True)) if places else (1, 1)
    if rows * columns > MAX_SHEET_CELLS:
        refuse("too_large", f"sheet {name!r} spans {rows} rows and {columns} columns")


def column_number(letters):
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def look_inside(parts, name):
    """See that a sheet of an xlsx is not too large, warn of formulas without a value, and return its error cells as (row, column, text)."""
    xml = sheet_xml(parts, name)
    if not xml:
        return []
    look_at_size(xml, name)
    blank = len(NO_VALUE.findall(xml))
    if blank:
        warn(f"{blank} formulas have no stored value and are empty: open and save the workbook once to have them")
    found = ERROR_CELL.findall(xml) if b't="e"' in xml else []
    return [(int(row) - 1, column_number(letters) - 1, text.decode(errors="replace")) for letters, row, text in found]


def errors_of_old_book():
    """The error cells of each sheet of an xls as (row, column, text), in the order of its sheets ([MS-XLS] 2.4.10, 2.4.127, 2.5.198)."""
    import olefile

    try:
        with olefile.OleFileIO(SOURCE) as container:
            name = next((one for one in ("Workbook", "Book") if container.exists(one)), None)
            data = container.openstream(name).read() if name else b""
    except (OSError, ValueError, IndexError):
        return []
    if not OLD_ERROR.search(data):
        return []
    sheets = [struct.unpack_from("<I", body)[0] for kind, body in records_from(data, 0) if kind == SHEET and len(body) >= 4]
    return [list(errors_from(data, start)) for start in sheets]


def records_from(data, at):
    """(kind, body) of each record of a substream, without the charts inside it."""
    depth = 0
    while at + 4 <= len(data):
        kind, size = struct.unpack_from("<HH", data, at)
        depth += (kind == BOF) - (kind == EOF)
        if depth <= 0:
            return
        if depth == 1:
            yield kind, data[at + 4 : at + 4 + size]
        at += 4 + size


def errors_from(data, start):
    for kind, body in records_from(data, start):
        if kind == ERROR and len(body) >= 8 and body[7]:
            code = body[6]
        elif kind == FORMULA and len(body) >= 14 and body[6] == 2 and body[12:14] == b"\xff\xff":
            code = body[8]
        else:
            continue
        yield *struct.unpack_from("<HH", body), ERRORS.get(code, "#ERROR!")
