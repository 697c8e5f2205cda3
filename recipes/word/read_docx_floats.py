"""What does not stand in the lines of a Word document: where its anchored pictures and text boxes are, and how a box is filled and lined."""

DRAWING = "{http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing}"
EMU = 12_700  # of a point
VML_UNITS = {"pt": 1, "in": 72, "mm": 72 / 25.4, "cm": 720 / 25.4, "px": 0.75, "": 0.75}
ACROSS = 0.7  # what is wider than this share of the text has nothing beside it


def emu(text):
    return int(text) / EMU if re.fullmatch(r"-?\d{1,9}", text or "") else None


def vml_style(shape):
    return dict(part.strip().partition(":")[::2] for part in (shape.get("style") or "").lower().split(";"))


def vml_length(text):
    found = re.fullmatch(r"(-?\d+(?:\.\d+)?)(pt|in|mm|cm|px|)", (text or "").strip())
    return float(found.group(1)) * VML_UNITS[found.group(2)] if found else None


class WordFloats:
    """Places of drawings as CSS; what is in them is the subclass's."""

    def text_area(self):
        """Width of the text, left and top margin of the section that is being read, in points."""
        paper = [float(side) for side in paper_of(self.sections[self.section]).split()] if self.sections else []
        return (paper[0] - paper[3] - paper[5], paper[5], paper[2]) if len(paper) == 8 else (451.0, 72.0, 72.0)

    def place_of(self, element):
        """The CSS of a drawing that is anchored, {} for one that stands in its line."""
        anchor = next(element.iter(DRAWING + "anchor"), None)
        if anchor is not None:
            extent = anchor.find(DRAWING + "extent")
            size = [emu(extent.get(side)) for side in ("cx", "cy")] if extent is not None else [None, None]
            spots = [self.spot(anchor.find(DRAWING + name)) for name in ("positionH", "positionV")]
            wraps = [item.tag[len(DRAWING) :] for item in anchor if isinstance(item.tag, str) and item.tag.startswith(DRAWING + "wrap")]
            behind = anchor.get("behindDoc") in ("1", "true")
            free = "wrapNone" in wraps or behind
            return self.placing(*size, *spots, "behind" if behind else "free" if free else "apart" if "wrapTopAndBottom" in wraps else "beside")
        shape = next((item for item in element.iter() if isinstance(item.tag, str) and item.tag.startswith(V) and "absolute" in (item.get("style") or "")), None)
        if shape is None:
            return {}
        style = vml_style(shape)
        wrap = next((item.get("type", "") for item in shape.iter("{urn:schemas-microsoft-com:office:word}wrap")), "none")
        spots = []
        for axis, side in (("horizontal", "left"), ("vertical", "top")):
            align = style.get(f"mso-position-{axis}", "absolute")
            against = style.get(f"mso-position-{axis}-relative", "column" if axis == "horizontal" else "paragraph")
            spots.append((against, "" if align == "absolute" else align, vml_length(style.get(f"margin-{side}")) or 0.0))
        kind = {"square": "beside", "tight": "beside", "through": "beside", "topandbottom": "apart"}.get(wrap.lower(), "free")
        return self.placing(vml_length(style.get("width")), vml_length(style.get("height")), *spots, kind)

    def spot(self, position):
        """(against what, alignment or "", distance in points) of one direction."""
        if position is None:
            return "column", "", 0.0
        align, offset = (next((item.text or "" for item in position if item.tag == DRAWING + name), "") for name in ("align", "posOffset"))
        return position.get("relativeFrom", "column"), align, emu(offset) or 0.0

    def placing(self, width, height, across, down, kind):
        room, left_margin, top_margin = self.text_area()
        against, align, offset = across
        if not width or not height or width > 2000:
            return {}
        if align:
            left = {"center": (room - width) / 2, "right": room - width, "outside": room - width}.get(align, 0.0)
        else:
            left = offset - (left_margin if against == "page" else 0.0)
        css = {"width": f"{width:.1f}pt"}
        side = "left" if left + width / 2 < room / 2 else "right"
        if kind in ("free", "behind") and PAGED and not self.repeated and self.part == self.main and not self.inside:
            against, align, offset = down
            top = offset - (top_margin if against == "page" else 0.0)
            fixed = against in ("page", "margin", "topMargin") and align in ("", "top")
            where = {"position": "absolute" if fixed else "relative", "z-index": "-1" if kind == "behind" else "1", "left": f"{left:.1f}pt", "top": f"{0.0 if align else top:.1f}pt"}
            return css | where | {"height": f"{height:.1f}pt"}
        if kind == "apart" or width > room * ACROSS:
            middle = abs(left + width / 2 - room / 2) < room / 8
            return css | {"text-align": "center" if middle else side, "display": "block"}
        return css | {"float": side, "margin": f"0 0 6pt {9 if side == 'right' else 0}pt" if side == "right" else "0 9pt 6pt 0"}

    def box_css(self, element):
        """The fill and the line of the shape around a text box."""
        css = {}
        for item in element.iter():
            name = item.tag.rpartition("}")[2] if isinstance(item.tag, str) else ""
            if name == "spPr":
                fill, line = item.find(A + "solidFill"), item.find(f"{A}ln")
                if fill is not None and (colour := self.drawn_colour(fill)):
                    css["background-color"] = colour
                if line is not None and line.find(A + "noFill") is None and line.find(A + "solidFill") is not None:
                    width = emu(line.get("w")) or 0.75
                    css["border"] = f"{min(max(width, 0.25), 6):g}pt solid {self.drawn_colour(line.find(A + 'solidFill')) or '#000000'}"
                return css
            if item.tag in (V + "shape", V + "rect", V + "roundrect"):
                colours = [re.fullmatch("#([0-9a-f]{6}|[0-9a-f]{3})", (item.get(key) or "").split(" ")[0].lower()) for key in ("fillcolor", "strokecolor")]
                fill, line = (None if each is None else "#" + "".join(c * (6 // len(each.group(1))) for c in each.group(1)) for each in colours)
                if fill and item.get("filled") not in ("f", "false"):
                    css["background-color"] = fill
                if item.get("stroked") not in ("f", "false") and (line or item.get("type") == "#_x0000_t202" or item.tag != V + "shape"):
                    css["border"] = f"0.75pt solid {line or '#000000'}"
                return css
        return css

    def drawn_colour(self, fill):
        """The colour of a fill of DrawingML: given, or of the theme."""
        given = fill.find(A + "srgbClr")
        if given is not None:
            return colour_of(given.get("val"))
        scheme = fill.find(A + "schemeClr")
        name = {"bg1": "lt1", "tx1": "dk1", "bg2": "lt2", "tx2": "dk2"}.get(scheme.get("val"), scheme.get("val")) if scheme is not None else ""
        slot = self.theme.find(f".//{A}clrScheme/{A}{name}") if name and self.theme is not None else None
        return colour_of(slot[0].get("lastClr") or slot[0].get("val")) if slot is not None and len(slot) else ""
