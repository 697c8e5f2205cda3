"""Markdown, HTML and text into documents: every word arrives, structure survives, nothing is fetched, hostile input is refused."""

import base64
import re
import time
import zipfile
from pathlib import Path

import docx
import httpx
import pypdf
import pypdfium2
import pytest
from bs4 import BeautifulSoup
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.recipes.converting import run
from tests.recipes.reading import pdf_text, precision, recall, small_png, tempting_server, text_of, texts, words

DOCUMENT = """# Über *Maße* & Zahlen

Ein Absatz mit **fett**, `code = "x" #not typst \\\\` und [Verweis](https://example.org/a?b=c#d). $5 or $6, a_b_c, 3 * 4, <5.

- eins
- zwei
  1. drei
  2. vier

     Absatz darunter

| Spalte | Wert |
|:-------|-----:|
| Tee    |  2,5 |
| Öl | *teuer* |

> Zitat mit 日本語

```python
def f(x):
    return "\\\\" # "quoted"
```

Fußnote [^1].

[^1]: Die Note.

## Ende
"""
SPOKEN = re.sub(
    r"\(https://[^)]*\)|\[\^1\]:?|```python|^ *\d\. |:?-+:", "", DOCUMENT, flags=re.MULTILINE
)  # the words without the marks
# letters that every writer can hold; what XML and Typst cannot is tested apart
LINES = st.lists(
    st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), min_size=1, max_size=60),
    min_size=1,
    max_size=6,
)


@pytest.mark.parametrize("target", ["html", "txt", "pdf", "docx", "odt", "epub"])
def test_every_word_of_markdown_arrives(client: httpx.Client, tmp_path: Path, target: str) -> None:
    """An independent reader finds at least 98 % of the words in each output, and hardly any other."""
    output = text_of(run(client, tmp_path, DOCUMENT.encode(), "md", target).output)
    assert recall(SPOKEN, output) >= 0.98
    assert precision(SPOKEN, output) >= (0.9 if target != "epub" else 0.75)  # a book repeats its headings as contents


@pytest.mark.parametrize("target", ["rtf", "tex", "pptx", "ipynb"])
def test_markdown_becomes_what_pandoc_writes(client: httpx.Client, tmp_path: Path, target: str) -> None:
    """The formats that only pandoc writes hold the words of headings, lists and tables."""
    output = run(client, tmp_path, DOCUMENT.encode(), "md", target).output
    text = text_of(output)
    assert all(word in text for word in ("Zahlen", "eins", "drei", "Tee", "Zitat", "Ende"))


def test_structure_survives_in_html(client: httpx.Client, tmp_path: Path) -> None:
    """Headings, nested lists, tables, code and footnotes are elements, not text."""
    page = BeautifulSoup(run(client, tmp_path, DOCUMENT.encode(), "md", "html").output.read_bytes(), "lxml")
    assert [heading.get_text() for heading in page.find_all(["h1", "h2"])] == ["Über Maße & Zahlen", "Ende"]
    assert len(page.select("ul > li > ol > li")) == 2
    assert [cell.get_text() for cell in page.select("tbody td")] == ["Tee", "2,5", "Öl", "teuer"]
    assert texts(page, "pre code")[0] == 'def f(x):\n    return "\\\\" # "quoted"\n'
    assert texts(page, "title") == ["Über Maße & Zahlen"]


def test_structure_survives_in_word(client: httpx.Client, tmp_path: Path) -> None:
    """python-docx sees headings, list paragraphs and the table with its cells."""
    document = docx.Document(str(run(client, tmp_path, DOCUMENT.encode(), "md", "docx").output))
    styles = [(paragraph.style.name if paragraph.style else "", paragraph.text) for paragraph in document.paragraphs]
    assert ("Heading 1", "Über Maße & Zahlen") in styles
    assert ("Heading 2", "Ende") in styles
    assert [text for name, text in styles if name == "List Paragraph"][:5] == [
        "eins",
        "zwei",
        "drei",
        "vier",
        "Absatz darunter",
    ]
    assert [[cell.text for cell in row.cells] for row in document.tables[0].rows] == [
        ["Spalte", "Wert"],
        ["Tee", "2,5"],
        ["Öl", "teuer"],
    ]


