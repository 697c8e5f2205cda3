"""What stands in a line as Typst: text, its styles, links, formulas, pictures; text only as string literals, pictures only from data: URIs."""

import base64

STYLES = {
    "strong": "strong",
    "b": "strong",
    "em": "emph",
    "i": "emph",
    "cite": "emph",
    "var": "emph",
    "dfn": "emph",
    "del": "strike",
    "s": "strike",
    "strike": "strike",
    "u": "underline",
    "ins": "underline",
    "sub": "sub",
    "sup": "super",
    "mark": "highlight",
}
CODE = {"code", "kbd", "samp", "tt"}
TABS = {"tab": "h(1.5em)", "tab fill": "h(1fr)"}
LONG_WORD = re.compile(r"[!-~]{80,}")


def breakable(text):
    """Text whose words fit: one wider than a line would run off the page."""
    return LONG_WORD.sub(lambda word: "\u200b".join(re.findall(".{1,40}", word.group())), text)


class TypesetInline:
    """Inline elements as pieces of a Typst code block, joined by ``;``; what a document is made of is the subclass's."""

    def line(self, element, styles=frozenset()):
        pieces = [piece for piece in self.pieces(element, styles)]
        return "{" + ";".join(pieces) + "}"

    def pieces(self, element, styles):
        out = []
        for text, child in [(element.text, None)] + [(child.tail, child) for child in element]:
            if child is not None:
                out += self.inline(child, styles)
            text = text and re.sub(r"[ \t\r\n\f]+", " ", text)
            if text:
                out.append(quoted(breakable(text)))
        return out

    def inline(self, element, styles):
        tag = element.tag
        if tag == "br":
            return ["linebreak()"]
        if tag == "img":
            return self.picture(element)
        if tag == "input":
            if element.get("type") == "checkbox":
                return [quoted("☑ " if element.get("checked") is not None else "☐ ")]
            return (
                [quoted(element.get("value"))]
                if element.get("value") and element.get("type") not in ("hidden", "password")
                else []
            )
        if tag in CODE:
            text = re.sub(r"\s+", " ", element.text_content())
            return [*self.anchor(element), f"mono({quoted(breakable(text))})"] if text else []
        if "footnote-backref" in (element.get("class") or ""):
            return []
        if tag == "span" and (element.get("class") or "").startswith("math") and not self.plain:
            display = "display" in element.get("class")
            formula = typst_formula(re.sub(r"^\\[(\[]|\\[)\]]$", "", element.text_content().strip()).strip(), display)
            if formula:
                return [formula]
        if tag == "span" and element.get("class") in TABS:
            return [TABS[element.get("class")]]
        if tag == "span" and self.counting and element.get("class") in ("page-number", "page-count"):
            if element.get("class") == "page-number":
                return [f"counter(page).display({self.counting})"]
            return [f"str(locate(label({quoted(LAST)})).page())"]
        style = STYLES.get(tag)
        if style in styles:
            style = None
        inner = self.pieces(element, styles | {style} if style else styles)
        if tag == "q":
            inner = [quoted("“"), *inner, quoted("”")]
        if not inner:
            return self.anchor(element)
        if style:
            inner = [f"{style}({{{';'.join(inner)}}})"]
        href = (element.get("href") or "").strip() if tag == "a" else ""
        if href and "link" not in styles:
            target = self.anchors.get(href[1:]) if href.startswith("#") else None
            goal = (
                f"label({quoted(target[1])})"
                if target
                else quoted(href)
                if re.match(r"(https?|mailto|tel|ftp):.", href, re.I) and len(href) < 4000
                else None
            )
            inner = [f"link({goal}, {{{';'.join(inner)}}})"] if goal else inner
        return self.anchor(element) + inner

    def anchor(self, element):
        name = element.get("id") or (element.tag == "a" and element.get("name")) or ""
        known = self.anchors.get(name)
        if not known or known[0] is not element:
            return []
        self.placed.add(known[1])
        return [f"[#metadata(none)#label({quoted(known[1])})]"]

    def picture(self, element):
        alt = element.get("alt") or ""
        try:
            name, width, height = self.stored(element.get("src") or "")
        except (ValueError, OSError) as error:
            if str(error) != "none":
                warn("a picture of an unknown or damaged format is shown by its alternative text")
            return [quoted(f"[{alt}]")] if alt else []
        asked = [re.fullmatch(r"(\d+(?:\.\d+)?)\s*+(px|)", (element.get(side) or "").strip()) for side in ("width", "height")]
        if asked[0]:
            width, height = (
                float(asked[0].group(1)),
                float(asked[1].group(1)) if asked[1] else height * float(asked[0].group(1)) / width,
            )
        room = min(self.room(element), self.width - 30)
        scale = min(0.75, max(room, 10) / max(width, 1), (self.height - 30) / max(height, 1))
        return [
            f"box(image({quoted(name)}, width: {max(width * scale, 1):.1f}pt, height: {max(height * scale, 1):.1f}pt, alt: {quoted(alt)}))"
        ]

    def stored(self, uri):
        """Write the picture of a data: URI into the folder once; return its name and its size in pixels."""
        if uri in self.pictures:
            return self.pictures[uri]
        if is_svg(uri) and self.vectors and not self.plain:
            raw, width, height = svg_bytes(uri)
            name = f"p{len(self.pictures)}.svg"
            Path(self.folder, name).write_bytes(raw)
            self.pictures[uri] = name, width, height
            return self.pictures[uri]
        head, _, body = uri.partition(",")
        if self.plain or ";base64" not in head:
            raise ValueError("none" if self.plain else "not base64")
        raw = base64.b64decode(body, validate=False)
        self.pictures[uri] = stored_picture(raw, self.folder, f"p{len(self.pictures)}")
        return self.pictures[uri]
