"""Colours and sizes of a picture: what a target holds, colour profiles, deep samples, transparency, palettes."""

import io
import math

from PIL import Image, ImageChops, ImageCms, ImageMath

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
MAX_SIDE = {"webp": 16383, "jpg": 65500, "gif": 65535, "avif": 32768}
PROFILED = {"png", "jpg", "webp", "tiff", "avif", "pdf"}
CLEAR = (254, 1, 253)  # behind clear pixels of a GIF: no opaque pixel has it, or Pillow would crop a frame whose edge does


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
