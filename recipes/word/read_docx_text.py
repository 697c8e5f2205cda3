"""Inside the paragraphs of a Word document: runs, links, fields, notes, pictures, text boxes."""

PICTURE_TYPES = {
    "png": "png",
    "jpg": "jpeg",
    "jpeg": "jpeg",
    "gif": "gif",
    "webp": "webp",
    "bmp": "bmp",
    "tif": "tiff",
    "tiff": "tiff",
    "svg": "svg+xml",
    "svg+xml": "svg+xml",
}
CODE_STYLES = re.compile(r"(source ?code|html preformatted|code|verbatim|listing|preformatted text|macro text)", re.I)
QUOTE_STYLES = re.compile(r"(intense )?quote|block ?text|quotations?", re.I)
RUN_TAGS = (("strike", "s"), ("dstrike", "s"))
STRESSES = (("font-weight", "bold", "strong"), ("font-style", "italic", "em"), ("text-decoration", "underline", "u"))
PASS = {
    W + name
    for name in (
        "sdt",
        "sdtContent",
        "smartTag",
        "customXml",
        "ins",
        "moveTo",
        "fldSimple",
        "dir",
        "bdo",
        "ruby",
        "rubyBase",
        "rt",
    )
}
COUNTED = re.compile(r"\s*(PAGE|NUMPAGES)\b", re.I)
TAB = {False: '<span class="tab"> </span>', True: '<span class="tab fill"> </span>'}
FILLING = ("center", "right", "end")
PRIVATE = re.compile("[\uf020-\uf0ff]")  # where Word puts the codes of symbol fonts
RUN_CONTENT = {"noBreakHyphen": "\u2011", "softHyphen": "\u00ad", "cr": "<br>", "tab": "\t", "ptab": "\t"}


def value(element, name, default=None):
    """The w:val of a child, "1" when the child has none, ``default`` when there is no child."""
    found = element.find(W + name) if element is not None else None
    return default if found is None else found.get(W + "val", "1")


def font_of(properties):
    fonts = properties.find(W + "rFonts") if properties is not None else None
    return "" if fonts is None else fonts.get(W + "ascii") or fonts.get(W + "hAnsi") or ""


def counted(instruction):
    """A field that shows another number on every page."""
    kind = "page-count" if COUNTED.match(instruction).group(1).upper() == "NUMPAGES" else "page-number"
    return f'<span class="{kind}"></span>'


def switched(element, name):
    return value(element, name, "0") not in ("0", "false", "off", "none")


