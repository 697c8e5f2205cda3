"""SVG pictures inside pages and notebooks arrive: drawn in PDF and Word, as their words in text; icons and hostile ones do not."""

import base64
import io
import json
import zipfile
from pathlib import Path

import httpx
import pypdfium2
import pytest
from PIL import Image

from tests.recipes.converting import run
from tests.recipes.reading import tempting_server

NAMESPACE = 'xmlns="http://www.w3.org/2000/svg"'
SHAPES = '<defs><linearGradient id="g"><stop stop-color="#0000ff"/></linearGradient></defs><rect width="120" height="60" fill="url(#g)"/>'
INLINE = f'<svg width="120" height="60" viewBox="0 0 120 60">{SHAPES}<text x="5" y="20">Beschriftung</text></svg>'
ENCODED = base64.b64encode(INLINE.replace("<svg", f"<svg {NAMESPACE}", 1).encode()).decode()
BLUE = (0, 0, 255)


def pictures_of(path: Path) -> list[Image.Image]:
    """Return the pages of a PDF, or the pictures in a Word document."""
    if path.suffix == ".pdf":
        with pypdfium2.PdfDocument(path) as pdf:
            return [page.render(scale=1).to_pil().convert("RGB") for page in pdf]
    with zipfile.ZipFile(path) as package:
        names = [name for name in package.namelist() if "/media/" in name]
        return [Image.open(io.BytesIO(package.read(name))).convert("RGB") for name in names]


def blue_share(picture: Image.Image, points: float = 1.0) -> float:
    """Return how many pixels are blue."""
    return sum(count for count, found in picture.getcolors(1 << 24) or () if found == BLUE) * points


@pytest.mark.parametrize("target", ["pdf", "docx"])
@pytest.mark.parametrize("markup", [INLINE, f'<img src="data:image/svg+xml;base64,{ENCODED}">'], ids=["inline", "uri"])
def test_drawings_of_pages_are_drawn(client: httpx.Client, tmp_path: Path, markup: str, target: str) -> None:
    """With the gradient whose name a parser of HTML would spoil, and in their size."""
    done = run(client, tmp_path, f"<p>davor {markup} danach</p>".encode(), "html", target)
    (picture,) = pictures_of(done.output)
    expected = 90 * 45 if target == "pdf" else 240 * 120
    assert blue_share(picture) == pytest.approx(expected, rel=0.15)
    assert done.warnings == []


def test_words_of_drawings_are_text(client: httpx.Client, tmp_path: Path) -> None:
    """Where there are no pictures."""
    found = run(client, tmp_path, f"<p>davor {INLINE} danach</p>".encode(), "html", "txt").output.read_text("utf-8")
    assert found.split() == ["davor", "[Beschriftung]", "danach"]


def test_icons_are_left_out(client: httpx.Client, tmp_path: Path) -> None:
    """Which style sheets would make small: those without a size, and small ones."""
    icons = f'<svg viewBox="0 0 512 512">{SHAPES}</svg><svg width="16" height="16">{SHAPES}</svg>'
    assert pictures_of(run(client, tmp_path, f"<p>Text {icons}</p>".encode(), "html", "docx").output) == []


@pytest.mark.parametrize(
    "svg", ["<svg", "<svg/>", f"<svg {NAMESPACE}><rect</svg>", f"<svg {NAMESPACE}>{'<use/>' * 600}</svg>"]
)
@pytest.mark.parametrize("target", ["pdf", "docx"])
def test_drawings_that_cannot_be_drawn_hinder_nothing(
    client: httpx.Client, tmp_path: Path, svg: str, target: str
) -> None:
    """They are shown by their alternative text, the others stay."""
    odd = f'<img alt="ersatz" src="data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}">'
    done = run(client, tmp_path, f"<p>{odd} {INLINE}</p>".encode(), "html", target)
    assert max(map(blue_share, pictures_of(done.output))) > 1000
    assert any("alternative text" in text for text in done.warnings)


@pytest.mark.parametrize("target", ["pdf", "docx", "epub"])
def test_drawings_fetch_nothing(client: httpx.Client, tmp_path: Path, target: str) -> None:
    """Neither an address nor a file."""
    with tempting_server() as (url, asked):
        inner = f'<image href="{url}/a.png" width="50" height="50"/><image href="/etc/passwd" width="9" height="9"/>'
        svg = INLINE.replace("</svg>", f"{inner}</svg>")
        run(client, tmp_path, f"<p>Text {svg}</p>".encode(), "html", target)
    assert asked == []


def test_drawings_of_notebooks_are_drawn(client: httpx.Client, tmp_path: Path) -> None:
    """The output of a cell, the way plots are set to be sharp."""
    svg = INLINE.replace("<svg", f"<svg {NAMESPACE}", 1)
    output = {
        "output_type": "display_data",
        "metadata": {},
        "data": {"image/svg+xml": [svg], "text/plain": ["<Figure>"]},
    }
    cell = {"cell_type": "code", "source": ["plot()"], "outputs": [output], "metadata": {}, "execution_count": 1}
    notebook = json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 4}).encode()
    (picture,) = pictures_of(run(client, tmp_path, notebook, "ipynb", "pdf").output)
    assert blue_share(picture) > 3000
