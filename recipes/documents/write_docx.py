"""One HTML tree into WordprocessingML: styles a reader of Word knows, real lists, tables with spans, links, pictures."""

import zipfile
from xml.sax.saxutils import escape as xml_escape
from xml.sax.saxutils import quoteattr

RUN_MARKS = {
    "strong": "<w:b/>",
    "b": "<w:b/>",
    "th": "<w:b/>",
    "em": "<w:i/>",
    "i": "<w:i/>",
    "cite": "<w:i/>",
    "var": "<w:i/>",
    "dfn": "<w:i/>",
    "del": "<w:strike/>",
    "s": "<w:strike/>",
    "strike": "<w:strike/>",
    "mark": '<w:highlight w:val="yellow"/>',
    "u": '<w:u w:val="single"/>',
    "ins": '<w:u w:val="single"/>',
    "sub": '<w:vertAlign w:val="subscript"/>',
    "sup": '<w:vertAlign w:val="superscript"/>',
}
HEADINGS = {"h1", "h2", "h3", "h4", "h5", "h6"}
CODE_MARK = '<w:rStyle w:val="VerbatimChar"/>'
MARK_ORDER = [
    CODE_MARK,
    '<w:rStyle w:val="Hyperlink"/>',
    "<w:b/>",
    "<w:i/>",
    "<w:strike/>",
    '<w:highlight w:val="yellow"/>',
    '<w:u w:val="single"/>',
    '<w:vertAlign w:val="subscript"/>',
    '<w:vertAlign w:val="superscript"/>',
    "<w:rtl/>",
]
NUMBER_FORMATS = {"1": "decimal", "a": "lowerLetter", "A": "upperLetter", "i": "lowerRoman", "I": "upperRoman"}
PAGE_TWIPS = {
    "a3": (16838, 23811),
    "a4": (11906, 16838),
    "a5": (8391, 11906),
    "letter": (12240, 15840),
    "legal": (12240, 20160),
}
WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
NAMESPACES = (
    f'xmlns:w="{WORD}" xmlns:r="{RELATIONS}" xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing" '
    'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" xmlns:pic="http://schemas.openxmlformats.org/drawingml/2006/picture"'
)
ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")


def xml_text(text):
    return xml_escape(ILLEGAL.sub("", text))


