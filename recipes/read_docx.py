"""A Word document (OOXML) as HTML: body, headers, footers, notes, text boxes, tables, lists, equations, embedded pictures."""


class WordReader(WordText):
    """One walk over a document: what is open (lists), what was seen (notes, headers) and what styles and lists mean."""

    def __init__(self, package):
        self.package = package
        self.part = next(iter(package.related("", "officeDocument")), "word/document.xml")
        self.root = package.xml(self.part)
        if self.root is None or self.root.find(W + "body") is None:
            refuse("damaged", "the package has no Word document inside")
        self.styles, self.levels, self.counters, self.notes = self.read_styles(), {}, {}, {}
        self.read_numbering()
        self.wanted = {link.get(W + "anchor") for link in self.root.iter(W + "hyperlink")} - {None}
        self.note_parts = {
            kind: (next(iter(package.related(self.part, kind)), ""), W + kind[:-1])
            for kind in ("footnotes", "endnotes")
        }
        self.main = self.part

    def read_styles(self):
        root = self.package.xml(next(iter(self.package.related(self.part, "styles")), "word/styles.xml"))
        return {style.get(W + "styleId"): style for style in root.iter(W + "style")} if root is not None else {}

    def read_numbering(self):
        root = self.package.xml(next(iter(self.package.related(self.part, "numbering")), "word/numbering.xml"))
        if root is None:
            return
        abstract = {item.get(W + "abstractNumId"): item for item in root.findall(W + "abstractNum")}
        for number in root.findall(W + "num"):
            base = abstract.get(value(number, "abstractNumId"))
            for level in base.findall(W + "lvl") if base is not None else ():
                self.levels[number.get(W + "numId"), level.get(W + "ilvl")] = (
                    value(level, "numFmt", "bullet"),
                    value(level, "start", "1"),
                )

    def style_chain(self, name):
        seen = set()
        while name in self.styles and name not in seen:
            seen.add(name)
            yield self.styles[name]
            name = value(self.styles[name], "basedOn")

    def style_of(self, properties):
        """(kind, list number, list level) of a paragraph; kind is h1…h6, blockquote, pre, caption or p."""
        kind, number, level = "p", None, None
        outline = value(properties, "outlineLvl")
        own = properties.find(W + "numPr") if properties is not None else None
        if own is not None:
            number, level = value(own, "numId"), value(own, "ilvl")
        for style in self.style_chain(value(properties, "pStyle")):
            name, inside = value(style, "name", ""), style.find(W + "pPr")
            outline = outline or value(inside, "outlineLvl")
            heading = re.fullmatch(r"heading (\d)", name, re.I)
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
                number, level = number or value(listed, "numId"), level or value(listed, "ilvl")
        if kind == "p" and outline and outline.isdecimal() and int(outline) < 9:
            kind = f"h{min(int(outline) + 1, 6)}"
        return kind, number, level or "0"

    # -- blocks

    def blocks(self, container, part=None):
        """The HTML of the paragraphs and tables in a container."""
        previous, self.part = self.part, part or self.part
        out, lists, code = [], [], []

        def close(depth):
            while len(lists) > depth:
                out.append(f"</li></{lists.pop()[0]}>")

        for element in self.flattened(container):
            if element.tag == W + "tbl":
                close(0)
                out.append(self.table(element))
                continue
            properties = element.find(W + "pPr")
            kind, number, level = self.style_of(properties)
            text, boxes = self.paragraph(element)
            if kind != "pre" and code:
                out.append("<pre>" + "\n".join(code) + "</pre>")
                code.clear()
            form, start = self.levels.get((number, level), ("none", "1")) if number not in (None, "0") else (None, "1")
            if form not in (None, "none") and kind in ("p", "blockquote", "caption") and text.strip():
                depth, tag = int(level) if level.isdecimal() else 0, "ul" if form == "bullet" else "ol"
                close(min(depth + 1, len(lists)))
                if len(lists) == depth + 1 and (lists[-1][0] != tag or lists[-1][1] != number):
                    close(depth)
                if len(lists) == depth + 1:
                    out.append("</li>")
                while len(lists) < depth + 1:
                    at = (
                        tag
                        if len(lists) == depth
                        else self.levels.get((number, str(len(lists))), ("bullet",))[0] == "bullet" and "ul" or "ol"
                    )
                    first = (
                        self.counters.get((number, len(lists)), int(start) - 1 if start.isdecimal() else 0) + 1
                        if at == "ol" and len(lists) == depth
                        else 1
                    )
                    out.append(f'<ol start="{first}">' if at == "ol" and first != 1 else f"<{at}>")
                    lists.append((at, number))
                    if len(lists) < depth + 1:
                        out.append("<li>")
                if tag == "ol":
                    self.counters[number, depth] = (
                        self.counters.get((number, depth), int(start) - 1 if start.isdecimal() else 0) + 1
                    )
                    for deeper in [key for key in self.counters if key[0] == number and key[1] > depth]:
                        del self.counters[deeper]
                out.append(f"<li>{text}")
            elif kind == "pre":
                close(0)
                code.append(re.sub(r"</?(?:strong|em|u|s)>", "", text).replace("<br>", "\n"))
            elif text.strip():
                close(0)
                centred = {"center": "center", "right": "right", "end": "right"}.get(value(properties, "jc"))
                style = f' style="text-align:{centred}"' if centred else ""
                out.append(
                    f"<p{style}><em>{text}</em></p>"
                    if kind == "caption"
                    else f"<blockquote><p>{text}</p></blockquote>"
                    if kind == "blockquote"
                    else f"<{kind}{style}>{text}</{kind}>"
                )
            for box in boxes:
                out.append(f"<div>{box}</div>")
        if code:
            out.append("<pre>" + "\n".join(code) + "</pre>")
        close(0)
        self.part = previous
        return "".join(out)

    def flattened(self, container):
        """Paragraphs and tables, whatever wraps them."""
        for element in container:
            if element.tag in (W + "p", W + "tbl"):
                yield element
            elif element.tag in PASS:
                yield from self.flattened(element)
            elif element.tag == W + "altChunk":
                warn("an embedded foreign document (altChunk) was left out")
            elif isinstance(element.tag, str) and element.tag.endswith("}AlternateContent") and len(element):
                yield from self.flattened(element[0])
            elif element.tag == MATH + "oMathPara":
                paragraph = etree.Element(W + "p")
                paragraph.append(element)
                yield paragraph

    def table(self, element):
        rows = [row for row in self.table_parts(element, "tr")]
        grid, open_spans = [], {}
        for row in rows:
            properties, x, line = row.find(W + "trPr"), 0, []
            x += int(value(properties, "gridBefore", "0") or 0)
            line += ["<td></td>"] * x
            for cell in self.table_parts(row, "tc"):
                inside = cell.find(W + "tcPr")
                width = value(inside, "gridSpan", "1")
                width = max(1, min(int(width), 200)) if width.isdecimal() else 1
                merge = inside.find(W + "vMerge") if inside is not None else None
                if merge is not None and merge.get(W + "val", "continue") == "continue" and x in open_spans:
                    open_spans[x][1] += 1
                    hidden = self.blocks(cell)
                    open_spans[x][2] += hidden
                else:
                    entry = [width, 1, self.cell_html(cell)]
                    line.append(entry)
                    open_spans.pop(x, None)
                    if merge is not None:
                        open_spans[x] = entry
                x += width
            grid.append((switched(properties, "tblHeader"), line))
        lines = []
        for heading, line in grid:
            tag = "th" if heading else "td"
            cells = "".join(
                cell
                if isinstance(cell, str)
                else f"<{tag}"
                + (f' colspan="{cell[0]}"' if cell[0] > 1 else "")
                + (f' rowspan="{cell[1]}"' if cell[1] > 1 else "")
                + f">{cell[2]}</{tag}>"
                for cell in line
            )
            lines.append(f"<tr>{cells}</tr>")
        head = next((at for at, (heading, _) in enumerate(grid) if not heading), len(grid))
        return (
            "<table>"
            + (f"<thead>{''.join(lines[:head])}</thead>" if head else "")
            + f"<tbody>{''.join(lines[head:])}</tbody></table>"
        )

    def table_parts(self, element, name):
        for child in element:
            if child.tag == W + name:
                yield child
            elif child.tag in PASS:
                yield from self.table_parts(child, name)

    def cell_html(self, cell):
        text = self.blocks(cell)
        return (
            text[3:-4]
            if text.count("<p>") == 1 and text.startswith("<p>") and text.endswith("</p>") and "<table" not in text
            else text
        )


