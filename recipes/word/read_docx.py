"""A Word document (OOXML) as HTML: body, headers, footers, notes, text boxes, tables, lists, equations, embedded pictures."""

MAX_CHUNKS = 20  # documents inside the document, also inside each other
HEADING = {"font-weight": "normal"}  # a browser's is bold


class WordReader(WordText, WordTables, WordNumbering, WordLooks, WordFloats, WordPages):
    """One walk over a document: what is open (lists), what was seen (notes, headers) and what styles and lists mean."""

    def __init__(self, package):
        self.package = package
        self.part = next(iter(package.related("", "officeDocument")), "word/document.xml")
        self.root = package.xml(self.part)
        if self.root is None or self.root.find(W + "body") is None:
            refuse("damaged", "the package has no Word document inside")
        self.styles, self.notes, self.repeated = self.read_styles(), {}, False
        self.read_numbering()
        self.read_looks()
        self.around, self.inside = {}, 0  # looks of the paragraph that is being read; text boxes around it
        self.wanted = {link.get(W + "anchor") for link in self.root.iter(W + "hyperlink")} - {None}
        self.note_parts = {
            kind: (next(iter(package.related(self.part, kind)), ""), W + kind[:-1])
            for kind in ("footnotes", "endnotes")
        }
        self.main = self.part
        self.read_sections()
        self.chunks = 0

    def read_styles(self):
        root = self.package.xml(next(iter(self.package.related(self.part, "styles")), "word/styles.xml"))
        return {style.get(W + "styleId"): style for style in root.iter(W + "style")} if root is not None else {}

    def style_chain(self, name):
        seen = set()
        while name in self.styles and name not in seen:
            seen.add(name)
            yield self.styles[name]
            name = value(self.styles[name], "basedOn")

    def style_of(self, properties):
        """(kind, list number, list level, depth) of a paragraph; kind is h1…h6, blockquote, pre, caption or p.

        The depth is the level, or what the name of the style says: List Bullet 2 is a list of its own that stands in another.
        """
        kind, number, level, named = "p", None, None, 0
        outline = value(properties, "outlineLvl")
        own = properties.find(W + "numPr") if properties is not None else None
        if own is not None:
            number, level = value(own, "numId"), value(own, "ilvl")
        for style in self.style_chain(value(properties, "pStyle")):
            name, inside = value(style, "name", ""), style.find(W + "pPr")
            outline = outline or value(inside, "outlineLvl")
            heading = re.fullmatch(r"heading (\d)", name, re.I)
            nested = re.fullmatch(r"list (?:bullet|number) ([2-9])", name, re.I)
            named = named or (int(nested.group(1)) - 1 if nested else 0)
            if kind == "p":
                kind = (
                    f"h{min(int(heading.group(1)), 6)}"
                    if heading
                    else "h1"
                    if name.lower() == "title"
                    else "blockquote"
                    if QUOTE_STYLES.fullmatch(name)
                    else "pre"
                    if CODE_STYLES.fullmatch(name)
                    else "caption"
                    if name.lower() == "caption"
                    else "p"
                )
            listed = inside.find(W + "numPr") if inside is not None else None
            if listed is not None:
                number = number or value(listed, "numId")
                level = level or value(listed, "ilvl") or self.linked.get((number, style.get(W + "styleId")))
        if kind == "p" and outline and outline.isdecimal() and int(outline) < 9:
            kind = f"h{min(int(outline) + 1, 6)}"
        level = level or "0"
        return kind, number, level, int(level) or named if level.isdecimal() else named

    # -- blocks

    def blocks(self, container, part=None):
        """The HTML of the paragraphs and tables in a container."""
        previous, self.part = self.part, part or self.part
        out, lists, code, initial = [], [], [], ""
        paged = container.tag == W + "body" and LOOKING

        def close(depth):
            while len(lists) > depth:
                out.append(f"</li></{lists.pop()[0]}>")

        if paged and container.getparent() is self.root:
            out.append(self.columns())
        elements = list(self.flattened(container))
        looks = self.spaced(elements) if LOOKING else [({}, {}, {})] * len(elements)
        last = len(elements) if container.tag == W + "tc" and PAGED else max((at for at, each in enumerate(elements) if each.tag != W + "p" or has_text(each)), default=-1)
        for at_element, (element, (css, letters, around)) in enumerate(zip(elements, looks)):
            if element.tag == W + "tbl":
                close(0)
                out.append(self.table(element))
                continue
            if element.tag == W + "altChunk":
                close(0)
                out.append(self.foreign(element))
                continue
            properties = element.find(W + "pPr")
            kind, number, level, depth = self.style_of(properties)
            text, boxes = self.paragraph(element, around)
            frame = properties.find(W + "framePr") if properties is not None else None
            if frame is not None and frame.get(W + "dropCap") in ("drop", "margin") and not boxes:
                initial += re.sub(r"<(?!img)[^>]*>", "", text)
                continue
            text, initial = initial + text, ""
            text = self.tabs(properties, text) if PAGED and kind != "pre" else text
            before, text, after = self.page_breaks(properties, text) if paged else ("", text.replace("\f", " "), "")
            if before:
                close(0)
                out.append(before)
            for box, looks_of_box in boxes:
                if looks_of_box.keys() & {"float", "position"}:
                    close(0)
                    out.append(f'<div class="float"{styled(looks_of_box)}>{box}</div>')
            if kind != "pre" and code:
                out.append("<pre>" + "\n".join(code) + "</pre>")
                code.clear()
            look = self.levels.get((number, level))
            if look and look["form"] not in ("none", "bullet") and text.strip() and kind != "pre":
                at, mark = self.count(number, level)
            else:
                at, mark = 1, ""
            if look and look["form"] != "none" and kind in ("p", "blockquote", "caption") and text.strip():
                close(min(depth + 1, len(lists)))
                self.open_list(out, lists, number, depth, look["form"], at)
                usual = f"{numeral(at, look['form'])}."
                marked = f' data-mark="{html_text.escape(mark)}"' if mark not in ("", usual) else ""
                out.append(f"<li{marked}{styled(letters)}>")
                out.append(text.replace("\f", " "))
            elif kind == "pre":
                close(0)
                code.append(re.sub(r"</?(?:strong|em|u|s)>", "", text).replace("<br>", "\n").replace("\f", "\n"))
            elif text.strip():
                close(0)
                text = f"{html_text.escape(mark)} {text}" if mark else text
                css = css if LOOKING else {"text-align": ALIGNS.get(value(properties, "jc"))}
                css = css | letters if LOOKING else css if css["text-align"] in ("center", "right") else {}
                heading = kind[0] == "h" and LOOKING
                style = styled(HEADING | css | {"font-size": around["font-size"]} if heading else css)
                style += ' dir="rtl"' if properties is not None and switched(properties, "bidi") else ""
                out.append(
                    f"<p{style}><em>{text}</em></p>".replace("\f", " ")
                    if kind == "caption"
                    else f"<blockquote><p>{text}</p></blockquote>".replace("\f", " ")
                    if kind == "blockquote"
                    else f"<{kind}{style}>{text}</{kind}>".replace("\f", f"</{kind}>{PAGE_BREAK}<{kind}{style}>")
                )
            elif LOOKING and not before and not after and at_element < last:
                close(0)
                out.append(f"<p{styled(css | letters)}><br></p>")
            for box, looks_of_box in boxes:
                if not looks_of_box.keys() & {"float", "position"}:
                    out.append(f"<div{styled(looks_of_box)}>{box}</div>")
            if after:
                close(0)
                out.append(after)
        out.append(initial)
        if code:
            out.append("<pre>" + "\n".join(code) + "</pre>")
        close(0)
        if paged and self.columned:
            out.append("</div>")
            self.columned = False
        self.part = previous
        return "".join(out)

    def foreign(self, element):
        """A document inside the document (altChunk): a page or text, or another Word document."""
        target = self.package.relations(self.part).get(element.get(R + "id"), ("", "", True))[1]
        suffix, self.chunks = target.rpartition(".")[2].lower(), self.chunks + 1
        if target.lower() in self.package.names and self.chunks <= MAX_CHUNKS:
            raw = self.package.read(target)
            if suffix in ("htm", "html", "xhtml", "txt") and raw.strip():
                text = decoded(raw).decode()
                if suffix == "txt":
                    return "".join(f"<p>{html_text.escape(line, quote=False)}</p>" for line in text.splitlines() if line.strip())
                return inner_html(parse_html(text)[0])
            if suffix == "docx" and zipfile.is_zipfile(io.BytesIO(raw)):
                inside = Package(io.BytesIO(raw))
                if sum(entry.file_size for entry in inside.zip.infolist()) < MAX_INFLATED_BYTES:
                    reader = WordReader(inside)
                    reader.chunks = self.chunks
                    return f"<div>{reader.blocks(reader.root.find(W + 'body'))}</div>"
        warn("an embedded foreign document (altChunk) was left out")
        return ""

    def flattened(self, container):
        """Paragraphs and tables, whatever wraps them."""
        for element in container:
            if element.tag in (W + "p", W + "tbl"):
                yield element
            elif element.tag in PASS:
                yield from self.flattened(element)
            elif element.tag == W + "altChunk":
                yield element
            elif isinstance(element.tag, str) and element.tag.endswith("}AlternateContent") and len(element):
                yield from self.flattened(element[0])
            elif element.tag == MATH + "oMathPara":
                paragraph = etree.Element(W + "p")
                paragraph.append(element)
                yield paragraph


