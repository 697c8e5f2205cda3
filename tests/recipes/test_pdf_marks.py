"""What a PDF has beside words becomes part of documents: pictures where they stand, links, raised and lowered letters; glued words part."""

import base64
import io
from pathlib import Path

import docx
import httpx
import pypdf
import pytest
from bs4 import BeautifulSoup
from PIL import Image
from pypdf.annotations import Link
from pypdf.generic import DictionaryObject, NameObject, NumberObject, StreamObject

from tests.recipes.converting import run
from tests.recipes.reading import source_of, texts


class Drawn:
    """A page of 400 by 400 points to draw on, in Courier, whose letters are six tenths of the size wide."""

    def __init__(self) -> None:
        self.writer = pypdf.PdfWriter()
        self.page = self.writer.add_blank_page(400, 400)
        font = {"/Type": "/Font", "/Subtype": "/Type1", "/BaseFont": "/Courier", "/Encoding": "/WinAnsiEncoding"}
        self.pictures = DictionaryObject()
        fonts = DictionaryObject({NameObject("/F"): named(font)})
        self.page[NameObject("/Resources")] = DictionaryObject(
            {NameObject("/Font"): fonts, NameObject("/XObject"): self.pictures}
        )
        self.content = ""

    def text(self, x: float, y: float, shown: str, size: float = 10) -> None:
        """Draw text; ``shown`` is a PDF string or array."""
        pieces = shown if shown.startswith("[") else f"[({shown})]"
        self.content += f"BT /F {size} Tf {x} {y} Td {pieces} TJ ET\n"

    def picture(self, color: int, size: tuple[int, int], place: tuple[float, float, float, float]) -> None:
        """Draw a picture of one colour (0xRRGGBB), so many pixels large, at left, bottom, width and height."""
        stream = StreamObject()
        stream.set_data(color.to_bytes(3, "big") * size[0] * size[1])
        stream.update(named({"/Type": "/XObject", "/Subtype": "/Image", "/ColorSpace": "/DeviceRGB"}))
        for key, value in (("/Width", size[0]), ("/Height", size[1]), ("/BitsPerComponent", 8)):
            stream[NameObject(key)] = NumberObject(value)
        name = f"/P{len(self.pictures)}"
        self.pictures[NameObject(name)] = self.writer._add_object(stream)
        x, y, width, height = place
        self.content += f"q {width} 0 0 {height} {x} {y} cm {name} Do Q\n"

    def link(self, address: str, box: tuple[float, float, float, float]) -> None:
        """Link a box to an address."""
        self.writer.add_annotation(0, Link(rect=box, url=address))

    def saved(self) -> bytes:
        """Return the file."""
        stream, made = StreamObject(), io.BytesIO()
        stream.set_data(self.content.encode("cp1252"))
        self.page[NameObject("/Contents")] = self.writer._add_object(stream)
        self.writer.write(made)
        return made.getvalue()


def named(entries: dict[str, str]) -> DictionaryObject:
    """Return a dictionary of names."""
    return DictionaryObject({NameObject(key): NameObject(value) for key, value in entries.items()})


def page_of(client: httpx.Client, folder: Path, content: bytes, **options: str) -> BeautifulSoup:
    """Convert a PDF to a page."""
    return BeautifulSoup(run(client, folder, content, "pdf", "html", **options).output.read_bytes(), "lxml")


def illustrated() -> bytes:
    """Return a page with a picture between two paragraphs, a tiny ornament and a background."""
    drawn = Drawn()
    drawn.picture(0xFFFF00, (50, 50), (0, 0, 400, 400))
    drawn.picture(0, (4, 4), (20, 20, 5, 5))
    drawn.text(40, 350, "Der Absatz vor dem Bild hat einige Worte.")
    drawn.picture(0xFF0000, (60, 30), (40, 200, 120, 60))
    drawn.text(40, 100, "Der Absatz nach dem Bild hat auch einige.")
    return drawn.saved()


