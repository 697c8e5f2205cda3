"""SVG pictures inside documents: taken out of a page as pictures of their own, measured, and drawn as PNG where a format needs that."""

import base64
import urllib.parse

CAMEL = {  # names that the parser of HTML made small
    name.lower(): name
    for name in (
        "viewBox preserveAspectRatio gradientUnits gradientTransform patternUnits patternTransform patternContentUnits clipPathUnits "
        "maskUnits maskContentUnits markerWidth markerHeight markerUnits refX refY textLength lengthAdjust startOffset spreadMethod "
        "stdDeviation filterUnits primitiveUnits linearGradient radialGradient clipPath textPath feGaussianBlur feOffset feBlend feFlood "
        "feMerge feMergeNode feColorMatrix feComposite feDropShadow"
    ).split()
}
MIN_DRAWING = 32  # pixels on each side: smaller ones are icons, and so are those sized by style sheets
MAX_DRAWING_BYTES = 10_000_000
MAX_USES = 500  # <use> elements, which can multiply
UNITS = {"": 1, "px": 1, "pt": 4 / 3, "pc": 16, "in": 96, "cm": 96 / 2.54, "mm": 96 / 25.4}
SVG = "http://www.w3.org/2000/svg"


def svg_length(text):
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*+(px|pt|pc|in|cm|mm|)", (text or "").strip())
    return float(found.group(1)) * UNITS[found.group(2)] if found else 0.0


def picture_svg(element):
    """An <svg> of a page as an <img> with its words as alternative text; False when it is an icon, or has no size of its own."""
    if min(svg_length(element.get("width")), svg_length(element.get("height"))) < MIN_DRAWING:
        return False
    for each in element.iter():
        if isinstance(each.tag, str):
            each.tag = CAMEL.get(each.tag, each.tag)
            for name in [name for name in each.attrib if name in CAMEL or name.startswith("on")]:
                kept = each.attrib.pop(name)
                if name in CAMEL:
                    each.set(CAMEL[name], kept)
    etree.strip_elements(element, "script", "foreignobject", with_tail=False)
    element.attrib.pop("xmlns", None)
    element.attrib.pop("xmlns:xlink", None)
    words = " ".join(" ".join(each.text_content().split()) for each in element.iter("title", "desc", "text"))
    width, height = svg_length(element.get("width")), svg_length(element.get("height"))
    tail, element.tail = element.tail, None
    raw = etree.tostring(element, method="xml")
    raw = raw.replace(b"<svg", f'<svg xmlns="{SVG}" xmlns:xlink="http://www.w3.org/1999/xlink"'.encode(), 1)
    element.tail, element.text, element.tag = tail, None, "img"
    del element[:]
    element.attrib.clear()
    source = f"data:image/svg+xml;base64,{base64.b64encode(raw).decode()}"
    for name, value in (("src", source), ("alt", words[:2000]), ("width", f"{width:.0f}"), ("height", f"{height:.0f}")):
        element.set(name, value)
    return True


def is_svg(uri):
    return uri[:40].lower().lstrip().startswith("data:image/svg")


def svg_bytes(uri):
    """(the SVG of a data: URI, width and height in pixels); ValueError for what cannot be drawn."""
    head, _, body = uri.partition(",")
    raw = base64.b64decode(body) if ";base64" in head else urllib.parse.unquote_to_bytes(body)
    if len(raw) > MAX_DRAWING_BYTES or raw.count(b"<use") > MAX_USES:
        raise ValueError("too large a drawing")
    try:
        root = etree.fromstring(raw, etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True))
    except etree.XMLSyntaxError as error:
        raise ValueError("not well-formed") from error
    if root.tag != f"{{{SVG}}}svg":
        raise ValueError("not an SVG")
    for each in root.iter():  # only pictures inside the picture: nothing is fetched
        for name in [name for name in each.attrib if name.endswith("href")]:
            if not each.get(name).startswith(("#", "data:image/")):
                del each.attrib[name]
    box = [float(each) for each in re.findall(r"-?\d+(?:\.\d+)?", root.get("viewBox", ""))] or [0, 0, 300, 150]
    width, height = svg_length(root.get("width")), svg_length(root.get("height"))
    ratio = box[2] / box[3] if len(box) == 4 and box[2] > 0 and box[3] > 0 else 2.0
    width, height = width or height * ratio or (box[2] if len(box) == 4 else 300), height or 0
    return etree.tostring(root), width, height or width / ratio


def svg_png(raw, width):
    """The PNG of an SVG that is ``width`` pixels wide, twice as fine as that."""
    import tempfile

    import typst

    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "p.svg").write_bytes(raw)
        main = Path(folder, "main.typ")
        points = min(max(width, 1), 2000) * 0.75
        main.write_text(f'#set page(width: auto, height: auto, margin: 0pt, fill: none)\n#image("p.svg", width: {points:.1f}pt)', "utf-8")
        try:
            return typst.compile(str(main), root=folder, font_paths=fonts(), ignore_system_fonts=True, format="png", ppi=192.0)
        except typst.TypstError as error:
            raise ValueError(str(error)[:100]) from error
