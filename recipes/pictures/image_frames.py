"""The frames of a raster image, one at a time: which of them are meant, how they are turned, and what a broken file says.

A scan of a hundred pages needs the memory of one.
"""

import contextlib
import struct
import zlib
from warnings import simplefilter

import pi_heif
from PIL import Image, ImageOps, UnidentifiedImageError

READERS = ["AVIF", "BMP", "DIB", "GIF", "HEIF", "ICO", "JPEG", "JPEG2000", "PNG", "PPM", "TGA", "TIFF", "WEBP"]
MOST_READ_PIXELS = {"HEIF": 130_000_000}  # its decoder takes seven bytes a pixel
MAX_FRAMES = 5000
MOVING = {"gif", "webp", "avif"}  # targets whose frames share one canvas and have times
MANY = MOVING | {"tiff", "pdf"}
ALREADY_THERE = {"HEIF", "PSD"}  # opened at the primary image, or the layers laid together, to which seek may not lead back

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
        if what := unsupported(not isinstance(error, UnidentifiedImageError)):
            refuse("unsupported", f"this is {what}, which no reader here supports")
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
        self.first, self.first_size = fingerprint(self), self.size  # of a GIF that grows, it would not come back

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


def opened():
    if (document := photoshop()) is not None:
        return document
    try:
        source = Image.open(icon_of_cursor() or SOURCE, formats=READERS)
    except OSError:
        source = unusual_bitmap()
        if source is None:
            raise
    if any(tile[0] == "bmp_rle" for tile in getattr(source, "tile", ())):  # whose short rows Pillow does not fill
        source = unusual_bitmap() or source
    if source.format == "BMP" and source.mode == "P":
        source.palette.palette = source.palette.palette[: 4 * 256]  # some say that they have more colours
    if source.format == "PNG":
        return whole_animation(source)
    return Pieced(source) if source.format == "TIFF" and source.tag_v2.get(259) == WEBP_IN_TIFF else source


def open_source():
    with decoding():
        source = opened()
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
    if source.format == "ICO" and len(source.info.get("sizes", ())) > 1:
        warn(f"the icon holds {len(source.info['sizes'])} sizes; the largest one was converted")
    indexes = list(range(1 if total > 1 and source.info.get("default_image") else 0, total))
    if total > 1 and TARGET not in MANY:
        warn(f"only the first of {len(indexes)} {kind}s was converted: {TARGET} holds one (option frame)")
        return [0]
    if total > MAX_FRAMES or total * source.width * source.height > 20 * MAX_PIXELS:
        refuse("too_large", f"the image has {total} {kind}s of {source.width} x {source.height} pixels")
    return indexes


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
