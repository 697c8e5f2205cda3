"""What a page of a PDF shows beside its words, and what its words are beside letters: pictures, links, raised and lowered letters."""

import base64
import ctypes
import io

MIN_PICTURE = 12  # points on each side; smaller ones are ornaments
MAX_PICTURES, MAX_PICTURE_BYTES = 300, 40_000_000  # of a document
MAX_JPEG = 3_000_000  # bytes of one that is taken as it is
DOTS_PER_INCH = 200
PICTURE_SECONDS = 25  # after which pictures are left out, that the words arrive
MAX_MARKED = 4000  # spans or links of a page; each is compared with the others
WHOLE_PAGE = 0.85  # of the page: a background, or the scan behind its words


class Restyled:
    """A span with other text, or with what the page says of it elsewhere."""

    def __init__(self, span, text=None, bbox=None, level="", href=""):
        self.text, self.bbox, self.page_bbox = span.text if text is None else text, bbox or span.bbox, span.page_bbox
        self.font_size, self.is_bold, self.is_italic = span.font_size, span.is_bold, span.is_italic
        self.char_widths, self.level = span.char_widths, level or getattr(span, "level", "")
        self.href = href or getattr(span, "href", "")


def levelled(spans, letters):
    """Mark raised and lowered spans: smaller than the line that they touch, and off its base.

    Args:
        letters: Called when there are small spans: the letters of the page, each with its own place, which spans do not tell.
    """
    spans, places = list(spans), None
    if len(spans) > MAX_MARKED:
        return spans

    def touches(other, span):
        gap, size = span.bbox[0] - other.bbox[0] - other.bbox[2], other.font_size
        return abs(other.bbox[1] - span.bbox[1]) < 0.5 * size and -0.2 * size < gap < 0.3 * size

    for at, span in enumerate(spans):
        size = span.font_size
        beside = next((other for other in spans if size < 0.85 * other.font_size and touches(other, span)), None)
        if beside is None or len(span.text) > 12:
            continue
        if places is None:
            places = {(letter.char, round(letter.bbox[0])): letter.origin_y for letter in letters()}
        y = places.get((span.text.strip()[:1], round(span.bbox[0])), span.bbox[1])
        rise = (y - beside.bbox[1]) / beside.font_size
        level = "sup" if rise > 0.15 else "sub" if rise < -0.04 else ""
        if level:
            spans[at] = Restyled(span, level=level)
    marked = [span for span in spans if getattr(span, "level", "")]
    for at, span in enumerate(spans):  # an exponent may be more than one span
        if getattr(span, "level", "") or len(span.text) > 12:
            continue
        before = next((one for one in marked if abs(one.font_size - span.font_size) < 0.5 and touches(one, span)), None)
        if before is not None and before.bbox[0] < span.bbox[0]:
            spans[at] = Restyled(span, level=before.level)
            marked.append(spans[at])
    return spans


def links_of(page):
    """[(left, bottom, right, top), address] of the links of a page that lead out of the document."""
    import pypdfium2.raw as raw

    found, at, link = [], ctypes.c_int(0), raw.FPDF_LINK()
    while len(found) < MAX_MARKED and raw.FPDFLink_Enumerate(page.raw, at, link):
        action, box = raw.FPDFLink_GetAction(link), raw.FS_RECTF()
        length = raw.FPDFAction_GetURIPath(page.pdf.raw, action, None, 0) if action else 0
        if 1 < length < 4000 and raw.FPDFLink_GetAnnotRect(link, box):
            buffer = ctypes.create_string_buffer(length)
            raw.FPDFAction_GetURIPath(page.pdf.raw, action, buffer, length)
            address = buffer.value.decode("utf-8", "replace")
            if re.match(r"(https?|mailto|tel|ftp):.", address, re.I):
                found.append(((box.left, box.bottom, box.right, box.top), address))
    return found


