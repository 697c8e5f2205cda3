"""How the pages of Word documents look as PDF: margins, headers and footers, numbers of headings and lists, columns of tables."""

import itertools
from pathlib import Path

import docx
import httpx
import pypdfium2
import pytest
from docx.document import Document
from docx.oxml import parse_xml
from docx.shared import Cm, Mm, Pt
from docx.text.paragraph import Paragraph

from tests.recipes.converting import run
from tests.recipes.reading import text_of
from tests.recipes.test_documents_layout import pages_of
from tests.recipes.test_documents_word import NAMESPACES, packed


def left_of(path: Path, word: str) -> float:
    """Return how many points a word of the first page stands from the left edge."""
    with pypdfium2.PdfDocument(path) as pdf:
        text = pdf[0].get_textpage()
        found = text.search(word).get_next()
        assert found is not None
        return float(text.get_charbox(found[0])[0])


def add_field(paragraph: Paragraph, instruction: str) -> None:
    """Append a field as Word writes it, with a result that is no longer true."""
    for inner in (
        '<w:fldChar w:fldCharType="begin"/>',
        f"<w:instrText> {instruction} </w:instrText>",
        '<w:fldChar w:fldCharType="separate"/>',
        "<w:t>99</w:t>",
        '<w:fldChar w:fldCharType="end"/>',
    ):
        paragraph._p.append(parse_xml(f"<w:r {NAMESPACES}>{inner}</w:r>"))


def numbered(document: Document, *levels: tuple[str, str, str]) -> None:
    """Give the document a list 77 with these levels: style, format, text."""
    numbering = document.part.numbering_part.element
    inner = "".join(
        f'<w:lvl w:ilvl="{at}"><w:start w:val="1"/><w:numFmt w:val="{form}"/><w:pStyle w:val="{style}"/><w:lvlText w:val="{text}"/></w:lvl>'
        for at, (style, form, text) in enumerate(levels)
    )
    numbering.insert(0, parse_xml(f'<w:abstractNum {NAMESPACES} w:abstractNumId="77">{inner}</w:abstractNum>'))
    numbering.append(parse_xml(f'<w:num {NAMESPACES} w:numId="77"><w:abstractNumId w:val="77"/></w:num>'))


def number(paragraph: Paragraph, level: int) -> None:
    """Make a paragraph an item of the list 77."""
    properties = f'<w:numPr {NAMESPACES}><w:ilvl w:val="{level}"/><w:numId w:val="77"/></w:numPr>'
    paragraph._p.get_or_add_pPr().append(parse_xml(properties))


def long_letter() -> Document:
    """Return a document of three pages."""
    document = docx.Document()
    for page in range(3):
        document.add_paragraph(f"inhalt{page}").paragraph_format.page_break_before = page > 0
    return document


def test_headers_and_footers_stand_on_every_page(client: httpx.Client, tmp_path: Path) -> None:
    """The first page has its own, and the numbers of pages are those of the PDF."""
    document = long_letter()
    section = document.sections[0]
    section.header.paragraphs[0].text = "links\tmitte\trechts"
    section.different_first_page_header_footer = True
    section.first_page_header.paragraphs[0].text = "deckblatt"
    footer = section.footer.paragraphs[0]
    footer.text = "Seite "
    add_field(footer, "PAGE")
    footer.add_run(" von ")
    add_field(footer, r"NUMPAGES \* MERGEFORMAT")
    found = [text.split() for _, text in pages_of(run(client, tmp_path, packed(document), "docx", "pdf").output)]
    later = [["links", "mitte", "rechts", f"inhalt{page}", *f"Seite {page + 1} von 3".split()] for page in (1, 2)]
    assert found == [["deckblatt", "inhalt0"], *later]


def test_headers_can_be_left_out_of_a_pdf(client: httpx.Client, tmp_path: Path) -> None:
    """The option is false: pages have only their text."""
    document = long_letter()
    document.sections[0].header.paragraphs[0].text = "kopf"
    found = text_of(run(client, tmp_path, packed(document), "docx", "pdf", headers="false").output)
    assert found.split() == ["inhalt0", "inhalt1", "inhalt2"]


def test_sections_have_headers_and_numbers_of_their_own(client: httpx.Client, tmp_path: Path) -> None:
    """Roman numbers before, from 1 afterwards; a section that names no header has that of the one before."""
    document = docx.Document()
    document.add_paragraph("vorwort")
    first = document.sections[0]
    first.header.paragraphs[0].text = "buch"
    add_field(first.footer.paragraphs[0], "PAGE")
    first._sectPr.append(parse_xml(f'<w:pgNumType {NAMESPACES} w:fmt="lowerRoman" w:start="3"/>'))
    second = document.add_section()
    for old in second._sectPr.findall(f"{{{second._sectPr.nsmap['w']}}}pgNumType"):
        second._sectPr.remove(old)
    second._sectPr.append(parse_xml(f'<w:pgNumType {NAMESPACES} w:start="1"/>'))
    document.add_paragraph("kapitel")
    found = [text.split() for _, text in pages_of(run(client, tmp_path, packed(document), "docx", "pdf").output)]
    assert found == [["buch", "vorwort", "iii"], ["buch", "kapitel", "1"]]


