"""Presentations: one page for each slide, every word of it, tables and notes; a malformed shape hinders nothing."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import httpx
import pypdf
import pypdfium2
import pytest
from PIL import Image
from pptx import Presentation
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.util import Inches

from tests.recipes.converting import run
from tests.recipes.reading import pdf_text, recall, small_png, text_of

WORDS = "Quartal Übersicht erstens zweitens tiefer Spalte Wert Tee 250 Nord Süd Umsatz"


def deck(slides: int = 1) -> bytes:
    """Return a presentation with titles, bullets, a table, a chart, a picture and notes."""
    made = Presentation()
    for number in range(slides):
        slide = made.slides.add_slide(made.slide_layouts[1])
        slide.shapes.title.text = f"Quartal Übersicht {number + 1}"
        frame = slide.placeholders[1].text_frame
        frame.text = "erstens"
        frame.add_paragraph().text = "zweitens"
        deeper = frame.add_paragraph()
        deeper.text, deeper.level = "tiefer", 1
        slide.notes_slide.notes_text_frame.text = f"Notiz {number + 1}"
    table = slide.shapes.add_table(2, 2, Inches(1), Inches(4), Inches(4), Inches(1)).table
    for cell, text in zip(
        (cell for row in table.rows for cell in row.cells), ("Spalte", "Wert", "Tee", "250"), strict=True
    ):
        cell.text = text
    data: Any = CategoryChartData()  # type: ignore[no-untyped-call] # python-pptx has no types
    data.categories = ["Nord", "Süd"]
    data.add_series("Umsatz", (1.5, 2.5))
    slide.shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, Inches(5), Inches(3), Inches(4), Inches(3), data)
    slide.shapes.add_picture(io.BytesIO(small_png()), Inches(8), Inches(0.2))
    saved = io.BytesIO()
    made.save(saved)
    return saved.getvalue()


def changed(content: bytes, name: str, old: str, new: str) -> bytes:
    """Return the package with text in one part replaced."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(made, "w") as target:
        for entry in source.namelist():
            part = source.read(entry)
            target.writestr(entry, part.replace(old.encode(), new.encode()) if entry == name else part)
    return made.getvalue()


@pytest.mark.parametrize("target", ["html", "md", "txt", "json", "pdf", "docx", "odt"])
def test_every_word_of_a_deck_arrives(client: httpx.Client, tmp_path: Path, target: str) -> None:
    """Titles, bullets, cells and the data of the chart are in every output."""
    assert recall(WORDS, text_of(run(client, tmp_path, deck(), "pptx", target).output)) == 1


@pytest.mark.parametrize("slides", [1, 7])
def test_a_page_for_each_slide(client: httpx.Client, tmp_path: Path, slides: int) -> None:
    """There are as many pages as slides by pypdf, in the slides' shape, each with its own title."""
    done = run(client, tmp_path, deck(slides), "pptx", "pdf")
    reader = pypdf.PdfReader(done.output)
    assert len(reader.pages) == slides == done.facts["pages"]
    assert (float(reader.pages[0].mediabox.width), float(reader.pages[0].mediabox.height)) == (720, 540)
    with pypdfium2.PdfDocument(done.output) as pdf:
        assert f"Übersicht {slides}" in pdf[slides - 1].get_textpage().get_text_range()


def test_notes_can_be_left_out(client: httpx.Client, tmp_path: Path) -> None:
    """Speaker's notes are kept unless notes = false."""
    assert "Notiz 1" in run(client, tmp_path, deck(), "pptx", "md").output.read_text()
    assert "Notiz" not in run(client, tmp_path, deck(), "pptx", "md", notes="false").output.read_text()


def test_json_has_slides_texts_and_tables(client: httpx.Client, tmp_path: Path) -> None:
    """The JSON of a deck names what is on each slide."""
    slides = json.loads(run(client, tmp_path, deck(2), "pptx", "json").output.read_text())["slides"]
    assert [slide["title"] for slide in slides] == ["Quartal Übersicht 1", "Quartal Übersicht 2"]
    assert slides[1]["texts"] == ["erstens", "zweitens", "tiefer"]
    assert slides[1]["tables"] == [
        [["Spalte", "Wert"], ["Tee", "250"]],
        [["", "Umsatz"], ["Nord", "1.5"], ["Süd", "2.5"]],
    ]
    assert slides[0]["notes"] == "Notiz 1"


@pytest.mark.parametrize("target", ["png", "jpg", "webp"])
def test_a_slide_as_a_picture(client: httpx.Client, tmp_path: Path, target: str) -> None:
    """The chosen slide is drawn at the resolution asked for; the embedded picture's red is in its corner."""
    output = run(client, tmp_path, deck(3), "pptx", target, pages="3", dpi="72").output
    with Image.open(output) as image:
        assert image.size == (720, 540)
        red, green, blue = image.convert("RGB").getpixel((600, 25))  # type: ignore[misc] # of RGB a pixel is three numbers
        assert red > 200
        assert max(green, blue) < 60


def test_all_slides_as_pictures(client: httpx.Client, tmp_path: Path) -> None:
    """A zip has a picture for each slide, a TIFF a frame."""
    with zipfile.ZipFile(run(client, tmp_path, deck(3), "pptx", "zip", dpi="50", picture="jpg").output) as package:
        assert package.namelist() == ["page-1.jpg", "page-2.jpg", "page-3.jpg"]
    with Image.open(run(client, tmp_path, deck(3), "pptx", "tiff", dpi="50").output) as image:
        assert getattr(image, "n_frames", 1) == 3


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('type="title"', 'type="nonsense"'),
        ('idx="1"', 'idx="99999"'),
        ("<a:gridCol w=", "<a:gridCol z="),
        ('r:embed="', 'r:embed="no'),
        ('lvl="1"', 'lvl="x"'),
    ],
    ids=["type", "index", "column", "picture", "level"],
)
@pytest.mark.parametrize("target", ["pdf", "md"])
def test_a_malformed_shape_hinders_nothing(
    client: httpx.Client, tmp_path: Path, old: str, new: str, target: str
) -> None:
    """The other shapes of a deck with one broken shape are there."""
    content = changed(deck(), "ppt/slides/slide1.xml", old, new)
    text = text_of(run(client, tmp_path, content, "pptx", target).output)
    assert "Umsatz" in text
    assert len({"Übersicht", "erstens", "Tee"} & set(text.replace("|", " ").split())) >= 2


def test_text_of_slides_is_never_code(client: httpx.Client, tmp_path: Path) -> None:
    """Text that is Typst source is drawn as text."""
    hostile = '#panic("x") ] } $ * _ ` \\ " #include'
    content = changed(deck(), "ppt/slides/slide1.xml", "erstens", hostile.replace('"', "&quot;"))
    assert 'panic("x")' in pdf_text(run(client, tmp_path, content, "pptx", "pdf").output).replace("“", '"').replace(
        "”", '"'
    )


def test_broken_decks_are_named(client: httpx.Client, tmp_path: Path) -> None:
    """Garbage is damaged, no slides is empty."""
    empty = io.BytesIO()
    Presentation().save(empty)
    assert run(client, tmp_path, b"PK\x03\x04", "pptx", "pdf").refused == "damaged"
    assert run(client, tmp_path, deck()[:5000], "pptx", "txt").refused == "damaged"
    assert run(client, tmp_path, empty.getvalue(), "pptx", "pdf").refused == "empty"
