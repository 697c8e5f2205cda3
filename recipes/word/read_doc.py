"""Word 97-2003 documents: text by the piece table, headings, lists and tables by the paragraph properties; no layout.

Source: [MS-DOC] Word (.doc) Binary File Format: 2.4.1 retrieving text, 2.4.3 cells, 2.5 the FIB, 2.9.38 Clx, 2.9.181 PapxFkp, 2.6.2 sprms.
"""

import bisect
import struct

FIELD = re.compile("\x13[^\x13\x14\x15]*(?:\x14([^\x13\x14\x15]*))?\x15")
CONTROLS = {code: "" for code in range(32)} | {0x09: "\t", 0x0B: "\n", 0x1E: "\u2011"}
OPERAND_BYTES = {0: 1, 1: 1, 2: 2, 3: 4, 4: 2, 5: 2, 7: 3}
IN_TABLE, ROW_END, LIST = 0x2416, 0x2417, 0x460B


class Word97:
    """One document: its two streams, and the properties of paragraphs by their place in the file."""

    def __init__(self, main, table):
        self.main, self.table = main, table
        self.ends, self.properties = [], []
        at, size = struct.unpack_from("<2i", main, 0x0102)  # fcPlcfBtePapx, lcbPlcfBtePapx
        count = (size - 4) // 8
        for number in range(max(count, 0)):
            page = struct.unpack_from("<I", table, at + 4 * (count + 1) + 4 * number)[0] & 0x3FFFFF
            self.read_page(main[page * 512 : page * 512 + 512])
        order = sorted(range(len(self.ends)), key=self.ends.__getitem__)
        self.ends, self.properties = [self.ends[index] for index in order], [self.properties[index] for index in order]

    def read_page(self, page):
        if len(page) < 512:
            return
        runs = page[511]
        for run in range(min(runs, 29)):
            end = struct.unpack_from("<I", page, 4 * (run + 1))[0]
            place = 2 * page[4 * (runs + 1) + 13 * run]
            style, found = 0, {}
            if 0 < place < 510:
                length, start = (2 * page[place] - 1, place + 1) if page[place] else (2 * page[place + 1], place + 2)
                group = page[start : start + length]
                style = struct.unpack_from("<H", group)[0] if len(group) > 1 else 0
                found = modifiers(group[2:])
            self.ends.append(end)
            self.properties.append((style, found))

    def paragraph_at(self, place):
        """(style index, sprms) of the paragraph whose last character is at ``place`` bytes into the file."""
        index = bisect.bisect_right(self.ends, place)
        return self.properties[index] if index < len(self.properties) else (0, {})

    def paragraphs(self):
        """Yield (text with its end mark, style, sprms) of the whole file: body, notes, headers, text boxes."""
        at, size = struct.unpack_from("<2i", self.main, 0x01A2)  # fcClx, lcbClx
        end = at + size
        while at < end and self.table[at] == 1:  # formatting runs before the piece table
            at += 3 + struct.unpack_from("<H", self.table, at + 1)[0]
        if at >= end or self.table[at] != 2:
            raise IndexError("no piece table")
        size = struct.unpack_from("<i", self.table, at + 1)[0]
        count = (size - 4) // 12
        places = struct.unpack_from(f"<{count + 1}i", self.table, at + 5)
        held = ""
        for number in range(count):
            offset = struct.unpack_from("<I", self.table, at + 5 + 4 * (count + 1) + 8 * number + 2)[0]
            characters = places[number + 1] - places[number]
            if not 0 <= characters <= len(self.main):
                raise IndexError("pieces out of order")
            width = 1 if offset & 0x40000000 else 2
            start = (offset & 0x3FFFFFFF) // 2 if width == 1 else offset
            text = self.main[start : start + width * characters].decode(
                "cp1252" if width == 1 else "utf-16-le", "replace"
            )
            begin = 0
            for mark in re.finditer("[\r\x07\x0c]", text):
                yield held + text[begin : mark.end()], *self.paragraph_at(start + width * mark.start())
                held, begin = "", mark.end()
            held += text[begin:]
        yield held, 0, {}


def modifiers(group):
    """The sprms of a paragraph that say where it stands: {opcode: operand}."""
    found, at = {}, 0
    while at + 2 < len(group):
        opcode = struct.unpack_from("<H", group, at)[0]
        at += 2
        size = OPERAND_BYTES.get(opcode >> 13)
        if size is None:
            size = (
                group[at] + 1 if opcode != 0xD608 else struct.unpack_from("<H", group.ljust(at + 2, b"\0"), at)[0] + 1
            )
        found[opcode] = int.from_bytes(group[at : at + size], "little") if size <= 4 else 1
        at += size
    return found


