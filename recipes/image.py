"""Raster images to raster images and to PDF.

Every frame is oriented, brought to colours the target holds, and sized only when a writer asks for it, so a scan of a
hundred pages needs the memory of one. A PDF keeps the bytes of a JPEG, and every other lossless picture losslessly.
"""

import contextlib
import io
import math
import struct
import zlib
from warnings import simplefilter

import pi_heif
from PIL import Image, ImageChops, ImageCms, ImageColor, ImageMath, ImageOps

READERS = ["AVIF", "BMP", "CUR", "DIB", "GIF", "HEIF", "ICO", "JPEG", "JPEG2000", "PNG", "PPM", "PSD", "TGA", "TIFF", "WEBP"]
WRITERS = {"png": "PNG", "jpg": "JPEG", "webp": "WEBP", "gif": "GIF", "tiff": "TIFF", "bmp": "BMP", "avif": "AVIF", "ico": "ICO"}
MODES = {  # what each target holds; anything else is converted, alpha last of all composited
    "png": {"1", "L", "LA", "P", "RGB", "RGBA", "I;16"},
    "tiff": {"1", "L", "LA", "P", "RGB", "RGBA", "I;16"},
    "jpg": {"L", "RGB"},
    "webp": {"RGB", "RGBA"},
    "avif": {"L", "RGB", "RGBA"},
    "gif": {"RGB", "RGBA"},
    "ico": {"RGBA"},
    "bmp": {"1", "L", "P", "RGB"},
    "pdf": {"1", "L", "P", "RGB"},
}
MOST_PIXELS = {"webp": 50_000_000, "avif": 28_000_000}  # their encoders take 16 and 31 bytes a pixel of a container's gigabyte
MOST_READ_PIXELS = {"HEIF": 130_000_000}  # its decoder takes seven bytes a pixel
MAX_SIDE = {"webp": 16383, "jpg": 65500, "gif": 65535, "avif": 32768}
MAX_FRAMES = 5000
MOVING = {"gif", "webp", "avif"}  # targets whose frames share one canvas and have times
MANY = MOVING | {"tiff", "pdf"}
ALREADY_THERE = {"HEIF", "PSD"}  # opened at the primary image, or the layers laid together, to which seek may not lead back
PROFILED = {"png", "jpg", "webp", "tiff", "avif", "pdf"}
LOSSY = {"JPEG", "MPO", "HEIF", "AVIF", "WEBP"}
PAGES = {"a4": (595.28, 841.89), "letter": (612.0, 792.0)}
PAGE_MARGIN = 36.0  # points
CLEAR = (254, 1, 253)  # behind clear pixels of a GIF: no opaque pixel has it, or Pillow would crop a frame whose edge does

BROKEN = (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error, IndexError, KeyError, TypeError, OverflowError, RuntimeError)

Image.MAX_IMAGE_PIXELS = MAX_PIXELS // 2  # Pillow refuses above twice this, in every reader and before it decodes
simplefilter("ignore")


class WithoutMetadata:
    """An image of a HEIF file as pi_heif's reader has it, but for its metadata: a kind of them that is no text ends the process
    (pi_heif 1.4), and none is needed, for the reader itself turns the picture upright."""

    metadata = ()

    def __init__(self, image):
        self.image = image

    def __getattr__(self, name):
        return getattr(self.image, name)


read_heif_image = pi_heif.HeifImage.__init__
pi_heif.HeifImage.__init__ = lambda self, image: read_heif_image(self, WithoutMetadata(image))
pi_heif.register_heif_opener(thumbnails=False)


@contextlib.contextmanager
def decoding():
    """The errors with which Pillow's readers meet a damaged or monstrous file, as refusals."""
    try:
        yield
    except Image.DecompressionBombError:
        refuse("too_large", f"the image has more than {MAX_PIXELS // 1_000_000} million pixels")
    except Refusal:
        raise
    except BROKEN as error:
        refuse("damaged", f"the image cannot be decoded: {str(error).replace(str(SOURCE), 'the file')[:200] or type(error).__name__}")


