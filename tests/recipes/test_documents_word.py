"""Word documents, old and new: every kind of text is read, references are not followed, protected and broken files are named."""

import io
import re
import zipfile
from pathlib import Path

import docx
import httpx
import pytest
from bs4 import BeautifulSoup
from docx.document import Document
from docx.enum.style import WD_STYLE_TYPE
from docx.oxml import parse_xml

from tests.recipes.converting import run
from tests.recipes.programs import SAMPLES
from tests.recipes.reading import (
    WORD_NAMESPACE,
    precision,
    recall,
    small_png,
    source_of,
    tempting_server,
    text_of,
    texts,
)

NAMESPACES = (
    f'xmlns:w="{WORD_NAMESPACE}" xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math" '
    'xmlns:v="urn:schemas-microsoft-com:vml" xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006" '
    'xmlns:wps="http://schemas.microsoft.com/office/word/2010/wordprocessingShape" '
    'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
)


def packed(document: Document, /, **parts: str) -> bytes:
    """Return the document's bytes, with parts replaced (``document`` for word/document.xml)."""
    made = io.BytesIO()
    document.save(made)
    if not parts:
        return made.getvalue()
    changed = io.BytesIO()
    with zipfile.ZipFile(made) as old, zipfile.ZipFile(changed, "w") as new:
        for name in old.namelist():
            new.writestr(name, parts.get(Path(name).stem, old.read(name)))
    return changed.getvalue()


def letter() -> Document:
    """Return a document with a header, a footer, headings, lists, formats, a table and a picture."""
    document = docx.Document()
    document.sections[0].header.paragraphs[0].text = "Kopfzeile der Firma"
    document.sections[0].footer.paragraphs[0].text = "Fußzeile Bank"
    document.add_heading("Angebot", 1)
    paragraph = document.add_paragraph("Sehr geehrte ")
    paragraph.add_run("Frau Müller").bold = True
    paragraph.add_run(", anbei ").italic = True
    for text in ("erstens", "zweitens"):
        document.add_paragraph(text, style="List Bullet")
    for text in ("alpha", "beta"):
        document.add_paragraph(text, style="List Number")
    table = document.add_table(2, 3)
    for number, cell in enumerate(cell for row in table.rows for cell in row.cells):
        cell.text = f"Zelle{number}"
    table.cell(0, 0).merge(table.cell(0, 1))
    document.add_picture(io.BytesIO(small_png()))
    return document


def append(document: Document, inner: str) -> Document:
    """Append a paragraph of raw WordprocessingML."""
    document.element.body.insert(0, parse_xml(f"<w:p {NAMESPACES}>{inner}</w:p>"))
    return document


@pytest.mark.parametrize("target", ["html", "md", "txt", "pdf"])
def test_every_word_of_a_letter_arrives(client: httpx.Client, tmp_path: Path, target: str) -> None:
    """Body, lists, tables, header and footer are in the output, and little else."""
    words = "Kopfzeile der Firma Fußzeile Bank Angebot Sehr geehrte Frau Müller anbei erstens zweitens alpha beta Zelle0 Zelle1 Zelle2 Zelle3 Zelle4 Zelle5"
    output = text_of(run(client, tmp_path, packed(letter()), "docx", target).output)
    assert recall(words, output) == 1
    assert precision(words + " 1 2 br", output) >= 0.98


@pytest.mark.parametrize("target", ["odt", "rtf", "epub", "tex", "pptx", "ipynb"])
def test_a_letter_becomes_other_office_formats(client: httpx.Client, tmp_path: Path, target: str) -> None:
    """The body is in every format that pandoc writes."""
    text = text_of(run(client, tmp_path, packed(letter()), "docx", target).output)
    assert all(word in text for word in ("Angebot", "zweitens", "beta", "Zelle5"))


