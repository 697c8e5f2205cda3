"""Tables as pages and pictures, and tables found inside documents, as other readers see them."""

import io
import json
from typing import Any

import docx
import httpx
import openpyxl
import pptx
import pypdf
import pytest
from lxml import etree
from PIL import Image
from pptx.util import Inches

from tests.recipes.posting import post, refusal, warnings

SALES = b"month,sales,cost\n2024-01-01,10,7.5\n2024-02-01,12,8\n2024-03-01,9,9.25\n"


def colours(content: bytes) -> int:
    """Return how many colours a picture has."""
    with Image.open(io.BytesIO(content)) as picture:
        return len(picture.convert("RGB").getcolors(1 << 24) or [])


def pages(content: bytes) -> list[str]:
    """Return the text of each page."""
    return [page.extract_text() for page in pypdf.PdfReader(io.BytesIO(content)).pages]


def test_every_cell_is_on_the_pages(client: httpx.Client) -> None:
    """All rows are printed, and the names of the columns stand on each page."""
    content = b"number,word\n" + b"".join(b"%d,w%dx\n" % (n, n) for n in range(300))
    printed = pages(post(client, content, "csv", "pdf"))
    assert len(printed) > 2
    assert all(page.split()[:2] == ["number", "word"] for page in printed)
    assert {f"w{n}x" for n in range(300)} <= set(" ".join(printed).split())


def test_wide_tables_turn_the_page(client: httpx.Client) -> None:
    """A table that does not fit upright lies; one that fits on no page continues on others, said in a warning."""
    wide = b",".join(b"column%d" % n for n in range(14)) + b"\n" + b",".join([b"0123456789"] * 14) + b"\n"
    box = pypdf.PdfReader(io.BytesIO(post(client, wide, "csv", "pdf"))).pages[0].mediabox
    assert box.width > box.height
    wider = b",".join(b"c%d" % n for n in range(60)) + b"\n" + b",".join([b"0123456789"] * 60) + b"\n"
    assert "further pages" in warnings(client, wider, "csv", "pdf")
    assert {f"c{n}" for n in range(60)} <= set(" ".join(pages(post(client, wider, "csv", "pdf"))).split())


def test_text_is_not_typst(client: httpx.Client) -> None:
    """Cells, names and the title are text, whatever Typst would make of them."""
    content = b'a,b\n#panic(),"= not a heading *x* $y$ \\u{41}"\n#read("/etc/passwd"),@ref\n'
    text = " ".join(pages(post(client, content, "csv", "pdf", title='#panic("t")')))
    assert "#panic()" in text
    assert "*x* $y$ \\u{41}" in text
    assert '#panic("t")' in text


def test_too_much_to_print(client: httpx.Client) -> None:
    """A table of more cells than a printed document has is refused."""
    assert refusal(client, b"a,b\n" + b"1,2\n" * 40_000, "csv", "pdf") == (422, "too_large")


@pytest.mark.parametrize("target", ["png", "jpg", "webp"])
def test_chart_has_its_size_and_is_not_empty(client: httpx.Client, target: str) -> None:
    """The picture is as large as asked for and something is drawn."""
    made = post(client, SALES, "csv", target, width=640, height=360, title="Sales $ and cost $")
    with Image.open(io.BytesIO(made)) as picture:
        assert picture.size == (640, 360)
    assert colours(made) > 20


@pytest.mark.parametrize("kind", ["line", "bar", "barh", "scatter", "area", "pie", "histogram"])
def test_every_kind_of_chart(client: httpx.Client, kind: str) -> None:
    """Each kind draws something of its own."""
    assert colours(post(client, SALES, "csv", "png", kind=kind, y="sales")) > 5


def test_svg_chart(client: httpx.Client) -> None:
    """An SVG chart is XML with paths and without scripts, and the same twice."""
    made = post(client, SALES, "csv", "svg")
    root = etree.fromstring(made)
    assert len(root.findall(".//{*}path")) > 10
    assert not root.findall(".//{*}script")
    assert made == post(client, SALES, "csv", "svg")


