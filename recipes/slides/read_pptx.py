"""A presentation (OOXML) opened with python-pptx, shape by shape: one that is malformed is left out, never the deck."""

from pptx.exc import PythonPptxError

SHAPE_FAULTS = (
    PythonPptxError,
    AttributeError,
    KeyError,
    ValueError,
    TypeError,
    IndexError,
    NotImplementedError,
    OSError,
    ZeroDivisionError,
)
DRAWING = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
COMPATIBILITY = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
METAFILES = {"image/x-emf", "image/x-wmf", "image/emf", "image/wmf"}
MAX_SLIDES = 3000


def open_slides():
    """The presentation behind SOURCE."""
    check_package()
    from pptx.exc import PackageNotFoundError
    from pptx.package import Package

    try:
        deck = Package.open(str(SOURCE)).main_document_part.presentation  # shows and templates too
        count = len(deck.slides)
    except (PackageNotFoundError, *SHAPE_FAULTS, etree.XMLSyntaxError, zipfile.BadZipFile) as error:
        refuse("damaged", f"the presentation cannot be opened: {type(error).__name__}: {error}")
    if not count:
        refuse("empty", "the presentation has no slides")
    if count > MAX_SLIDES:
        refuse("too_large", f"the presentation has {count} slides, more than {MAX_SLIDES}")
    return deck


def slides_of(deck):
    """Yield (number, slide); a slide that cannot be loaded is warned of and left out."""
    identifiers = deck.slides._sldIdLst
    for number, entry in enumerate(identifiers, 1):
        try:
            yield number, deck.part.related_slide(entry.rId)
        except SHAPE_FAULTS:
            warn(f"slide {number} cannot be read and was left out")


def shapes_of(container, place=(0.0, 0.0, 1.0, 1.0)):
    """Yield (shape, (x, y, x scale, y scale) in EMU), groups opened, in the order they are drawn."""
    from pptx.shapes.group import GroupShape

    for element in container.shapes._iter_member_elms() if hasattr(container, "shapes") else container:
        try:
            shape = (container.shapes if hasattr(container, "shapes") else container)._shape_factory(element)
            if not isinstance(shape, GroupShape):
                yield shape, place
                continue
            inside, (x, y, wide, high) = element.grpSpPr.find(f"{DRAWING}xfrm"), place
            if inside is not None and inside.find(f"{DRAWING}chExt") is not None:
                offset, extent = inside.find(f"{DRAWING}off"), inside.find(f"{DRAWING}ext")
                inner, size = inside.find(f"{DRAWING}chOff"), inside.find(f"{DRAWING}chExt")
                scale_x = int(extent.get("cx")) / max(int(size.get("cx")), 1)
                scale_y = int(extent.get("cy")) / max(int(size.get("cy")), 1)
                place = (
                    x + wide * (int(offset.get("x")) - scale_x * int(inner.get("x"))),
                    y + high * (int(offset.get("y")) - scale_y * int(inner.get("y"))),
                    wide * scale_x,
                    high * scale_y,
                )
            yield from shapes_of(shape, place)
            place = (x, y, wide, high)
        except SHAPE_FAULTS:
            warn("shapes that are malformed were left out")


def words(paragraph):
    """The text of an a:p: runs, fields, breaks, equations as LaTeX."""
    parts = []
    for child in paragraph:
        name = child.tag.rpartition("}")[2] if isinstance(child.tag, str) else ""
        if name in ("r", "fld"):
            parts.append(child.findtext(f"{DRAWING}t") or "")
        elif name == "br":
            parts.append("\v")
        elif name in ("AlternateContent", "m"):
            math = next(child.iter(f"{MATH}oMath"), None)
            parts.append(tex_of(math).strip() if math is not None else "")
    return "".join(parts)


def is_title(shape):
    return shape.is_placeholder and str(shape.placeholder_format.type).startswith(
        ("TITLE", "CENTER_TITLE", "VERTICAL_TITLE")
    )


def is_furniture(shape):
    """Numbers, dates and the like that PowerPoint fills in on every slide; one with words of its own is content."""
    if not shape.is_placeholder or not str(shape.placeholder_format.type).startswith(
        ("SLIDE_NUMBER", "DATE", "FOOTER", "HEADER")
    ):
        return False
    return not any((run.text or "").strip() for run in shape._element.iterfind(f".//{DRAWING}r/{DRAWING}t"))


def chart_of(shape):
    """The data of the chart of a shape."""
    return ChartData(shape.chart._chartSpace)


def diagram_words(shape):
    """The words of a SmartArt diagram, from its data part."""
    relation = next(
        (item for item in shape._element.iter() if isinstance(item.tag, str) and item.tag.endswith("/diagram}relIds")),
        None,
    )
    if relation is None:
        return []
    part = shape.part.related_part(
        relation.get("{http://schemas.openxmlformats.org/officeDocument/2006/relationships}dm")
    )
    root = etree.fromstring(part.blob, etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True))
    return [text for text in (words(paragraph).strip() for paragraph in root.iter(f"{DRAWING}p")) if text]


def notes_of(slide):
    try:
        return (
            (slide.notes_slide.notes_text_frame.text or "").strip()
            if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None
            else ""
        )
    except SHAPE_FAULTS:
        return ""
