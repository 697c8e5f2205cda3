"""How the text of a Word document looks, as CSS: what defaults, table styles, styles and the paragraph or run itself say, in that order.

Only what differs from the usual paragraph of the document is written, and only for pages: formats without looks get none.
"""

HIGHLIGHTS = {
    "yellow": "#ffff00", "green": "#00ff00", "cyan": "#00ffff", "magenta": "#ff00ff", "blue": "#0000ff", "red": "#ff0000",
    "darkBlue": "#000080", "darkCyan": "#008080", "darkGreen": "#008000", "darkMagenta": "#800080", "darkRed": "#800000",
    "darkYellow": "#808000", "darkGray": "#808080", "lightGray": "#c0c0c0", "black": "#000000", "white": "#ffffff",
}  # fmt: skip
ALIGNS = {"center": "center", "right": "right", "end": "right", "both": "justify", "distribute": "justify", "left": "left", "start": "left"}
LINES = {"dashed": "dashed", "dashSmallGap": "dashed", "dotted": "dotted", "double": "double", "dotDash": "dashed", "triple": "double"}
SERIFS = re.compile("times|georgia|garamond|cambria|book|palatino|century|serif|roman|minion|baskerville|caslon|song|mincho", re.I)
MONO = re.compile("courier|consol|mono|menlo|typewriter|fixed", re.I)
HEX = re.compile("[0-9A-Fa-f]{6}")
INITIAL = {
    "color": "#000000", "background-color": "transparent", "font-weight": "normal", "font-style": "normal", "text-transform": "none",
    "font-variant": "normal", "letter-spacing": "normal", "text-align": "left", "line": "normal", "text-decoration": "none",
} | {f"border-{side}": "none" for side in SIDES}  # fmt: skip
LOOKING = PAGED or TARGET == "html"


def colour_of(text):
    return f"#{text.lower()}" if HEX.fullmatch(text or "") else ""


def shade_of(holder):
    """The colour that fills a paragraph, a run or a cell, "" for none."""
    shading = holder.find(W + "shd") if holder is not None else None
    if shading is None:
        return None
    share = re.fullmatch(r"pct(\d+)", shading.get(W + "val", ""))
    if share and shading.get(W + "fill") in ("auto", "FFFFFF", None) and shading.get(W + "color") in ("auto", "000000", None):
        return "#" + f"{round(255 * (1 - int(share.group(1)) / 100)) % 256:02x}" * 3
    return colour_of(shading.get(W + "color" if shading.get(W + "val") == "solid" else W + "fill"))


def twips(text, divisor=20):
    """Twentieths of a point as points; None for what is no number."""
    return int(text) / divisor if re.fullmatch(r"-?\d{1,6}", text or "") else None


def line_css(side):
    """A border of a paragraph or a cell as CSS, "" for none."""
    kind = side.get(W + "val")
    if kind in ("none", "nil", None):
        return ""
    width = min(max((twips(side.get(W + "sz"), 8) or 0.5) * (3 if kind == "double" else 1), 0.25), 6)
    return f"{width:g}pt {LINES.get(kind, 'solid')} {colour_of(side.get(W + 'color')) or '#000000'}"


def borders_of(holder, name):
    """{side: CSS of its line, "" for none} of what a holder says of borders."""
    borders = holder.find(W + name) if holder is not None else None
    found = {}
    for side in borders if borders is not None else ():
        if isinstance(side.tag, str):
            place = side.tag[len(W) :]
            found[{"start": "left", "end": "right"}.get(place, place)] = line_css(side)
    return found


def css_text(css):
    return ";".join(f"{name}:{text}" for name, text in css.items())


