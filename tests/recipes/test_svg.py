"""SVG: sizes, colours, vectors, and everything that a drawing may not do."""

import re
from pathlib import Path

import httpx
import pypdf
import pypdfium2
import pytest
from PIL import Image

from tests.recipes.converting import run
from tests.recipes.programs import SAMPLES

HEAD = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '


def pixels(path: Path) -> Image.Image:
    """Return the picture in the file, with alpha."""
    with Image.open(path) as picture:
        return picture.convert("RGBA")


def dot(picture: Image.Image, x: int, y: int) -> tuple[int, ...]:
    """Return the colours of one pixel."""
    found = picture.getpixel((x, y))
    assert isinstance(found, tuple)
    return found


@pytest.mark.parametrize("target", ["png", "jpg", "webp", "gif", "tiff", "bmp", "avif", "ico", "pdf"])
def test_every_target(client: httpx.Client, tmp_path: Path, target: str) -> None:
    """The sample becomes a picture of its own size in every format."""
    done = run(client, tmp_path, SAMPLES / "picture.svg", "svg", target)
    if target == "pdf":
        assert len(pypdf.PdfReader(done.output).pages) == 1
    elif target != "ico":
        assert pixels(done.output).size == (done.facts["width"], done.facts["height"])


@pytest.mark.parametrize(
    ("attributes", "size"),
    [
        ('width="40" height="20"', (40, 20)),
        ('width="1in" height="2.54cm"', (96, 96)),
        ('viewBox="0 0 30 60"', (30, 60)),
        ('viewBox="0 0 30 60" width="100%" height="100%"', (30, 60)),
        ('viewBox="0 0 30 60" width="15"', (15, 30)),
        ("", (300, 150)),
    ],
)
def test_size_of_the_drawing(client: httpx.Client, tmp_path: Path, attributes: str, size: tuple[int, int]) -> None:
    """The size is what the attributes, else the viewBox, say, in CSS pixels."""
    done = run(
        client,
        tmp_path,
        f'{HEAD}{attributes}><rect width="9999" height="9999" fill="red"/></svg>'.encode(),
        "svg",
        "png",
    )
    made = pixels(done.output)
    assert made.size == size
    assert made.getpixel((size[0] - 1, size[1] - 1)) == (255, 0, 0, 255)


def test_size_asked_for(client: httpx.Client, tmp_path: Path) -> None:
    """A drawing is drawn at the size asked for, sharp, and without a background."""
    svg = f'{HEAD}viewBox="0 0 10 10"><rect width="5" height="10"/></svg>'.encode()
    made = pixels(run(client, tmp_path, svg, "svg", "png", width="400").output)
    assert made.size == (400, 400)
    assert (dot(made, 198, 9)[3], dot(made, 201, 9)[3]) == (255, 0)
    assert dot(pixels(run(client, tmp_path, svg, "svg", "jpg", background="navy").output), 9, 9)[2] in range(126, 131)


def test_pdf_keeps_vectors_and_text(client: httpx.Client, tmp_path: Path) -> None:
    """A PDF holds paths, not pixels, at 96 pixels an inch."""
    svg = f'{HEAD}width="96" height="96"><path d="M0 0h50v50z"/><text x="5" y="80">Wort</text></svg>'.encode()
    page = pypdf.PdfReader(run(client, tmp_path, svg, "svg", "pdf").output).pages[0]
    assert [round(float(value)) for value in page.mediabox[2:]] == [72, 72]
    assert len(page.images) == 0


def test_css_and_text_of_several_scripts(client: httpx.Client, tmp_path: Path) -> None:
    """Style sheets apply; text is set in fonts of the container, in every script, never as empty boxes."""
    svg = f"""{HEAD}width="400" height="100"><style>.a{{fill:rgb(0,128,0)}}</style><rect class="a" width="9" height="9"/>
    <text x="10" y="50" font-family="Some Corporate Sans" font-size="20">Hello 日本 עברית</text></svg>"""
    done = run(client, tmp_path, svg.encode(), "svg", "pdf")
    text = pypdfium2.PdfDocument(done.output)[0].get_textpage().get_text_bounded()
    assert "Hello" not in text or "日本" in text
    made = pixels(run(client, tmp_path, svg.encode(), "svg", "png").output)
    assert made.getpixel((4, 4)) == (0, 128, 0, 255)
    assert made.crop((10, 30, 300, 60)).getbbox() is not None


@pytest.mark.parametrize("href", ["file:///etc/passwd", "/etc/passwd", "http://127.0.0.1:9/x.png", "../secret.png"])
def test_nothing_is_reached(client: httpx.Client, tmp_path: Path, href: str) -> None:
    """A reference to the outside is left out, with a warning; the rest is drawn."""
    svg = f'{HEAD}width="9" height="9"><rect width="9" height="9" fill="red"/><image xlink:href="{href}" width="9" height="9"/></svg>'
    done = run(client, tmp_path, svg.encode(), "svg", "png")
    assert pixels(done.output).getpixel((4, 4)) == (255, 0, 0, 255)
    assert any("nothing is fetched" in warning for warning in done.warnings)


def laughs() -> str:
    """Return a drawing of a billion references to one square."""
    groups = "".join(f'<g id="g{n}"><use href="#g{n - 1}"/><use href="#g{n - 1}"/></g>' for n in range(1, 31))
    return f'{HEAD}width="9" height="9"><g id="g0"><rect width="1" height="1"/></g>{groups}</svg>'


def entities() -> str:
    """Return a document whose entities grow to ten million letters."""
    rows = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 8))
    return f'<!DOCTYPE svg [<!ENTITY e0 "a">{rows}]>{HEAD}width="9" height="9"><text>&e7;</text></svg>'


@pytest.mark.parametrize(
    ("svg", "code"),
    [
        (laughs(), "too_large"),
        (entities(), "damaged"),
        (f'<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>{HEAD}><text>&x;</text></svg>', "damaged"),
        (f"{HEAD}><rect", "damaged"),
        ("<html></html>", "damaged"),
        (f'{HEAD}width="200000" height="200000"/>', "too_large"),
    ],
)
def test_refusals(client: httpx.Client, tmp_path: Path, svg: str, code: str) -> None:
    """A drawing that is hostile or broken is refused by name."""
    assert run(client, tmp_path, svg.encode(), "svg", "png").refused == code


def test_what_authors_forget(client: httpx.Client, tmp_path: Path) -> None:
    """Missing namespaces, scripts and embedded pictures do not keep a drawing from being drawn."""
    inner = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGNgYPgPAAEDAQAIicLsAAAAAElFTkSuQmCC"
    svg = f'<svg width="9" height="9"><script>alert(1)</script><image xlink:href="data:image/png;base64,{inner}" width="9" height="9"/></svg>'
    done = run(client, tmp_path, svg.encode(), "svg", "png")
    assert dot(pixels(done.output), 4, 4)[3] == 255
    assert not re.search("fetched", " ".join(done.warnings))
