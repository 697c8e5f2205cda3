"""Documents as pictures of their pages: those that their PDF has."""

import zipfile
from pathlib import Path

import pypdfium2
import pytest
from PIL import Image, ImageChops

from tests.recipes import programs
from tests.recipes.programs import SAMPLES

LONG = "\n\n".join(
    f"# Chapter {number}\n\n" + "Words that fill a line and one more. " * 90 for number in range(1, 6)
).encode()


def drawn(pdf: Path, page: int = 0, dpi: int = 110) -> Image.Image:
    """Return a page of a PDF as another program would draw it."""
    with pypdfium2.PdfDocument(pdf) as document:
        picture: Image.Image = document[page].render(scale=dpi / 72).to_pil()
        return picture.convert("RGB")


@pytest.mark.parametrize(
    "name",
    [
        "letter.docx",
        "letter.doc",
        "letter.odt",
        "letter.rtf",
        "book.epub",
        "letter.md",
        "page.html",
        "notebook.ipynb",
        "message.eml",
    ],
)
def test_a_picture_shows_the_first_page_of_the_pdf(tmp_path: Path, name: str) -> None:
    """Pixel by pixel, whatever the document is; its text is no smaller and stands where it stood."""
    source, kind = SAMPLES / name, name.rpartition(".")[2]
    pdf, png = (programs.run(tmp_path, source, kind, target) for target in ("pdf", "png"))
    with Image.open(png.output) as picture:
        assert (png.facts["width"], png.facts["height"]) == picture.size
        assert ImageChops.difference(picture.convert("RGB"), drawn(pdf.output)).getbbox() is None


def test_pages_are_chosen_and_counted(tmp_path: Path) -> None:
    """One in a PNG, all in a TIFF, each by itself in a zip; one that is not there is named."""
    pages = programs.run(tmp_path, LONG, "md", "pdf").facts["pages"]
    first, second = (programs.run(tmp_path, LONG, "md", "png", pages=number) for number in ("all", "2"))
    assert pages > 2
    assert (first.output.read_bytes() != second.output.read_bytes(), len(first.warnings), second.warnings) == (
        True,
        1,
        [],
    )
    with Image.open(programs.run(tmp_path, LONG, "md", "tiff", dpi="40").output) as picture:
        assert getattr(picture, "n_frames", 1) == pages
    with zipfile.ZipFile(programs.run(tmp_path, LONG, "md", "zip", picture="jpg", pages="2-").output) as package:
        assert package.namelist() == [f"page-{number}.jpg" for number in range(2, pages + 1)]
    assert programs.run(tmp_path, LONG, "md", "webp", pages=str(pages + 1)).refused == "unsupported"


def test_a_picture_is_as_asked_for(tmp_path: Path) -> None:
    """Paper, resolution and colours."""
    made = programs.run(tmp_path, b"# A", "md", "jpg", page_size="letter", dpi="72", color="gray")
    with Image.open(made.output) as picture:
        assert (picture.size, picture.mode, picture.format) == ((612, 792), "L", "JPEG")
