"""Windows metafiles (EMF, WMF) as pictures: the bitmaps inside, put where the metafile draws them. Lines and text are another file's."""

import io
import re
import struct
import zlib

METAFILE_TYPES = re.compile(r"data:image/(?:x-)?(?:emf|wmf|emz|wmz|win-?emf|win-?wmf|ms-?emf|ms-?wmf)\b|data:application/(?:x-)?(?:ms)?metafile", re.I)
NOT_DRAWN = "pictures of type emf and wmf that cannot be drawn are shown by their alternative text"
MAX_METAFILE = 100_000_000
MAX_SIDE = 6000  # pixels of the picture that is put together
EMF_BITMAPS = {76: (24, 84), 77: (24, 84), 80: (24, 48), 81: (24, 48), 114: (24, 84), 116: (24, 84)}  # target and bitmap at
WMF_BITMAPS = {0x0F43: 22, 0x0B41: 20, 0x0940: 16}  # where the bitmap begins in the parameters
EMF_DRAWS = {*range(2, 9), *range(85, 91), 41, 42, 43, 44, 45, 46, 47, 54, 55, 56, 83, 84, 62, 63, 64, 118}
WMF_DRAWS = {0x0213, 0x0324, 0x0325, 0x0418, 0x041B, 0x0538, 0x061C, 0x0521, 0x0A32, 0x0817, 0x081A, 0x0830}


def metafile_picture(raw):
    """(file, subtype of image/*, words in it) of a metafile, None for what cannot be shown; a program that draws puts another here."""
    png = metafile_png(raw)
    return (png, "png", "") if png else None


def metafile_png(raw):
    """The bitmaps of a metafile as one PNG, None when it has none; what else it draws is warned of."""
    if raw[:2] == b"\x1f\x8b":  # emz, wmz
        try:
            raw = zlib.decompressobj(31).decompress(raw, MAX_METAFILE)
        except zlib.error:
            return None
    try:
        found, draws = emf_bitmaps(raw) if raw[40:44] == b" EMF" else wmf_bitmaps(raw)
        return composed(found, draws)
    except (struct.error, ValueError, OSError, IndexError, OverflowError, SyntaxError):
        return None


def composed(found, draws):
    """One PNG of bitmaps [((left, top, right, bottom), file)]."""
    from PIL import Image

    images = []
    for box, raw in found:
        image = Image.open(io.BytesIO(raw))
        if 0 < image.width * image.height <= MAX_PIXELS // 4 and box[2] > box[0] and box[3] > box[1]:
            images.append((box, image))
    if not images:
        return None
    left, top = (min(box[side] for box, _ in images) for side in (0, 1))
    width, height = (max(box[side] for box, _ in images) - edge for side, edge in ((2, left), (3, top)))
    largest = max(images, key=lambda pair: pair[1].width * pair[1].height)
    scale = min(max(largest[1].width / (largest[0][2] - largest[0][0]), 0.01), MAX_SIDE / max(width, height))
    made = Image.new("RGBA", (max(round(width * scale), 1), max(round(height * scale), 1)))
    for box, image in images:
        image = image.convert("RGBA")
        at = [round((side - edge) * scale) for side, edge in zip(box, (left, top, left, top))]
        image = image.resize((max(at[2] - at[0], 1), max(at[3] - at[1], 1)))
        made.paste(image, (at[0], at[1]), image)
    if draws:
        warn("of pictures of type emf and wmf only the bitmaps inside are kept")
    buffer = io.BytesIO()
    made.save(buffer, "png", compress_level=1)
    return buffer.getvalue()


def bitmap_file(header, bits):
    """A bitmap of a metafile as a file: BMP, or the PNG or JPEG that it holds."""
    size, depth, compression = struct.unpack_from("<I10xHI", header)
    if compression in (4, 5):
        return bits
    return b"BM" + struct.pack("<IHHI", 14 + len(header) + len(bits), 0, 0, 14 + len(header)) + header + bits


def emf_bitmaps(raw):
    found, draws, at, objects = [], False, 0, b""
    bounds = struct.unpack_from("<4i", raw, 8)
    while at + 8 <= len(raw):
        kind, size = struct.unpack_from("<II", raw, at)
        if size < 8 or kind == 14:
            break
        record = raw[at : at + size]
        if kind in EMF_BITMAPS:
            target, place = EMF_BITMAPS[kind]
            header_at, header_size, bits_at, bits_size = struct.unpack_from("<4I", record, place)
            if header_size >= 40 and bits_size:
                x, y = struct.unpack_from("<2i", record, target)
                wide, high = struct.unpack_from("<2i", record, 72 if place == 48 and kind == 81 else 40 if place == 48 else 32)
                box = struct.unpack_from("<4i", record, 8)
                box = box if box[2] > box[0] and box[3] > box[1] else (x, y, x + wide, y + high)
                header, bits = record[header_at : header_at + header_size], record[bits_at : bits_at + bits_size]
                found.append((box, bitmap_file(header, bits)))
        elif kind == 70 and record[12:16] == b"EMF+":
            objects += emf_plus_objects(record)
        draws = draws or kind in EMF_DRAWS
        at += size
    held = picture_file(objects) if not found else None  # EMF+ only: the picture is an object of its own
    return ([(bounds, held)] if held else found), draws


def emf_plus_objects(record):
    """The data of the objects in a comment of EMF+; a large object is continued in the next ones."""
    out, at = b"", 16
    while at + 12 <= len(record):
        kind, flags, size, length = struct.unpack_from("<HHII", record, at)
        if size < 12:
            break
        if kind == 0x4008:
            start = at + 12 + (4 if flags & 0x8000 else 0)
            out += record[start : at + 12 + length]
        at += size
    return out


def picture_file(raw):
    """The PNG or JPEG that stands somewhere in bytes."""
    starts = [raw.find(mark) for mark in (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")]
    return raw[min(start for start in starts if start >= 0) :] if max(starts) >= 0 else None


def wmf_bitmaps(raw):
    at, found, draws = 22 if raw[:4] == b"\xd7\xcd\xc6\x9a" else 0, [], False
    at += 2 * struct.unpack_from("<H", raw, at + 2)[0]
    while at + 6 <= len(raw):
        size, kind = struct.unpack_from("<IH", raw, at)
        if size < 3 or kind == 0:
            break
        record = raw[at + 6 : at + 2 * size]
        place = WMF_BITMAPS.get(kind)
        if place and len(record) > place + 40 and struct.unpack_from("<I", record, place)[0] >= 40:
            high, wide, y, x = struct.unpack_from("<4h", record, place - 8)
            length, depth, compression = struct.unpack_from("<I10xHI", record, place)
            colors = struct.unpack_from("<I", record, place + 32)[0] or (1 << depth if depth <= 8 else 0)
            length += 4 * min(colors, 256) + (12 if compression == 3 and length == 40 else 0)
            file = bitmap_file(record[place : place + length], record[place + length :])
            found.append(((x, y, x + abs(wide), y + abs(high)), file))
        draws = draws or kind in WMF_DRAWS
        at += 2 * size
    return found, draws
