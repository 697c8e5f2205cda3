"""Foreign pictures: every one becomes every format, looks as it did, or is refused for a reason."""

from pathlib import Path

import httpx
import pi_heif
import pypdfium2
import pytest
from PIL import Image, ImageChops, ImageOps, ImageStat

from tests.corpus import CORPUS, needs_corpus
from tests.recipes.converting import run

pytestmark = [pytest.mark.corpus, pytest.mark.slow, needs_corpus]
KINDS = {"png", "jpg", "jpeg", "gif", "webp", "tif", "tiff", "bmp", "ico", "heic", "avif"}
TARGETS = ["png", "jpg", "webp", "gif", "tiff", "bmp", "avif", "ico", "pdf"]
FILES = sorted(each for each in CORPUS.glob("*") if each.suffix[1:].lower() in KINDS)
REASONS = {"damaged", "too_large", "unsupported", "contradiction", "unidentified"}


def on_white(picture: Image.Image) -> Image.Image:
    """Return the picture as a reader shows it."""
    if picture.mode.startswith("I"):
        picture = picture.convert("I").point(lambda sample: sample * (1 / 257)).convert("L")
    ground = Image.new("RGBA", picture.size, "white")
    ground.alpha_composite(picture.convert("RGBA"))
    return ground.convert("RGB")


def read(path: Path, width: int = 0) -> Image.Image:
    """Return the first picture of a file, upright; a page is drawn so many pixels wide."""
    if path.suffix == ".pdf":
        document = pypdfium2.PdfDocument(path)
        drawn: Image.Image = document[0].render(scale=width / document[0].get_width()).to_pil()
        document.close()
        return drawn.convert("RGB")
    with Image.open(path) as picture:
        picture.load()
        return on_white(ImageOps.exif_transpose(picture))


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("source", FILES, ids=lambda path: path.name)
def test_a_foreign_picture(client: httpx.Client, tmp_path: Path, source: Path, target: str) -> None:
    """What an independent reader sees in the output is what it sees in the source, CMYK and icons aside."""
    pi_heif.register_heif_opener()
    done = run(client, tmp_path, source, source.suffix[1:].lower(), target)
    if done.refused:
        assert done.refused in REASONS
        return
    with Image.open(source) as probe:
        inked = probe.mode == "CMYK"
    if inked or target == "ico":
        return
    before = read(source)
    made = read(done.output, before.width).crop((0, 0, *before.size))  # pages may share a larger one's canvas
    difference = ImageChops.difference(before, made)
    assert max(ImageStat.Stat(difference).mean) < (32 if target in ("gif", "pdf") else 12)
