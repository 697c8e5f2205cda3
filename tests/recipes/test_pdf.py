"""PDF files: text, structure and pictures as two independent readers see them; passwords, scans and damage are named."""

import io
import json
import zipfile
from pathlib import Path

import httpx
import pypdf
import pypdfium2
import pytest
from bs4 import BeautifulSoup
from PIL import Image

from tests.recipes.converting import run
from tests.recipes.reading import pdf_text, precision, recall, small_png, text_of, texts
from tests.serving import Served

SOURCE = """# Annual report

Introduction with several words, so that the paragraph runs over more than one line of the page and has to be put together again by whoever reads it.

## Numbers

| Item | Amount | Share |
|------|--------|-------|
| Tea | 12.50 | 40 % |
| Coffee | 18.00 | 57 % |
| Water | 1.00 | 3 % |

- first point
- second point

1. one
2. two

## Outlook

Last words.
"""


@pytest.fixture(scope="module")
def report(service: Served, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PDF with headings, a paragraph, a table and two lists."""
    with service.client() as client:
        return run(client, tmp_path_factory.mktemp("report"), SOURCE.encode(), "md", "pdf").output


def pages(count: int) -> bytes:
    """Return a PDF of so many empty pages."""
    made, saved = pypdf.PdfWriter(), io.BytesIO()
    for _ in range(count):
        made.add_blank_page(200, 100)
    made.write(saved)
    return saved.getvalue()


def locked(report: Path, user: str, owner: str) -> bytes:
    """Return the report encrypted with two passwords."""
    made, saved = pypdf.PdfWriter(clone_from=report), io.BytesIO()
    made.encrypt(user, owner, algorithm="RC4-128")
    made.write(saved)
    return saved.getvalue()


@pytest.mark.parametrize("target", ["txt", "md", "html", "docx", "odt", "epub"])
def test_every_word_of_a_report_arrives(client: httpx.Client, tmp_path: Path, report: Path, target: str) -> None:
    """All words that pdfium sees on the page are in the output."""
    text = text_of(run(client, tmp_path, report, "pdf", target).output)
    assert recall(pdf_text(report).replace("1.", " ").replace("2.", " "), text) >= 0.98


def test_structure_of_a_report(client: httpx.Client, tmp_path: Path, report: Path) -> None:
    """Headings, the joined paragraph, the table's cells and the lists are recognised."""
    page = BeautifulSoup(run(client, tmp_path, report, "pdf", "html").output.read_bytes(), "lxml")
    assert [(heading.name, heading.get_text()) for heading in page.select("h1, h2")] == [
        ("h1", "Annual report"),
        ("h2", "Numbers"),
        ("h2", "Outlook"),
    ]
    assert texts(page, "p")[0] == SOURCE.split("\n")[2]
    assert [[cell.get_text() for cell in row.select("td")] for row in page.select("tr")][1:] == [
        ["Tea", "12.50", "40 %"],
        ["Coffee", "18.00", "57 %"],
        ["Water", "1.00", "3 %"],
    ]
    assert [item.get_text() for item in page.select("ul li")] == ["first point", "second point"]
    assert [item.get_text() for item in page.select("ol li")] == ["one", "two"]


def test_json_has_pages_outline_and_properties(client: httpx.Client, tmp_path: Path, report: Path) -> None:
    """The JSON agrees with pypdf about pages, bookmarks and the title."""
    found = json.loads(run(client, tmp_path, report, "pdf", "json").output.read_text())
    reader = pypdf.PdfReader(report)
    assert found["pages_total"] == len(found["pages"]) == len(reader.pages)
    assert [entry["title"] for entry in found["outline"]] == ["Annual report", "Numbers", "Outlook"]
    assert reader.metadata is not None
    assert found["metadata"]["title"] == reader.metadata.title == "Annual report"


@pytest.mark.parametrize(("target", "kind"), [("png", "PNG"), ("jpg", "JPEG"), ("webp", "WEBP")])
def test_a_page_as_a_picture(client: httpx.Client, tmp_path: Path, report: Path, target: str, kind: str) -> None:
    """The picture has the page's size at the resolution asked for, and ink on white."""
    with Image.open(run(client, tmp_path, report, "pdf", target, dpi="72").output) as image:
        assert (image.format, image.size) == (kind, (596, 842))
        darkest, brightest = image.convert("L").getextrema()
        assert darkest < 60  # type: ignore[operator] # one band, two numbers
        assert brightest == 255


def test_pages_are_chosen(client: httpx.Client, tmp_path: Path) -> None:
    """A list of pages gives those; one that is not there is refused; several do not fit one picture."""
    five = pages(5)
    with Image.open(run(client, tmp_path, five, "pdf", "tiff", pages="2-3,5").output) as image:
        assert getattr(image, "n_frames", 1) == 3
    with zipfile.ZipFile(run(client, tmp_path, five, "pdf", "zip", pages="4-").output) as package:
        assert package.namelist() == ["page-4.png", "page-5.png"]
    assert run(client, tmp_path, five, "pdf", "png").warnings[0].startswith("the first of 5 pages")
    assert run(client, tmp_path, five, "pdf", "png", pages="6").refused == "unsupported"
    assert run(client, tmp_path, five, "pdf", "png", pages="1-2").refused == "unsupported"
    assert run(client, tmp_path, five, "pdf", "png", pages="x").refused == "unsupported"


@pytest.mark.parametrize("target", ["txt", "md", "png", "json"])
def test_passwords(client: httpx.Client, tmp_path: Path, report: Path, target: str) -> None:
    """An owner's password hinders nobody; a user's is asked for, and opens."""
    assert run(client, tmp_path, locked(report, "", "owner"), "pdf", target).refused is None
    secret = locked(report, "s'ecret\\", "owner")
    assert run(client, tmp_path, secret, "pdf", target).refused == "encrypted"
    assert run(client, tmp_path, secret, "pdf", target, password="wrong").refused == "encrypted"
    assert run(client, tmp_path, secret, "pdf", target, password="s'ecret\\").refused is None


def test_scans_are_named(client: httpx.Client, tmp_path: Path) -> None:
    """Pages without text are refused as text, warned of in JSON, and drawn as pictures."""
    scan = io.BytesIO()
    with Image.open(io.BytesIO(small_png())) as image:
        image.save(scan, "PDF")
    assert run(client, tmp_path, scan.getvalue(), "pdf", "txt").refused == "empty"
    assert run(client, tmp_path, scan.getvalue(), "pdf", "docx").refused == "empty"
    assert run(client, tmp_path, scan.getvalue(), "pdf", "json").warnings[0].startswith("no_text_layer")
    assert run(client, tmp_path, scan.getvalue(), "pdf", "png").refused is None


def test_a_huge_page_is_drawn_small(client: httpx.Client, tmp_path: Path) -> None:
    """A page of 200 by 200 inches costs 40 million pixels, not 8 thousand million."""
    made, saved = pypdf.PdfWriter(), io.BytesIO()
    made.add_blank_page(14400, 14400)
    made.write(saved)
    done = run(client, tmp_path, saved.getvalue(), "pdf", "png", dpi="450")
    with pypdfium2.PdfDocument(saved.getvalue()) as pdf:
        assert pdf.get_page_size(0) == (14400, 14400)
    assert done.facts["width"] * done.facts["height"] <= 40_100_000
    assert "drawn at" in done.warnings[0]


@pytest.mark.parametrize("content", [b"%PDF-1.7\n", b"not a pdf", b"%PDF-1.4\n" + b"1 0 obj<<>>endobj\n" * 50])
def test_damaged_files_are_named(client: httpx.Client, tmp_path: Path, content: bytes) -> None:
    """What pdfium cannot open is damaged, for every target."""
    for target in ("txt", "md", "png"):
        assert run(client, tmp_path, content, "pdf", target).refused == "damaged"


def test_words_of_markdown_after_a_pdf(client: httpx.Client, tmp_path: Path, report: Path) -> None:
    """Md → pdf → md keeps the words, and adds next to none."""
    text = run(client, tmp_path, report, "pdf", "md").output.read_text()
    assert recall(SOURCE, text) >= 0.98
    assert precision(SOURCE, text) >= 0.98


@pytest.mark.parametrize("target", ["txt", "json", "md", "docx", "png", "csv"])
def test_a_page_that_cannot_be_read_is_named(client: httpx.Client, tmp_path: Path, target: str) -> None:
    """A document that opens, and has a page that is none, is damaged."""
    objects = [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[9 0 R]/Count 1>>"]
    content = b"%PDF-1.4\n" + b"".join(b"%d 0 obj%bendobj\n" % pair for pair in enumerate(objects, 1))
    source = content + b"trailer<</Size 3/Root 1 0 R>>\n%%EOF\n"
    assert run(client, tmp_path, source, "pdf", target).refused == "damaged"