class Frames(Image.Image):
    """The frames to write, in the shape Pillow's own writers walk a sequence: seek, then read the pixels."""

    def __init__(self, source, indexes, prepare):
        super().__init__()
        self.source, self.indexes, self.prepare = source, indexes, prepare
        self.n_frames, self.is_animated = len(indexes), len(indexes) > 1
        self.format = source.format
        self.at = -1
        self.seek(0)
        self.first = fingerprint(self)

    def seek(self, frame):
        if not 0 <= frame < self.n_frames:
            raise EOFError("no more frames")
        if frame != self.at:
            with decoding():
                if self.source.format not in ALREADY_THERE or self.source.tell() != self.indexes[frame]:
                    self.source.seek(self.indexes[frame])
                self.source.load()
            picture = self.prepare(self.source)
            self.im, self._mode, self._size, self.palette, self.info = picture.im, picture.mode, picture.size, picture.palette, picture.info
            self.at = frame

    def tell(self):
        return self.at


def open_source():
    with decoding():
        source = Image.open(SOURCE, formats=READERS)
        if source.width * source.height > MAX_PIXELS:
            raise Image.DecompressionBombError
        if source.width * source.height > MOST_READ_PIXELS.get(source.format, MAX_PIXELS):
            refuse("too_large", f"a picture of {source.width} x {source.height} pixels needs more memory to decode than a container has")
        return source


def choose_frames(source):
    """The indexes of the frames to convert: those asked for, those the target can hold, or the picture meant to be seen."""
    with decoding():
        total = 1 if source.format == "PSD" else getattr(source, "n_frames", 1)
    wanted, kind = OPTIONS["frame"], "page" if source.format == "TIFF" else "frame"
    if wanted > total:
        refuse("unsupported", f"{kind} {wanted} was asked for; the file has {total}")
    if wanted and source.format != "PSD":
        return [wanted - 1]
    if source.format in ALREADY_THERE:
        if total > 1:
            warn(f"the file holds {total} images; the primary one was converted (option frame)")
        return [source.tell()]
    if source.format == "MPO":
        warn(f"the file holds {total} pictures; the first one was converted (option frame)")
        return [0]
    if source.format in ("ICO", "CUR") and len(source.info.get("sizes", ())) > 1:
        warn(f"the icon holds {len(source.info['sizes'])} sizes; the largest one was converted")
    indexes = list(range(1 if total > 1 and source.info.get("default_image") else 0, total))
    if total > 1 and TARGET not in MANY:
        warn(f"only the first of {len(indexes)} {kind}s was converted: {TARGET} holds one (option frame)")
        return [0]
    if total > MAX_FRAMES or total * source.width * source.height > 20 * MAX_PIXELS:
        refuse("too_large", f"the image has {total} {kind}s of {source.width} x {source.height} pixels")
    return indexes


def transparent(picture):
    return picture.mode in ("LA", "RGBA", "PA", "La", "RGBa") or "transparency" in picture.info


def stretched(picture, low, high):
    """Samples between low and high as 8 bits; `point` on these modes takes one scale and one offset."""
    scale = 255.0 / (high - low) if high > low else 0.0
    return picture.point(lambda sample: sample * scale + (0.5 - low * scale)).convert("L")


def deep(picture):
    """One channel of more than 8 bits, as I;16 where the target holds that, else as 8 bits."""
    if picture.mode == "F":
        low, high = picture.getextrema()
        if not (math.isfinite(low) and math.isfinite(high)):
            refuse("unsupported", "the image has samples that are not finite numbers")
        low, high = (0.0, 1.0) if low >= 0 and high <= 1 else (0.0, 255.0) if low >= 0 and high <= 255 else (low, high)
        warn(f"floating-point samples from {low:g} to {high:g} became 8 bits")
        return stretched(picture, low, high)
    clear = picture.info.get("transparency")
    whole = picture.convert("I")
    low, high = whole.getextrema()
    if low < 0 or high > 65535:
        warn(f"32-bit samples from {low} to {high} became 8 bits")
        return stretched(whole, low, high)
    if picture.mode == "I" and high <= 255 and picture.format == "BMP":
        return whole.convert("L")
    if isinstance(clear, int):
        alpha = ImageMath.lambda_eval(lambda bands: (bands["grey"] != clear) * 255, grey=whole).convert("L")
        warn("16-bit samples with a transparent shade became 8 bits")
        return Image.merge("LA", (stretched(whole, 0, 65535), alpha))
    if "I;16" in MODES[TARGET] and not (OPTIONS["width"] or OPTIONS["height"]):
        return whole.convert("I;16")
    warn("16-bit samples became 8 bits")
    return stretched(whole, 0, 65535)


