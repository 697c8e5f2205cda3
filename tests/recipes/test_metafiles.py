"""Pictures of Windows (EMF, WMF), by themselves and in documents: their shapes, words and bitmaps are drawn where they stand."""

import base64
import gzip
import io
import re
import struct
from pathlib import Path

import docx
import httpx
import pytest
from bs4 import BeautifulSoup
from docx.opc.packuri import PackURI
from docx.opc.part import Part
from PIL import Image
from pptx import Presentation
from pptx.opc.packuri import PackURI as SlideURI

from tests.recipes.converting import run
from tests.recipes.programs import SAMPLES
from tests.recipes.reading import small_png, source_of, text_of
from tests.recipes.test_documents_word import append, packed

RED, GREEN = (255, 0, 0), (0, 128, 0)


def bitmap(color: tuple[int, int, int], width: int, height: int) -> tuple[bytes, bytes]:
    """Return header and pixels of a bitmap of one colour."""
    made = io.BytesIO()
    Image.new("RGB", (width, height), color).save(made, "BMP")
    return made.getvalue()[14:54], made.getvalue()[54:]


def emf(*tiles: tuple[tuple[int, int, int], tuple[int, int, int, int]], lines: bool = False) -> bytes:
    """Return an EMF that stretches bitmaps to boxes (left, top, right, bottom)."""
    records = b""
    for color, box in tiles:
        header, pixels = bitmap(color, box[2] - box[0], box[3] - box[1])
        body = struct.pack(
            "<4i6i4I2I2i", *box, *box[:2], 0, 0, 10, 10, 80, 40, 120, len(pixels), 0, 0xCC0020, *_size(box)
        )
        records += struct.pack("<II", 81, 80 + 40 + len(pixels)) + body + header + pixels
    if lines:
        records += struct.pack("<II2i", 54, 16, 5, 5)
    records += struct.pack("<II3I", 14, 20, 0, 0, 20)
    head = struct.pack("<II4i4i4sI", 1, 88, 0, 0, 40, 20, 0, 0, 1000, 500, b" EMF", 0x10000)
    return head.ljust(88, b"\0") + records


def _size(box: tuple[int, int, int, int]) -> tuple[int, int]:
    return box[2] - box[0], box[3] - box[1]


