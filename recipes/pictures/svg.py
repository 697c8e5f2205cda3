"""SVG to raster images and to PDF, drawn by Typst (usvg) from a copy that can reach nothing: no files, no network, no scripts."""

import gzip
import io
import math
import os
import re
import tempfile
from pathlib import Path

from lxml import etree
from PIL import Image, ImageColor

SVG, XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
WRITERS = {"png": "PNG", "jpg": "JPEG", "webp": "WEBP", "gif": "GIF", "tiff": "TIFF", "bmp": "BMP", "avif": "AVIF", "ico": "ICO"}
OPAQUE = ("jpg", "bmp")
PIXELS_PER = {"": 1, "px": 1, "in": 96, "cm": 96 / 2.54, "mm": 96 / 25.4, "pt": 96 / 72, "pc": 16, "em": 16, "rem": 16, "ex": 8, "q": 96 / 101.6}
MAX_DRAWN_PIXELS = 60_000_000
MAX_DRAWN_ELEMENTS = 500_000
MONO = re.compile(r"mono|courier|consol|menlo|code|typewriter|fixed", re.IGNORECASE)
SERIF = re.compile(r"(?<!sans-)(?<!sans )\bserif|times|georgia|garamond|roman|palatino|cambria|minion|bookman|century", re.IGNORECASE)
SCRIPTS = {  # code points of scripts that need a font of their own, as ranges of a regular expression
    "CJK": "\u2e80-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef\U00020000-\U0003ffff\u1100-\u11ff",
    "Hebrew": "\u0590-\u05ff\ufb1d-\ufb4f",
    "Arabic": "\u0600-\u06ff\u0750-\u077f\u08a0-\u08ff\ufb50-\ufdff\ufe70-\ufefe",
    "Armenian": "\u0530-\u058f",
    "Devanagari": "\u0900-\u097f",
    "Bengali": "\u0980-\u09ff",
    "Gurmukhi": "\u0a00-\u0a7f",
    "Gujarati": "\u0a80-\u0aff",
    "Oriya": "\u0b00-\u0b7f",
    "Tamil": "\u0b80-\u0bff",
    "Telugu": "\u0c00-\u0c7f",
    "Kannada": "\u0c80-\u0cff",
    "Malayalam": "\u0d00-\u0d7f",
    "Sinhala": "\u0d80-\u0dff",
    "Thai": "\u0e00-\u0e7f",
    "Lao": "\u0e80-\u0eff",
    "Myanmar": "\u1000-\u109f",
    "Georgian": "\u10a0-\u10ff",
    "Ethiopic": "\u1200-\u137f",
    "Khmer": "\u1780-\u17ff",
    "Symbols": "\u2190-\u2bff",
    "Emoji": "\U0001f000-\U0001faff",
}
FONTS = {name: f"Noto Sans {name}" for name in SCRIPTS} | {"CJK": "Noto Sans CJK SC", "Emoji": "Noto Emoji"}
FONT_RULE = re.compile(r"(font-family\s*:\s*)([^;}]+)")


def read_source():
    """The document's bytes; an SVGZ unpacked up to the limits of an inflated input."""
    raw = SOURCE.read_bytes()
    if SOURCE_TYPE in ("image/emf", "image/wmf"):
        drawn = metafile_svg(raw)
        if drawn is None:
            refuse("unsupported" if raw[40:44] == b" EMF" else "damaged", "the metafile draws nothing that can be read")
        return drawn[0]
    if raw[:2] == b"\x1f\x8b":
        try:
            with gzip.open(SOURCE) as packed:
                raw = packed.read(64 << 20)
        except (OSError, EOFError) as error:
            refuse("damaged", f"the compressed SVG cannot be unpacked: {error}")
    if len(raw) >= 64 << 20:
        refuse("too_large", "the SVG is larger than 64 MiB")
    return raw


def parse(raw):
    """The tree. Namespaces that authors forget are declared; internal entities are resolved within libxml2's limits, others never."""
    parser = etree.XMLParser(resolve_entities="internal", no_network=True, load_dtd=False, remove_comments=True, remove_pis=True)
    missing = b"".join(
        b' %b="%b"' % (name, uri.encode())
        for name, uri, used in ((b"xmlns", SVG, True), (b"xmlns:xlink", XLINK, b"xlink:" in raw))
        if used and not re.search(rb"\b" + name + rb"\s*=", raw)
    )
    try:
        root = etree.fromstring(re.sub(rb"<svg\b", lambda match: match[0] + missing, raw, count=1), parser)
    except etree.XMLSyntaxError as error:
        refuse("damaged", f"the SVG is not well-formed XML: {error.msg}")
    if etree.QName(root).localname != "svg":
        refuse("damaged", f"the root element is {etree.QName(root).localname}, not svg")
    return root


def name_of(element):
    return etree.QName(element).localname if isinstance(element.tag, str) else ""


