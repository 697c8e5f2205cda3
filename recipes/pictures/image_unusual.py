"""Pictures that Pillow's readers refuse although nothing is wrong with them: bitmaps with masks and headers of their own, TIFF
pages packed as WebP, the still picture of an animation that is damaged; and what in others is not supported, so that they are not called damaged."""

import io
import struct

from PIL import Image, ImageMath, TiffImagePlugin

WEBP_IN_TIFF = 50001
PACKINGS = {
    32809: "ThunderScan", 33003: "JPEG 2000", 33005: "JPEG 2000", 34661: "JBIG", 34676: "SGILog", 34677: "SGILog",
    34712: "JPEG 2000", 34892: "lossy JPEG", 50002: "JPEG XL",
}  # fmt: skip
WINDOWS_HEADERS, OS2_HEADER = (40, 52, 56, 108, 124), 64  # bytes
BITFIELDS, JPEG, PNG, ALPHA_BITFIELDS = 3, 4, 5, 6  # compression of a bitmap ([MS-WMF] 2.1.1.7; the last of Windows CE)


def icon_of_cursor():
    """A Windows cursor as the icon that it is but for its hot spots, or None: Pillow's reader of cursors knows no PNG in them."""
    if SOURCE_TYPE != "image/x-win-bitmap":
        return None
    data = bytearray(b"\0\0\1\0" + SOURCE.read_bytes()[4:])
    for at in range(6, 6 + 16 * int.from_bytes(data[4:6], "little"), 16):
        data[at + 4 : at + 8] = bytes(4)
    return io.BytesIO(data)