def test_a_high_header_pushes_the_text_down(client: httpx.Client, tmp_path: Path) -> None:
    """Header and text do not overlap."""
    document = docx.Document()
    header = document.sections[0].header
    for line in range(12):
        header.add_paragraph(f"kopfzeile{line}")
    document.add_paragraph("inhalt")
    output = run(client, tmp_path, packed(document), "docx", "pdf").output
    with pypdfium2.PdfDocument(output) as pdf:
        text = pdf[0].get_textpage()
        boxes = {word: text.get_charbox(text.search(word).get_next()[0]) for word in ("kopfzeile11", "inhalt")}
    assert boxes["inhalt"][3] < boxes["kopfzeile11"][1]


@pytest.mark.parametrize(("options", "millimetres"), [({}, 45), ({"margin": "10"}, 10)])
def test_margins_are_the_document_s(
    client: httpx.Client, tmp_path: Path, options: dict[str, str], millimetres: int
) -> None:
    """Unless another one is asked for."""
    document = docx.Document()
    document.sections[0].left_margin = Mm(45)
    document.add_paragraph("anfang")
    output = run(client, tmp_path, packed(document), "docx", "pdf", **options).output
    assert left_of(output, "anfang") == pytest.approx(Mm(millimetres).pt, abs=2)


def test_columns_of_tables_are_as_wide_as_in_word(client: httpx.Client, tmp_path: Path) -> None:
    """Narrow ones stay narrow."""
    document = docx.Document()
    row = document.add_table(1, 3).rows[0]
    for cell, width, text in zip(row.cells, (2, 10, 3), ("eins", "zwei", "drei"), strict=True):
        cell.width, cell.text = Cm(width), text
    output = run(client, tmp_path, packed(document), "docx", "pdf").output
    places = [left_of(output, word) for word in ("eins", "zwei", "drei")]
    steps = [after - before for before, after in itertools.pairwise(places)]
    assert steps == pytest.approx([Cm(2).pt, Cm(10).pt], abs=2)


@pytest.mark.parametrize("target", ["pdf", "html", "txt", "md"])
def test_headings_keep_their_numbers(client: httpx.Client, tmp_path: Path, target: str) -> None:
    """They are in no text of the document, but everybody reads them, and the text refers to them."""
    document = docx.Document()
    numbered(document, ("Heading1", "upperRoman", "%1."), ("Heading2", "decimal", "%1.%2"))
    for text, level in (("anfang", 0), ("unter", 1), ("drunter", 1), ("ende", 0), ("schluss", 1)):
        number(document.add_heading(text, level + 1), level)
    words = text_of(run(client, tmp_path, packed(document), "docx", target).output).replace("#", "").split()
    assert words == ["I.", "anfang", "I.1", "unter", "I.2", "drunter", "II.", "ende", "II.1", "schluss"]


@pytest.mark.parametrize("target", ["pdf", "txt"])
def test_items_keep_the_numbers_that_they_show(client: httpx.Client, tmp_path: Path, target: str) -> None:
    """Of contracts: 1.1 below 1, and a) below that, not afresh from 1 with dots."""
    document = docx.Document()
    numbered(document, ("", "decimal", "%1."), ("", "decimal", "%1.%2"), ("", "lowerLetter", "%3)"))
    for text, level in (("ding", 0), ("teil", 1), ("stueck", 2), ("brocken", 2), ("rest", 1), ("sache", 0)):
        number(document.add_paragraph(text), level)
    words = text_of(run(client, tmp_path, packed(document), "docx", target).output).split()
    assert words == ["1.", "ding", "1.1", "teil", "a)", "stueck", "b)", "brocken", "1.2", "rest", "2.", "sache"]


def test_size_of_the_text_is_the_document_s(client: httpx.Client, tmp_path: Path) -> None:
    """A document of large print has more pages."""
    pages = []
    for size in (8, 16):
        document = docx.Document()
        document.styles["Normal"].font.size = Pt(size)
        for _ in range(90):
            document.add_paragraph("wort " * 20)
        pages.append(run(client, tmp_path, packed(document), "docx", "pdf").facts["pages"])
    assert pages[1] > 2 * pages[0]