def seal(root):
    """Take out what would reach outside or run, and what the renderer cannot draw; say what was left out."""
    for element in list(root.iter()):
        name = name_of(element)
        if name == "script":
            element.getparent().remove(element)
            continue
        if name == "foreignObject":
            warn("HTML inside the SVG (foreignObject) is not drawn")
            element.getparent().remove(element)
            continue
        if name in ("animate", "animateTransform", "animateMotion", "set"):
            warn("animations are not played: the picture shows the start")
        if name == "style" and element.text:
            element.text = re.sub(r"@import[^;]*;?", "", element.text)
        for key, value in list(element.attrib.items()):
            if etree.QName(key).localname == "href" and name != "a" and not value.lstrip().startswith(("#", "data:")):
                warn("external pictures and references were left out: nothing is fetched")
                del element.attrib[key]


def drawn_elements(root):
    """How many elements are drawn once every <use> is followed, which grows exponentially in a hostile file."""
    by_id = {element.get("id"): element for element in root.iter() if isinstance(element.tag, str) and element.get("id")}
    counted, open_ = {}, set()

    def count(element):
        if element in open_:
            return 0
        if element not in counted:
            open_.add(element)
            total = 1 + sum(count(child) for child in element if isinstance(child.tag, str))
            if name_of(element) == "use":
                href = element.get("href") or element.get(f"{{{XLINK}}}href") or ""
                target = by_id.get(href.strip()[1:])
                total += count(target) if target is not None else 0
            open_.discard(element)
            counted[element] = min(total, 1 << 60)
        return counted[element]

    return count(root)


def with_fallback(families):
    """A list of families that ends in a font of the container, of the kind the list asks for."""
    font = "DejaVu Sans Mono" if MONO.search(families) else "Libertinus Serif" if SERIF.search(families) else "Noto Sans"
    return f"{families.strip()}, '{font}'"


def settle_fonts(root):
    for element in root.iter():
        if not isinstance(element.tag, str):
            continue
        if element.get("font-family"):
            element.set("font-family", with_fallback(element.get("font-family")))
        if "font-family" in element.get("style", ""):
            element.set("style", FONT_RULE.sub(lambda match: match[1] + with_fallback(match[2]), element.get("style")))
        if name_of(element) == "style" and element.text:
            element.text = FONT_RULE.sub(lambda match: match[1] + with_fallback(match[2]), element.text)


def settle_scripts(root):
    """Put runs of other scripts into elements that name their font: usvg looks for one font for a whole run, and shows boxes else."""
    if "".join(root.itertext()).isascii():
        return
    pattern = re.compile("|".join(f"(?P<{name}>[{ranges}](?:[{ranges} ]*[{ranges}])?)" for name, ranges in SCRIPTS.items()))
    for element in list(root.iter(f"{{{SVG}}}text", f"{{{SVG}}}tspan", f"{{{SVG}}}textPath", f"{{{SVG}}}a")):
        pieces = [(None, element.text)] + [(child, child.tail) for child in element]
        for child, text in pieces:
            if not text or not pattern.search(text):
                continue
            first, *runs = cut(text, pattern)
            if child is None:
                element.text, at = first[1], 0
            else:
                child.tail, at = first[1], element.index(child) + 1
            for offset, (font, run) in enumerate(runs):
                span = etree.Element(f"{{{SVG}}}tspan")
                span.text = run
                if font:
                    span.set("style", f"font-family: '{font}'")
                element.insert(at + offset, span)


def cut(text, pattern):
    """The text as [font, run] pairs; the first run has no font of its own and may be empty."""
    runs, at = [(None, "")], 0
    for match in pattern.finditer(text):
        if match.start() > at:
            runs.append((None, text[at : match.start()]))
        runs.append((FONTS[match.lastgroup], match[0]))
        at = match.end()
    if at < len(text):
        runs.append((None, text[at:]))
    return [(None, runs[1][1]), *runs[2:]] if runs[1][0] is None else runs


def length(text):
    match = re.fullmatch(r"\s*\+?([0-9]*\.?[0-9]+(?:e[+-]?[0-9]+)?)\s*([a-z]*)\s*", text or "", re.IGNORECASE)
    if not match or match[2].lower() not in PIXELS_PER:
        return None
    return float(match[1]) * PIXELS_PER[match[2].lower()]


def natural_size(root):
    """Width and height in CSS pixels: the attributes, else the viewBox, else what browsers take (300 x 150); made explicit in the tree."""
    width, height = length(root.get("width")), length(root.get("height"))
    numbers = re.findall(r"[-+]?[0-9]*\.?[0-9]+(?:e[-+]?[0-9]+)?", root.get("viewBox") or "", re.IGNORECASE)
    view = tuple(float(number) for number in numbers[2:4]) if len(numbers) == 4 else None
    if view and (view[0] <= 0 or view[1] <= 0):
        view = None
        del root.attrib["viewBox"]
    if not width and not height:
        width, height = view or (300.0, 150.0)
    elif not width:
        width = height * view[0] / view[1] if view else height
    elif not height:
        height = width * view[1] / view[0] if view else width
    if not (math.isfinite(width) and math.isfinite(height)) or width <= 0 or height <= 0:
        refuse("damaged", "the SVG has no size")
    if not view:
        root.set("viewBox", f"0 0 {width:g} {height:g}")
    root.set("width", f"{width:g}")
    root.set("height", f"{height:g}")
    return width, height