def to_srgb(picture, profile, mode):
    """Colours of the embedded profile as sRGB; without a usable profile, Pillow's own arithmetic."""
    if profile:
        try:
            return ImageCms.profileToProfile(picture, io.BytesIO(profile), ImageCms.createProfile("sRGB"), outputMode=mode)
        except (ImageCms.PyCMSError, OSError, ValueError):
            warn("the embedded colour profile is unusable and was ignored")
    return picture.convert(mode)


def profile_of(picture):
    """The embedded profile when it describes this picture's channels, or nothing; and whether it is sRGB itself."""
    profile = picture.info.get("icc_profile")
    if not profile:
        return None, False
    try:
        opened = ImageCms.ImageCmsProfile(io.BytesIO(profile)).profile
        space = opened.xcolor_space.strip()
    except (ImageCms.PyCMSError, OSError, ValueError):
        warn("the embedded colour profile is unusable and was ignored")
        return None, False
    if space != {"1": "GRAY", "L": "GRAY", "LA": "GRAY", "I;16": "GRAY", "CMYK": "CMYK", "LAB": "Lab"}.get(picture.mode, "RGB"):
        return None, False
    return profile, "srgb" in (opened.profile_description or "").lower()


def coloured(picture):
    """The picture in mode 1, L, LA, P, RGB, RGBA or I;16, with the profile that a writer is to embed in its info."""
    profile, is_srgb = profile_of(picture)
    if picture.mode in ("CMYK", "LAB"):
        if picture.mode == "LAB":
            lab = ImageCms.createProfile("LAB")
            picture = ImageCms.profileToProfile(picture, lab, ImageCms.createProfile("sRGB"), outputMode="RGB")
        else:
            picture = to_srgb(picture, profile, "RGB")
        warn("colours were converted to sRGB")
        profile = None
    elif picture.mode in ("I", "F") or picture.mode.startswith("I;16"):
        picture = deep(picture)
    elif transparent(picture):
        picture = picture.convert("LA" if picture.mode in ("1", "L", "LA", "La") else "RGBA")
        if picture.getchannel("A").getextrema() == (255, 255):
            picture = picture.convert(picture.mode[:-1])
    elif picture.mode not in ("1", "L", "P", "RGB"):
        picture = picture.convert("RGB")
    if profile and TARGET not in PROFILED:
        if not is_srgb:
            picture = to_srgb(picture.convert("RGB") if picture.mode == "P" else picture, profile, "RGBA" if picture.mode == "RGBA" else "RGB")
        profile = None
    picture.info["icc_profile"] = profile
    return picture


def box(width, height):
    """The size asked for: the proportions stay, whichever of width and height is given."""
    ratio = min(OPTIONS["width"] / width if OPTIONS["width"] else math.inf, OPTIONS["height"] / height if OPTIONS["height"] else math.inf)
    if ratio == math.inf:
        return width, height
    return max(1, round(width * ratio)), max(1, round(height * ratio))


def check_size(size):
    if max(size) > MAX_SIDE.get(TARGET, 1 << 30) or size[0] * size[1] > MOST_PIXELS.get(TARGET, MAX_PIXELS):
        refuse("too_large", f"{size[0]} x {size[1]} pixels are more than {TARGET} holds here; ask for a smaller width or height")


def resized(picture):
    size = box(*picture.size)
    if TARGET == "ico" and max(size) > 256:
        warn("the picture was scaled down to 256 pixels, the most an icon holds")
        size = tuple(max(1, round(side * 256 / max(size))) for side in size)
    check_size(size)
    if size == picture.size:
        return picture
    profile = picture.info.get("icc_profile")
    picture = picture.convert({"1": "L", "P": "RGB"}.get(picture.mode, picture.mode))
    picture = picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    picture.info["icc_profile"] = profile
    return picture


def composited(picture):
    """The picture on the background, without alpha; grey stays grey on a grey background."""
    ground = Image.new("RGBA", picture.size, BACKGROUND)
    ground.alpha_composite(picture.convert("RGBA"))
    grey = picture.mode == "LA" and len(set(BACKGROUND[:3])) == 1
    return ground.convert("RGB").convert("L") if grey else ground.convert("RGB")


def held(picture):
    """The picture in a mode the target holds."""
    modes, profile = MODES[TARGET], picture.info.get("icc_profile")
    if picture.mode in ("LA", "RGBA") and not modes & {"LA", "RGBA"}:
        warn("transparent parts were laid on the background colour")
        picture = composited(picture)
    if picture.mode not in modes:
        grey = picture.mode in ("1", "L")
        picture = picture.convert("L" if grey and "L" in modes else "RGBA" if picture.mode in ("LA", "RGBA") or "RGB" not in modes else "RGB")
        if grey and picture.mode != "L":
            profile = None
    picture.info["icc_profile"] = profile
    return picture


