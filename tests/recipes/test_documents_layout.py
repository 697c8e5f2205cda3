"""Where things stand: pages and sections of Word documents, lists in lists, tables in tables, targets of links, right to left."""

from pathlib import Path

import docx
import httpx
import pypdfium2
import pytest
from bs4 import BeautifulSoup
from docx.enum.section import WD_ORIENT
from docx.enum.text import WD_BREAK
from docx.opc.packuri import PackURI
from docx.opc.part import Part
from docx.oxml import parse_xml
from docx.shared import Pt

from tests.recipes.converting import run
from tests.recipes.reading import text_of, texts
from tests.recipes.test_documents_word import NAMESPACES, append, packed


def pages_of(path: Path) -> list[tuple[tuple[int, ...], str]]:
    """Return the size in points and the text of every page."""
    with pypdfium2.PdfDocument(path) as pdf:
        return [(tuple(round(side) for side in page.get_size()), page.get_textpage().get_text_range()) for page in pdf]


def sections() -> bytes:
    """Return a document of letter paper: two pages, then a section in landscape."""
    document = docx.Document()
    document.add_paragraph("erste Seite")
    document.add_paragraph().add_run().add_break(WD_BREAK.PAGE)
    document.add_paragraph("zweite Seite")
    turned = document.add_section()
    turned.orientation, turned.page_width, turned.page_height = WD_ORIENT.LANDSCAPE, Pt(792), Pt(612)
    document.add_paragraph("quer")
    return packed(document)


def test_pages_and_sections_of_word_are_kept(client: httpx.Client, tmp_path: Path) -> None:
    """A page break begins a page, a section its own paper."""
    pages = pages_of(run(client, tmp_path, sections(), "docx", "pdf").output)
    assert [size for size, _ in pages] == [(612, 792), (612, 792), (792, 612)]
    assert [text.strip() for _, text in pages] == ["erste Seite", "zweite Seite", "quer"]


def test_paper_that_is_asked_for_wins(client: httpx.Client, tmp_path: Path) -> None:
    """With page_size every section has that paper."""
    pages = pages_of(run(client, tmp_path, sections(), "docx", "pdf", page_size="a5").output)
    assert {(420, 595)} == {size for size, _ in pages}


def test_page_breaks_leave_no_trace_in_text(client: httpx.Client, tmp_path: Path) -> None:
    """Neither a form feed nor a rule is left of one where there are no pages."""
    found = run(client, tmp_path, sections(), "docx", "md").output.read_text("utf-8")
    assert [line for line in found.splitlines() if line.strip()] == ["erste Seite", "zweite Seite", "quer"]


@pytest.mark.parametrize(
    ("inner", "expected"),
    [
        ('<w:r><w:sym w:font="Symbol" w:char="F0E5"/></w:r>', "∑"),
        ('<w:r><w:sym w:font="Wingdings" w:char="F0FC"/></w:r>', "✓"),
        ('<w:r><w:rPr><w:rFonts w:ascii="Symbol"/></w:rPr><w:t>&#xF062;</w:t></w:r>', "β"),
    ],
)
def test_letters_of_symbol_fonts_are_named(client: httpx.Client, tmp_path: Path, inner: str, expected: str) -> None:
    """A code of a symbol font becomes the letter that the font shows."""
    source = packed(append(docx.Document(), inner))
    assert expected == run(client, tmp_path, source, "docx", "txt").output.read_text("utf-8").strip()


def test_paragraphs_from_right_to_left(client: httpx.Client, tmp_path: Path) -> None:
    """The direction of a paragraph is kept."""
    document = docx.Document()
    paragraph = document.add_paragraph("مرحبا بالعالم")
    paragraph._p.get_or_add_pPr().append(parse_xml(f"<w:bidi {NAMESPACES}/>"))
    page = BeautifulSoup(run(client, tmp_path, packed(document), "docx", "html").output.read_bytes(), "lxml")
    assert texts(page, "p[dir=rtl]") == ["مرحبا بالعالم"]


def test_styles_of_deeper_lists_nest(client: httpx.Client, tmp_path: Path) -> None:
    """List Bullet 2 stands inside List Bullet, although it is a list of its own."""
    document = docx.Document()
    for number, style in enumerate(["List Bullet", "List Bullet 2", "List Bullet 3", "List Bullet"]):
        document.add_paragraph(f"punkt{number}", style=style)
    page = BeautifulSoup(run(client, tmp_path, packed(document), "docx", "html").output.read_bytes(), "lxml")
    assert texts(page, "ul ul ul > li") == ["punkt2"]
    assert len(page.select("body > ul > li")) == 2