def asked_size(width, height):
    ratio = min(OPTIONS["width"] / width if OPTIONS["width"] else math.inf, OPTIONS["height"] / height if OPTIONS["height"] else math.inf)
    ratio = 1.0 if ratio == math.inf else ratio
    return width * ratio, height * ratio


def draw(root, width, height, form):
    """The picture as PNG or PDF bytes, width by height in points."""
    import typst

    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "picture.svg").write_bytes(etree.tostring(root))
        main = Path(folder, "main.typ")
        main.write_text(
            f"#set page(width: {width:.4f}pt, height: {height:.4f}pt, margin: 0pt, fill: none)\n"
            f'#image("picture.svg", width: {width:.4f}pt, height: {height:.4f}pt, fit: "stretch")'
        )
        try:
            return typst.compile(str(main), root=folder, font_paths=fonts(), ignore_system_fonts=True, format=form, ppi=72.0)
        except typst.TypstError as error:
            refuse("damaged", f"the SVG cannot be drawn: {error.message}")
        except BaseException as error:  # the renderer's own, PanicException, which cannot be imported
            if type(error).__name__ != "PanicException":
                raise
            refuse("damaged", "the SVG cannot be drawn: the renderer gave up on it")


def background():
    try:
        return ImageColor.getrgb(OPTIONS["background"])[:3]
    except ValueError:
        refuse("unsupported", f"background: {OPTIONS['background']!r} is no colour; a name or #rrggbb is")


def one_page():
    import pypdfium2

    with pypdfium2.PdfDocument(str(OUTPUT)) as made:
        if len(made) != 1:
            raise RuntimeError(f"wrote {len(made)} pages instead of one")
    return 1


def write_raster(picture):
    options = {}
    if TARGET in OPAQUE and picture.getchannel("A").getextrema()[0] < 255:
        warn("transparent parts were laid on the background colour")
    if TARGET in OPAQUE:
        ground = Image.new("RGBA", picture.size, background())
        ground.alpha_composite(picture)
        picture = ground.convert("RGB")
    if TARGET in ("jpg", "webp", "avif"):
        options["quality"] = OPTIONS["quality"]
    if TARGET == "png":
        options["compress_level"] = 1
    elif TARGET == "tiff":
        options["compression"] = "tiff_adobe_deflate"
    elif TARGET == "ico":
        side = max(picture.size)
        square = Image.new("RGBA", (side, side))
        square.paste(picture, ((side - picture.width) // 2, (side - picture.height) // 2))
        picture, options["sizes"] = square, [(size, size) for size in {16, 24, 32, 48, 64, 128, 256, side} if size <= side]
    picture.save(OUTPUT, WRITERS[TARGET], **options)
    with Image.open(OUTPUT, formats=[WRITERS[TARGET]]) as made:
        made.load()
        if made.size != picture.size:
            raise RuntimeError(f"wrote {made.size} instead of {picture.size}")
    return picture.size


def convert():
    root = parse(read_source())
    if drawn_elements(root) > MAX_DRAWN_ELEMENTS:
        refuse("too_large", f"the SVG draws more than {MAX_DRAWN_ELEMENTS} elements once its references are followed")
    seal(root)
    settle_fonts(root)
    settle_scripts(root)
    if TARGET == "svg":
        OUTPUT.write_bytes(etree.tostring(root, xml_declaration=True, encoding="utf-8"))
        return {"elements": drawn_elements(root)}
    width, height = asked_size(*natural_size(root))
    if TARGET == "pdf":
        shrink = min(1.0, 14400 / max(width * 0.75, height * 0.75))
        OUTPUT.write_bytes(draw(root, width * 0.75 * shrink, height * 0.75 * shrink, "pdf"))
        return {"pages": one_page(), "width": round(width), "height": round(height)}
    if TARGET == "ico" and max(width, height) > 256:
        width, height = width * 256 / max(width, height), height * 256 / max(width, height)
        if OPTIONS["width"] or OPTIONS["height"]:
            warn("the picture was scaled down to 256 pixels, the most an icon holds")
    width, height = max(1, round(width)), max(1, round(height))
    if width * height > MAX_DRAWN_PIXELS or max(width, height) > 16384:
        refuse("too_large", f"the picture would have {width} x {height} pixels; ask for a smaller width or height")
    picture = Image.open(io.BytesIO(draw(root, width, height, "png"))).convert("RGBA")
    if picture.getextrema()[3] == (0, 0) and any(name_of(element) not in ("svg", "defs", "title", "desc", "metadata") for element in root):
        warn("the picture is empty: nothing of the SVG is visible")
    width, height = write_raster(picture)
    return {"width": width, "height": height}


run(convert)
