"""OpenDocument texts: fields, text boxes, shapes, indexes and merged cells arrive, which pandoc alone would drop."""

import io
import zipfile
from pathlib import Path

import httpx
import pytest
from bs4 import BeautifulSoup

from tests.recipes.converting import run
from tests.recipes.reading import text_of

NAMESPACES = " ".join(
    f'xmlns:{prefix}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for prefix, name in (
        ("office", "office"),
        ("text", "text"),
        ("table", "table"),
        ("draw", "drawing"),
        ("style", "style"),
        ("manifest", "manifest"),
    )
)


def odt(body: str) -> bytes:
    """Return a document with this body."""
    made = io.BytesIO()
    parts = "<office:font-face-decls/>{}<office:automatic-styles/>"
    with zipfile.ZipFile(made, "w") as package:
        package.writestr("mimetype", "application/vnd.oasis.opendocument.text")
        package.writestr(
            "content.xml",
            f'<office:document-content {NAMESPACES} office:version="1.2">{parts.format("")}'
            f"<office:body><office:text>{body}</office:text></office:body></office:document-content>",
        )
        package.writestr(
            "styles.xml",
            f'<office:document-styles {NAMESPACES} office:version="1.2">{parts.format("<office:styles/>")}'
            "<office:master-styles/></office:document-styles>",
        )
        package.writestr(
            "META-INF/manifest.xml",
            f'<manifest:manifest {NAMESPACES}><manifest:file-entry manifest:full-path="/" manifest:media-type='
            '"application/vnd.oasis.opendocument.text"/></manifest:manifest>',
        )
    return made.getvalue()


@pytest.mark.parametrize(
    "field",
    [
        "sequence",
        "sequence-ref",
        "date",
        "author-name",
        "placeholder",
        "user-defined",
        "variable-get",
        "chapter",
        "text-input",
    ],
)
@pytest.mark.parametrize("target", ["txt", "docx"])
def test_fields_show_what_they_show(client: httpx.Client, tmp_path: Path, field: str, target: str) -> None:
    """Numbers of captions, dates, names, what is to be filled in: between the words around them."""
    source = odt(f"<text:p>davor <text:{field}>Inhalt</text:{field}> danach</text:p>")
    assert text_of(run(client, tmp_path, source, "odt", target).output).split() == ["davor", "Inhalt", "danach"]


def test_what_is_hidden_is_left_out(client: httpx.Client, tmp_path: Path) -> None:
    """And the answer says so; the words after it stay."""
    source = odt('<text:p>davor <text:hidden-text text:string-value="x">geheim</text:hidden-text>danach</text:p>')
    done = run(client, tmp_path, source, "odt", "txt")
    assert done.output.read_text("utf-8").split() == ["davor", "danach"]
    assert any("hidden" in text for text in done.warnings)


@pytest.mark.parametrize(
    "block",
    [
        "<text:p>davor<draw:frame><draw:text-box><text:p>innen</text:p></draw:text-box></draw:frame></text:p>",
        "<text:p>davor<draw:custom-shape><text:p>innen</text:p></draw:custom-shape></text:p>",
        "<text:p>davor<draw:g><draw:rect><text:p>innen</text:p></draw:rect></draw:g></text:p>",
        "<text:p>davor</text:p><draw:custom-shape><text:p>innen</text:p></draw:custom-shape>",
        (
            "<text:p>davor</text:p><text:table-of-content><text:table-of-content-source/><text:index-body><text:index-title><text:p>innen</text:p>"
            "</text:index-title></text:index-body></text:table-of-content>"
        ),
        "<text:p>davor</text:p><text:numbered-paragraph><text:p>innen</text:p></text:numbered-paragraph>",
        (
            "<text:p>davor<draw:frame><draw:text-box><text:p>innen <draw:frame><draw:text-box><text:p>tiefer</text:p></draw:text-box>"
            "</draw:frame></text:p></draw:text-box></draw:frame></text:p>"
        ),
    ],
)
def test_boxes_shapes_and_indexes_follow_their_paragraph(client: httpx.Client, tmp_path: Path, block: str) -> None:
    """In the order in which they stand, each once."""
    found = (
        run(client, tmp_path, odt(f"{block}<text:p>danach</text:p>"), "odt", "txt").output.read_text("utf-8").split()
    )
    expected = ["davor", "innen", *(["tiefer"] if "tiefer" in block else []), "danach"]
    assert found == expected


def cells(*texts: str) -> str:
    """Return a row; "a+" spans two columns, and its second one is covered."""
    return "<table:table-row>{}</table:table-row>".format(
        "".join(
            f"<table:table-cell{' table:number-columns-spanned=' + chr(34) + '2' + chr(34) if text.endswith('+') else ''}>"
            f"<text:p>{text.strip('+')}</text:p></table:table-cell>{'<table:covered-table-cell/>' * text.endswith('+')}"
            for text in texts
        )
    )


@pytest.mark.parametrize(
    "rows", [(("a+", "b+"), ("c+", "d+")), (("a+", "b"), ("c", "d+")), (("a", "b", "c"), ("d+", "e"))]
)
def test_no_cell_is_lost_to_merged_ones(
    client: httpx.Client, tmp_path: Path, rows: tuple[tuple[str, ...], ...]
) -> None:
    """Also where no row shows all columns."""
    table = "".join(cells(*row) for row in rows)
    source = odt(f"<table:table><table:table-column table:number-columns-repeated='3'/>{table}</table:table>")
    page = BeautifulSoup(run(client, tmp_path, source, "odt", "html").output.read_bytes(), "lxml")
    found = [cell.get_text().strip() for cell in page.select("td, th")]
    assert [text for text in found if text] == [text.strip("+") for row in rows for text in row]


def test_rows_in_groups_are_rows(client: httpx.Client, tmp_path: Path) -> None:
    """However deep they are grouped."""
    rows = f"<table:table-row-group><table:table-rows>{cells('innen')}</table:table-rows></table:table-row-group>"
    source = odt(f"<table:table><table:table-column/>{cells('oben')}{rows}</table:table>")
    assert run(client, tmp_path, source, "odt", "txt").output.read_text("utf-8").split() == ["oben", "innen"]


def test_a_damaged_part_does_not_take_the_text_along(client: httpx.Client, tmp_path: Path) -> None:
    """What is damaged is named; damaged text is damage."""
    made = io.BytesIO(odt("<text:p>Bleibt</text:p>"))
    with zipfile.ZipFile(made, "a") as package:
        package.writestr("Thumbnails/thumbnail.png", "picture")
    kept = run(client, tmp_path, made.getvalue().replace(b"picture", b"PICTURE"), "odt", "txt")
    lost = run(client, tmp_path, made.getvalue().replace(b"Bleibt", b"BLEIBT"), "odt", "txt")
    assert kept.output.read_text("utf-8").split() == ["Bleibt"]
    assert kept.warnings == ["parts of the package are damaged and were left out: Thumbnails/thumbnail.png"]
    assert lost.refused == "damaged"
