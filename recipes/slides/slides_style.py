"""How text and shapes of a presentation look: theme colours, and what a paragraph inherits from layout and master."""

SCHEME = {"bg1": "lt1", "tx1": "dk1", "bg2": "lt2", "tx2": "dk2"}
DEFAULT_COLORS = {
    "dk1": "000000",
    "lt1": "FFFFFF",
    "dk2": "44546A",
    "lt2": "E7E6E6",
    "accent1": "4472C4",
    "accent2": "ED7D31",
    "accent3": "A5A5A5",
    "accent4": "FFC000",
    "accent5": "5B9BD5",
    "accent6": "70AD47",
    "hlink": "0563C1",
    "folHlink": "954F72",
}
PRESETS = {
    "black": "000000",
    "white": "FFFFFF",
    "red": "FF0000",
    "green": "008000",
    "blue": "0000FF",
    "yellow": "FFFF00",
    "gray": "808080",
}
PRESENTATION = "{http://schemas.openxmlformats.org/presentationml/2006/main}"


def child(element, *names):
    """The descendant along a path of local names in the drawing namespace, or None."""
    for name in names:
        if element is None:
            return None
        element = element.find(f"{DRAWING}{name}")
    return element


class Look:
    """The theme and the master of one slide."""

    def __init__(self, slide):
        layout = slide.slide_layout
        self.master, self.layout, self.colors = layout.slide_master, layout, dict(DEFAULT_COLORS)
        self.mapping = dict(SCHEME)
        mapped = self.master._element.find(f"{PRESENTATION}clrMap")
        if mapped is not None:
            self.mapping.update(mapped.attrib)
        for relation in self.master.part.rels.values():
            if relation.reltype.endswith("/theme"):
                root = etree.fromstring(
                    relation.target_part.blob, etree.XMLParser(resolve_entities=False, no_network=True)
                )
                for entry in (
                    child(root, "themeElements", "clrScheme")
                    if child(root, "themeElements", "clrScheme") is not None
                    else ()
                ):
                    if len(entry):
                        self.colors[entry.tag.rpartition("}")[2]] = (
                            entry[0].get("lastClr") or entry[0].get("val") or "000000"
                        )

    def color(self, element):
        """A Typst colour for a:solidFill (or the first stop of a gradient), None when there is none."""
        if element is None:
            return None
        for found in element.iter(f"{DRAWING}srgbClr", f"{DRAWING}schemeClr", f"{DRAWING}sysClr", f"{DRAWING}prstClr"):
            name, kind = found.get("val", ""), found.tag.rpartition("}")[2]
            if kind == "schemeClr":
                value = self.colors.get(self.mapping.get(name, name), "000000")
            else:
                value = (
                    found.get("lastClr", "000000")
                    if kind == "sysClr"
                    else PRESETS.get(name, "808080")
                    if kind == "prstClr"
                    else name
                )
            if not re.fullmatch(r"[0-9A-Fa-f]{6}", value):
                return None
            return self.modified([int(value[at : at + 2], 16) for at in (0, 2, 4)], found)
        return None

    def modified(self, channels, found):
        alpha = 255
        for change in found:
            share = int(change.get("val", "100000").rstrip("%") or 0) / 100_000
            kind = change.tag.rpartition("}")[2]
            if kind in ("lumMod", "shade"):
                channels = [channel * share for channel in channels]
            elif kind == "lumOff":
                channels = [channel + 255 * share for channel in channels]
            elif kind == "tint":
                channels = [255 - (255 - channel) * share for channel in channels]
            elif kind == "alpha":
                alpha = round(255 * share)
        red, green, blue = (max(0, min(255, round(channel))) for channel in channels)
        return f'rgb("{red:02x}{green:02x}{blue:02x}{max(0, min(255, alpha)):02x}")'

    def fill(self, properties):
        """(colour or None, whether the properties decide it)."""
        if properties is None:
            return None, False
        for name in ("noFill", "solidFill", "gradFill", "pattFill", "blipFill"):
            found = child(properties, name)
            if found is not None:
                return (None if name in ("noFill", "blipFill") else self.color(found)), True
        return None, False

    def background(self, slide):
        for source in (slide, self.layout, self.master):
            found = source._element.find(f"{PRESENTATION}cSld/{PRESENTATION}bg")
            if found is not None and len(found):
                return self.color(found[0])
        return None

    def levels(self, shape):
        """The elements that hold lvl1pPr … lvl9pPr for a shape, nearest first."""
        found = [child(body, "lstStyle") for body in shape._element.iter(f"{PRESENTATION}txBody")][:1]
        kind = "otherStyle"
        if shape.is_placeholder:
            place = shape.placeholder_format
            name = str(place.type)
            kind = "titleStyle" if "TITLE" in name and "SUBTITLE" not in name else "bodyStyle"
            for holder in self.layout.placeholders:
                if holder.placeholder_format.idx == place.idx:
                    found += [child(body, "lstStyle") for body in holder._element.iter(f"{PRESENTATION}txBody")]
            for holder in self.master.placeholders:
                if str(holder.placeholder_format.type).split()[0] == ("TITLE" if kind == "titleStyle" else "BODY"):
                    found += [child(body, "lstStyle") for body in holder._element.iter(f"{PRESENTATION}txBody")]
        styles = self.master._element.find(f"{PRESENTATION}txStyles")
        if styles is not None:
            found.append(styles.find(f"{PRESENTATION}{kind}"))
        return [element for element in found if element is not None]

    def body_properties(self, shape):
        """bodyPr of the shape, then of the placeholders it follows."""
        found = list(shape._element.iter(f"{DRAWING}bodyPr"))[:1]
        if shape.is_placeholder:
            for holder in self.layout.placeholders:
                if holder.placeholder_format.idx == shape.placeholder_format.idx:
                    found += list(holder._element.iter(f"{DRAWING}bodyPr"))[:1]
            for holder in self.master.placeholders:
                if holder.placeholder_format.type == shape.placeholder_format.type:
                    found += list(holder._element.iter(f"{DRAWING}bodyPr"))[:1]
        return found


def first(sources, attribute, default=None):
    return next(
        (source.get(attribute) for source in sources if source is not None and source.get(attribute) is not None),
        default,
    )
