"""What calamine does not say of a workbook: how large a sheet is before it is read, its error cells, and its formulas
without a value."""

import io
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
BOF, EOF, SHEET, FORMULA, ERROR, FORMAT, CELL_FORMAT = 0x809, 0x0A, 0x85, 0x06, 0x205, 0x41E, 0xE0  # [MS-XLS] 2.3: kinds of records
DATE_FORMATS = {*range(14, 23), *range(27, 37), 45, 46, 47, *range(50, 59)}  # numbers that mean one unless the workbook says otherwise
NO_DATE = re.compile(r'"[^"]*"|[\\_*].|\[[^\]]*\]|e[+-]|general')

BUNDLE, BINARY_ROW, BINARY_ERRORS = 156, 0, (3, 11)  # [MS-XLSB] 2.3: kinds of records
BINARY_ERROR = re.compile(rb"\x03\x09.{8}[\0\x07\x0f\x17\x1d\x24\x2a]|\x0b[\x0b-\xff].{8,10}[\0\x07\x0f\x17\x1d\x24\x2a]", re.S)


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
    if "xl/workbook.bin" in parts.namelist():
        return errors_of_binary_sheet(parts, name)
    xml = sheet_xml(parts, name)
    if not xml:
        return []
    look_at_size(xml, name)
    blank = len(NO_VALUE.findall(xml))
    if blank:
        warn(f"{blank} formulas have no stored value and are empty: open and save the workbook once to have them")
    found = ERROR_CELL.findall(xml) if b't="e"' in xml else []
    return [(int(row) - 1, column_number(letters) - 1, text.decode(errors="replace")) for letters, row, text in found]


def errors_of_binary_sheet(parts, name):
    """The error cells of a sheet of an xlsb as (row, column, text) ([MS-XLSB] 2.4.312, 2.4.683, 2.5.97.2)."""
    try:
        relations = dict(re.findall(r'<Relationship\b(?=[^>]*\bId="([^"]*)")[^>]*\bTarget="([^"]*)"', parts.read("xl/_rels/workbook.bin.rels").decode()))
        book = parts.read("xl/workbook.bin")
        path = next((relations[one] for one, called in map(bundled, binary_records(book, {BUNDLE})) if called == name), None)
        data = parts.read(posixpath.normpath(posixpath.join("xl", path))) if path else b""
        if not BINARY_ERROR.search(data):
            return []
        errors, row = [], 0
        for kind, body in binary_records(data, {BINARY_ROW, *BINARY_ERRORS}):
            if kind == BINARY_ROW:
                row = struct.unpack_from("<I", body)[0]
            else:
                errors.append((row, struct.unpack_from("<I", body)[0], ERRORS.get(body[8], "#ERROR!")))
    except (KeyError, IndexError, struct.error, UnicodeDecodeError):
        return []
    return errors


def binary_records(data, wanted):
    """(kind, body) of the records of these kinds; kind and size have seven bits in each byte ([MS-XLSB] 2.1.4)."""
    at = 0
    while at < len(data):
        kind, at = (data[at], at + 1) if data[at] < 0x80 else (data[at] & 0x7F | data[at + 1] << 7, at + 2)
        size = shift = 0
        more = True
        while more and shift < 28:
            size, shift, more, at = size | (data[at] & 0x7F) << shift, shift + 7, data[at] & 0x80, at + 1
        if kind in wanted:
            yield kind, data[at : at + size]
        at += size


def bundled(record):
    """The relation and the name of a sheet ([MS-XLSB] 2.4.311): two strings of UTF-16 with their lengths, after eight bytes."""
    _, body = record
    texts, at = [], 8
    for _ in range(2):
        end = at + 4 + 2 * struct.unpack_from("<I", body, at)[0]
        texts.append(body[at + 4 : end].decode("utf-16-le"))
        at = end
    return texts


def old_book():
    """What calamine shall read of an xls, and the error cells of each of its sheets as (row, column, text), in the order of the
    sheets ([MS-XLS] 2.4.10, 2.4.127, 2.5.198)."""
    import olefile

    try:
        with olefile.OleFileIO(SOURCE) as container:
            name = next((one for one in ("Workbook", "Book") if container.exists(one)), None)
            data = container.openstream(name).read() if name else b""
        if (mended := with_true_formats(data, name == "Workbook")) != data:
            copy = io.BytesIO(SOURCE.read_bytes())
            with olefile.OleFileIO(copy, write_mode=True) as container:
                container.write_stream(name, mended)
            copy.seek(0)
            return copy, errors_of_sheets(data)
    except (OSError, ValueError, IndexError):
        return SOURCE, []
    return SOURCE, errors_of_sheets(data)


def with_true_formats(data, wide):
    """The workbook with the format General for cells whose format has the number of a date's but, says the workbook, is none."""
    numbers, mended = set(), bytearray(data)
    for kind, at, body in records_from(data, 0):
        if kind == FORMAT and len(body) > 5 and body[0] in DATE_FORMATS and not body[1]:
            text = body[5:].decode("utf-16-le", "replace") if wide and body[4] & 1 else body[5 if wide else 3 :].decode("latin-1")
            if not re.search("[ymdhse年月日]", NO_DATE.sub("", text.lower())):
                numbers.add(body[0])
        elif kind == CELL_FORMAT and len(body) > 4 and body[2] in numbers and not body[3]:
            mended[at + 2 : at + 4] = bytes(2)
    return bytes(mended)


def errors_of_sheets(data):
    if not OLD_ERROR.search(data):
        return []
    sheets = [struct.unpack_from("<I", body)[0] for kind, _, body in records_from(data, 0) if kind == SHEET and len(body) >= 4]
    return [list(errors_from(data, start)) for start in sheets]


def records_from(data, at):
    """(kind, place of the body, body) of each record of a substream, without the charts inside it."""
    depth = 0
    while at + 4 <= len(data):
        kind, size = struct.unpack_from("<HH", data, at)
        depth += (kind == BOF) - (kind == EOF)
        if depth <= 0:
            return
        if depth == 1:
            yield kind, at + 4, data[at + 4 : at + 4 + size]
        at += 4 + size


def errors_from(data, start):
    for kind, _, body in records_from(data, start):
        if kind == ERROR and len(body) >= 8 and body[7]:
            code = body[6]
        elif kind == FORMULA and len(body) >= 14 and body[6] == 2 and body[12:14] == b"\xff\xff":
            code = body[8]
        else:
            continue
        yield *struct.unpack_from("<HH", body), ERRORS.get(code, "#ERROR!")