def orientation_of(source):
    """How the picture lies, by its EXIF: 1 (upright) to 8; EXIF that cannot be read says nothing."""
    try:
        orientation = source.getexif().get(0x0112, 1)
    except BROKEN:
        warn("the EXIF data is damaged and was ignored")
        return 1
    return orientation if orientation in range(1, 9) else 1


def prepared(canvas):
    """What turns a decoded frame into one to write; canvas is the size its frames share, or None."""

    def prepare(source):
        duration, dpi = source.info.get("duration"), source.info.get("dpi")
        picture = source
        if orientation_of(source) > 1:
            picture = ImageOps.exif_transpose(source)
        picture = held(resized(coloured(picture)))
        profile = picture.info.get("icc_profile")
        if canvas:  # moving pictures want every frame in one size and mode
            ground = Image.new("RGBA", canvas, (0, 0, 0, 0) if picture.size == canvas else BACKGROUND)
            ground.paste(picture, (0, 0), picture if picture.size != canvas and picture.mode == "RGBA" else None)
            picture = ground
        if TARGET == "gif":
            picture = indexed(picture)
        clear = picture.info.get("transparency") if TARGET == "gif" else None
        picture.info = {"icc_profile": profile, "dpi": dpi, "duration": duration, "transparency": clear}
        picture.info = {name: value for name, value in picture.info.items() if value is not None}
        return picture

    return prepare


def indexed(picture):
    """At most 256 colours: the same ones where they are so few, else the best with dithering; half-clear pixels turn clear or full."""
    alpha = picture.getchannel("A").point(lambda value: 255 if value >= 128 else 0) if picture.mode == "RGBA" else None
    colours = picture.convert("RGB")
    if alpha is not None and alpha.getextrema() == (255, 255):
        alpha = None
    if alpha is not None:
        if picture.getchannel("A").getcolors(2) is None:
            warn("half-transparent pixels became fully transparent or opaque")
        colours.paste((0, 0, 0), mask=ImageChops.invert(alpha))
    limit = 256 if alpha is None else 255
    count = len(colours.getcolors(limit) or ())
    mapped = colours.quantize(count or limit, method=Image.Quantize.MEDIANCUT)
    if not count:
        warn(f"colours were reduced to {limit}")
        mapped = colours.quantize(limit, palette=mapped, dither=Image.Dither.FLOYDSTEINBERG)
    if alpha is not None:
        entries = list(zip(*[iter(mapped.getpalette()[: 3 * limit])] * 3, strict=True))
        entries = [(254, 1, 252) if entry == CLEAR else entry for entry in entries]
        mapped = mapped.point([min(index + 1, 255) for index in range(256)])
        mapped.putpalette([value for entry in (CLEAR, *entries) for value in entry])
        mapped.paste(0, mask=ImageChops.invert(alpha))
        mapped.info["transparency"] = 0
    return mapped


def resolution(picture):
    """Pixels per inch across and down: the option, or what the source says if that is believable, or None."""
    if OPTIONS.get("dpi"):
        return float(OPTIONS["dpi"]), float(OPTIONS["dpi"])
    try:
        across, down = (float(value) for value in picture.info["dpi"])
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    return (across, down) if 10 <= across <= 10000 and 10 <= down <= 10000 else None


def fingerprint(picture):
    """The mean colours of the first and last 16 x 16 pixels as they look on the background."""
    width, height = picture.size
    means = []
    for place in ((0, 0, min(16, width), min(16, height)), (max(0, width - 16), max(0, height - 16), width, height)):
        block = picture.crop(place)
        if block.mode == "I;16":
            block = stretched(block.convert("I"), 0, 65535)
        ground = Image.new("RGBA", block.size, BACKGROUND)
        ground.alpha_composite(block.convert("RGBA"))
        means.append(ground.resize((1, 1), Image.Resampling.BOX).getpixel((0, 0))[:3])
    return means


def shared_canvas(source, indexes):
    """The size that all frames of a moving target share: the largest; None for one frame and for targets with pages."""
    if TARGET not in MOVING or len(indexes) < 2:
        return None
    sizes = []
    with decoding():
        for index in indexes:
            source.seek(index)
            sizes.append(box(*source.size))
    if len(set(sizes)) > 1:
        warn("pages of different sizes share the largest one's canvas")
    return max(width for width, _ in sizes), max(height for _, height in sizes)