class WordText:
    """Paragraphs as inline HTML; the blocks around and inside them are the subclass's."""

    def paragraph(self, element, around):
        """(inline HTML, [HTML of text boxes]) of one paragraph, whose runs begin with the looks ``around``."""
        pieces, boxes = [], []
        self.fields = []
        before, self.around = self.around, around
        self.walk(element, pieces, boxes)
        self.around = before
        out = []
        for form, text in pieces:
            if out and out[-1][0] == form:
                out[-1][1].append(text)
            else:
                out.append((form, [text]))
        parts = []
        for form, texts in out:
            text = "".join(texts)
            if form and text.strip():  # spaces and punctuation stay outside, where no Markdown mark trips over them
                before, core, after = re.fullmatch(r"([\s,.;:)]*)(.*?)(\s*)", text, re.S).groups()
                opened, closed = "".join(f"<{tag}>" for tag in form), "".join(f"</{tag.partition(' ')[0]}>" for tag in reversed(form))
                text = f"{before}{opened}{core}{closed}{after}" if core else text
            parts.append(text)
        return "".join(parts).replace("</a><a>", ""), boxes

    def walk(self, element, pieces, boxes):
        for child in element:
            tag = child.tag
            if tag == W + "r":
                self.run(child, pieces, boxes)
            elif tag == W + "hyperlink":
                inner = []
                self.walk(child, inner, boxes)
                kind, target, outside = self.package.relations(self.part).get(child.get(R + "id"), ("", "", False))
                anchor = child.get(W + "anchor")
                href = (target if outside else "") + (f"#{anchor}" if anchor else "")
                if href:
                    pieces.append(((), f'<a href="{html_text.escape(href)}">'))
                pieces += inner
                if href:
                    pieces.append(((), "</a>"))
            elif tag == W + "fldSimple" and self.repeated and COUNTED.match(child.get(W + "instr", "")):
                pieces.append(((), counted(child.get(W + "instr"))))
            elif tag in PASS:
                self.walk(child, pieces, boxes)
            elif tag == MATH + "oMathPara" or tag == MATH + "oMath":
                tex = html_text.escape(tex_of(child).strip(), quote=False)
                marks, kind = ((r"\[", r"\]"), "display") if tag == MATH + "oMathPara" else ((r"\(", r"\)"), "inline")
                pieces.append(((), f'<span class="math {kind}">{marks[0]}{tex}{marks[1]}</span>' if tex else ""))
            elif tag in (W + "del", W + "moveFrom"):
                warn("tracked changes: insertions were accepted, deletions left out")
            elif tag == W + "bookmarkStart" and child.get(W + "name") in self.wanted:
                pieces.append(((), f'<a id="{html_text.escape(child.get(W + "name"))}"></a>'))
            elif isinstance(tag, str) and tag.endswith("}AlternateContent") and len(child):
                self.walk(child[0], pieces, boxes)

    def run(self, element, pieces, boxes):
        properties = element.find(W + "rPr")
        if properties is not None and switched(properties, "vanish"):
            warn("hidden text was left out")
            return
        form = self.form_of(properties) if properties is not None and len(properties) else ()
        for child in element:
            tag = child.tag
            if tag == W + "t":
                if not self.fields or self.fields[-1]["shown"]:
                    text = symbol_letters(child.text or "", font_of(properties) if PRIVATE.search(child.text or "") else "")
                    pieces.append((form, html_text.escape(text, quote=False)))
            elif tag == W + "br":
                pieces.append(((), "<br>") if child.get(W + "type") != "page" else ((), "\f"))
            elif tag == W + "sym":
                code = (
                    int(child.get(W + "char", "F0B7"), 16)
                    if re.fullmatch(r"[0-9A-Fa-f]{1,5}", child.get(W + "char", ""))
                    else 0xF0B7
                )
                letter = symbol_letters(chr(code), child.get(W + "font", ""))
                pieces.append((form, html_text.escape(letter)))
            elif tag == W + "fldChar":
                self.field(child.get(W + "fldCharType"), pieces)
            elif tag == W + "instrText":
                if self.fields:
                    self.fields[-1]["text"] += child.text or ""
            elif tag in (W + "footnoteReference", W + "endnoteReference"):
                kind = "footnotes" if "footnote" in tag else "endnotes"
                key = (kind, child.get(W + "id"))
                number = list(self.notes).index(key) + 1 if key in self.notes else len(self.notes) + 1
                self.notes.setdefault(key, "")
                pieces.append(((), f'<sup class="footnote-ref"><a href="#fn{number}">{number}</a></sup>'))
            elif tag == W + "commentReference":
                warn("comments were left out")
            elif tag in (W + "drawing", W + "pict", W + "object"):
                self.drawing(child, pieces, boxes)
            elif tag == W + "ruby":
                self.walk(child, pieces, boxes)
            elif isinstance(tag, str) and tag.endswith("}AlternateContent"):
                for choice in child:
                    before = len(pieces), len(boxes)
                    self.drawing(choice, pieces, boxes)
                    if (len(pieces), len(boxes)) != before:
                        break
            elif isinstance(tag, str) and tag.startswith(W):
                text = RUN_CONTENT.get(tag[len(W) :])
                if text:
                    pieces.append((form if text != "<br>" else (), text))

    def form_of(self, properties):
        """The elements around the text of a run, from the outside."""
        style = value(properties, "rStyle")
        css = self.run_looks(properties, self.around)
        form = [tag for name, said, tag in STRESSES if css.get(name) == said and css.pop(name)]
        form += {tag: 1 for name, tag in RUN_TAGS if switched(properties, name)}
        form += {"superscript": ["sup"], "subscript": ["sub"]}.get(value(properties, "vertAlign"), [])
        if style and style in self.styles and CODE_STYLES.match(value(self.styles[style], "name", "")):
            form += ["code"]
            css.pop("font-family", None)
        return (f'span style="{css_text(css)}"', *form) if css and LOOKING else tuple(form)

    def field(self, kind, pieces):
        """Fields: the result is shown, the instruction is not; a HYPERLINK becomes a link."""
        if kind == "begin":
            self.fields.append({"text": "", "shown": False, "link": False})
        elif self.fields and kind == "separate":
            top = self.fields[-1]
            top["counted"] = self.repeated and COUNTED.match(top["text"]) is not None
            top["shown"] = not top["counted"]
            found = re.match(r'\s*HYPERLINK\s+(\\l\s+)?"([^"]+)"', top["text"])
            if found:
                top["link"] = True
                pieces.append(((), f'<a href="{html_text.escape(("#" if found.group(1) else "") + found.group(2))}">'))
        elif self.fields and kind == "end":
            ended = self.fields.pop()
            if ended["link"]:
                pieces.append(((), "</a>"))
            elif self.repeated and COUNTED.match(ended["text"]):
                pieces.append(((), counted(ended["text"])))

    def tabs(self, properties, text):
        """Text whose tabs are marked: one to a stop at the right or in the middle fills the line, another is a gap."""
        if "\t" not in text:
            return text
        stops = {}
        for holder in [properties, *(style.find(W + "pPr") for style in self.style_chain(value(properties, "pStyle")))]:
            for stop in holder.iterfind(f"{W}tabs/{W}tab") if holder is not None else ():
                stops.setdefault(stop.get(W + "pos", ""), stop.get(W + "val", "left"))
        kinds = [kind for place, kind in sorted(stops.items(), key=lambda stop: whole(stop[0], 0)) if kind != "clear"]
        parts = re.split(r"\t(?![^<]*>)", text)
        if len(kinds) > len(parts) - 1 and kinds[-1] in FILLING and "center" not in kinds:
            kinds = kinds[len(kinds) - len(parts) + 1 :]
        filled = [at < len(kinds) and kinds[at] in FILLING for at in range(len(parts) - 1)]
        marked = "".join(TAB[filled[at - 1]] + part if at else part for at, part in enumerate(parts))
        return marked + (TAB[True] if filled[-1] and kinds[len(filled) - 1] == "center" else "")

    def drawing(self, element, pieces, boxes):
        """Pictures by their relation, text boxes as blocks around the paragraph, the words of diagrams and charts."""
        described = next(
            (item for item in element.iter() if isinstance(item.tag, str) and item.tag.endswith("}docPr")), None
        )
        alt = (described.get("descr") or described.get("title") or "") if described is not None else ""
        extent = next(
            (item for item in element.iter() if isinstance(item.tag, str) and item.tag.endswith("}extent")), None
        )
        css = self.place_of(element) if LOOKING else {}
        nested = {id(inner) for box in element.iter(W + "txbxContent") for inner in box.iter()}
        for item in element.iter():
            if id(item) in nested and item.tag != W + "txbxContent":
                continue
            if item.tag == W + "txbxContent":
                if not any(
                    parent.tag == W + "txbxContent" or str(parent.tag).endswith("}Fallback")
                    for parent in item.iterancestors()
                    if parent is not element
                ):
                    fields, self.fields, self.inside = self.fields, [], self.inside + 1
                    boxes.append((self.blocks(item), css | self.box_css(element) if LOOKING else {}))
                    self.fields, self.inside = fields, self.inside - 1
            elif item.tag == A + "blip":
                self.put(self.image(item.get(R + "embed") or item.get(R + "link"), alt, extent), css, pieces, boxes)
            elif item.tag == V + "imagedata":
                shown = item.get("{urn:schemas-microsoft-com:office:office}title") or alt
                self.put(self.image(item.get(R + "id"), shown, item.getparent()), css, pieces, boxes)
            elif isinstance(item.tag, str) and (
                item.tag.endswith("/chart}chart") or item.tag.endswith("/diagram}relIds")
            ):
                target = self.package.relations(self.part).get(
                    item.get(R + "id") or item.get(R + "dm"), ("", "", True)
                )[1]
                root = self.package.xml(target) if target else None
                if root is not None and root.tag == CHART + "chartSpace":
                    boxes.append((ChartData(root).markup(), {}))
                    warn("charts are given as the table of their data")
                    continue
                words = [" ".join("".join(block.itertext()).split()) for block in (root.iter(A + "p") if root is not None else ())]
                boxes.append(("".join(f"<p>{html_text.escape(line)}</p>" for line in words if line), {}))
                warn("of diagrams only the words are kept")

    def put(self, picture, css, pieces, boxes):
        """A picture into its line, or into a box of its own when it is anchored elsewhere."""
        if css and picture.startswith("<img"):
            boxes.append((picture, css))
        else:
            pieces.append(((), picture))

    def image(self, relation, alt, extent):
        kind, target, outside = self.package.relations(self.part).get(relation, ("", "", True))
        suffix = target.rpartition(".")[2].lower()
        shown = f"[{html_text.escape(alt, quote=False)}]" if alt else ""
        if outside or target.lower() not in self.package.names:
            if target:
                warn("pictures that are not part of the file are shown by their alternative text")
            return shown
        picture = self.package.read(target)
        if suffix in ("emf", "wmf", "emz", "wmz"):
            found = metafile_picture(picture)
            if found is None:
                warn(NOT_DRAWN)
                return shown
            picture, suffix, words = found
            alt = alt or words
        if suffix not in PICTURE_TYPES:
            warn(f"pictures of type {suffix[:8]} are shown by their alternative text")
            return shown
        data = base64.b64encode(picture).decode()
        size = [extent.get("cx"), extent.get("cy")] if extent is not None else [None, None]
        size = [int(side) / 9525 if side and side.isdecimal() and len(side) < 10 else None for side in size]
        if extent is not None and extent.get("style"):
            size = [length / 0.75 if (length := vml_length(vml_style(extent).get(side))) else None for side in ("width", "height")]
        width = "".join(f' {name}="{side:.0f}"' for name, side in zip(("width", "height"), size) if side and side >= 1)
        return f'<img src="data:image/{PICTURE_TYPES[suffix]};base64,{data}" alt="{html_text.escape(alt)}"{width}>'