def wmf() -> bytes:
    """Return a placeable WMF that stretches a red bitmap of 40 by 20 pixels."""
    header, pixels = bitmap(RED, 40, 20)
    body = struct.pack("<IH8h", 0xCC0020, 0, 20, 40, 0, 0, 20, 40, 0, 0) + header + pixels
    record = struct.pack("<IH", 3 + len(body) // 2, 0x0F43) + body
    head = struct.pack("<HHHIHIH", 1, 9, 0x300, 0, 0, 0, 0)
    return b"\xd7\xcd\xc6\x9a".ljust(22, b"\0") + head + record + struct.pack("<IH", 3, 0)


def letter_with(picture: bytes, suffix: str) -> bytes:
    """Return a Word document that shows a picture, with an alternative text."""
    document = docx.Document()
    part = Part(PackURI(f"/word/media/image9.{suffix}"), f"image/x-{suffix}", picture)
    relation = document.part.relate_to(
        part, "http://schemas.openxmlformats.org/officeDocument/2006/relationships/image"
    )
    drawing = f"""<w:r><w:drawing><wp:inline xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing">
        <wp:docPr id="1" name="x" descr="Firmenzeichen"/><a:blip xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" r:embed="{relation}"/>
        </wp:inline></w:drawing></w:r>"""
    return packed(append(document, drawing))


def shown(page: BeautifulSoup) -> Image.Image:
    """Return the first picture of a page."""
    return Image.open(io.BytesIO(base64.b64decode(source_of(page).partition(",")[2]))).convert("RGB")


TWO = emf((RED, (0, 0, 20, 20)), (GREEN, (20, 0, 40, 20)))


@pytest.mark.parametrize(
    ("suffix", "picture", "right"),
    [
        ("emf", TWO, GREEN),
        ("emz", gzip.compress(TWO, mtime=0), GREEN),
        ("wmf", wmf(), RED),
        ("wmz", gzip.compress(wmf(), mtime=0), RED),
    ],
    ids=["emf", "emz", "wmf", "wmz"],
)
def test_bitmaps_of_metafiles_are_shown(
    client: httpx.Client, tmp_path: Path, suffix: str, picture: bytes, right: tuple[int, int, int]
) -> None:
    """Several of them as one picture, each at its place."""
    done = run(client, tmp_path, letter_with(picture, suffix), "docx", "html")
    found = shown(BeautifulSoup(done.output.read_bytes(), "lxml"))
    assert (found.size, found.getpixel((5, 10)), found.getpixel((35, 10))) == ((40, 20), RED, right)
    assert done.warnings == []


def drawing(*records: tuple[int, bytes]) -> bytes:
    """Return an EMF of 100 by 50 pixels with these records."""
    body = b"".join(struct.pack("<II", kind, 8 + len(inner)) + inner for kind, inner in records)
    head = struct.pack("<II4i4i4sI", 1, 88, 0, 0, 99, 49, 0, 0, 2646, 1323, b" EMF", 0x10000)
    head = head.ljust(72, b"\0") + struct.pack("<4i", 1000, 500, 265, 132)
    return head.ljust(88, b"\0") + body + struct.pack("<II3I", 14, 20, 0, 0, 20)


def words(text: str) -> tuple[int, bytes]:
    """Return a record that writes a text of an even number of letters."""
    fixed = struct.pack("<4iI2f2i3I4iI", 0, 0, 0, 0, 1, 1, 1, 5, 5, len(text), 76, 0, 0, 0, 0, 0, 0)
    return 84, fixed + text.encode("utf-16-le")


BLUE_BRUSH = [(39, struct.pack("<4I", 1, 0, 0xFF0000, 0)), (37, struct.pack("<I", 1))]
NO_PEN = (37, struct.pack("<I", 0x80000008))
LEFT_HALF = (43, struct.pack("<4i", 0, 0, 50, 50))
DRAWN = {
    "rectangle": [LEFT_HALF],
    "polygon": [(3, struct.pack("<4iI8i", 0, 0, 0, 0, 4, 0, 0, 50, 0, 50, 50, 0, 50))],
    "small polygon": [(86, struct.pack("<4iI8h", 0, 0, 0, 0, 4, 0, 0, 50, 0, 50, 50, 0, 50))],
    "path": [
        (59, b""),
        (27, struct.pack("<2i", 0, 0)),
        *((54, struct.pack("<2i", *place)) for place in ((50, 0), (50, 50), (0, 50))),
        (61, b""),
        (60, b""),
        (62, struct.pack("<4i", 0, 0, 0, 0)),
    ],
    "mapping": [
        (17, struct.pack("<I", 8)),
        (9, struct.pack("<2i", 1000, -1000)),
        (11, struct.pack("<2i", 100, 100)),
        (43, struct.pack("<4i", 0, -500, 500, 0)),
    ],
    "state": [
        (33, b""),
        (37, struct.pack("<I", 0x80000000)),
        (34, struct.pack("<i", -1)),
        LEFT_HALF,
    ],
}


@pytest.mark.parametrize("shape", DRAWN)
def test_shapes_of_metafiles_are_drawn(client: httpx.Client, tmp_path: Path, shape: str) -> None:
    """A blue left half, however the metafile says it."""
    source = drawing(*BLUE_BRUSH, NO_PEN, *DRAWN[shape])
    with Image.open(run(client, tmp_path, source, "emf", "png", width="100").output) as found:
        image = found.convert("RGBA")
    assert image.size == (100, 50)
    assert image.getpixel((25, 25)) == (0, 0, 255, 255)
    assert image.getchannel("A").getpixel((75, 25)) == 0


@pytest.mark.parametrize("target", ["svg", "pdf", "jpg"])
@pytest.mark.parametrize("kind", ["emf", "wmf"])
def test_metafiles_become_pictures(client: httpx.Client, tmp_path: Path, kind: str, target: str) -> None:
    """As vectors with their words, or as pixels."""
    done = run(client, tmp_path, SAMPLES / f"picture.{kind}", kind, target)
    if target == "jpg":
        with Image.open(done.output) as image:
            assert image.size == (200, 100)
    else:
        assert "metafile" in text_of(done.output) if kind == "emf" else "wmf" in text_of(done.output)


@pytest.mark.parametrize("target", ["html", "md"])
def test_words_of_drawings_in_documents(client: httpx.Client, tmp_path: Path, target: str) -> None:
    """A drawing without a description is described by the words in it."""
    picture = base64.b64encode(drawing(LEFT_HALF, words("Umsatz"))).decode()
    source = "{\\rtf1 davor {\\pict\\emfblip " + base64.b64decode(picture).hex() + "} danach}"
    page = run(client, tmp_path, source.encode(), "rtf", target).output.read_text("utf-8")
    assert "Umsatz" in page
    assert ("data:image/svg+xml" in page) == (target == "html")


def test_a_mask_makes_a_bitmap_transparent(client: httpx.Client, tmp_path: Path) -> None:
    """A bitmap that clears and one that paints are one picture with holes."""
    records = b""
    for color, operation in (((255, 255, 255), 0x8800C6), (RED, 0x660046)):
        header, pixels = bitmap(color, 40, 20)
        fixed = struct.pack(
            "<4i6i4I2I2i", 0, 0, 40, 20, 0, 0, 0, 0, 10, 10, 80, 40, 120, len(pixels), 0, operation, 40, 20
        )
        records += struct.pack("<II", 81, 80 + 40 + len(pixels)) + fixed + header + pixels
    head = drawing(LEFT_HALF)
    source = head[:-20] + records + head[-20:]
    found = run(client, tmp_path, source, "emf", "svg").output.read_bytes()
    picture = re.search(rb"base64,([^\"]+)", found)
    assert picture is not None
    with Image.open(io.BytesIO(base64.b64decode(picture.group(1)))) as image:
        assert image.getchannel("A").getextrema() == (0, 0)


def test_lines_beside_bitmaps_are_drawn(client: httpx.Client, tmp_path: Path) -> None:
    """Both are in the picture, and nothing is warned of."""
    done = run(client, tmp_path, letter_with(emf((RED, (0, 0, 40, 20)), lines=True), "emf"), "docx", "html")
    assert done.warnings == []
    drawn = base64.b64decode(source_of(BeautifulSoup(done.output.read_bytes(), "lxml")).partition(",")[2])
    assert b"<path" in drawn
    assert b"<image" in drawn


@pytest.mark.parametrize("picture", [emf(), b"", b"\x01\0\0\0nonsense", TWO[:150]], ids=range(4))
def test_metafiles_without_bitmaps_are_shown_by_their_text(
    client: httpx.Client, tmp_path: Path, picture: bytes
) -> None:
    """Whatever is wrong with them."""
    done = run(client, tmp_path, letter_with(picture or b"x", "emf"), "docx", "txt")
    assert done.output.read_text("utf-8").strip() == "[Firmenzeichen]"
    assert any("alternative text" in text for text in done.warnings)


@pytest.mark.parametrize("target", ["pdf", "docx"])
def test_metafiles_in_pages_are_shown(client: httpx.Client, tmp_path: Path, target: str) -> None:
    """As a data: URI, the way pandoc and Word give them."""
    source = f'<p>Text <img src="data:image/x-emf;base64,{base64.b64encode(TWO).decode()}"></p>'.encode()
    done = run(client, tmp_path, source, "html", target)
    assert done.warnings == []
    if target == "docx":
        assert len(docx.Document(str(done.output)).inline_shapes) == 1


@pytest.mark.parametrize("target", ["pdf", "html"])
def test_metafiles_on_slides_are_shown(client: httpx.Client, tmp_path: Path, target: str) -> None:
    """In the picture of a slide and in its text."""
    made = Presentation()
    slide = made.slides.add_slide(made.slide_layouts[6])
    picture = slide.shapes.add_picture(io.BytesIO(small_png()), 0, 0)
    part = slide.part.related_part(picture._element.blip_rId)
    part._blob, part._content_type, part.partname = TWO, "image/x-emf", SlideURI("/ppt/media/image1.emf")
    buffer = io.BytesIO()
    made.save(buffer)
    done = run(client, tmp_path, buffer.getvalue(), "pptx", target)
    assert done.warnings == []
