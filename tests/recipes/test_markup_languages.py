"""Markup languages that people write by hand, in and out: words, structure, pictures, and what their writers cannot say."""

import base64
import re
import runpy
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest
from bs4 import BeautifulSoup
from lxml import etree
from pypdf import PdfReader

from tests.recipes.converting import run
from tests.recipes.programs import ROOT, SAMPLES
from tests.recipes.reading import recall, small_png, texts

GUIDE = """# Harbour guide

The tide turns at *six*; see [the table](https://example.org/tides), `low_water` and note[^n].

## Depths

| Port | Depth |
| --- | --- |
| North | 4.2 |
| South | 7.9 |

1. first
2. second

```python
depth = max(4.2, 7.9)
```

[^n]: Since the basin was dug.

    And a second paragraph of the same note.
"""
LANGUAGES = ["rst", "org", "adoc", "wiki", "textile", "typ", "dbk", "fb2"]
READABLE = [
    each for each in LANGUAGES if each != "typ"
]  # what is written there begins with a template, which is no text
INNER = "<table><tr><td>{}</td><td>side{}</td></tr></table>"


@pytest.mark.parametrize("language", READABLE)
def test_a_document_comes_back_from_every_markup(client: httpx.Client, tmp_path: Path, language: str) -> None:
    """Written and read again, words, headings and cells are those of the original."""
    written = run(client, tmp_path, GUIDE.encode(), "md", language).output
    again = run(client, tmp_path, written.read_bytes(), language, "html").output.read_text()
    page = BeautifulSoup(again, "lxml")
    headings = texts(page, "h1, h2, h3")
    for mark in page.select("sup, [data-footnote-backref]"):
        mark.decompose()
    spoken = re.sub(r"\[\^n\]:?|\(https?:\S+\)|```\w*|(?m:^\d\.)", " ", GUIDE)
    assert recall(spoken, page.get_text(" ")) >= 0.98
    assert {"Harbour guide", "Depths"} <= set(headings)
    if language != "fb2":  # pandoc reads no tables there; their words arrive
        cells = [" ".join(cell.get_text().split()) for cell in page.select("td, th")]
        assert cells == ["Port", "Depth", "North", "4.2", "South", "7.9"]


@pytest.mark.parametrize("language", ["rst", "org", "adoc", "wiki", "textile"])
def test_a_picture_that_is_elsewhere_is_still_named(client: httpx.Client, tmp_path: Path, language: str) -> None:
    """Nothing is fetched, and the text that its writer goes on editing shows the same picture."""
    made = run(client, tmp_path, b"# Title\n\n![A badge](img/badge.png) words\n", "md", language)
    assert "img/badge.png" in made.output.read_text()
    assert made.warnings == []


def test_an_embedded_picture_is_shown_by_its_alternative_text(client: httpx.Client, tmp_path: Path) -> None:
    """A text file holds no picture, and the answer says so."""
    picture = base64.b64encode(small_png()).decode()
    made = run(
        client,
        tmp_path,
        f"<p>words <img alt='A light' src='data:image/png;base64,{picture}'></p>".encode(),
        "html",
        "rst",
    )
    assert "[A light]" in made.output.read_text()
    assert "base64" not in made.output.read_text()
    assert any("alternative text" in warning for warning in made.warnings)


@pytest.mark.parametrize("language", LANGUAGES)
def test_tables_in_tables_in_tables_lose_no_word(client: httpx.Client, tmp_path: Path, language: str) -> None:
    """AsciiDoc nests one level; what is deeper stands below each other."""
    nested = INNER.format(INNER.format(INNER.format("deepest", 3), 2), 1)
    text = run(client, tmp_path, f"<p>before</p>{nested}<p>after</p>".encode(), "html", language).output.read_text()
    assert all(word in text for word in ("before", "deepest", "side1", "side2", "side3", "after"))


def test_anchors_of_docbook_are_xml_names_and_unique(client: httpx.Client, tmp_path: Path) -> None:
    """Web pages give an id twice, and put spaces into it."""
    page = b"<h1>Top</h1><h2 id='a b'>One</h2><p>x <a href='#a b'>up</a></p><h2 id='a b'>Two</h2><p>y</p>"
    tree = etree.fromstring(run(client, tmp_path, page, "html", "dbk").output.read_bytes())
    anchors = tree.xpath("//@xml:id")
    assert len(anchors) == len(set(anchors))
    assert all(" " not in each for each in anchors)
    assert tree.xpath("//@linkend")[0] in anchors


def test_one_heading_above_all_others_is_the_title(client: httpx.Client, tmp_path: Path) -> None:
    """An AsciiDoc document begins with its title, and its sections with two signs."""
    text = run(client, tmp_path, GUIDE.encode(), "md", "adoc").output.read_text()
    assert text.startswith("= Harbour guide\n")
    assert "\n== Depths\n" in text
    assert "And a second paragraph of the same note." in text


def test_a_fiction_book_in_an_old_encoding(client: httpx.Client, tmp_path: Path) -> None:
    """Many FictionBooks are in Windows-1251, and say so."""
    book = (
        '<?xml version="1.0" encoding="windows-1251"?><FictionBook xmlns="http://www.gribuser.ru/xml/fictionbook/2.0">'
        "<body><section><p>Жди&nbsp;июля.</p></section></body></FictionBook>"
    )
    assert "Жди\xa0июля." in run(client, tmp_path, book.encode("cp1251"), "fb2", "txt").output.read_text()


