"""One HTML tree into Typst and that into PDF. Text is only ever a string literal there, pictures only ever data: URIs."""

import base64
import io
import tempfile

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
MAX_NESTING = 12  # lists, quotes and tables inside each other; deeper ones continue at this level
RAW_LINES = 60  # Typst's time for one raw block grows with the square of its lines
NATIVE_PICTURES = {"PNG": "png", "JPEG": "jpg", "GIF": "gif", "WEBP": "webp"}


LONG_WORD = re.compile(r"[!-~]{80,}")


def breakable(text):
    """Text whose words fit: one wider than a line would run off the page."""
    return LONG_WORD.sub(lambda word: "\u200b".join(re.findall(".{1,40}", word.group())), text)


class Typesetter(TypesetTables):
    """What has to be known while walking one document: its anchors, its pictures, which inline elements hold blocks."""

    def __init__(self, body, folder):
        self.body, self.folder, self.pictures = body, folder, {}
        self.plain = False  # without pictures and formulas, when Typst refuses one
        self.width, self.height = text_area_points(body.get("data-paper", ""))
        self.right = direction_of(body) == "rtl"
        self.mixed = RIGHT_LETTERS.search(body.text_content()) is not None  # paragraphs may run against the document
        self.anchors, self.holders, self.placed, targets = {}, set(), set(), set()
        for element in body.iter():
            if element.tag == "a" and (element.get("href") or "").startswith("#"):
                targets.add(element.get("href")[1:])
            if element.tag in BLOCKS:
                parent = element.getparent()
                while parent is not None and parent.tag not in BLOCKS and parent not in self.holders:
                    self.holders.add(parent)
                    parent = parent.getparent()
        for element in body.iter():
            name = element.get("id") or (element.tag == "a" and element.get("name")) or ""
            if name in targets and name not in self.anchors:
                self.anchors[name] = (element, f"a{len(self.anchors)}")

    # -- blocks: each returns a list of Typst expressions

    def flow(self, element, depth, styles=frozenset()):
        """The content of an element that may hold text and blocks."""
        result, line = self.anchor(element), []

        def flush():
            if any(piece != '" "' for piece in line):
                result.append("par({" + ";".join(line) + "})")
            line.clear()

        def text(value):
            value = value and re.sub(r"[ \t\r\n\f]+", " ", value)
            if value and not line:
                value = value.lstrip(" ")
            if value:
                line.append(quoted(breakable(value)))

        text(element.text)
        for child in element:
            if child.tag in BLOCKS or child in self.holders:
                flush()
                result += self.block(child, depth)
            elif child.tag == "span" and child.get("class") == "math display":
                flush()
                result += self.inline(child, styles)
            else:
                line += self.inline(child, styles)
            text(child.tail)
        flush()
        return result

    def block(self, element, depth):
        tag = element.tag
        if tag in ("h1", "h2", "h3", "h4", "h5", "h6"):
            content = self.line(element)
            if self.mixed and runs_right_to_left(element) != self.right:
                content = f"{{set text(dir: {'ltr' if self.right else 'rtl'});{content[1:]}"
            return self.anchor(element) + ([f"heading(level: {tag[1]}, {content})"] if content != "{}" else [])
        if tag == "p" and element not in self.holders and not any(child.tag in BLOCKS for child in element):
            align = re.search(r"(?:^|[;\s])text-align\s*:\s*(center|right)", element.get("style") or "") or re.match(
                "(center|right)$", element.get("align") or ""
            )
            content = self.flow(element, depth)
            if self.mixed and content and runs_right_to_left(element) != self.right:
                content = [f"{{set text(dir: {'ltr' if self.right else 'rtl'});{';'.join(content)}}}"]
            return [f"align({align.group(1)}, {{{';'.join(content)}}})"] if align and content else content
        if tag == "pre":
            return self.code_block(element)
        if tag == "hr":
            if "page-break" in (element.get("class") or ""):
                return self.page_break(element) if depth == 0 else []
            return ["line(length: 100%, stroke: 0.5pt + luma(150))"]
        if tag in ("ul", "ol", "menu", "dir") and depth < MAX_NESTING:
            return self.list_block(element, depth)
        if tag == "blockquote" and depth < MAX_NESTING:
            return ["quote(block: true, {" + ";".join(self.flow(element, depth + 1)) + "})"]
        if tag == "table" and depth < MAX_NESTING:
            return self.table(element, depth)
        if tag == "dt":
            return (
                [*self.anchor(element), f"par(strong({self.line(element)}))"]
                if element not in self.holders and not any(c.tag in BLOCKS for c in element)
                else self.flow(element, depth)
            )
        if tag in ("header", "footer"):
            inner = self.flow(element, depth)
            return [f"{{set text(size: 0.85em, fill: luma(90));{';'.join(inner)}}}"] if inner and depth == 0 and SOURCE_TYPE not in PAGES else inner
        if tag == "dd" and depth < MAX_NESTING:
            return ["pad(left: 1.5em, {" + ";".join(self.flow(element, depth + 1)) + "})"]
        return self.flow(element, depth)

    def page_break(self, element):
        """A new page, and other paper from there on where the next section has other paper."""
        paper = element.get("data-paper", "")
        if not paper or OPTIONS.get("page_size") != "auto":
            return ["pagebreak(weak: true)"]
        self.width, self.height = text_area_points(paper)
        return [f"set page({page_size(paper)})"]

    def list_block(self, element, depth):
        items, extra = [], self.anchor(element)
        for child in element:
            if child.tag == "li":
                items.append("{" + ";".join(self.item(child, depth + 1)) + "}")
            else:
                block = self.block(child, depth + 1) if child.tag in BLOCKS else [self.line(child)]
                items[-1:] = [f"{items[-1][:-1]};{';'.join(block)}}}"] if items else block
        if not items:
            return extra
        if element.tag != "ol":
            return [*extra, f"list(tight: true, {', '.join(items)})"]
        start = element.get("start") or "1"
        style = {
            "a": ', numbering: "a."',
            "A": ', numbering: "A."',
            "i": ', numbering: "i."',
            "I": ', numbering: "I."',
        }.get(element.get("type"), "")
        return [
            *extra,
            f"enum(tight: true, start: {start if start.isdecimal() and len(start) < 10 else 1}{style}, {', '.join(items)})",
        ]

    def item(self, element, depth):
        """A list item; a lone line is not made a paragraph, so that the list stays tight."""
        content = self.flow(element, depth)
        return [
            re.sub(r"^par\((.*)\)$", r"\1", piece, flags=re.S) if index == 0 else piece
            for index, piece in enumerate(content)
        ]

    def code_block(self, element):
        lines = element.text_content().strip("\n").expandtabs(4).split("\n")
        chunks = ["\n".join(lines[at : at + RAW_LINES]) for at in range(0, len(lines), RAW_LINES)]
        blocks = [
            "block(width: 100%, fill: luma(246), inset: (x: 6pt, y: 3pt), above: 0pt, below: 0pt, raw(block: true, "
            + quoted(chunk)
            + "))"
            for chunk in chunks
        ]
        return [*self.anchor(element), "block({" + ";".join(blocks) + "})"]

    # -- inline: pieces of a code block, joined by ;

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

    def document(self):
        """The whole body; a target that stands where nothing can be pointed at is the beginning of the document."""
        content = self.flow(self.body, 0)
        labels = [label for _, label in self.anchors.values() if label not in self.placed]
        return "#{" + ";".join([f"[#metadata(none)#label({quoted(label)})]" for label in labels] + content) + "}\n"

    def picture(self, element):
        alt = element.get("alt") or ""
        try:
            name, width, height = self.stored(element.get("src") or "")
        except (ValueError, OSError) as error:
            if str(error) != "none":
                warn("a picture of an unknown or damaged format is shown by its alternative text")
            return [quoted(f"[{alt}]")] if alt else []
        asked = [re.match(r"\s*(\d+(?:\.\d+)?)\s*(px|)\s*$", element.get(side) or "") for side in ("width", "height")]
        if asked[0]:
            width, height = (
                float(asked[0].group(1)),
                float(asked[1].group(1)) if asked[1] else height * float(asked[0].group(1)) / width,
            )
        room = self.width - 30
        for cell in element.iterancestors("td", "th"):
            room = room / max(1, len(cell.getparent())) - 8
        scale = min(0.75, max(room, 10) / max(width, 1), (self.height - 30) / max(height, 1))
        return [
            f"box(image({quoted(name)}, width: {max(width * scale, 1):.1f}pt, height: {max(height * scale, 1):.1f}pt, alt: {quoted(alt)}))"
        ]

    def stored(self, uri):
        """Write the picture of a data: URI into the folder once; return its name and its size in pixels."""
        from PIL import Image

        if uri in self.pictures:
            return self.pictures[uri]
        head, _, body = uri.partition(",")
        if self.plain or ";base64" not in head:
            raise ValueError("none" if self.plain else "not base64")
        raw, name = base64.b64decode(body, validate=False), f"p{len(self.pictures)}"
        Image.MAX_IMAGE_PIXELS = MAX_PIXELS
        try:
            image = Image.open(io.BytesIO(raw))
            if image.width * image.height > MAX_PIXELS // 4:
                raise ValueError("too many pixels")
            if image.format in NATIVE_PICTURES and image.mode != "CMYK":
                name = f"{name}.{NATIVE_PICTURES[image.format]}"
                Path(self.folder, name).write_bytes(raw)
            else:
                name += ".png"
                image.convert("RGBA" if "A" in image.getbands() or "transparency" in image.info else "RGB").save(
                    Path(self.folder, name), compress_level=1
                )
        except (Image.DecompressionBombError, SyntaxError) as error:
            raise ValueError("damaged") from error
        self.pictures[uri] = name, image.width, image.height
        return self.pictures[uri]


def write_pdf(body, title):
    import typst

    with tempfile.TemporaryDirectory() as folder:
        setter = Typesetter(body, folder)
        setup = page_setup(title, body.get("lang"), direction_of(body), body.get("data-paper", ""))
        try:
            compile_pdf(setup + setter.document(), folder)
        except typst.TypstError as error:
            if not (setter.pictures or body.find(".//span[@class]") is not None):
                raise
            warn(f"pictures were left out and formulas stay LaTeX: {str(error)[:120]}")
            setter.plain = True
            compile_pdf(setup + setter.document(), folder)
    return {"pages": check_pdf(OUTPUT, weight(body.text_content()))}