def survey(frames):
    """Milliseconds each frame is shown, and whether every frame is opaque."""
    durations, opaque = [], True
    for index in frames.indexes:
        with decoding():
            frames.source.seek(index)
            frames.source.load()
        durations.append(int(frames.source.info.get("duration") or 0) or 100)
        opaque = opaque and not (transparent(frames.source) and frames.source.convert("RGBA").getchannel("A").getextrema()[0] < 255)
    frames.at = -1
    frames.seek(0)
    return durations, opaque


def write_raster(frames, source):
    many = frames.n_frames > 1
    options = {"icc_profile": frames.info.get("icc_profile")}
    if (dpi := resolution(frames)) and TARGET in ("png", "jpg", "tiff", "bmp"):
        options["dpi"] = dpi
    if TARGET in ("jpg", "webp", "avif"):
        options["quality"] = OPTIONS["quality"]
    if TARGET == "png":
        options["compress_level"] = 1  # three times as fast as the usual 6 for 4 % more bytes
    elif TARGET == "webp":
        options["lossless"] = OPTIONS["lossless"]
    elif TARGET == "avif":
        options["speed"] = 8
    elif TARGET == "tiff":
        options["compression"] = "tiff_adobe_deflate"
    elif TARGET == "ico":
        side = max(frames.size)
        square = Image.new("RGBA", (side, side))
        square.paste(frames, ((side - frames.width) // 2, (side - frames.height) // 2))
        square.save(OUTPUT, "ICO", sizes=[(size, size) for size in {16, 24, 32, 48, 64, 128, 256, side} if size <= side])
        return
    elif TARGET == "gif":
        options["optimize"] = False
    if many and TARGET in MOVING:
        options["duration"], opaque = survey(frames)
        once = source.format == "GIF" and "loop" not in source.info
        options["loop"] = (None if TARGET == "gif" else 1) if once else source.info.get("loop", 0)
        options["disposal"] = 1 if opaque else 2
        options["background"] = (0, 0, 0, 0) if TARGET == "webp" else None
        if source.format == "TIFF":
            options["duration"] = [1000] * frames.n_frames  # pages have no time of their own
    elif many and source.format != "TIFF":
        warn("the times of the frames are lost")
    frames.save(OUTPUT, WRITERS[TARGET], save_all=many, **{name: value for name, value in options.items() if value is not None})


def verify(frames):
    """Read the output back: format, size, number of frames, and the look of two corners."""
    with Image.open(OUTPUT, formats=[WRITERS[TARGET]]) as made:
        count = getattr(made, "n_frames", 1) if TARGET in MANY else 1
        size = (max(frames.size),) * 2 if TARGET == "ico" else frames.size
        fewer = TARGET in MOVING and count >= 1  # writers of moving pictures join frames that are equal
        if made.size != size or not (count == frames.n_frames or (fewer and count < frames.n_frames)):
            raise RuntimeError(f"wrote {made.size} and {count} frames instead of {size} and {frames.n_frames}")
        if TARGET != "ico" and made.width * made.height <= 1_000_000:
            far = 1.5 if TARGET in ("png", "tiff", "bmp") else 60 if TARGET == "gif" or OPTIONS.get("quality", 100) < 50 else 30
            if any(abs(a - b) > far for one, two in zip(fingerprint(made), frames.first, strict=True) for a, b in zip(one, two, strict=True)):
                raise RuntimeError("the picture read back differs from the one written")
        elif TARGET == "png":
            made.verify()
        return {"width": size[0], "height": size[1], "frames": count}


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


def background():
    try:
        return (*ImageColor.getrgb(OPTIONS["background"])[:3], 255)
    except ValueError:
        refuse("unsupported", f"background: {OPTIONS['background']!r} is no colour; a name or #rrggbb is")


def convert():
    global BACKGROUND
    BACKGROUND = background()
    source = open_source()
    indexes = choose_frames(source)
    check_size(box(*source.size))
    if (OPTIONS["width"] or OPTIONS["height"]) and source.format == "JPEG":
        side = max(box(*source.size))
        source.draft(None, (side, side))  # the decoder itself scales by 2, 4 or 8, never below the size asked for
    canvas = shared_canvas(source, indexes)
    frames = Frames(source, indexes, prepared(canvas))
    if TARGET == "pdf":
        return write_pdf(frames, source)
    write_raster(frames, source)
    return verify(frames)


run(convert)
