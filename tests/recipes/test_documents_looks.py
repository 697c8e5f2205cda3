"""What Word documents look like as PDF and page: colours, sizes, spacing, tables, columns, and what floats."""

import ctypes
import io
from pathlib import Path

import docx
import httpx
import pypdfium2
import pypdfium2.raw as pdfium
import pytest
from bs4 import BeautifulSoup
from docx.document import Document
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_COLOR_INDEX
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls
from docx.shared import Cm, Pt, RGBColor

from tests.recipes.converting import run
from tests.recipes.reading import small_png
from tests.recipes.test_documents_word import packed

Box = tuple[float, float, float, float]


class Found:
    """A word of the first page: its colour, and its box in points from the lower left."""

    def __init__(self, path: Path, word: str) -> None:
        with pypdfium2.PdfDocument(path) as pdf:
            text = pdf[0].get_textpage()
            place = text.search(word).get_next()
            assert place is not None, word
            colour = [ctypes.c_uint() for _ in range(4)]
            pdfium.FPDFText_GetFillColor(text, place[0], *map(ctypes.byref, colour))
            self.colour = tuple(part.value for part in colour[:3])
            self.size = pdfium.FPDFText_GetFontSize(text, place[0])
            self.left, self.bottom, _, self.top = text.get_charbox(place[0])
            self.page_width = pdf[0].get_width()


def pixel(path: Path, x: float, y: float) -> tuple[int, ...]:
    """Return the colour of the first page at a place in points from the lower left."""
    with pypdfium2.PdfDocument(path) as pdf:
        page = pdf[0]
        image = page.render(scale=2).to_pil().convert("RGB")
        found = image.getpixel((int(x * 2), int((page.get_height() - y) * 2)))
    assert isinstance(found, tuple)
    return found


def pdf_of(client: httpx.Client, folder: Path, document: Document) -> Path:
    """Return the document as PDF."""
    return run(client, folder, packed(document), "docx", "pdf").output


def page_of(client: httpx.Client, folder: Path, document: Document) -> BeautifulSoup:
    """Return the document as a web page."""
    return BeautifulSoup(run(client, folder, packed(document), "docx", "html").output.read_bytes(), "lxml")


def coloured() -> Document:
    """Return a paragraph whose runs have looks of their own, after one in a style that is all of one colour."""
    document = docx.Document()
    document.styles["Quote"].font.color.rgb = RGBColor(0, 0x80, 0)
    document.add_heading("Ueberschrift", 1)
    paragraph = document.add_paragraph("schlicht ")
    run_ = paragraph.add_run("farbig ")
    run_.font.color.rgb = RGBColor(0xC0, 0, 0)
    run_ = paragraph.add_run("riesig ")
    run_.font.size = Pt(30)
    paragraph.add_run("markiert").font.highlight_color = WD_COLOR_INDEX.YELLOW
    return document


def test_colours_and_sizes_of_runs(client: httpx.Client, tmp_path: Path) -> None:
    """A run has its own colour, size and background, a heading those of its style."""
    made = pdf_of(client, tmp_path, coloured())
    assert Found(made, "farbig").colour == (0xC0, 0, 0)
    assert Found(made, "schlicht").colour == (0, 0, 0)
    assert Found(made, "Ueberschrift").colour == (0x36, 0x5F, 0x91)
    assert Found(made, "riesig").size > 2.5 * Found(made, "schlicht").size
    marked = Found(made, "markiert")
    assert (255, 255, 0) in [pixel(made, marked.left + right, marked.bottom + 2) for right in range(12)]


def test_colours_and_sizes_on_a_page(client: httpx.Client, tmp_path: Path) -> None:
    """The same as CSS."""
    spans = {span.get_text().strip(): span["style"] for span in page_of(client, tmp_path, coloured()).select("p span")}
    assert spans == {"farbig": "color:#c00000", "riesig": "font-size:30pt", "markiert": "background-color:#ffff00"}