def test_pictures_stand_between_their_paragraphs(client: httpx.Client, tmp_path: Path) -> None:
    """Backgrounds and ornaments are left out."""
    page = page_of(client, tmp_path, illustrated())
    kinds = ["picture" if block.find("img") else block.get_text().split()[2] for block in page.select("p")]
    assert kinds == ["vor", "picture", "nach"]
    picture = Image.open(io.BytesIO(base64.b64decode(source_of(page).partition(",")[2]))).convert("RGB")
    assert (picture.size, picture.getpixel((5, 5))) == ((60, 30), (255, 0, 0))


def test_pictures_arrive_in_word(client: httpx.Client, tmp_path: Path) -> None:
    """As large as they are on the page."""
    found = docx.Document(str(run(client, tmp_path, illustrated(), "pdf", "docx").output)).inline_shapes
    assert [(round(shape.width.pt), round(shape.height.pt)) for shape in found] == [(120, 60)]


def test_pictures_of_markdown_are_asked_for(client: httpx.Client, tmp_path: Path) -> None:
    """They are left out unless images = embed."""
    made = [
        run(client, tmp_path, illustrated(), "pdf", "md", **options).output.read_text("utf-8")
        for options in ({}, {"images": "embed"})
    ]
    assert ["data:image/" in text for text in made] == [False, True]


def test_links_cover_their_words(client: httpx.Client, tmp_path: Path) -> None:
    """Those words of a line that the link covers, and no other; an address that is no link to elsewhere is none."""
    drawn = Drawn()
    drawn.text(40, 350, "vorne mitte hinten und noch mehr Text")
    drawn.link("https://example.org/x", (76, 348, 106, 360))
    drawn.link("javascript:alert(1)", (112, 348, 148, 360))
    page = page_of(client, tmp_path, drawn.saved())
    assert [(link["href"], link.get_text()) for link in page.select("a")] == [("https://example.org/x", "mitte")]
    assert page.select("p")[0].get_text() == "vorne mitte hinten und noch mehr Text"


def test_raised_and_lowered_letters(client: httpx.Client, tmp_path: Path) -> None:
    """By their size and place; small words on the line are words."""
    drawn, x = Drawn(), 40.0
    for size, rise, shown in (
        (12, 0, "CO"),
        (7, -2, "2"),
        (12, 0, " je m"),
        (7, 5, "3"),
        (12, 0, " und "),
        (7, 0, "klein"),
    ):
        drawn.text(x, 350 + rise, shown, size)
        x += 0.6 * size * len(shown)
    page = page_of(client, tmp_path, drawn.saved())
    assert (texts(page, "sub"), texts(page, "sup")) == (["2"], ["3"])
    assert page.select("p")[0].get_text() == "CO2 je m3 und klein"


@pytest.mark.parametrize("gap", [120, 150, 250])
@pytest.mark.parametrize("target", ["html", "md"])
def test_glued_words_part(client: httpx.Client, tmp_path: Path, target: str, gap: int) -> None:
    """Lines so narrow that one reader runs them together, where another sees the spaces."""
    drawn = Drawn()
    drawn.text(40, 350, f"[(Blocksatz) -{gap} (mit) -{gap} (engen) -{gap} (Abstaenden)]")
    output = run(client, tmp_path, drawn.saved(), "pdf", target).output.read_text("utf-8")
    assert {"Blocksatz", "mit", "engen", "Abstaenden"} <= set(BeautifulSoup(output, "lxml").get_text(" ").split())


def test_a_page_of_very_many_pieces_is_read_in_seconds(client: httpx.Client, tmp_path: Path) -> None:
    """Comparing each with each would take hours; its words arrive without marks."""
    page = Drawn()
    for number in range(40_000):
        page.text(number % 97 * 4, 390 - number // 97 * 2.5, f"(w{number})", size=2 + number % 2)
    text = page_of(client, tmp_path, page.saved()).get_text()
    assert "w0" in text
    assert "w39999" in text