def linked(spans, links):
    """Yield the spans, those under a link with its address; one that a link covers in part is parted."""
    for span in spans:
        x, y, width, height = span.bbox
        covering = [link for link in links if link[0][1] - 1 <= y + height * 0.3 <= link[0][3] + 1 and link[0][0] < x + width and link[0][2] > x]
        if not covering:
            yield span
            continue
        starts = [x]
        for wide in span.char_widths if len(span.char_widths) == len(span.text) else [width / len(span.text)] * len(span.text):
            starts.append(starts[-1] + wide)
        scale = width / (starts[-1] - x) if starts[-1] > x else 1.0
        starts = [x + (start - x) * scale for start in starts]
        begin, href = 0, None
        for at in range(len(span.text) + 1):
            middle = (starts[at] + starts[at + 1]) / 2 if at < len(span.text) else None
            here = next((address for box, address in covering if middle and box[0] <= middle <= box[2]), "")
            if at == len(span.text) or (href is not None and here != href):
                box = (starts[begin], y, starts[at] - starts[begin], height)
                yield Restyled(span, span.text[begin:at], box, href=href or "")
                begin = at
            href = here


def pictures_of(page, left_over):
    """[(left, bottom, right, top), HTML] of the pictures on a page; backgrounds and ornaments are none.

    Args:
        left_over: How many pictures, and how many bytes of them, the document may still have: [pictures, bytes], counted down.
    """
    import pypdfium2.raw as raw

    found, (width, height) = [], page.get_size()
    for item in page.get_objects(filter=[raw.FPDF_PAGEOBJ_IMAGE], max_depth=4):
        left, bottom, right, top = item.get_bounds()
        wide, high = right - left, top - bottom
        if min(wide, high) < MIN_PICTURE or wide * high > WHOLE_PAGE * width * height or right < 0 or left > width or top < 0 or bottom > height:
            continue
        columns, lines = item.get_px_size()
        late = time.perf_counter() - started > PICTURE_SECONDS
        if late or min(left_over) <= 0 or not 0 < columns * lines <= MAX_PIXELS // 8:
            warn("pictures that would make the document too large were left out")
            continue
        picture = picture_of(item, wide, high)
        if picture is None:
            warn("a picture that cannot be read was left out")
            continue
        left_over[:] = left_over[0] - 1, left_over[1] - len(picture)
        found.append(((left, bottom, right, top), f'<p><img src="{picture}" alt="" width="{round(wide * 4 / 3)}"></p>'))
    return found


def picture_of(item, wide, high):
    """A picture as a data: URI: the JPEG that it is; else a PNG or, of many colours, a JPEG, no finer than it can be seen."""
    import pypdfium2
    from PIL import Image

    if item.get_filters() == ["DCTDecode"]:
        raw, matrix = bytes(item.get_data()), item.get_matrix()
        try:
            with Image.open(io.BytesIO(raw)) as image:
                plain = image.format == "JPEG" and image.mode in ("RGB", "L") and len(raw) < MAX_JPEG
        except (OSError, SyntaxError, Image.DecompressionBombError):
            plain = False
        if plain and matrix.a > 0 and matrix.d > 0 and abs(matrix.b) + abs(matrix.c) < 0.01 and not masked(item):
            return f"data:image/jpeg;base64,{base64.b64encode(raw).decode()}"
    try:
        image = item.get_bitmap(render=True).to_pil()
    except (pypdfium2.PdfiumError, ValueError):
        return None
    finest = max(image.width * 72 / wide, image.height * 72 / high) / DOTS_PER_INCH
    if finest > 1.2:
        image = image.resize((max(round(image.width / finest), 1), max(round(image.height / finest), 1)))
    if "A" in image.mode and image.getextrema()[-1] == (255, 255):
        image = image.convert("RGB")
    buffer = io.BytesIO()
    if image.mode in ("RGB", "L") and image.width * image.height > 60_000 and image.getcolors(4096) is None:
        image.save(buffer, "jpeg", quality=85)
        return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"
    image.save(buffer, "png", compress_level=1)
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def masked(item):
    """Whether parts of a picture are see-through, which a JPEG cannot be."""
    image = item.get_bitmap(render=True)
    return image.n_channels == 4 and image.to_pil().getextrema()[-1] != (255, 255)