def test_text_formats_have_no_looks(client: httpx.Client, tmp_path: Path) -> None:
    """Markdown says nothing of colours."""
    text = run(client, tmp_path, packed(coloured()), "docx", "md").output.read_text("utf-8")
    assert text.strip() == "# Ueberschrift\n\nschlicht farbig riesig markiert"


def test_spacing_and_indents_of_paragraphs(client: httpx.Client, tmp_path: Path) -> None:
    """Space before, line spacing and indents are where the document has them, alignment too."""
    document = docx.Document()
    for text in ("eins", "zwei"):
        document.add_paragraph(text).paragraph_format.space_after = Pt(0)
    document.add_paragraph("drei").paragraph_format.space_before = Pt(60)
    document.add_paragraph("vier").paragraph_format.left_indent = Cm(3)
    document.add_paragraph("rechts").alignment = WD_ALIGN_PARAGRAPH.RIGHT
    made = pdf_of(client, tmp_path, document)
    words = {word: Found(made, word) for word in ("eins", "zwei", "drei", "vier", "rechts")}
    line = words["eins"].bottom - words["zwei"].bottom
    assert words["zwei"].bottom - words["drei"].bottom == pytest.approx(line + 60, abs=2)
    assert words["vier"].left - words["drei"].left == pytest.approx(85, abs=2)
    assert words["rechts"].left > words["rechts"].page_width / 2


def test_empty_paragraphs_take_a_line(client: httpx.Client, tmp_path: Path) -> None:
    """Those between others move what follows down, those at the end make no page."""
    document = docx.Document()
    for text in ("oben", "", "", "unten", *[""] * 80):
        document.add_paragraph(text).paragraph_format.space_after = Pt(0)
    done = run(client, tmp_path, packed(document), "docx", "pdf")
    assert Found(done.output, "oben").bottom - Found(done.output, "unten").bottom > 36
    assert done.facts["pages"] == 1


def test_looks_of_tables(client: httpx.Client, tmp_path: Path) -> None:
    """Bands and head of the style of a table, the fill, lines and height of a cell."""
    document = docx.Document()
    table = document.add_table(3, 2, style="Medium Shading 1 Accent 2")
    for number, cell in enumerate(table._cells):
        cell.text = f"zelle{number}"
    table.rows[2].height = Pt(80)
    cell = table.cell(2, 1)._tc.get_or_add_tcPr()
    cell.append(
        parse_xml(f'<w:tcBorders {nsdecls("w")}><w:bottom w:val="single" w:sz="48" w:color="0000FF"/></w:tcBorders>')
    )
    cell.append(parse_xml(f'<w:shd {nsdecls("w")} w:val="clear" w:fill="FFC000"/>'))
    document.add_paragraph("danach")
    made = pdf_of(client, tmp_path, document)
    head, filled = Found(made, "zelle0"), Found(made, "zelle5")
    assert head.colour == (255, 255, 255)
    assert pixel(made, head.left + 100, head.bottom + 3) == (0xC0, 0x50, 0x4D)
    assert pixel(made, filled.left + 100, filled.bottom) == (0xFF, 0xC0, 0)
    assert filled.top - Found(made, "danach").top > 75
    column = [pixel(made, filled.left + 100, filled.bottom - down) for down in range(60, 80)]
    assert (0, 0, 255) in column
    styles = [cell["style"] for cell in page_of(client, tmp_path, document).select("td")]
    assert "background-color:#c0504d" in styles[0]
    assert "border-bottom:6pt solid #0000ff" in styles[5]


ANCHOR = (
    '<wp:anchor {names} behindDoc="0" simplePos="0" relativeHeight="1" locked="0" layoutInCell="1" allowOverlap="1">'
    '<wp:simplePos x="0" y="0"/><wp:positionH relativeFrom="{across}"><wp:{where}</wp:positionH>'
    '<wp:positionV relativeFrom="{down}"><wp:posOffset>{top}</wp:posOffset></wp:positionV></wp:anchor>'
)