def styled(css):
    return f' style="{css_text(css)}"' if css else ""


def has_text(paragraph):
    """Whether something stands in a paragraph, or it ends a section."""
    return next(paragraph.iter(W + "t", W + "drawing", W + "pict", W + "object", W + "sym", W + "sectPr", MATH + "oMath"), None) is not None


def notes(reader):
    """The notes in the order of their references, as HTML."""
    items, at = [], 0
    roots = {kind: reader.package.xml(part) if part else None for kind, (part, _) in reader.note_parts.items()}
    while at < len(reader.notes):  # a note may refer to a note
        kind, number = list(reader.notes)[at]
        at += 1
        root = roots[kind]
        note = next((item for item in root if item.get(W + "id") == number), None) if root is not None else None
        items.append(
            f'<li id="fn{at}">{reader.blocks(note, reader.note_parts[kind][0]) if note is not None else ""}</li>'
        )
    return f'<section class="footnotes"><ol>{"".join(items)}</ol></section>' if items else ""


def word_html():
    """(HTML, title, looks: paper of the first page, usual text) of SOURCE; for a PDF headers and footers apart, as they run through its pages."""
    check_package()
    sys.setrecursionlimit(20_000)
    reader = WordReader(Package(SOURCE))
    body, wanted = reader.blocks(reader.root.find(W + "body")) + notes(reader), OPTIONS.get("headers", True)
    if PAGED:
        page = body + (reader.running() if wanted else "")
    else:
        above, below = (reader.headers(kind) if wanted else [] for kind in ("header", "footer"))
        page = "".join(f"<header>{text}</header>" for text in above) + body
        page += "".join(f"<footer>{text}</footer>" for text in below)
    core = reader.package.xml("docProps/core.xml")
    title = core.findtext("{http://purl.org/dc/elements/1.1/}title") if core is not None else ""
    if not re.sub(r"<(?!img|table)[^>]*>|\s", "", page):
        refuse("empty", "the document has no content")
    return page, (title or "").strip(), {"data-paper": reader.paper(), "data-text": reader.usual_text()}


def read_document():
    page, title, looks = word_html()
    body = parse_html(page)[0]
    for name, text in looks.items():
        body.set(name, text)
    return body, title