def test_structure_of_a_letter(client: httpx.Client, tmp_path: Path) -> None:
    """Headings, both kinds of lists, merged cells, bold text and the picture are elements of the page."""
    page = BeautifulSoup(run(client, tmp_path, packed(letter()), "docx", "html").output.read_bytes(), "lxml")
    assert texts(page, "h1") == ["Angebot"]
    assert [item.get_text() for item in page.select("ul li")] == ["erstens", "zweitens"]
    assert [item.get_text() for item in page.select("ol li")] == ["alpha", "beta"]
    assert texts(page, "strong") == ["Frau Müller"]
    assert page.select_one("td[colspan='2']") is not None
    assert source_of(page).startswith("data:image/png;base64,")
    assert texts(page, "header") == ["Kopfzeile der Firma"]


def test_headers_can_be_left_out(client: httpx.Client, tmp_path: Path) -> None:
    """Option headers = false drops what repeats on every page."""
    text = run(client, tmp_path, packed(letter()), "docx", "txt", headers="false").output.read_text()
    assert "Kopfzeile" not in text
    assert "Angebot" in text


@pytest.mark.parametrize(
    ("inner", "kept", "gone"),
    [
        (
            "<w:ins w:id='1'><w:r><w:t>neu</w:t></w:r></w:ins><w:del w:id='2'><w:r><w:delText>alt</w:delText></w:r></w:del>",
            "neu",
            "alt",
        ),
        (
            "<w:r><mc:AlternateContent><mc:Choice Requires='wps'><w:drawing><wps:txbx><w:txbxContent><w:p><w:r><w:t>Kasten</w:t></w:r></w:p></w:txbxContent></wps:txbx></w:drawing></mc:Choice><mc:Fallback><w:pict><v:textbox><w:txbxContent><w:p><w:r><w:t>Kasten</w:t></w:r></w:p></w:txbxContent></v:textbox></w:pict></mc:Fallback></mc:AlternateContent></w:r>",
            "Kasten",
            "KastenKasten",
        ),
        ("<w:sdt><w:sdtContent><w:r><w:t>Feld</w:t></w:r></w:sdtContent></w:sdt>", "Feld", "sdt"),
        (
            "<w:r><w:fldChar w:fldCharType='begin'/></w:r><w:r><w:instrText> PAGE </w:instrText></w:r><w:r><w:fldChar w:fldCharType='separate'/></w:r><w:r><w:t>Seite7</w:t></w:r><w:r><w:fldChar w:fldCharType='end'/></w:r>",
            "Seite7",
            "PAGE",
        ),
        (
            "<w:r><w:t>sichtbar</w:t></w:r><w:r><w:rPr><w:vanish/></w:rPr><w:t>versteckt</w:t></w:r>",
            "sichtbar",
            "versteckt",
        ),
        (
            "<w:smartTag><w:r><w:t>klug</w:t></w:r></w:smartTag><w:r><w:noBreakHyphen/><w:t>b</w:t></w:r>",
            "klug\u2011b",
            "klugb",
        ),
    ],
    ids=["tracked", "textbox", "control", "field", "hidden", "smarttag"],
)
def test_kinds_of_text(client: httpx.Client, tmp_path: Path, inner: str, kept: str, gone: str) -> None:
    """What a reader of Word sees is there once; what it does not show is not."""
    text = run(client, tmp_path, packed(append(letter(), inner)), "docx", "txt").output.read_text()
    assert kept in text
    assert gone not in text


def test_equations_become_latex(client: httpx.Client, tmp_path: Path) -> None:
    """A fraction with a root and an index is TeX between dollars in Markdown."""
    inner = (
        "<m:oMath><m:f><m:num><m:sSub><m:e><m:r><m:t>a</m:t></m:r></m:e><m:sub><m:r><m:t>1</m:t></m:r></m:sub></m:sSub></m:num>"
        "<m:den><m:rad><m:radPr><m:degHide m:val='1'/></m:radPr><m:deg/><m:e><m:r><m:t>x+π</m:t></m:r></m:e></m:rad></m:den></m:f></m:oMath>"
    )
    text = run(client, tmp_path, packed(append(docx.Document(), inner)), "docx", "md").output.read_text()
    assert text.strip() == r"$\frac{a_{1}}{\sqrt{x+\pi}}$"


