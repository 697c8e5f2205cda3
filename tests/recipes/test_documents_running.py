"""Pages of OpenDocument texts and RTF: their paper, their margins, the headers and footers that run through them."""

import io
import zipfile
from pathlib import Path

import httpx
import pytest
from bs4 import BeautifulSoup

from tests.recipes.converting import run
from tests.recipes.reading import texts
from tests.recipes.test_documents_layout import pages_of
from tests.recipes.test_documents_pages import left_of

ODF = " ".join(
    f'xmlns:{short}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for short, name in (("office", "office"), ("text", "text"), ("style", "style"), ("fo", "xsl-fo-compatible"))
)
STYLES = f"""<office:document-styles {ODF}><office:automatic-styles><style:page-layout style:name="L">
<style:page-layout-properties fo:page-width="14.8cm" fo:page-height="21cm" fo:margin-top="1cm" fo:margin-bottom="1cm" fo:margin-left="4cm"
fo:margin-right="2cm"/><style:header-style><style:header-footer-properties fo:min-height="0.5cm" fo:margin-bottom="0.5cm"/></style:header-style>
</style:page-layout></office:automatic-styles><office:master-styles><style:master-page style:name="Standard" style:page-layout-name="L">
<style:header><text:p>Kopf<text:tab/>Seite <text:page-number>9</text:page-number> von <text:page-count>9</text:page-count></text:p></style:header>
<style:footer><text:p>Fuss</text:p></style:footer></style:master-page></office:master-styles></office:document-styles>"""
CONTENT = f"""<office:document-content {ODF}><office:automatic-styles><style:style style:name="P" style:family="paragraph">
<style:paragraph-properties fo:break-before="page"/></style:style></office:automatic-styles><office:body><office:text>
{"<text:p>inhalt</text:p>" * 60}</office:text></office:body></office:document-content>"""


def odt() -> bytes:
    """Return a text on A5 with a header and a footer, of more than one page."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as package:
        package.writestr("mimetype", "application/vnd.oasis.opendocument.text")
        package.writestr("styles.xml", STYLES)
        package.writestr("content.xml", CONTENT)
    return made.getvalue()


RTF = (
    rb"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0\froman Times;}}\paperw8390\paperh11906\margl2268\margr1134\margt1134\margb1134"
    rb"{\header \pard Kopf\tab Seite {\field{\*\fldinst{ PAGE }}{\fldrslt 9}} von {\field{\*\fldinst NUMPAGES}{\fldrslt{9}}}\par}"
    rb"{\footer \pard Fuss\par}" + rb"\pard inhalt\par " * 60 + b"}"
)


@pytest.mark.parametrize(("kind", "source"), [("odt", odt()), ("rtf", RTF)], ids=["odt", "rtf"])
def test_headers_run_through_the_pages(client: httpx.Client, tmp_path: Path, kind: str, source: bytes) -> None:
    """Paper and margins are the document's; every page has header and footer with its own number."""
    made = run(client, tmp_path, source, kind, "pdf").output
    pages = pages_of(made)
    assert len(pages) > 1
    for number, (size, text) in enumerate(pages, 1):
        assert size[0] == pytest.approx(420, abs=1)
        assert size[1] == pytest.approx(595, abs=1)
        assert f"Seite {number} von {len(pages)}" in " ".join(text.split())
        assert "Fuss" in text
    assert left_of(made, "inhalt") == pytest.approx(113, abs=2)


@pytest.mark.parametrize(("kind", "source"), [("odt", odt()), ("rtf", RTF)], ids=["odt", "rtf"])
def test_headers_stand_once_on_a_page(client: httpx.Client, tmp_path: Path, kind: str, source: bytes) -> None:
    """A web page has them at its top and its end, or not at all."""
    page = BeautifulSoup(run(client, tmp_path, source, kind, "html").output.read_bytes(), "lxml")
    assert [text.split()[0] for text in texts(page, "header") + texts(page, "footer")] == ["Kopf", "Fuss"]
    without = run(client, tmp_path, source, kind, "html", headers="false").output.read_text("utf-8")
    assert "Kopf" not in without


def test_paper_that_is_asked_for_wins(client: httpx.Client, tmp_path: Path) -> None:
    """As for Word documents."""
    made = run(client, tmp_path, odt(), "odt", "pdf", page_size="a4", margin="20").output
    assert {size for size, _ in pages_of(made)} == {(595, 842)}
    assert left_of(made, "inhalt") == pytest.approx(57, abs=2)
