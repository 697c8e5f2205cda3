"""Windows metafiles (EMF, WMF) as SVG: lines, shapes, curves, paths and text with their pens, brushes and fonts, and the bitmaps between them.

Source: [MS-EMF] 2.3, [MS-WMF] 2.3. Not drawn: clipping, hatches (as their colour), raster operations, EMF+ of its own.
"""

import base64
import html as html_text
import math

MAX_MARKS = 60_000  # elements of one drawing
MAX_NUMBERS = 2_000_000  # coordinates of all its shapes
STOCK = {0: "#ffffff", 1: "#c0c0c0", 2: "#808080", 3: "#404040", 4: "#000000", 5: None}  # brushes
DASHES = {1: "6 3", 2: "2 2", 3: "6 2 2 2", 4: "6 2 2 2 2 2"}
CURVE = 0.5523  # handles of a quarter of an ellipse
PAIRS_16 = {85: 2, 86: 3, 87: 4, 88: 5, 89: 6, 90: 7, 91: 8}  # records of small points, as those of large ones


def rgb(value):
    return f"#{value & 255:02x}{value >> 8 & 255:02x}{value >> 16 & 255:02x}"


class Canvas:
    """One drawing: the state that records change, and the elements of the SVG."""

    def __init__(self):
        self.out, self.words, self.objects, self.saved, self.path, self.numbers = [], [], {}, [], None, 0
        self.ended, self.mask = [], None  # a path that is whole, and the bitmap that keeps places free for the next
        self.state = {
            "window": (0, 0), "window_size": (1, 1), "view": (0, 0), "view_size": (1, 1), "world": (1, 0, 0, 1, 0, 0), "at": (0, 0),
            "pen": ("#000000", 1, 0), "brush": "#ffffff", "font": (12, 400, False, "", 0), "ink": "#000000", "align": 0, "rule": "evenodd",
        }  # fmt: skip

    def place(self, x, y):
        s = self.state
        a, b, c, d, e, f = s["world"]
        x, y = a * x + c * y + e, b * x + d * y + f
        (wx, wy), (ww, wh), (vx, vy), (vw, vh) = s["window"], s["window_size"], s["view"], s["view_size"]
        return (x - wx) * vw / (ww or 1) + vx, (y - wy) * vh / (wh or 1) + vy

    def scale(self):
        s = self.state
        a, b, c, d, *_ = s["world"]
        x, y = s["view_size"][0] / (s["window_size"][0] or 1), s["view_size"][1] / (s["window_size"][1] or 1)
        return math.sqrt(abs((a * d - b * c) * x * y)) or 1.0

    def points(self, pairs):
        self.numbers += len(pairs)
        if self.numbers > MAX_NUMBERS or len(self.out) > MAX_MARKS:
            raise ValueError("too large a drawing")
        return [" ".join(f"{each:.2f}" for each in self.place(*pair)) for pair in pairs]

    def add(self, data, filled=True, stroked=True):
        """Draw path data, or keep it for the path that is open."""
        if self.path is not None:
            self.path.append(data)
            return
        colour, width, style = self.state["pen"]
        brush = self.state["brush"] if filled else None
        pen = f'stroke="{colour}" stroke-width="{max(width * self.scale(), 0.7):.2f}"' if stroked and style != 5 else ""
        if style in DASHES and pen:
            pen += f' stroke-dasharray="{DASHES[style]}"'
        if brush or pen:
            rule = f' fill-rule="{self.state["rule"]}"' if brush else ""
            self.out.append(f'<path d="{data}" fill="{brush or "none"}"{rule} {pen} stroke-linejoin="round"/>')

    def line(self, pairs, closed=False, curved=False, start=None):
        """Lines or curves through points, from ``start`` where they go on from the current place."""
        if len(pairs) < (1 if start else 2):
            return
        steps = self.points(pairs)
        joined = f"M{self.points([start])[0]}" if start and not self.path else "" if start else f"M{steps.pop(0)}"
        steps = steps[: len(steps) // 3 * 3] if curved else steps
        self.add(joined + ("C" if curved else "L") + " ".join(steps) + ("Z" if closed else ""), filled=closed)
        if start or not closed:
            self.state["at"] = pairs[-1]

    def many(self, pieces, closed):
        data = "".join(f"M{steps[0]}L{' '.join(steps[1:])}{'Z' if closed else ''}" for steps in map(self.points, filter(None, pieces)))
        self.add(data, filled=closed)

    def box(self, left, top, right, bottom, corner=(0, 0)):
        rx, ry = min(abs(corner[0]) / 2, abs(right - left) / 2), min(abs(corner[1]) / 2, abs(bottom - top) / 2)
        if not rx or not ry:
            return self.line([(left, top), (right, top), (right, bottom), (left, bottom)], closed=True)
        kx, ky, data = rx * (1 - CURVE), ry * (1 - CURVE), []
        for x, y, dx, dy in ((left, top, 1, 1), (right, top, -1, 1), (right, bottom, -1, -1), (left, bottom, 1, -1)):
            one, two = ((x, y + dy * ry), (x, y + dy * ky)), ((x + dx * rx, y), (x + dx * kx, y))
            (a, b), (c, d) = (one, two) if dx * dy > 0 else (two, one)
            start, *curve = self.points([a, b, d, c])
            data.append(f"{'L' if data else 'M'}{start}C{' '.join(curve)}")
        return self.add("".join(data) + "Z")

    def arc(self, kind, box, start, end):
        """A part of an ellipse, against the clock: an arc, a chord or a slice."""
        left, top, right, bottom = box
        x, y, rx, ry = (left + right) / 2, (top + bottom) / 2, abs(right - left) / 2 or 1, abs(bottom - top) / 2 or 1
        one, two = (math.atan2(-(py - y) / ry, (px - x) / rx) for px, py in (start, end))
        sweep = (two - one) % (2 * math.pi) or 2 * math.pi
        steps = [one + sweep * at / 48 for at in range(49)]
        pairs = [(x + rx * math.cos(each), y - ry * math.sin(each)) for each in steps]
        self.line(([(x, y)] if kind == "slice" else []) + pairs, closed=kind != "arc")

    def text(self, x, y, text, spaces=()):
        text = re.sub(r"[\x00-\x1f\x7f]", "", text)
        self.words.append(text)
        if not text.strip():
            return
        height, bold, italic, face, turned = self.state["font"]
        align = self.state["align"]
        x, y = self.place(*(self.state["at"] if align & 1 else (x, y)))
        size = max(abs(height) * self.scale(), 1)
        y += 0 if align & 24 == 24 else size * (-0.2 if align & 8 else 0.85)
        anchor = {2: "end", 6: "middle"}.get(align & 6, "start")
        wide = f' textLength="{sum(spaces) * self.scale():.1f}"' if spaces and len(text) > 1 and anchor == "start" and sum(spaces) > 0 else ""
        turn = f' transform="rotate({-turned / 10:g} {x:.2f} {y:.2f})"' if turned else ""
        family = html_text.escape(re.sub(r"[^\w .-]", "", face))
        form = (' font-weight="bold"' if bold >= 600 else "") + (' font-style="italic"' if italic else "")
        self.out.append(
            f'<text x="{x:.2f}" y="{y:.2f}" font-family="{family}, Noto Sans, sans-serif" font-size="{size:.2f}" fill="{self.state["ink"]}" '
            f'text-anchor="{anchor}"{form}{wide}{turn} xml:space="preserve">{html_text.escape(text)}</text>'
        )

    def bitmap(self, left, top, right, bottom, file, operation=0):
        """A bitmap; one that only keeps places free (SRCAND) is the mask of the next."""
        from PIL import Image, ImageOps

        image = Image.open(io.BytesIO(file))
        if not 0 < image.width * image.height <= MAX_PIXELS // 4 or len(self.out) > MAX_MARKS:
            return
        (x, y), (x2, y2) = self.place(left, top), self.place(right, bottom)
        if operation == 0x8800C6:
            self.mask = image.convert("L")
            return
        image = image.convert("RGBA")
        if self.mask and self.mask.size == image.size and operation in (0x660046, 0xEE0086):
            image.putalpha(ImageOps.invert(self.mask))
        self.mask, buffer = None, io.BytesIO()
        image.save(buffer, "png", compress_level=1)
        png = buffer.getvalue()
        if x2 != x and y2 != y:
            source = base64.b64encode(png).decode()
            self.out.append(
                f'<image x="{min(x, x2):.2f}" y="{min(y, y2):.2f}" width="{abs(x2 - x):.2f}" height="{abs(y2 - y):.2f}" '
                f'preserveAspectRatio="none" xlink:href="data:image/png;base64,{source}"/>'
            )

    def select(self, number):
        found = self.objects.get(number)
        if found is None and number >> 31:  # a stock object
            stock = number & 0x7FFFFFFF
            found = ("brush", STOCK[stock]) if stock in STOCK else ("pen", ("#ffffff" if stock == 6 else "#000000", 1, 5 if stock == 8 else 0))
            found = found if stock < 9 else None
        if found:
            self.state[found[0]] = found[1]

    def save(self):
        self.saved.append(dict(self.state))

    def restore(self, count):
        for _ in range(min(abs(count) if count < 0 else 1, len(self.saved))):
            self.state = self.saved.pop()

    def paint_path(self, filled, stroked):
        data, self.path = "".join(self.path or self.ended), None
        if data:
            self.add(data, filled, stroked)
        self.ended = []


    def svg(self, box, size):
        left, top, wide, high = box
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="{size[0]:.1f}" height="{size[1]:.1f}" '
            f'viewBox="{left:.2f} {top:.2f} {wide:.2f} {high:.2f}" preserveAspectRatio="none">{"".join(self.out)}</svg>'
        ).encode("utf-8", "replace")


def metafile_svg(raw):
    """(SVG of a metafile, the words in it), None for what is none or draws nothing."""
    if raw[:2] == b"\x1f\x8b":
        try:
            raw = zlib.decompressobj(31).decompress(raw, MAX_METAFILE)
        except zlib.error:
            return None
    canvas = Canvas()
    try:
        svg = (draw_emf if raw[40:44] == b" EMF" else draw_wmf)(canvas, raw)
    except (struct.error, ValueError, OSError, IndexError, OverflowError, SyntaxError, KeyError):
        return None
    words = "".join(word if len(word) == 1 else f" {word} " for word in canvas.words)
    return (svg, " ".join(words.split())) if canvas.out else None


def metafile_picture(raw):
    """(file, subtype of image/*, words in it) of a metafile: PNG when it is only bitmaps, SVG when it draws; None for neither."""
    drawn = metafile_svg(raw)
    if drawn is not None and re.search(rb"<(?:path|text)\b", drawn[0]):
        return drawn[0], "svg+xml", drawn[1]
    png = metafile_png(raw)
    return (png, "png", "") if png else None