def unusual_bitmap():
    """A bitmap that Pillow does not read, decoded; None for other files, and for bitmaps that are broken."""
    data = SOURCE.read_bytes()
    if not data.startswith(b"BM") or len(data) < 30:
        return None
    offset, size = struct.unpack_from("<I4xI", data, 10)[0], struct.unpack_from("<I", data, 14)[0]
    if not 16 <= size <= 124:
        return None
    header = data[18 : 14 + size].ljust(120, b"\0")
    width, height, _, bits, packing, _, _, _, colours = struct.unpack_from("<iiHHIIiiI", header)
    if packing in (JPEG, PNG) and size in WINDOWS_HEADERS:
        return Image.open(io.BytesIO(data[offset:]), formats=["JPEG" if packing == JPEG else "PNG"])
    if not 0 < width * abs(height) <= MAX_PIXELS:
        return None
    rows = (data[offset:], "raw"), ((width * bits + 31) // 32 * 4, 1 if height < 0 else -1)
    if bits in (1, 2, 4, 8) and packing == 0:
        palette = data[14 + size : min(offset, 14 + size + 4 * min(colours or 256, 256))]
        return indexed_bitmap((width, abs(height)), bits, palette, rows)
    if (bits, packing) in ((8, 1), (4, 2)) and height > 0:
        palette = data[14 + size : min(offset, 14 + size + 4 * (colours or 1 << bits))]
        pixels = unpacked_runs(data[offset:], width, height, bits)
        return indexed_bitmap((width, height), 8, palette, ((pixels, "raw"), (width, 1)))
    if bits in (16, 32) and packing in (BITFIELDS, ALPHA_BITFIELDS) and size in WINDOWS_HEADERS:
        masks = struct.unpack_from("<4I", data, 54)[: 4 if packing == ALPHA_BITFIELDS or size >= 56 else 3]
        return masked_bitmap((width, abs(height)), bits, masks, rows)
    return None


def indexed_bitmap(size, bits, palette, rows):
    picture = Image.frombytes("P", size, *rows[0], "P" if bits == 8 else f"P;{bits}", *rows[1])
    picture.putpalette(palette, "BGRX")
    picture = picture.convert("RGB")
    picture.format = "BMP"
    return picture


def unpacked_runs(data, width, height, bits):
    """The pixels of a run-length encoded bitmap, whose rows may end early or be left out ([MS-WMF] 3.1.6.1 and 3.1.6.2)."""
    pixels, x, y, at = bytearray(width * height), 0, 0, 0
    while y < height and (pair := data[at : at + 2]) not in (b"\0\1", b""):
        count, value, at, run = pair[0], pair[1], at + 2, b""
        if count:
            run = (bytes([value]) if bits == 8 else bytes([value >> 4, value & 15])) * count
        elif value == 0:
            x, y = 0, y + 1
        elif value == 2:
            x, y, at = x + data[at], y + data[at + 1], at + 2
        else:
            size = value if bits == 8 else (value + 1) // 2
            run, count = data[at : at + size], value
            run = run if bits == 8 else bytes(half for one in run for half in (one >> 4, one & 15))
            at += size + size % 2
        if x < width and y < height:
            start, run = (height - 1 - y) * width + x, run[: min(count, width - x)]
            pixels[start : start + len(run)] = run
        x += count
    if at >= len(data) and y < height - 1:
        raise EOFError("not enough image data")
    return bytes(pixels)


def masked_bitmap(size, bits, masks, rows):
    """Each channel from the bits under its mask, at its full range."""
    whole = Image.frombytes("I", size, *rows[0], f"I;{bits}", *rows[1])
    channels = [under(whole, mask) for mask in masks if mask]
    if len(channels) != len(masks):
        channels = channels[:3]
    picture = Image.merge("RGBA" if len(channels) == 4 else "RGB", channels)
    picture.format = "BMP"
    return picture


def under(whole, mask):
    shift = (mask & -mask).bit_length() - 1
    extra = max(0, (mask >> shift).bit_length() - 16)  # what 8 bits show nothing of, and a product with 255 has no room for
    shift, most = shift + extra, mask >> (shift + extra)
    return ImageMath.lambda_eval(lambda bands: ((bands["whole"] >> shift) & most) * 255 / most, whole=whole).convert("L")


class Pieced(Image.Image):
    """A TIFF whose strips or tiles are pictures of their own, read as Pillow reads others: seek, then load."""

    def __init__(self, source):
        super().__init__()
        self.source, self.format, self.n_frames = source, "TIFF", getattr(source, "n_frames", 1)
        self.seek(0)

    def seek(self, frame):
        self.source.seek(frame)
        self._size, self._mode, self.info = self.source.size, self.source.mode, self.source.info
        self.filled = False

    def tell(self):
        return self.source.tell()

    def getexif(self):
        return self.source.getexif()

    def load(self):
        if not self.filled:
            self.filled = True
            self.im = pasted(self.source).im
        return super().load()


def pasted(source):
    """The pieces of the page that ``source`` stands at, laid side by side (TIFF 6.0, sections 3 and 15)."""
    tags = source.tag_v2
    tiled = 322 in tags
    wide, high = (tags[322], tags[323]) if tiled else (source.width, tags.get(278, source.height))
    offsets, lengths = (tags[324], tags[325]) if tiled else (tags[273], tags[279])
    canvas, across = Image.new(source.mode, source.size), -(-source.width // wide)
    with SOURCE.open("rb") as file:
        for number, (offset, length) in enumerate(zip(offsets, lengths, strict=True)):
            file.seek(offset)
            piece = Image.open(io.BytesIO(file.read(length)), formats=["WEBP"])
            canvas.paste(piece.convert(source.mode), (number % across * wide, number // across * high))
    return canvas


def whole_animation(source):
    """A PNG; without its animation if that is damaged, as its specification asks of decoders (PNG 3, section 13.1.4)."""
    with SOURCE.open("rb") as file:
        if b"acTL" not in file.read(1 << 16):
            return source
    try:
        for frame in (*range(getattr(source, "n_frames", 1)), 0):
            source.seek(frame)
            source.load()
        return source
    except (OSError, SyntaxError, ValueError, EOFError, struct.error):
        still = Image.open(io.BytesIO(without_animation(SOURCE.read_bytes())), formats=["PNG"])
        warn("the animation is damaged: the picture beneath it was converted")
        return still


def without_animation(data):
    parts, at = [data[:8]], 8
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind not in (b"acTL", b"fcTL", b"fdAT"):
            parts.append(data[at : at + length + 12])
        at += length + 12
    return b"".join(parts)


def unsupported(identified):
    """What of this picture no reader here supports, in words; None when it is damaged."""
    with SOURCE.open("rb") as file:
        head = file.read(34).ljust(34, b"\0")
        if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
            return unsupported_in_tiff(file, head, identified)
    if head.startswith(b"8BPS\0"):
        depth, mode = struct.unpack_from(">HH", head, 22)
        if mode not in (*SHOWN, 7) or depth not in (1, 8, 16, 32):
            return f"a Photoshop image of {depth} bits in colour mode {mode}"
    if head.startswith(b"BM"):
        size, packing = struct.unpack_from("<I12xI", head, 14)
        if size in WINDOWS_HEADERS and 6 < packing < 16 or size == OS2_HEADER and packing in (3, 4):
            return f"a bitmap with the compression {packing}"
    return None


def unsupported_in_tiff(file, head, identified):
    big = b"+" in head[:4]
    try:
        tags = TiffImagePlugin.ImageFileDirectory_v2(head[: 16 if big else 8])
        file.seek(tags.next)
        tags.load(file)
        offsets, lengths = tags.get(324) or tags.get(273), tags.get(325) or tags.get(279)
        whole = offsets and lengths and max(map(sum, zip(offsets, lengths, strict=True))) <= file.seek(0, 2)
    except (SyntaxError, ValueError, OSError, TypeError, struct.error):
        return None
    packing = tags.get(259, 1)
    if packing not in TiffImagePlugin.COMPRESSION_INFO or packing in PACKINGS:
        return f"a TIFF that is packed as {PACKINGS.get(packing, f'number {packing}')}"
    if whole and not identified:
        return f"a TIFF with {len(tags.get(258, '1'))} samples of {', '.join(map(str, dict.fromkeys(tags.get(258, (1,)))))} bits of kind {tags.get(262)}"
    return None