class WordWriter(WordPictures):
    """The parts of one Word document while its body is walked."""

    def __init__(self, body):
        self.out, self.runs, self.open = [], [], ""
        self.relations, self.media, self.numbers, self.bookmarks = {}, [], [], set()
        self.targets = {a.get("href")[1:] for a in body.iter("a") if (a.get("href") or "").startswith("#")}
        width, height = PAGE_TWIPS[OPTIONS.get("page_size", "a4")]
        self.page = (height, width) if OPTIONS.get("orientation") == "landscape" else (width, height)
        self.room = self.page[0] - 2 * 1134
        self.rtl = direction_of(body) == "rtl"
        self.mixed = RIGHT_LETTERS.search(body.text_content()) is not None  # paragraphs may run against the document

    # -- paragraphs: runs collect until a block begins or ends

    def flush(self, properties, always=False):
        """Close the paragraph that was collected."""
        if self.runs and self.runs[-1].endswith(" </w:t></w:r>"):
            self.runs[-1] = self.runs[-1].removesuffix(" </w:t></w:r>") + "</w:t></w:r>"
        if any(not run.endswith(('preserve"> </w:t></w:r>', 'preserve"></w:t></w:r>')) for run in self.runs) or always:
            bidi = "<w:bidi/>" if self.rtl else ""
            self.out.append(f"<w:p><w:pPr>{self.open or properties}{bidi}</w:pPr>{''.join(self.runs)}</w:p>")
            self.open = ""
        self.runs.clear()

    def text(self, value, marks):
        if not value:
            return
        value = re.sub(r"[ \t\r\n\f]+", " ", value)
        if not self.runs or self.runs[-1].endswith(("<w:br/></w:r>", " </w:t></w:r>")):
            value = value.lstrip(" ")
        if value:
            self.runs.append(self.run(f'<w:t xml:space="preserve">{xml_text(value)}</w:t>', marks))

    def run(self, content, marks):
        marks = marks | {"<w:rtl/>"} if self.rtl else marks
        properties = "".join(mark for mark in MARK_ORDER if mark in marks)
        return f"<w:r><w:rPr>{properties}</w:rPr>{content}</w:r>" if properties else f"<w:r>{content}</w:r>"

    def flow(self, element, properties, depth, marks=frozenset()):
        self.anchor(element)
        self.text(element.text, marks)
        for child in element:
            self.node(child, properties, depth, marks)
            self.text(child.tail, marks)

    def node(self, element, properties, depth, marks):
        tag = element.tag
        if tag in BLOCKS:
            self.flush(properties)
            self.block(element, properties, depth, marks)
        elif tag == "br":
            self.runs.append(self.run("<w:br/>", marks))
        elif tag == "img":
            self.runs += self.picture(element, marks)
        elif tag == "input":
            if element.get("type") == "checkbox":
                self.text("☑ " if element.get("checked") is not None else "☐ ", marks)
        elif tag in ("code", "kbd", "samp", "tt"):
            self.flow(element, properties, depth, marks | {CODE_MARK})
        elif tag == "a" and element.get("href"):
            self.link(element, properties, depth, marks)
        elif "footnote-backref" not in (element.get("class") or ""):
            self.flow(element, properties, depth, marks | {RUN_MARKS[tag]} if tag in RUN_MARKS else marks)

    def block(self, element, properties, depth, marks):
        if not self.mixed or (element.tag != "p" and element.tag not in HEADINGS):
            self.one_block(element, properties, depth, marks)
            return
        usual, self.rtl = self.rtl, runs_right_to_left(element)
        self.one_block(element, properties, depth, marks)
        self.rtl = usual

    def one_block(self, element, properties, depth, marks):
        tag = element.tag
        if tag[0] == "h" and tag[1:].isdecimal():
            properties = f'<w:pStyle w:val="Heading{tag[1]}"/>'
        elif tag == "hr":
            if "page-break" in (element.get("class") or ""):
                self.out.append('<w:p><w:r><w:br w:type="page"/></w:r></w:p>')
            else:
                self.out.append(
                    '<w:p><w:pPr><w:pBdr><w:bottom w:val="single" w:sz="6" w:space="1" w:color="999999"/></w:pBdr></w:pPr></w:p>'
                )
            return
        elif tag == "pre":
            lines = element.text_content().strip("\n").split("\n")
            for at in range(0, len(lines), 500):
                text = "<w:br/>".join(
                    f'<w:t xml:space="preserve">{xml_text(line)}</w:t>'.replace(
                        "\t", '</w:t><w:tab/><w:t xml:space="preserve">'
                    )
                    for line in lines[at : at + 500]
                )
                self.out.append(f'<w:p><w:pPr><w:pStyle w:val="SourceCode"/></w:pPr><w:r>{text}</w:r></w:p>')
            return
        elif tag in ("ul", "ol", "menu", "dir"):
            self.list_block(element, depth, marks)
            return
        elif tag == "table" and depth < 20:
            self.table(element, depth, marks)
            return
        elif tag == "blockquote":
            properties = '<w:pStyle w:val="Quote"/>'
        elif tag == "dt":
            marks = marks | {"<w:b/>"}
        elif tag == "dd":
            properties = '<w:ind w:left="567"/>'
        elif tag == "caption" or tag == "figcaption":
            properties = '<w:pStyle w:val="Caption"/>'
        elif tag in ("p", "div", "center"):
            align = re.search(r"text-align\s*:\s*(center|right)", element.get("style") or "") or re.match(
                "(center|right)$", element.get("align") or ""
            )
            if align and "w:jc" not in properties and "w:numPr" not in properties:
                properties += f'<w:jc w:val="{align.group(1)}"/>'
        self.flow(element, properties, depth, marks)
        self.flush(properties)

    def list_block(self, element, depth, marks):
        level = min(sum(1 for _ in element.iterancestors("ul", "ol", "menu", "dir")), 8)
        number = self.number(element, level)
        indent = f'<w:pStyle w:val="ListParagraph"/><w:ind w:left="{(level + 1) * 425}"/>'
        for child in element:
            if child.tag == "li":
                self.open = f'<w:pStyle w:val="ListParagraph"/><w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="{number}"/></w:numPr>'
            self.flow(child, indent, depth + 1, marks) if child.tag == "li" else self.node(
                child, indent, depth + 1, marks
            )
            self.flush(indent, always=bool(self.open))

    def number(self, element, level):
        """The id of a numbering instance: 1 is the bullets', every ordered list gets its own, so that it counts afresh."""
        if element.tag != "ol":
            return 1
        start = element.get("start") or "1"
        form = list(NUMBER_FORMATS).index(element.get("type")) if element.get("type") in NUMBER_FORMATS else 0
        self.numbers.append((form, level, int(start) if start.isdecimal() and len(start) < 9 else 1))
        return len(self.numbers) + 1

    def link(self, element, properties, depth, marks):
        href, start = element.get("href").strip(), len(self.runs)
        marks = marks | {'<w:rStyle w:val="Hyperlink"/>'}
        if any(descendant.tag in BLOCKS for descendant in element.iterdescendants()):
            self.flow(element, properties, depth, marks)
            return
        self.flow(element, properties, depth, marks)
        inner = "".join(self.runs[start:])
        if href.startswith("#") and len(href) > 1:
            self.runs[start:] = (
                [f"<w:hyperlink w:anchor={quoteattr(self.bookmark(href[1:]))}>{inner}</w:hyperlink>"] if inner else []
            )
        elif inner and re.match(r"(https?|mailto|tel|ftp):.", href, re.I):
            relation = self.relations.setdefault(ILLEGAL.sub("", href), f"l{len(self.relations)}")
            self.runs[start:] = [f'<w:hyperlink r:id="{relation}">{inner}</w:hyperlink>']

    def bookmark(self, name):
        return "b_" + re.sub(r"\W", "_", name)[:37]

    def anchor(self, element):
        name = element.get("id") or (element.tag == "a" and element.get("name")) or ""
        if name in self.targets and name not in self.bookmarks:
            self.bookmarks.add(name)
            mark = f'<w:bookmarkStart w:id="{len(self.bookmarks)}" w:name={quoteattr(self.bookmark(name))}/><w:bookmarkEnd w:id="{len(self.bookmarks)}"/>'
            (self.runs if element.tag not in ("table", "ul", "ol", "div", "section") else self.out).append(mark)

    def table(self, element, depth, marks):
        for caption in element.iterchildren("caption"):
            self.block(caption, "", depth, marks)
        rows = [row for row in element.iter("tr") if next(row.iterancestors("table"), None) is element]
        cells, columns = place_cells(rows)
        if not cells:
            return
        if columns > 63:  # Word's own limit
            warn(f"a table of {columns} columns is more than Word takes: its rows are written as lines")
            for row in rows:
                self.text("\u2003".join(cell_words(cell) for cell in row), marks)
                self.flush("")
            return
        grid = {}
        for cell, x, y, width, height in cells:
            for down in range(height):
                grid[x, y + down] = (cell if down == 0 else None, width, height)
        step, look = self.room // columns, "04A0" if rows[0].getparent().tag == "thead" else "0480"
        self.out.append(
            '<w:tbl><w:tblPr><w:tblStyle w:val="TableGrid"/><w:tblW w:w="0" w:type="auto"/>'
            + f'<w:tblLook w:val="{look}"/></w:tblPr><w:tblGrid>'
            + f'<w:gridCol w:w="{step}"/>' * columns
            + "</w:tblGrid>"
        )
        for y, row in enumerate(rows):
            head = row.getparent().tag == "thead" and y < 4
            self.out.append("<w:tr>" + ("<w:trPr><w:tblHeader/></w:trPr>" if head else ""))
            x = 0
            while x < columns:
                cell, width, height = grid.get((x, y), ("gap", 1, 1))
                merge = "" if height == 1 else "<w:vMerge/>" if cell is None else '<w:vMerge w:val="restart"/>'
                span = f'<w:gridSpan w:val="{width}"/>' if width > 1 else ""
                self.out.append(f'<w:tc><w:tcPr><w:tcW w:w="{step * width}" w:type="dxa"/>{span}{merge}</w:tcPr>')
                if cell is None or isinstance(cell, str):
                    self.out.append("<w:p/>")
                else:
                    size = len(self.out)
                    self.flow(cell, "", depth + 1, marks | {"<w:b/>"} if cell.tag == "th" else marks)
                    self.flush("")
                    if len(self.out) == size or not self.out[-1].endswith("</w:p>"):
                        self.out.append("<w:p/>")
                self.out.append("</w:tc>")
                x += width
            self.out.append("</w:tr>")
        self.out.append("</w:tbl>")
