"""OpenDocument text made readable for pandoc, which passes over fields, text boxes, shapes, indexes and groups of rows: they become plain text."""

import tempfile
import zipfile
import zlib

from lxml import etree

ODF = {
    name: f"{{urn:oasis:names:tc:opendocument:xmlns:{name}:1.0}}" for name in ("office", "text", "table", "drawing", "svg-compatible")
}
TEXT, TABLE, DRAW = ODF["text"], ODF["table"], ODF["drawing"]
READ = {  # inline elements that pandoc reads itself
    *("span", "a", "s", "tab", "line-break", "soft-page-break", "note", "note-citation", "note-body", "bookmark", "bookmark-start"),
    *("bookmark-end", "bookmark-ref", "reference-mark", "reference-mark-start", "reference-mark-end", "reference-ref", "sequence"),
    *("change", "change-start", "change-end"),
}
SILENT = {"script", "hidden-paragraph", "toc-mark", "toc-mark-start", "toc-mark-end", "alphabetical-index-mark", "user-index-mark"}
BLOCK = {"p", "h", "list", "section", "table", "list-item", "list-header"}
OPENED = {TABLE + "table-row-group", TABLE + "table-rows", TEXT + "numbered-paragraph", TEXT + "index-title", TEXT + "section"}
INDEXES = ("table-of-content", "alphabetical-index", "illustration-index", "table-index", "object-index", "user-index", "bibliography")
LIFTED = {TEXT + "p", TEXT + "h", TEXT + "list", TABLE + "table"}  # what a box may hold
UNREADABLE = (zipfile.BadZipFile, OSError, EOFError, ValueError, NotImplementedError, zlib.error)


def readable_odt():
    """A copy of SOURCE whose text pandoc reads whole; SOURCE itself when its content cannot be read as XML."""
    with zipfile.ZipFile(SOURCE) as package:
        try:
            root = etree.fromstring(
                package.read("content.xml"), etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)
            )
        except (KeyError, etree.XMLSyntaxError):
            return SOURCE
        except UNREADABLE as error:  # pandoc would not look at the checksum
            refuse("damaged", f"the text of the document cannot be unpacked: {error}")
        body = root.find(f"{ODF['office']}body")
        if body is None:
            return SOURCE
        sys.setrecursionlimit(20_000)
        open_indexes(body)
        name_fields(body)
        for paragraph in list(body.iter(TEXT + "p", TEXT + "h")):
            lift_boxes(paragraph)
        for table in body.iter(TABLE + "table"):
            fill_a_row(table)
        for shape in [each for each in body.iter() if is_shape(each) and each.getparent() is not None]:
            keep_blocks(shape)
        made, damaged = Path(tempfile.mkdtemp(), SOURCE.name), []
        with zipfile.ZipFile(made, "w") as copy:
            for entry in package.infolist():
                try:
                    part = etree.tostring(root) if entry.filename == "content.xml" else package.read(entry)
                except UNREADABLE:
                    damaged.append(entry.filename)
                else:
                    copy.writestr(entry.filename, part)
    if damaged:
        warn(f"parts of the package are damaged and were left out: {', '.join(damaged)[:200]}")
    return made


def unwrap(element):
    """Put the children of an element in its place."""
    parent, at = element.getparent(), element.getparent().index(element)
    for child in reversed(list(element)):
        parent.insert(at, child)
    parent.remove(element)


def open_indexes(body):
    """Tables of contents and the like as the paragraphs that they are made of; groups of rows as rows."""
    for index in list(body.iter(*(TEXT + name for name in INDEXES))):
        made = index.find(TEXT + "index-body")
        for child in list(index):
            if child is not made:
                index.remove(child)
        if made is not None:
            unwrap(made)
        unwrap(index)
    for element in list(body.iter(*OPENED)):
        unwrap(element)


def name_fields(body):
    """Fields as what they show; what is hidden goes."""
    for element in list(body.iter()):
        if not isinstance(element.tag, str) or not element.tag.startswith(TEXT) or element.getparent() is None:
            continue
        name, parent = element.tag[len(TEXT) :], element.getparent()
        inline = parent.tag in (TEXT + "p", TEXT + "h", TEXT + "span", TEXT + "a") or name in ("ruby-base", "ruby-text")
        hidden = name == "hidden-text" and element.get(TEXT + "is-hidden") != "false"
        if name in SILENT or hidden:
            before = element.getprevious()
            if before is not None:
                before.tail = (before.tail or "") + (element.tail or "")
            else:
                parent.text = (parent.text or "") + (element.tail or "")
            parent.remove(element)
            if hidden:
                warn("hidden text was left out")
        elif inline and name not in READ and name not in BLOCK:
            if name == "ruby-text":
                element.text, element.tail = f" ({element.text or ''}", f"){element.tail or ''}"
            if name == "number":
                element.text = f"{(element.text or '').strip()} "
            element.tag = TEXT + "span"
            for key in [key for key in element.attrib if key != TEXT + "style-name"]:
                del element.attrib[key]


def repeated(cell):
    count = cell.get(TABLE + "number-columns-repeated", "1")
    return int(count) if count.isdecimal() and len(count) < 4 else 1


def spanned(cell):
    count = cell.get(TABLE + "number-columns-spanned", "1")
    return max(int(count), 1) if count.isdecimal() and len(count) < 4 else 1


def fill_a_row(table):
    """pandoc gives a table as many columns as its longest row has cells, and drops what is beyond: one row gets them all, without spans."""
    rows = [row for row in table.iter(TABLE + "table-row") if next(row.iterancestors(TABLE + "table")) is table]
    cells = {row: list(row.iterchildren(TABLE + "table-cell")) for row in rows}
    longest = max(rows, key=lambda row: sum(map(repeated, cells[row])), default=None)
    if longest is None or sum(map(repeated, cells[longest])) >= max(sum(repeated(c) * spanned(c) for c in cells[row]) for row in rows):
        return
    longest = max(rows, key=lambda row: sum(repeated(cell) * spanned(cell) for cell in cells[row]))
    for covered in list(longest.iterchildren(TABLE + "covered-table-cell")):
        longest.remove(covered)
    for cell in cells[longest]:
        for _ in range(spanned(cell) - 1):
            cell.addnext(etree.Element(TABLE + "table-cell"))
        cell.attrib.pop(TABLE + "number-columns-spanned", None)


def is_shape(element):
    return isinstance(element.tag, str) and element.tag.startswith(DRAW) and element.tag[len(DRAW) :] not in ("image", "object", "a")


def lift_boxes(paragraph):
    """Put the paragraphs of the boxes and shapes that hang in a paragraph after it."""
    parent = paragraph.getparent()
    if parent is None:
        return
    at = parent.index(paragraph) + 1
    for shape in [each for each in paragraph.iter() if is_shape(each)]:
        holder = shape[0] if len(shape) and shape[0].tag == DRAW + "text-box" else shape
        blocks = [child for child in holder if child.tag in LIFTED]
        for block in blocks:
            holder.remove(block)
            block.tail = None
            parent.insert(at, block)
            at += 1


def keep_blocks(shape):
    """The paragraphs of a shape that stands by itself, in its place."""
    parent = shape.getparent()
    if any(each.tag in (TEXT + "p", TEXT + "h") for each in shape.iterancestors()):
        return
    blocks = [child for holder in (shape, *shape.iterchildren(DRAW + "text-box")) for child in holder if child.tag in LIFTED]
    at = parent.index(shape) + 1
    for block in blocks:
        block.tail = None
        parent.insert(at, block)
        at += 1