def word97():
    """(Word97, lengths of the parts, title) of SOURCE."""
    import olefile

    if SOURCE.open("rb").read(5).startswith((b"PK", b"{\\rtf", b"<")):
        refuse("unsupported", "this is not a Word 97-2003 document, but another format under its name")
    try:
        with olefile.OleFileIO(SOURCE) as container:
            if container.exists("EncryptedPackage"):
                refuse("encrypted", "the document is protected by a password")
            if not container.exists("WordDocument"):
                refuse("damaged", "the file has no Word document inside")
            main = container.openstream("WordDocument").read()
            magic, version, flags = struct.unpack_from("<HH6xH", main)
            if magic != 0xA5EC or version < 0xC0:
                refuse("unsupported", "Word 6.0, Word 95 and older documents cannot be read")
            if flags & 0x0100:
                refuse("encrypted", "the document is protected by a password")
            table = container.openstream("1Table" if flags & 0x0200 else "0Table").read()
            title = container.get_metadata().title or b""
        lengths = struct.unpack_from("<8i", main, 0x4C)
        return (
            Word97(main, table),
            lengths,
            title.decode("cp1252", "replace") if isinstance(title, bytes) else str(title),
        )
    except (OSError, ValueError, IndexError, struct.error) as error:
        refuse("damaged", f"the document cannot be read: {error}")


def visible(text):
    """Fields show their result, not their instruction; marks of pictures, notes and drawings go."""
    found = 1
    while found:
        text, found = FIELD.subn(lambda match: match.group(1) or "", text)
    if "\x01" in text or "\x08" in text:
        warn("pictures and drawings were left out")
    return html_text.escape(text.translate(CONTROLS).strip("\n"), quote=False).replace("\n", "<br>")


def doc_html(paragraphs):
    """Paragraphs into headings, list items, rows of tables and plain paragraphs."""
    out, row, cell, field = [], [], [], ""
    for raw, style, found in paragraphs:
        field += raw
        if field.count("\x13") > field.count("\x15") and len(field) < 100_000:  # a field that runs over paragraphs
            continue
        raw, field = field, ""
        text = visible(raw)
        if found.get(IN_TABLE) or raw.endswith("\x07"):
            if found.get(ROW_END):
                out.append("<tr>" + "".join(f"<td>{content}</td>" for content in row) + "</tr>")
                row, cell = [], []
            else:
                cell.append(text)
                if raw.endswith("\x07"):
                    row.append("<br>".join(filter(None, cell)))
                    cell = []
            continue
        if row or cell:
            out.append("<tr>" + "".join(f"<td>{content}</td>" for content in [*row, *cell]) + "</tr>")
            row, cell = [], []
        if not text.strip():
            continue
        out.append(
            f"<h{min(style, 6)}>{text}</h{min(style, 6)}>"
            if 1 <= style <= 9
            else f"<li>{text}</li>"
            if found.get(LIST)
            else f"<p>{text}</p>"
        )
    if row or cell:
        out.append("<tr>" + "".join(f"<td>{content}</td>" for content in [*row, *cell]) + "</tr>")
    page = "\n".join(out)
    page = re.sub(r"(?:<tr>.*</tr>\n?)+", lambda rows: f"<table>{rows.group()}</table>", page)
    return re.sub(r"(?:<li>.*</li>\n?)+", lambda items: f"<ul>{items.group()}</ul>", page)


def read_document():
    document, lengths, title = word97()
    bounds, total = [], 0
    for length in lengths:
        total += max(length, 0)
        bounds.append(total)
    parts, place = [[] for _ in lengths], 0
    try:
        for text, style, found in document.paragraphs():
            part = min(bisect.bisect_right(bounds, place), len(parts) - 1)
            place += len(text.encode("utf-16-le", "surrogatepass")) // 2
            parts[part].append((text, style, found))
    except (struct.error, IndexError) as error:
        refuse("damaged", f"the text cannot be read: {error}")
    body, footnotes, headers, _, annotations, endnotes, boxes, header_boxes = map(doc_html, parts)
    if annotations.strip():
        warn("comments were left out")
    page = "\n".join(
        f"<div>{part}</div>"
        for part in (headers if OPTIONS.get("headers", True) else "", body, boxes, header_boxes, footnotes, endnotes)
        if part.strip()
    )
    if not page:
        refuse("empty", "the document has no text")
    return parse_html(page)[0], title.strip("\0 ")