def test_code_and_quotes_keep_their_kind(client: httpx.Client, tmp_path: Path) -> None:
    """Paragraphs of a code style are one block, those of Quote are quoted."""
    document = docx.Document()
    document.styles.add_style("Source Code", WD_STYLE_TYPE.PARAGRAPH)
    for line in ("def f():", "    pass"):
        document.add_paragraph(line, style="Source Code")
    document.add_paragraph("wise", style="Quote")
    text = run(client, tmp_path, packed(document), "docx", "md").output.read_text()
    assert "```\ndef f():\n    pass\n```" in text
    assert "> wise" in text


def test_external_pictures_are_not_fetched(client: httpx.Client, tmp_path: Path) -> None:
    """A picture that is only linked is neither asked for nor read."""
    with tempting_server() as (address, asked):
        document = letter()
        picture = document.part.relate_to(
            f"{address}/p.png",
            "http://schemas.openxmlformats.org/officeDocument/2006/relationships/image",
            is_external=True,
        )
        append(
            document,
            f"<w:r><w:pict><v:shape><v:imagedata r:id='{picture}'/></v:shape></w:pict></w:r><w:r><w:t>danach</w:t></w:r>",
        )
        for target in ("html", "pdf", "odt", "epub"):
            assert "danach" in text_of(run(client, tmp_path, packed(document), "docx", target).output)
    assert asked == []


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"PK\x03\x04 not a zip", "damaged"), (packed(docx.Document()), "empty"), (packed(letter())[:3000], "damaged")],
    ids=["garbage", "empty", "truncated"],
)
def test_broken_documents_are_named(client: httpx.Client, tmp_path: Path, content: bytes, code: str) -> None:
    """Damage and emptiness are refusals, not failures."""
    assert run(client, tmp_path, content, "docx", "txt").refused == code


def test_a_part_that_is_not_well_formed_is_read_as_far_as_it_goes(client: httpx.Client, tmp_path: Path) -> None:
    """XML cut off in the middle still gives the text before, with a warning."""
    document = letter()
    with zipfile.ZipFile(io.BytesIO(packed(document))) as package:
        whole = package.read("word/document.xml").decode()
    done = run(client, tmp_path, packed(document, document=whole[: whole.index("zweitens") + 8]), "docx", "txt")
    assert "erstens" in done.output.read_text()
    assert any("damaged" in warning for warning in done.warnings)