class WordLooks:
    """Properties of runs and paragraphs as {CSS name: value}; those of styles are read once."""

    def read_looks(self):
        self.known, self.table_text = {}, ({}, {})  # the looks of styles; what the table around a paragraph says
        root = self.package.xml(next(iter(self.package.related(self.part, "styles")), "word/styles.xml"))
        defaults = root.find(W + "docDefaults") if root is not None else None
        self.theme = self.package.xml(next(iter(self.package.related(self.part, "theme")), "word/theme/theme1.xml"))
        holders = [defaults.find(f"{W}{kind}PrDefault/{W}{kind}Pr") if defaults is not None else None for kind in "pr"]
        self.base = self.paragraph_css(holders[0]), {"font-size": "10pt"} | self.run_css(holders[1])
        normal = [name for name, style in self.styles.items() if style.get(W + "default") == "1" and style.get(W + "type") == "paragraph"]
        self.normal = normal[0] if normal else ""
        self.usual = tuple(base | own for base, own in zip(self.base, self.style_css(self.normal)))

    def theme_font(self, name):
        kind = "major" if name.startswith("major") else "minor"
        font = self.theme.find(f".//{A}{kind}Font/{A}latin") if self.theme is not None else None
        return font.get("typeface", "") if font is not None else ""

    def style_css(self, name):
        """(paragraph, run) of a style and those that it is based on."""
        if name not in self.known:
            paragraph, run = {}, {}
            for style in reversed(list(self.style_chain(name))):
                paragraph |= self.paragraph_css(style.find(W + "pPr"))
                run |= self.run_css(style.find(W + "rPr"))
            self.known[name] = paragraph, run
        return self.known[name]

    def run_css(self, properties):
        css = {}
        for item in properties if properties is not None else ():
            name = item.tag[len(W) :] if isinstance(item.tag, str) and item.tag.startswith(W) else ""
            said = item.get(W + "val", "1")
            if name == "color":
                css["color"] = colour_of(said)
            elif name == "highlight":
                css["background-color"] = HIGHLIGHTS.get(said, "")
            elif name == "shd" and "background-color" not in css:
                css["background-color"] = shade_of(properties)
            elif name == "sz" and (size := twips(said, 2)):
                css["font-size"] = f"{min(max(size, 1), 400):g}pt"
            elif name == "rFonts":
                theme = item.get(W + "asciiTheme")
                font = self.theme_font(theme) if theme else item.get(W + "ascii") or item.get(W + "hAnsi") or ""
                font = re.sub(r"[^\w .-]", "", font)[:60]
                if font:
                    serif = SERIFS.search(font) and "sans" not in font.lower()
                    css["font-family"] = f"'{font}',{'monospace' if MONO.search(font) else 'serif' if serif else 'sans-serif'}"
            elif name in ("b", "i", "caps", "smallCaps"):
                on = said not in ("0", "false", "off")
                key, yes = {"b": ("font-weight", "bold"), "i": ("font-style", "italic"), "caps": ("text-transform", "uppercase")}.get(
                    name, ("font-variant", "small-caps")
                )
                css[key] = yes if on else ""
            elif name == "u":
                css["text-decoration"] = "" if said in ("none", "0", "false") else "underline"
            elif name == "spacing" and (apart := twips(said)) is not None and abs(apart) < 50:
                css["letter-spacing"] = f"{apart:g}pt" if apart else ""
        return css

    def paragraph_css(self, properties):
        """What a paragraph says, with its spacing as numbers of points under names of their own (before, after, line)."""
        css = {}
        for item in properties if properties is not None else ():
            name = item.tag[len(W) :] if isinstance(item.tag, str) and item.tag.startswith(W) else ""
            if name == "jc":
                css["text-align"] = ALIGNS.get(item.get(W + "val"), "")
            elif name == "ind":
                for side, names in (("margin-left", ("left", "start")), ("margin-right", ("right", "end"))):
                    found = next((points for each in names if (points := twips(item.get(W + each))) is not None), None)
                    if found is not None:
                        css[side] = float(found)
                first, hanging = twips(item.get(W + "firstLine")), twips(item.get(W + "hanging"))
                if hanging or first is not None:
                    css["text-indent"] = float(-hanging if hanging else first)
            elif name == "spacing":
                for side in ("before", "after"):
                    found = twips(item.get(W + side))
                    if item.get(W + side + "Autospacing") in ("1", "true", "on"):
                        found = 14.0
                    if found is not None:
                        css[side] = max(found, 0.0)
                line, rule = twips(item.get(W + "line")), item.get(W + "lineRule", "auto")
                if line and line > 0:
                    css["line"] = f"{line / 12 * LINE_EM:.4g}" if rule == "auto" else f"{line:g}pt" if rule == "exact" else ""
            elif name == "contextualSpacing":
                css["together"] = item.get(W + "val", "1") not in ("0", "false", "off")
            elif name == "shd":
                css["background-color"] = shade_of(properties)
            elif name == "pBdr":
                for side, line in borders_of(properties, "pBdr").items():
                    if side in SIDES:
                        css[f"border-{side}"] = line
        return css

    def paragraph_looks(self, properties):
        """(paragraph, run) as they come out for a paragraph; the run is what its runs begin with."""
        name = value(properties, "pStyle") or self.normal
        table, style = self.table_text, self.style_css(name)
        paragraph = self.base[0] | table[0] | style[0] | self.paragraph_css(properties)
        holders = [properties, *(each.find(W + "pPr") for each in self.style_chain(name))]
        if any(holder is not None and holder.find(W + "numPr") is not None for holder in holders):  # its list says where it stands
            paragraph |= {"margin-left": 0.0, "text-indent": 0.0}
        return paragraph, self.base[1] | table[1] | style[1]

    def spaced(self, elements):
        """[(CSS of the paragraph, CSS of its runs, all of how they look)] of paragraphs in a row, empty ones for a table.

        Word adds the space after a paragraph to the space before the next one, where CSS takes the larger: the sum is put above.
        """
        looks = [self.paragraph_looks(each.find(W + "pPr")) if each.tag == W + "p" else None for each in elements]
        names = [value(each.find(W + "pPr"), "pStyle") or self.normal if look else None for each, look in zip(elements, looks)]
        spaces = []
        for at, look in enumerate(looks):
            space = [look[0].get("before", 0.0), look[0].get("after", 0.0)] if look else [0.0, 0.0]
            for side, beside in enumerate((at - 1, at + 1)) if look and look[0].get("together") else ():
                if 0 <= beside < len(names) and names[beside] == names[at]:
                    space[side] = 0.0
            spaces.append(space)
        out = []
        for at, look in enumerate(looks):
            if look is None:
                out.append(({}, {}, {}))
                continue
            above = spaces[at][0] + (spaces[at - 1][1] if at else 0.0)
            usual = self.usual[0].get("before", 0.0) + self.usual[0].get("after", 0.0), self.usual[0].get("after", 0.0)
            css = {}
            if (above if at or spaces[at][0] != self.usual[0].get("before", 0.0) else usual[0], spaces[at][1]) != usual:
                css = {"margin-top": f"{above:g}pt", "margin-bottom": f"{spaces[at][1]:g}pt"}
            out.append((css | different(look[0], self.usual[0]), different(look[1], self.usual[1]), look[1]))
        return out

    def run_looks(self, properties, around):
        """The CSS of a run that differs from ``around``, its paragraph's."""
        style = value(properties, "rStyle") if properties is not None else None
        return different(around | (self.style_css(style)[1] if style else {}) | self.run_css(properties), around)


def different(css, usual):
    """The part of ``css`` that is not as usual, as it is written; what is switched off gets the value that CSS begins with."""
    found = {}
    for name, said in css.items():
        if (said or "") != (usual.get(name) or "") and name not in ("before", "after", "together"):
            text = f"{said:g}pt" if isinstance(said, float) else said or INITIAL.get(name, "0")
            found["line-height" if name == "line" else name] = text
    return found
