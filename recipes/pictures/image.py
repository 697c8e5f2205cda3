"""Raster images to raster images and to PDF; what was written is read back and compared."""

from PIL import Image, ImageColor

WRITERS = {"png": "PNG", "jpg": "JPEG", "webp": "WEBP", "gif": "GIF", "tiff": "TIFF", "bmp": "BMP", "avif": "AVIF", "ico": "ICO"}


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


def write_raster(frames, source):
    many = frames.n_frames > 1
    options = {"icc_profile": frames.info.get("icc_profile")}
    if (dpi := resolution(frames)) and TARGET in ("png", "jpg", "tiff", "bmp"):
        options["dpi"] = dpi
    if is_large_png(frames, many):
        write_large_png(frames, dpi, options["icc_profile"])
        return
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
        size = (max(frames.size),) * 2 if TARGET == "ico" else frames.first_size
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