def headers(reader, kind):
    """The distinct headers or footers of all sections, each once."""
    texts = {}
    for reference in reader.root.iter(W + f"{kind}Reference"):
        target = reader.package.relations(reader.main).get(reference.get(R + "id"), ("", "", True))[1]
        root = reader.package.xml(target) if target else None
        if root is not None:
            texts.setdefault(reader.blocks(root, target))
    return [text for text in texts if re.sub(r"<(?!img)[^>]*>|\s", "", text)]


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
    """(HTML, title) of SOURCE."""
    check_package()
    sys.setrecursionlimit(20_000)
    reader = WordReader(Package(SOURCE))
    body = reader.blocks(reader.root.find(W + "body"))
    above, below = (
        (headers(reader, kind) for kind in ("header", "footer")) if OPTIONS.get("headers", True) else ([], [])
    )
    page = (
        "".join(f"<header>{text}</header>" for text in above)
        + body
        + notes(reader)
        + "".join(f"<footer>{text}</footer>" for text in below)
    )
    core = reader.package.xml("docProps/core.xml")
    title = core.findtext("{http://purl.org/dc/elements/1.1/}title") if core is not None else ""
    if not re.sub(r"<(?!img|table)[^>]*>|\s", "", page):
        refuse("empty", "the document has no content")
    return page, (title or "").strip()


def read_document():
    page, title = word_html()
    return parse_html(page)[0], title