@pytest.mark.parametrize(
    ("name", "content"),
    [("part.html", b"<p>eingebettete Seite</p>"), ("part.txt", b"eingebettete Seite"), ("part.docx", b"")],
)
def test_documents_inside_documents_are_read(client: httpx.Client, tmp_path: Path, name: str, content: bytes) -> None:
    """What an altChunk refers to inside the package is part of the document."""
    if not content:
        inner = docx.Document()
        inner.add_paragraph("eingebettete Seite")
        content = packed(inner)
    document = docx.Document()
    document.add_paragraph("davor")
    part = Part(PackURI(f"/word/{name}"), "application/octet-stream", content)
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/aFChunk"
    chunk = f'<w:altChunk {NAMESPACES} r:id="{document.part.relate_to(part, kind)}"/>'
    document.element.body.insert(1, parse_xml(chunk))
    found = run(client, tmp_path, packed(document), "docx", "txt").output.read_text("utf-8")
    assert [line for line in found.splitlines() if line] == ["davor", "eingebettete Seite"]


BOX = "<w:r><w:pict><v:shape><v:textbox><w:txbxContent><w:p><w:r><w:t>Kasten</w:t></w:r></w:p></w:txbxContent></v:textbox></v:shape></w:pict></w:r>"


@pytest.mark.parametrize("target", ["odt", "epub", "pptx", "tex", "rtf"])
def test_text_boxes_arrive_in_office_formats(client: httpx.Client, tmp_path: Path, target: str) -> None:
    """Words that stand in a box are words of the document, whoever writes it."""
    document = append(docx.Document(), BOX)
    document.add_paragraph("danach")
    found = text_of(run(client, tmp_path, packed(document), "docx", target).output)
    assert found.index("Kasten") < found.index("danach")


NESTED = "<table><tr><th>a</th><th>b</th></tr><tr><td>c</td><td><table><tr><td>d</td><td>e</td></tr></table></td></tr></table>"


def test_tables_inside_tables_keep_their_place(client: httpx.Client, tmp_path: Path) -> None:
    """A cell that holds a table stays beside its neighbour, in a PDF too."""
    made = run(client, tmp_path, NESTED.encode(), "html", "pdf").output
    with pypdfium2.PdfDocument(made) as pdf:
        page = pdf[0].get_textpage()
        letters = page.get_text_range()
        height = {letter: page.get_charbox(letters.index(letter))[1] for letter in "abcd"}
    assert height["a"] == pytest.approx(height["b"], abs=3)
    assert height["c"] == pytest.approx(height["d"], abs=8)


LOOSE = b"<p>vor</p><table>streu<thead><th>kopf</th></thead><tr><td>zelle</td> lose <td>zwei</td></tr><td>ende</table>"


@pytest.mark.parametrize("target", ["docx", "pdf", "txt", "md"])
def test_cells_without_rows_and_words_between_them_arrive(client: httpx.Client, tmp_path: Path, target: str) -> None:
    """Nothing of a table that is not well-formed is lost."""
    found = text_of(run(client, tmp_path, LOOSE, "html", target).output)
    assert all(word in found for word in ("vor", "streu", "kopf", "zelle", "lose", "zwei", "ende"))


TARGETS = b"""<p><a href="#t">1</a> <a href="#r">2</a> <a href="#c">3</a></p><dl><dt id="t">Begriff</dt><dd>Text</dd></dl>
<table><tr id="r"><td>Zelle</td><td>Zelle</td></tr></table><p><code><i id="c">Code</i></code></p>"""


def test_links_find_their_targets_wherever_they_stand(client: httpx.Client, tmp_path: Path) -> None:
    """Terms, rows and code can be linked to."""
    pages = pages_of(run(client, tmp_path, TARGETS, "html", "pdf").output)
    assert all(word in pages[0][1] for word in ("Begriff", "Zelle", "Code"))


def test_directions_that_nobody_declares_are_seen(client: httpx.Client, tmp_path: Path) -> None:
    """Arabic text without any markup stands on the right, an English paragraph among it on the left."""
    source = "مرحبا بالعالم، هذا نص عربي طويل.\n\nEnglish words.\n\nשלם".encode()
    with pypdfium2.PdfDocument(run(client, tmp_path, source, "txt", "pdf").output) as pdf:
        page = pdf[0].get_textpage()
        letters = page.get_text_range()
        left = {letter: page.get_charbox(letters.index(letter))[0] for letter in "Eש"}
    assert left["E"] < 100
    assert left["ש"] > 400
    document = docx.Document(str(run(client, tmp_path, source, "txt", "docx").output))
    assert [bool(each._p.xpath("w:pPr/w:bidi")) for each in document.paragraphs] == [True, False, True]