def test_pdf_has_bookmarks_title_and_links(client: httpx.Client, tmp_path: Path) -> None:
    """Pypdf finds the headings as bookmarks, the title and the address of the link."""
    reader = pypdf.PdfReader(run(client, tmp_path, DOCUMENT.encode(), "md", "pdf").output)
    flat = [entry.title for entry in reader.outline if not isinstance(entry, list)]
    addresses = [
        note.get_object()["/A"]["/URI"]
        for note in reader.pages[0].get("/Annots", [])
        if "/URI" in note.get_object().get("/A", {})
    ]
    assert flat == ["Über Maße & Zahlen"]
    assert reader.metadata is not None
    assert reader.metadata.title == "Über Maße & Zahlen"
    assert "https://example.org/a?b=c#d" in addresses


@pytest.mark.parametrize(
    ("options", "size"),
    [
        ({}, (595, 842)),
        ({"page_size": "letter", "orientation": "landscape"}, (792, 612)),
        ({"page_size": "a5"}, (420, 595)),
    ],
)
def test_page_options_set_the_paper(
    client: httpx.Client, tmp_path: Path, options: dict[str, str], size: tuple[int, int]
) -> None:
    """The paper has the size and the orientation asked for."""
    with pypdfium2.PdfDocument(run(client, tmp_path, b"# a", "md", "pdf", **options).output) as pdf:
        assert tuple(round(side) for side in pdf.get_page_size(0)) == size


def test_spans_of_tables_stay(client: httpx.Client, tmp_path: Path) -> None:
    """Cells over several rows and columns are merged in Word and drawn once in the PDF."""
    page = b"<table><tr><th colspan=2>wide<th>x<tr><td rowspan=2>tall<td>a<td>b<tr><td>c<td>d</table>"
    table = docx.Document(str(run(client, tmp_path, page, "html", "docx").output)).tables[0]
    assert [[cell.text for cell in row.cells] for row in table.rows] == [
        ["wide", "wide", "x"],
        ["tall", "a", "b"],
        ["tall", "c", "d"],
    ]
    assert words(pdf_text(run(client, tmp_path, page, "html", "pdf").output)) == words("wide x tall a b c d")


def test_embedded_pictures_stay(client: httpx.Client, tmp_path: Path) -> None:
    """A data: URI is a picture in PDF, Word and OpenDocument."""
    uri = "data:image/png;base64," + base64.b64encode(small_png()).decode()
    page = f'<p>before<img src="{uri}" alt="red">after</p>'.encode()
    assert len(pypdf.PdfReader(run(client, tmp_path, page, "html", "pdf").output).pages[0].images) == 1
    for target in ("docx", "odt", "epub"):
        with zipfile.ZipFile(run(client, tmp_path, page, "html", target).output) as package:
            assert sum(name.endswith(".png") for name in package.namelist()) == 1


@pytest.mark.parametrize("target", ["md", "txt", "pdf", "docx", "odt", "rtf", "epub", "tex", "pptx", "ipynb"])
def test_nothing_is_fetched(client: httpx.Client, tmp_path: Path, target: str) -> None:
    """Remote and local references are neither asked for nor read: their alternative text is shown, with a warning."""
    with tempting_server() as (address, asked):
        page = (
            f'<link rel="stylesheet" href="{address}/s.css"><style>@import "{address}/i.css"; p {{background: url({address}/b.png)}}</style>'
            f'<p>kept<img src="{address}/p.png" alt="remote"><img src="file:///etc/passwd" alt="local"><img src="/etc/hostname"></p>'
            f'<iframe src="{address}/f"></iframe><object data="{address}/o"></object><script src="{address}/j"></script>'
        )
        done = run(client, tmp_path, page.encode(), "html", target)
    assert asked == []
    assert any("not part of the file" in warning for warning in done.warnings)
    if target not in ("rtf", "pptx"):
        assert {"kept", "remote", "local"} <= words(text_of(done.output)).keys()


