"""A document whose elements say how they look (CSS in style attributes, written by the readers of office documents) as Typst."""

COLOUR = re.compile("#([0-9a-f]{6})$")
LENGTH = re.compile(r"(-?\d{1,5}(?:\.\d+)?)pt$")
BORDER = re.compile(r"(\d{1,2}(?:\.\d+)?)pt (solid|dashed|dotted|double) (#[0-9a-f]{6})$")
SCALES = {"serif": 1.0, "sans-serif": 0.93, "monospace": 0.92}  # the fonts here run as wide as those of offices
BOX = {"background-color", *(f"border-{side}" for side in SIDES)}


def css_of(element):
    """{name: value} of the style attribute."""
    pairs = (item.partition(":") for item in (element.get("style") or "").split(";"))
    return {name.strip(): text.strip() for name, _, text in pairs if text}


def points(text):
    found = LENGTH.match(text or "")
    return float(found.group(1)) if found else None


def paint(text):
    found = COLOUR.match(text or "")
    return f'rgb("{found.group(1)}")' if found else None


def stroke_of(text):
    found = BORDER.match(text or "")
    if not found:
        return None
    width = float(found.group(1)) / (2 if found.group(2) == "double" else 1)
    dash = f', dash: "{found.group(2)}"' if found.group(2) in ("dashed", "dotted") else ""
    return f"(paint: {paint(found.group(3))}, thickness: {width:g}pt{dash})"


def strokes(css):
    """The lines around a box: {side: stroke}."""
    around = stroke_of(css.get("border"))
    found = {side: stroke_of(css.get(f"border-{side}")) or around for side in SIDES}
    return {side: line for side, line in found.items() if line}


def listed(pairs):
    return f"({', '.join(f'{name}: {text}' for name, text in pairs.items())})"