@pytest.mark.parametrize("kind", ["docx", "odt", "epub", "pptx"])
def test_zip_bombs_are_refused(client: httpx.Client, tmp_path: Path, kind: str) -> None:
    """A package that unpacks to hundreds of times its size is refused before it is unpacked."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("word/document.xml", b"\0" * (300 << 20))
    assert run(client, tmp_path, made.getvalue(), kind, "txt").refused == "too_large"


def test_entities_are_not_expanded(client: httpx.Client, tmp_path: Path) -> None:
    """An entity bomb and a reference to a file add nothing to the text."""
    bomb = '<!DOCTYPE w [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;"><!ENTITY f SYSTEM "file:///etc/passwd">]>'
    body = f'<w:document xmlns:w="{WORD_NAMESPACE}"><w:body><w:p><w:r><w:t>kept &b; &f;</w:t></w:r></w:p></w:body></w:document>'
    text = run(client, tmp_path, packed(docx.Document(), document=bomb + body), "docx", "txt").output.read_text()
    assert "kept" in text
    assert "aaaa" not in text
    assert "root:" not in text


@pytest.mark.parametrize("target", ["txt", "md", "html", "pdf", "docx", "odt", "rtf", "epub", "tex"])
def test_old_word_documents(client: httpx.Client, tmp_path: Path, target: str) -> None:
    """Heading, list and table of a Word 97 document arrive in every format."""
    text = text_of(run(client, tmp_path, SAMPLES / "letter.doc", "doc", target).output)
    assert all(word in text for word in ("letter", "short", "one", "two", "tea"))


def test_old_word_documents_keep_structure(client: httpx.Client, tmp_path: Path) -> None:
    """What the paragraph properties of a Word 97 document say is kept: heading, list, table."""
    page = BeautifulSoup(run(client, tmp_path, SAMPLES / "letter.doc", "doc", "html").output.read_bytes(), "lxml")
    assert texts(page, "h1") == ["A letter"]
    assert [item.get_text() for item in page.select("li")] == ["one", "two"]
    assert [cell.get_text() for cell in page.select("td")] == ["item", "price", "tea", "2.50"]


@pytest.mark.parametrize("size", [100, 512, 3000, 9000])
def test_cut_old_word_documents_are_named(client: httpx.Client, tmp_path: Path, size: int) -> None:
    """However a Word 97 document is cut, it is damaged, never a traceback."""
    assert run(client, tmp_path, (SAMPLES / "letter.doc").read_bytes()[:size], "doc", "txt").refused in (
        "damaged",
        "unsupported",
        "empty",
    )


@pytest.mark.parametrize(
    ("named", "sample"),
    [
        ("odt", "letter.odt"),
        ("rtf", "letter.rtf"),
        ("epub", "book.epub"),
        ("tex", "paper.tex"),
        ("rst", "guide.rst"),
        ("org", "plan.org"),
        ("adoc", "notes.adoc"),
        ("wiki", "harbour.wiki"),
        ("textile", "harbour.textile"),
        ("typ", "sheet.typ"),
        ("man", "depths.man"),
        ("dbk", "manual.dbk"),
        ("fb2", "tale.fb2"),
    ],
)
@pytest.mark.parametrize("target", ["html", "md", "txt", "pdf", "docx"])
def test_other_office_documents(client: httpx.Client, tmp_path: Path, named: str, sample: str, target: str) -> None:
    """The words of the sample's plain text are in every other format."""
    source = run(client, tmp_path, SAMPLES / sample, named, "txt").output.read_text()
    output = text_of(run(client, tmp_path, SAMPLES / sample, named, target).output)
    formula = ("E", "mc2")  # letters that stand apart elsewhere
    spoken = " ".join(word for word in re.findall(r"\w+", source) if word not in formula)
    assert recall(spoken, output) >= 0.98


@pytest.mark.parametrize(
    ("named", "content"), [("odt", b"PK\x05\x06" + bytes(18)), ("rtf", b"plain"), ("epub", b"PK"), ("odt", b"")]
)
def test_broken_office_documents_are_named(client: httpx.Client, tmp_path: Path, named: str, content: bytes) -> None:
    """What pandoc cannot open is damaged."""
    assert run(client, tmp_path, content, named, "docx").refused == "damaged"


@pytest.mark.parametrize(
    ("named", "content"),
    [
        ("rst", b"Title\n=====\n\n.. include:: /etc/passwd\n\n.. csv-table::\n   :file: /etc/passwd\n\nkept\n"),
        ("org", b'* Title\n#+INCLUDE: "/etc/passwd"\n\nkept\n'),
        ("adoc", b"= Title\n\ninclude::/etc/passwd[]\n\nkept\n"),
        ("typ", b'#include "/etc/passwd"\n#read("/etc/passwd")\n= Title\nkept\n'),
        ("man", b".so /etc/passwd\n.TH CAT 1\n.SH NAME\nkept\n"),
        (
            "dbk",
            b'<article xmlns:x="http://www.w3.org/2001/XInclude"><para>kept</para><x:include href="/etc/passwd" parse="text"/></article>',
        ),
        (
            "tex",
            rb"\documentclass{article}\begin{document}\input{/etc/passwd}\verbatiminput{/etc/passwd} kept\end{document}",
        ),
    ],
)
def test_other_files_are_not_included(client: httpx.Client, tmp_path: Path, named: str, content: bytes) -> None:
    """A document that names a file of the machine gets nothing of it, and is converted all the same."""
    text = run(client, tmp_path, content, named, "txt").output.read_text()
    assert "kept" in text
    assert "root:" not in text
