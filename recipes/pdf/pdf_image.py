"""Pages of a PDF as pictures: one file, a multi-page TIFF, or a zip with one picture for each page."""

import io
import math
import zipfile

MAX_PAGE_PIXELS = 40_000_000
MAX_TOTAL_PIXELS = 4_000_000_000
FORMATS = {"png": "PNG", "jpg": "JPEG", "webp": "WEBP", "tiff": "TIFF"}


def rendered(page, number):
    """The page as a Pillow image at the resolution asked for, less when it would be too large."""
    width, height, dpi = page.get_width(), page.get_height(), OPTIONS.get("dpi", 150)
    scale = dpi / 72
    if width * height * scale * scale > MAX_PAGE_PIXELS:
        scale = math.sqrt(MAX_PAGE_PIXELS / (width * height))
        warn(f"page {number + 1} is {width / 72:.0f} by {height / 72:.0f} inches: drawn at {scale * 72:.0f} dpi")
    image = page.render(scale=scale, rev_byteorder=True).to_pil()
    return image.convert("L") if OPTIONS.get("color") == "gray" else image.convert("RGB"), scale * 72


def saved(image, dpi, target):
    options = {
        "png": {"compress_level": 1},
        "jpg": {"quality": OPTIONS.get("quality", 85)},
        "webp": {"quality": OPTIONS.get("quality", 85), "method": 2},
    }[target]
    if target != "webp":
        options["dpi"] = (dpi, dpi)
    buffer = io.BytesIO()
    image.save(buffer, FORMATS[target], **options)
    return buffer.getvalue()


def tiff(pdf, numbers):
    images = (rendered(pdf[number], number)[0] for number in numbers)
    next(images).save(
        OUTPUT, "TIFF", save_all=True, append_images=images, compression="tiff_deflate", dpi=(OPTIONS["dpi"],) * 2
    )


def archive(pdf, numbers):
    form, width = OPTIONS["picture"], len(str(len(pdf)))
    with zipfile.ZipFile(OUTPUT, "w", zipfile.ZIP_STORED) as package:
        for number in numbers:
            image, dpi = rendered(pdf[number], number)
            package.writestr(zipfile.ZipInfo(f"page-{number + 1:0{width}}.{form}"), saved(image, dpi, form))
    with zipfile.ZipFile(OUTPUT) as package:
        if package.testzip() or len(package.namelist()) != len(numbers):
            raise RuntimeError("the zip does not read back")
    return {"pages": len(numbers)}


def draw(pdf):
    """The chosen pages of a document as TARGET."""
    from PIL import Image

    one = TARGET in ("png", "jpg", "webp")
    if one and OPTIONS["pages"].strip().lower() in ("", "all", "first"):
        OPTIONS["pages"] = "1"
        if len(pdf) > 1:
            warn(
                f"the first of {len(pdf)} pages is shown; the format zip holds them all, the option pages chooses another"
            )
    numbers = chosen_pages(len(pdf))
    if one and len(numbers) > 1:
        refuse(
            "unsupported",
            f"a {TARGET} file holds one page, not {len(numbers)}: choose one, or the format zip or tiff for all",
        )
    sizes = (pdf.get_page_size(number) for number in numbers)
    total = sum(min(MAX_PAGE_PIXELS, width * height * (OPTIONS["dpi"] / 72) ** 2) for width, height in sizes)
    if total > MAX_TOTAL_PIXELS:
        refuse(
            "too_large", f"{len(numbers)} pages at {OPTIONS['dpi']} dpi are too many pixels: choose pages or fewer dpi"
        )
    if TARGET == "zip":
        return archive(pdf, numbers)
    if TARGET == "tiff":
        tiff(pdf, numbers)
    else:
        OUTPUT.write_bytes(saved(*rendered(pdf[numbers[0]], numbers[0]), TARGET))
    with Image.open(OUTPUT) as check:
        facts = {"pages": getattr(check, "n_frames", 1), "width": check.width, "height": check.height}
        check.load()
    if facts["pages"] != len(numbers):
        raise RuntimeError(f"{facts['pages']} of {len(numbers)} pages are in the picture")
    return facts