def test_chart_of_words(client: httpx.Client) -> None:
    """Without numbers the values are counted; a column that is not there or not of numbers is refused by name."""
    assert "counted" in warnings(client, b"city\nRome\nRome\nOslo\n", "csv", "png")
    assert refusal(client, SALES, "csv", "png", y="profit") == (422, "unsupported")
    assert refusal(client, b"a,b\nx,y\n", "csv", "png", y="b") == (422, "unsupported")


def test_html_tables(client: httpx.Client) -> None:
    """Spans fill the cells they cover, line breaks stay, and the largest of several tables is taken."""
    page = b"<table><tr><td>x<td>y</table><p>and</p><table><tr><th colspan=2>a<th>b</tr><tr><td rowspan=2>1<td>2<br>3<td>007</tr><tr><td>4<td>5</table>"
    assert post(client, page, "html", "csv") == b'a,a,b\n1,"2\n3",007\n1,4,5\n'
    assert post(client, page, "html", "csv", table=1, header="false") == b"x,y\n"
    assert json.loads(post(client, page, "html", "json"))["Table2"][1] == {"a": 1, "a_2": "4", "b": "5"}
    assert refusal(client, b"<html><p>no table</p></html>", "html", "csv") == (422, "unsupported")


def test_endless_spans(client: httpx.Client) -> None:
    """Spans that cover millions of cells are refused."""
    row = b"<tr>" + b"<td colspan=1000 rowspan=99999>x" * 50 + b"</tr>"
    assert refusal(client, b"<html><table>" + row * 1000 + b"</table></html>", "html", "csv") == (422, "too_large")


def test_markdown_tables(client: httpx.Client) -> None:
    """A table of GitHub's Markdown is a table; what csv to md escaped comes back."""
    cells = b'a,b\nx | y,*1*\n"two\nlines",_z_ <b>\n'
    assert post(client, post(client, cells, "csv", "md"), "md", "csv") == cells


def test_word_tables(client: httpx.Client) -> None:
    """Merged cells of Word fill what they cover; a workbook has a sheet for each table."""
    document = docx.Document()
    table = document.add_table(3, 2)
    for number, cell in enumerate(cell for row in table.rows for cell in row.cells):
        cell.text = f"c{number}"
    table.cell(1, 0).merge(table.cell(2, 0)).text = "tall"
    document.add_table(2, 2).cell(0, 0).text = "other"
    made = io.BytesIO()
    document.save(made)
    assert post(client, made.getvalue(), "docx", "csv") == b"c0,c1\ntall,c3\ntall,c5\n"
    book = openpyxl.load_workbook(io.BytesIO(post(client, made.getvalue(), "docx", "xlsx")))
    assert book.sheetnames[0] == "Table1"


def slides(rows: list[list[str]]) -> bytes:
    """Return a presentation with one table."""
    made: Any = pptx.Presentation()
    slide = made.slides.add_slide(made.slide_layouts[6])
    table = slide.shapes.add_table(len(rows), len(rows[0]), Inches(1), Inches(1), Inches(6), Inches(2)).table
    for y, row in enumerate(rows):
        for x, text in enumerate(row):
            table.cell(y, x).text = text
    content = io.BytesIO()
    made.save(content)
    return content.getvalue()


def test_slide_tables(client: httpx.Client) -> None:
    """A table on a slide is a table."""
    assert post(client, slides([["a", "b"], ["1", "x"]]), "pptx", "csv") == b"a,b\n1,x\n"


def test_tables_of_a_pdf(client: httpx.Client) -> None:
    """What was printed as a table is found in the PDF again."""
    content = b"name,amount,place\n" + b"".join(b"item %d,%d.50,Oslo\n" % (n, n * 7) for n in range(1, 9))
    assert post(client, post(client, content, "csv", "pdf"), "pdf", "csv") == content
