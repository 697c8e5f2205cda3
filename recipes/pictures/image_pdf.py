"""Pictures as the pages of a PDF: the bytes of a JPEG as they are, every other lossless picture losslessly."""

import io
import struct
import zlib

from PIL import Image

LOSSY = {"JPEG", "MPO", "HEIF", "AVIF", "WEBP"}
PAGES = {"a4": (595.28, 841.89), "letter": (612.0, 792.0)}
PAGE_MARGIN = 36.0  # points


def png_data(picture):
    """The picture's rows as PNG packs them, which is what a PDF's FlateDecode with Predictor 15 reads, and the bits of a sample."""
    buffer = io.BytesIO()
    Image.Image.save(picture, buffer, "PNG", compress_level=1, icc_profile=None)
    raw, at, rows = buffer.getvalue(), 8, []
    while at < len(raw):
        length, kind = struct.unpack(">I4s", raw[at : at + 8])
        if kind == b"IDAT":
            rows.append(raw[at + 8 : at + 8 + length])
        at += length + 12
    return b"".join(rows), raw[24]


def jpeg_data(raw):
    """The JPEG without the segments that say where and by whom it was taken: APP1 to APP13 but the ICC profile, and comments."""
    kept, at = [raw[:2]], 2
    while raw[at : at + 1] == b"\xff" and raw[at + 1] != 0xDA:
        length = 2 + int.from_bytes(raw[at + 2 : at + 4], "big")
        if not (0xE1 <= raw[at + 1] <= 0xED or raw[at + 1] == 0xFE):
            kept.append(raw[at : at + length])
        at += length
    return b"".join(kept) + raw[at:]


def placed(size, dpi, orientation):
    """Width and height of the page in points and the matrix that draws the unit square of the image on it, turned upright."""
    across, down = dpi or (96.0, 96.0)
    width, height = size[0] * 72 / across, size[1] * 72 / down
    shrink = min(1.0, 14400 / max(width, height))
    width, height = width * shrink, height * shrink
    if orientation >= 5:
        width, height = height, width
    page, left, bottom = (width, height), 0.0, 0.0
    if OPTIONS["page_size"] in PAGES:
        page = PAGES[OPTIONS["page_size"]]
        page = page[::-1] if width > height else page
        scale = min((page[0] - 2 * PAGE_MARGIN) / width, (page[1] - 2 * PAGE_MARGIN) / height)
        width, height = width * scale, height * scale
        left, bottom = (page[0] - width) / 2, (page[1] - height) / 2
    a, b, c, d, e, f = {  # by the orientation of EXIF: the image's x and y axis and its origin, in units of the page
        1: (1, 0, 0, 1, 0, 0),
        2: (-1, 0, 0, 1, 1, 0),
        3: (-1, 0, 0, -1, 1, 1),
        4: (1, 0, 0, -1, 0, 1),
        5: (0, -1, -1, 0, 1, 1),
        6: (0, -1, 1, 0, 0, 1),
        7: (0, 1, 1, 0, 0, 0),
        8: (0, 1, -1, 0, 1, 0),
    }[orientation]
    return page, (a * width, b * height, c * width, d * height, left + e * width, bottom + f * height)


def write_pdf(frames, source):
    kept = source.format == "JPEG" and source.mode in ("L", "RGB") and frames.n_frames == 1 and not (OPTIONS["width"] or OPTIONS["height"])
    orientation = orientation_of(source) if kept else 1
    with OUTPUT.open("wb") as file:
        pdf = Pdf(file)
        profiles = {}
        for index in range(frames.n_frames):
            frames.seek(index)
            profile, size, grey = frames.info.get("icc_profile"), frames.size, frames.mode in ("1", "L")
            bits = 8
            if kept:
                size = source.size
                grey, filters, data = source.mode == "L", b"/Filter /DCTDecode", jpeg_data(SOURCE.read_bytes())
            elif source.format in LOSSY and frames.mode in ("L", "RGB"):
                buffer = io.BytesIO()
                Image.Image.save(frames, buffer, "JPEG", quality=OPTIONS["quality"], icc_profile=None)
                filters, data = b"/Filter /DCTDecode", buffer.getvalue()
            else:
                data, bits = png_data(frames)
                parameters = b"/Filter /FlateDecode /DecodeParms <</Predictor 15 /Colors %d /BitsPerComponent %d /Columns %d>>"
                filters = parameters % (3 if frames.mode == "RGB" else 1, bits, size[0])
            space = b"/DeviceGray" if grey else b"/DeviceRGB"
            if profile:
                if profile not in profiles:
                    profiles[profile] = pdf.put(b"/N %d /Filter /FlateDecode" % (1 if grey else 3), zlib.compress(profile))
                space = b"[/ICCBased %d 0 R]" % profiles[profile]
            if frames.mode == "P":
                colours = bytes(frames.getpalette("RGB"))
                space = b"[/Indexed %b %d <%b>]" % (space, len(colours) // 3 - 1, colours.hex().encode())
            body = b"/Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace %b /BitsPerComponent %d %b"
            image = pdf.put(body % (*size, space, bits, filters), data)
            page, place = placed(size, resolution(frames), orientation)
            drawing = b"q %b cm /I Do Q" % b" ".join(b"%.4f" % value for value in place)
            pdf.page(*page, b"/XObject <</I %d 0 R>>" % image, drawing)
        pdf.close()
    if frames.n_frames > 1 and source.format != "TIFF":
        warn("the times of the frames are lost")
    return {"pages": pdf.check(frames.n_frames), "width": frames.width, "height": frames.height}