class LookingTypesetter(Typesetter):
    """A typesetter that minds what elements say of colours, sizes, fonts, spacing, alignment, lines and boxes."""

    running_rules = ""

    def __init__(self, body, folder):
        super().__init__(body, folder)
        said = body.get("data-text", "").split()
        self.size, self.family = (points(said[0] + "pt") or 11.0, said[1]) if len(said) > 4 else (11.0, "sans-serif")
        self.before, self.after = (float(each) for each in said[2:4]) if len(said) > 4 else (0.0, 8.0)
        self.usual_line = said[4] if len(said) > 4 else f"{LINE_EM}"
        self.looks = dict(item.partition(":")[::2] for item in said[5:])  # what else the usual paragraph says

    def rules(self):
        """The settings of the document after those of its pages."""
        total = LINE_EM / SCALES.get(self.family, 0.93)
        leading = self.leading(self.usual_line, self.size)
        fill = paint(self.looks.get("color"))
        return "\n".join(
            [
                f"#set text(top-edge: {total * 0.78:.3f}em, bottom-edge: -{total * 0.22:.3f}em{f', fill: {fill}' if fill else ''})",
                f"#set par(leading: {leading:.2f}pt, spacing: {self.before + self.after + leading:.2f}pt"
                f"{', justify: true' if self.looks.get('text-align') == 'justify' else ''})",
                "#show heading: it => it.body",
                "#set table(inset: (x: 5.4pt, y: 0pt), stroke: none)",
                "#show table: set block(spacing: 0pt)",
                "",
            ]
        )

    def leading(self, line, size):
        """What a line height adds between two lines, in points."""
        exact = points(line)
        if exact is not None:
            return exact - LINE_EM * size
        return (float(line) - LINE_EM) * size if re.fullmatch(r"\d{1,2}(\.\d+)?", line or "") else 0.0

    def text_settings(self, css):
        """What of Typst's text settings the CSS decides: {name: value}."""
        found = {}
        family = css.get("font-family", "").rpartition(",")[2]
        scale = SCALES.get(family or self.family, 0.93)
        if size := points(css.get("font-size")):
            found["size"] = f"{size * scale:.2f}pt"
        elif family:
            found["size"] = f"{scale / SCALES.get(self.family, 0.93):.3f}em"
        if family:
            usual = {"serif": "Libertinus Serif", "monospace": "DejaVu Sans Mono"}.get(family)
            found["font"] = f"({', '.join(map(quoted, [usual, *FAMILIES] if usual else FAMILIES))})"
        if fill := paint(css.get("color")):
            found["fill"] = fill
        if css.get("font-weight") in ("bold", "normal"):
            found["weight"] = quoted("bold" if css["font-weight"] == "bold" else "regular")
        if css.get("font-style") in ("italic", "normal"):
            found["style"] = quoted(css["font-style"])
        if apart := points(css.get("letter-spacing")):
            found["tracking"] = f"{apart:g}pt"
        return found

    def inline(self, element, styles):
        made = super().inline(element, styles)
        css = css_of(element) if element.tag == "span" and element.get("style") else {}
        if not css or not made:
            return made
        text = "{" + ";".join(made) + "}"
        settings = self.text_settings(css)
        if css.get("text-transform") == "uppercase":
            text = f"upper({text})"
        if css.get("text-decoration") == "underline":
            text = f"underline({text})"
        if css.get("font-variant") == "small-caps":
            text = f"smallcaps({text})"
        if settings:
            text = f"text({listed(settings)[1:-1]}, {text})"
        if fill := paint(css.get("background-color")):
            text = f'highlight(fill: {fill}, top-edge: "ascender", bottom-edge: "descender", {text})'
        return [text]

    def block(self, element, depth):
        tag = element.tag
        css = css_of(element)
        if element.get("class") == "beside":
            return [self.beside(element, depth)]
        if tag == "div" and css:
            return self.box(element, css, depth)
        if tag in ("h1", "h2", "h3", "h4", "h5", "h6") and css:
            settings = self.text_settings({"font-weight": "normal"} | css)
            line = self.line_of(element)
            if line == "{}":
                return self.anchor(element)
            title = f"heading(level: {tag[1]}, {{set text({listed(settings)[1:-1]});{line[1:]})"
            return [*self.anchor(element), self.boxed([title], css, {})]
        if tag == "p" and len(element) == 1 and element[0].tag == "br" and not element.text and not element[0].tail:
            return [self.boxed(['par("\u00a0")'], css, self.text_settings(css))]
        made = super().block(element, depth)
        if tag == "p" and css and made:
            made = [self.boxed(made, css, self.text_settings(css))]
        return made

    def line_of(self, element):
        line = Typesetter.line(self, element)
        if self.mixed and runs_right_to_left(element) != self.right:
            line = f"{{set text(dir: {'ltr' if self.right else 'rtl'});{line[1:]}"
        return line

    def boxed(self, content, css, settings):
        """Blocks as the paragraph that the CSS describes."""
        size = points(css.get("font-size")) or self.size
        leading = self.leading(css.get("line-height", self.usual_line), size)
        above, below = points(css.get("margin-top")), points(css.get("margin-bottom"))
        outer = {"width": "100%"}
        outer["above"] = f"{(above if above is not None else self.before + self.after) + leading:.2f}pt"
        outer["below"] = f"{(below if below is not None else self.after):.2f}pt"
        left, right, first = (points(css.get(name)) or 0.0 for name in ("margin-left", "margin-right", "text-indent"))
        left, hanging = (left + first, -first) if first < 0 else (left, 0.0)
        left, right = max(left, -20.0), max(right, -20.0)
        if left + right > self.width - 60:
            left = right = 0.0
        if left or right:
            outer["inset"] = f"(left: {left:.1f}pt, right: {right:.1f}pt)"
        par = {"leading": f"{leading:.2f}pt"} if "line-height" in css or "font-size" in css else {}
        if css.get("text-align"):
            par["justify"] = "true" if css["text-align"] == "justify" else "false"
        if first > 0:
            par["first-line-indent"] = f"(amount: {first:.1f}pt, all: true)"
        if hanging:
            par["hanging-indent"] = f"{hanging:.1f}pt"
        inner = [f"set text({listed(settings)[1:-1]})"] if settings else []
        inner += [f"set par({listed(par)[1:-1]})"] if par else []
        inner += [f"set align({css['text-align']})"] if css.get("text-align") in ("left", "center", "right") else []
        inner += ["show: underline"] if css.get("text-decoration") == "underline" else []
        text = "{" + ";".join([*inner, *content]) + "}"
        box = {name: text for name, text in (("fill", paint(css.get("background-color"))), ("stroke", strokes(css))) if text}
        if box:
            box |= {"stroke": listed(box["stroke"])} if "stroke" in box else {}
            outset = "(x: 4pt, y: 2pt)" if "stroke" in box else "(x: 0pt)"
            text = f"block(width: 100%, above: 0pt, below: 0pt, outset: {outset}, {listed(box)[1:-1]}, {text})"
        return f"block({listed(outer)[1:-1]}, {text})"

    def line_points(self, block):
        """How much of a header a line takes, with its share of the space around the paragraph."""
        css = css_of(block)
        sizes = [points(css_of(each).get("font-size")) or 0.0 for each in block.iter("p", "span")]
        size = max([self.size if not css.get("font-size") else 0.0, *sizes])
        below = points(css.get("margin-bottom"))
        above = (points(css.get("margin-top")) or 0.0) if block.getprevious() is not None and "margin-top" in css else 0.0
        return LINE_EM * size + self.leading(css.get("line-height", self.usual_line), size) + max(self.after if below is None else below, above)

    def table_points(self, columns, widths):
        return self.size * SCALES.get(self.family, 0.93) if widths or columns < 7 else super().table_points(columns, widths)

    def row_heights(self, rows):
        heights = {y: points(css_of(row).get("height")) for y, row in enumerate(rows) if row.get("style")}
        return {y: height for y, height in heights.items() if height}

    def cell(self, place, depth, size, columns):
        element, x, y, width, height = place
        css = css_of(element)
        if not css:
            return super().cell(place, depth, size, columns)
        said = {"x": x, "y": y, **({"colspan": width} if width > 1 else {}), **({"rowspan": height} if height > 1 else {})}
        if fill := paint(css.get("background-color")):
            said["fill"] = fill
        if lines := strokes(css):
            said["stroke"] = listed(lines)
        up = {"middle": "horizon", "bottom": "bottom"}.get(css.get("vertical-align"))
        if up:
            said["align"] = f"left + {up}"
        padding = [points(each) or 0.0 for each in css.get("padding", "0pt 5.4pt 0pt 5.4pt").split()]
        blocks = [child for child in element if child.tag in BLOCKS]
        if blocks and len(padding) == 4:  # space around the first and last paragraph is kept in a cell
            above, below = (points(css_of(child).get(name)) for child, name in ((blocks[0], "margin-top"), (blocks[-1], "margin-bottom")))
            padding[0] += above if above is not None else self.before
            padding[2] += below if below is not None else self.after
        elif len(padding) == 4:
            padding[0], padding[2] = padding[0] + self.before, padding[2] + self.after
        if len(padding) == 4:
            said["inset"] = listed({side: f"{room:g}pt" for side, room in zip(SIDES, padding)})
        return f"table.cell({listed(said)[1:-1]}, {self.cell_text(place, depth, size, columns)})"


SETTER = LookingTypesetter