def test_scripts_do_not_survive(client: httpx.Client, tmp_path: Path) -> None:
    """Markdown with raw HTML gives a page without scripts, handlers or links that run code."""
    source = b'<div onclick="x()">a</div><script>alert(1)</script>\n\n[b](javascript:alert(1)) <svg onload=alert(1)></svg> <iframe src=x></iframe>'
    page = run(client, tmp_path, source, "md", "html").output.read_text().lower()
    assert not any(evil in page for evil in ("<script", "onclick", "javascript:", "onload", "<iframe"))


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=LINES)
def test_text_enters_a_pdf_only_as_text(client: httpx.Client, tmp_path: Path, lines: list[str]) -> None:
    """Whatever letters a text has, none of them is code of the typesetter."""
    hostile = '#panic("x") ] } ) $ * _ ` \\ " ; @a <b> // /* #include "x"'
    done = run(client, tmp_path, "\n\n".join([*lines, hostile]).encode(), "txt", "pdf")
    assert recall(hostile, pdf_text(done.output)) == 1


def test_markdown_marks_in_text_are_escaped(client: httpx.Client, tmp_path: Path) -> None:
    """Text that looks like Markdown or HTML is the same text after html → md → html."""
    text = "1. not a list, # not a heading, <script> *stars* _under_ `tick` snake_case_word [x] a|b"
    page = f"<p>{text.replace('<', '&lt;')}</p>".encode()
    markdown = run(client, tmp_path, page, "html", "md").output.read_bytes()
    back = BeautifulSoup(run(client, tmp_path, markdown, "md", "html").output.read_bytes(), "lxml")
    assert back.body is not None
    assert back.body.get_text().strip() == text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252"])
def test_encodings_are_told_apart(client: httpx.Client, tmp_path: Path, encoding: str) -> None:
    """The same text in different encodings gives the same page."""
    text = "Größe, façade, señor: 5 €"
    page = BeautifulSoup(run(client, tmp_path, text.encode(encoding), "txt", "html").output.read_bytes(), "lxml")
    assert page.body is not None
    assert page.body.get_text().strip() == text


@pytest.mark.parametrize(
    "hostile",
    [
        b"<div>" * 1500 + b"deep" + b"</div>" * 1500,
        b"<b><i>" * 900 + b"deep",
        b"<ul><li>" * 400 + b"deep",
        b"<table><tr><td>" * 200 + b"deep",
        b"<table><tr><td rowspan=65534 colspan=1000>deep</table>",
        b"<blockquote>" * 300 + b"deep",
    ],
    ids=["divs", "inline", "lists", "tables", "spans", "quotes"],
)
def test_hostile_nesting_ends_in_seconds(client: httpx.Client, tmp_path: Path, hostile: bytes) -> None:
    """Deep or absurd structures give a page with their text, soon."""
    started = time.monotonic()
    assert "deep" in pdf_text(run(client, tmp_path, hostile, "html", "pdf").output)
    assert "deep" in text_of(run(client, tmp_path, hostile, "html", "docx").output)
    assert time.monotonic() - started < 20


def test_too_deep_or_empty_is_refused(client: httpx.Client, tmp_path: Path) -> None:
    """What no parser reads to its end is too large; what says nothing is empty."""
    assert run(client, tmp_path, b"<div>" * 5000 + b"x", "html", "pdf").refused == "too_large"
    assert run(client, tmp_path, b"   ", "txt", "pdf").refused == "empty"
    assert run(client, tmp_path, b"<p><img src='http://x/y'></p>", "html", "txt").refused == "empty"


def test_a_long_document_has_its_pages(client: httpx.Client, tmp_path: Path) -> None:
    """Two thousand paragraphs and a long code block: pages counted by two readers, first and last word there."""
    source = (
        "# Long\n\n"
        + "\n\n".join(f"Paragraph {number} of many." for number in range(2000))
        + "\n\n```\n"
        + "line\n" * 3000
        + "```\n\nomega\n"
    )
    done = run(client, tmp_path, source.encode(), "md", "pdf")
    text = pdf_text(done.output)
    assert done.facts["pages"] == len(pypdf.PdfReader(done.output).pages) > 50
    assert "Paragraph 1999" in text
    assert "omega" in text