def floating(document: Document, wrap: str, place: tuple[str, str, str, int]) -> None:
    """Append a paragraph of many words to which a picture of 5 cm is anchored."""
    across, where, down, top = place
    paragraph = document.add_paragraph("worte um ein bild " * 60 + "ende")
    picture = paragraph.add_run().add_picture(io.BytesIO(small_png()), width=Cm(5))._inline
    anchor = parse_xml(
        ANCHOR.format(names=nsdecls("wp", "a", "pic", "r"), across=across, where=where, down=down, top=top)
    )
    for child in list(picture):
        anchor.append(child)
    extent = anchor.find("{*}extent")
    assert extent is not None
    extent.addnext(parse_xml(f"<wp:{wrap} {nsdecls('wp')}/>"))
    picture.getparent().replace(picture, anchor)


def pictures(path: Path) -> list[Box]:
    """Return left, bottom, right and top of the pictures of the first page."""
    with pypdfium2.PdfDocument(path) as pdf:
        return [found.get_bounds() for found in pdf[0].get_objects() if found.type == pdfium.FPDF_PAGEOBJ_IMAGE]


def test_text_stands_beside_a_picture(client: httpx.Client, tmp_path: Path) -> None:
    """A picture at the right has the first lines at its left and the rest below, all the words once."""
    document = docx.Document()
    floating(document, "wrapSquare", ("column", "align>right</wp:align>", "paragraph", 0))
    made = pdf_of(client, tmp_path, document)
    left, bottom, right, _ = pictures(made)[0]
    first, last = Found(made, "worte"), Found(made, "ende")
    assert right > first.page_width - 100
    assert first.top > bottom
    assert first.left < left
    assert last.top < bottom
    with pypdfium2.PdfDocument(made) as pdf:
        assert pdf[0].get_textpage().get_text_range().split().count("bild") == 60
    assert page_of(client, tmp_path, document).select_one("div[style*='float:right'] img") is not None


def test_a_picture_at_a_place_of_the_page(client: httpx.Client, tmp_path: Path) -> None:
    """What lies over the text is where the page has it."""
    document = docx.Document()
    floating(document, "wrapNone", ("page", "posOffset>2540000</wp:posOffset>", "page", 5080000))
    made = pdf_of(client, tmp_path, document)
    left, _, _, top = pictures(made)[0]
    assert left == pytest.approx(200, abs=2)
    assert 792 - top == pytest.approx(400, abs=2)


def test_columns_of_a_section(client: httpx.Client, tmp_path: Path) -> None:
    """A section in two columns fills both evenly."""
    document = docx.Document()
    for number in range(10):
        document.add_paragraph(f"absatz{number} " + "worte " * 30)
    columns = document.sections[0]._sectPr.find("{*}cols")
    assert columns is not None
    columns.set("{http://schemas.openxmlformats.org/wordprocessingml/2006/main}num", "2")
    made = pdf_of(client, tmp_path, document)
    first, last = Found(made, "absatz0"), Found(made, "absatz9")
    assert first.left < 100
    assert last.left > first.page_width / 2
    assert page_of(client, tmp_path, document).select_one("div[style*='column-count:2']") is not None


def test_a_dropped_initial_belongs_to_its_word(client: httpx.Client, tmp_path: Path) -> None:
    """A large first letter in a frame is the first letter of the paragraph."""
    document = docx.Document()
    frame = document.add_paragraph("A")
    frame._p.get_or_add_pPr().append(parse_xml(f'<w:framePr {nsdecls("w")} w:dropCap="drop" w:lines="3"/>'))
    document.add_paragraph("nfang der Erzählung")
    assert (
        run(client, tmp_path, packed(document), "docx", "txt").output.read_text("utf-8").strip()
        == "Anfang der Erzählung"
    )