LAUGHS = '<!ENTITY a0 "lol">' + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))


@pytest.mark.parametrize(
    ("entities", "code"), [('<!ENTITY a9 SYSTEM "file:///etc/passwd">', "empty"), (LAUGHS, "damaged")]
)
def test_hostile_entities_are_refused(client: httpx.Client, tmp_path: Path, entities: str, code: str) -> None:
    """Neither a file of the machine nor a thousand million laughs."""
    source = (
        f'<!DOCTYPE article [{entities}]><article xmlns="http://docbook.org/ns/docbook"><para>&a9;</para></article>'
    )
    assert run(client, tmp_path, source.encode(), "dbk", "txt").refused == code


def test_chapters_elsewhere_are_left_out(client: httpx.Client, tmp_path: Path) -> None:
    """A book keeps what stands in it: its own entities, those of HTML, and the names of others."""
    book = (
        '<!DOCTYPE book [<!ENTITY tool "Saw"><!ENTITY legal SYSTEM "legal.xml">]><book xmlns="http://docbook.org/ns/docbook">'
        "<title>Tools</title>&legal;<chapter><title>&tool;</title><para>Cuts&nbsp;wood, &see;.</para></chapter></book>"
    )
    done = run(client, tmp_path, book.encode(), "dbk", "txt")
    assert "Saw\n\nCuts\xa0wood, &see;." in done.output.read_text()
    assert "1 other files" in " ".join(done.warnings)


def test_what_is_written_as_typst_can_be_set(client: httpx.Client, tmp_path: Path) -> None:
    """Its own compiler takes it, and every word is on the page."""
    written = run(client, tmp_path, GUIDE.encode(), "md", "typ").output.read_bytes()
    pages = PdfReader(run(client, tmp_path, written, "typ", "pdf").output).pages
    plain = run(client, tmp_path, GUIDE.encode(), "md", "txt").output.read_text()
    assert recall(plain.replace("[1]", " "), "\n".join(page.extract_text() for page in pages)) >= 0.95


def test_typst_is_set_by_its_own_compiler(client: httpx.Client, tmp_path: Path) -> None:
    """Page by page; a picture is of the page that was asked for."""
    source = b"#set page(width: 100pt, height: 50pt, margin: 5pt)\nOne\n#pagebreak()\nTwo #calc.pow(2, 5)\n"
    made = run(client, tmp_path, source, "typ", "pdf")
    pages = PdfReader(made.output).pages
    assert [page.extract_text().strip() for page in pages] == ["One", "Two 32"]
    assert run(client, tmp_path, source, "typ", "pdf").output.read_bytes() == made.output.read_bytes()
    assert (float(pages[0].mediabox.width), float(pages[0].mediabox.height)) == (100, 50)
    second = run(client, tmp_path, source, "typ", "png", page="2", dpi="72")
    assert second.output.read_bytes()[16:24] == (100).to_bytes(4) + (50).to_bytes(4)
    assert "this is page 2 of 2" in second.warnings
    assert run(client, tmp_path, source, "typ", "svg", page="3").refused == "unsupported"


@pytest.mark.parametrize(
    "source",
    [
        '#read("/etc/passwd")',
        '#read("../../../etc/passwd")',
        '#image("x.png")',
        '#import "@preview/cetz:0.3.0"',
        '#include "x.typ"',
    ],
)
def test_typst_that_needs_other_files_is_refused(client: httpx.Client, tmp_path: Path, source: str) -> None:
    """It sees one folder with one file; packages would have to be fetched."""
    assert run(client, tmp_path, source.encode(), "typ", "pdf").refused == "unsupported"


@pytest.mark.parametrize("source", ["#let x = (", "#while true {}", '#("a" * 1000000000)'])
def test_broken_and_hostile_typst_is_refused_in_seconds(client: httpx.Client, tmp_path: Path, source: str) -> None:
    """A document is a program there; it meets the compiler's own limits, or those of its container."""
    assert run(client, tmp_path, source.encode(), "typ", "pdf").refused in ("damaged", "too_large")


def test_manual_pages_of_both_kinds(client: httpx.Client, tmp_path: Path) -> None:
    """The man macros, and the mdoc macros of BSD."""
    mdoc = b".Dd May 1, 2024\n.Dt CAT 1\n.Os\n.Sh NAME\n.Nm cat\n.Nd print files\n.Sh DESCRIPTION\nThe\n.Nm\nutility.\n"
    assert "print files" in run(client, tmp_path, mdoc, "man", "md").output.read_text()
    assert "print the depth" in run(client, tmp_path, SAMPLES / "depths.man", "man", "md").output.read_text()


def test_lost_words_are_missed() -> None:
    """What every output is judged by: a word that is not there counts as much as it has letters."""
    names: Any = runpy.run_path(str(ROOT / "recipes/documents/write_markup.py"), {"re": re})
    kept, words = names["words_kept"], Counter(names["words_of"]("One lighthouse, two *harbours*"))
    assert kept(words, b"one lighthouse two harbours") == 1
    assert kept(words, b"one two harbours") == pytest.approx(14 / 24)
    assert kept(Counter(), b"") == 1
