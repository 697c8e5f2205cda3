"""One HTML tree into Typst and that into PDF. Text is only ever a string literal there, pictures only ever data: URIs."""

import tempfile

MAX_NESTING = 12  # lists, quotes and tables inside each other; deeper ones continue at this level
RAW_LINES = 60  # Typst's time for one raw block grows with the square of its lines


class Typesetter(TypesetTables, TypesetInline, TypesetPages):
    """What has to be known while walking one document: its anchors, its pictures, which inline elements hold blocks."""

    def __init__(self, body, folder):
        self.body, self.folder, self.pictures = body, folder, {}
        self.vectors = True  # not those when Typst refuses one,
        self.plain = False  # nor pictures and formulas when it refuses those
        self.width, self.height = text_area_points(body.get("data-paper", ""))
        self.running, self.counting, self.cell_widths = self.take_running(body), "", {}
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

    def list_block(self, element, depth):
        items, extra, marks = [], self.anchor(element), []
        for child in element:
            if child.tag == "li":
                marks.append(child.get("data-mark"))
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
        first = int(start) if start.isdecimal() and len(start) < 10 else 1
        if any(marks):  # how the document shows its numbers
            shown = ", ".join(quoted(mark or f"{number}.") for number, mark in enumerate(marks, first))
            style = f", numbering: n => ({shown},).at(n - {first})"
        return [
            *extra,
            f"enum(tight: true, start: {first}{style}, {', '.join(items)})",
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

    def rules(self):
        """Settings of the whole document, after those of its pages."""
        return ""

    def document(self):
        """The whole body; a target that stands where nothing can be pointed at is the beginning of the document."""
        content = [*self.first_page(), *self.flow(self.body, 0)]
        labels = [label for _, label in self.anchors.values() if label not in self.placed]
        return "#{" + ";".join([f"[#metadata(none)#label({quoted(label)})]" for label in labels]
            + content
            + [f"[#metadata(none)#label({quoted(LAST)})]"]) + "}\n"


SETTER = Typesetter  # a program that knows looks puts another here


def write_pdf(body, title):
    import typst

    with tempfile.TemporaryDirectory() as folder:
        setter = SETTER(body, folder)
        setup = page_setup(title, body.get("lang"), direction_of(body), body.get("data-paper", ""), body.get("data-text", ""))
        while True:
            try:
                text = setter.document()
                compile_pdf(setup + setter.rules() + text, folder)
                break
            except typst.TypstError as error:
                drawings = setter.vectors and any(name.endswith(".svg") for name, *_ in setter.pictures.values())
                if not setter.plain and (setter.pictures or body.find(".//span[@class]") is not None):
                    warn(f"{'drawings' if drawings else 'pictures'} were left out{'' if drawings else ' and formulas stay LaTeX'}: {str(error)[:120]}")
                    setter.vectors, setter.plain = False, not drawings
                    setter.pictures.clear()
                elif type(setter) is not Typesetter:
                    warn(f"the looks of the document were left out: {str(error)[:120]}")
                    running, setter = setter.running, Typesetter(body, folder)
                    setter.running = running  # which was taken out of the body
                else:
                    raise
    return {"pages": check_pdf(OUTPUT, weight(body.text_content()))}