FORMULA = (
    r"Energy $E = mc^2$, share $\frac{a_1}{\sqrt{x}}$, price $5 or $6."
    "\n\n$$\\sum_{i=1}^{n} \\left( x_i \\right)$$\n"
)


def test_formulas_are_typeset(client: httpx.Client, tmp_path: Path) -> None:
    """A PDF shows formulas as mathematics: no backslash, no dollar but those of the prices."""
    text = pdf_text(run(client, tmp_path, FORMULA.encode(), "md", "pdf").output)
    assert "\\" not in text
    assert text.count("$") == 2
    assert all(letter in text for letter in "∑√𝐸𝑚𝑥")


def test_formulas_stay_formulas(client: httpx.Client, tmp_path: Path) -> None:
    """From md over html back to md the TeX is kept; LaTeX has it as mathematics."""
    page = run(client, tmp_path, FORMULA.encode(), "md", "html").output.read_bytes()
    assert run(client, tmp_path, page, "html", "md").output.read_text().split() == FORMULA.split()
    assert r"\frac{a_1}{\sqrt{x}}" in run(client, tmp_path, FORMULA.encode(), "md", "tex").output.read_text()


@pytest.mark.parametrize(
    "tex", [r"\foo{x}", r"\hat{}", r"a_b_c", r"\frac{}", "x^" * 60, r"\left( x", r"\begin{matrix} 1 & 2"]
)
def test_odd_formulas_stay_text(client: httpx.Client, tmp_path: Path, tex: str) -> None:
    """A formula that cannot be typeset hinders nothing: the words around it are there."""
    text = pdf_text(run(client, tmp_path, f"before ${tex}$ after".encode(), "md", "pdf").output)
    assert "before" in text
    assert "after" in text


def test_latex_formulas_and_citations(client: httpx.Client, tmp_path: Path) -> None:
    """Numbered formulas stand as Markdown's may, a citation shows its key, today is not 1970, notes have no arrow back."""
    source = (
        rb"\documentclass{article}\date{\today}\begin{document}\maketitle See \cite{knuth}.\footnote{Note}"
        rb"\begin{equation}\label{e}\frac{a}{b}\end{equation}\begin{align*}a&=b\\c&=d\end{align*}\end{document}"
    )
    made = run(client, tmp_path, source, "tex", "md").output.read_text()
    assert r"$$\frac{a}{b}$$" in made
    assert "\\begin{aligned}\na&=b\\\\c&=d\n\\end{aligned}" in made
    assert "[knuth]" in made
    assert "1970" not in made
    assert "↩" not in pdf_text(run(client, tmp_path, source, "tex", "pdf").output)


def test_long_words_stay_on_the_page(client: httpx.Client, tmp_path: Path) -> None:
    """A word wider than a line is broken over lines: nothing of it runs off the page."""
    made = run(client, tmp_path, b"<p>" + b"x" * 900 + b" end</p>", "html", "pdf").output
    with pypdfium2.PdfDocument(made) as document:
        page = document[0]
        text = page.get_textpage()
        boxes = [text.get_charbox(n) for n in range(text.count_chars())]
        assert sum(box[2] - box[0] > 1 for box in boxes) > 900
        assert max(box[2] for box in boxes) < page.get_width() - 30


def test_the_way_back_from_a_note_is_no_text(client: httpx.Client, tmp_path: Path) -> None:
    """The arrow after a footnote goes, and nobody misses its letters."""
    source = b'<p>Wort<sup id="r"><a href="#n">1</a></sup></p><ol><li id="n">Note <a class="footnote-backref" href="#r">&#8617;</a></li></ol>'
    found = run(client, tmp_path, source, "html", "txt").output.read_text("utf-8")
    assert [line.strip() for line in found.splitlines() if line.strip()] == ["Wort1", "1. Note"]
