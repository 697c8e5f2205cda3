"""Pictures of Windows (EMF, WMF) in documents: the bitmaps inside arrive where they stand, drawings of lines are named."""

import base64
import gzip
import io
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
from tests.recipes.reading import small_png, source_of
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


def test_what_metafiles_draw_otherwise_is_warned_of(client: httpx.Client, tmp_path: Path) -> None:
    """Lines beside a bitmap are lost, and the answer says so."""
    done = run(client, tmp_path, letter_with(emf((RED, (0, 0, 40, 20)), lines=True), "emf"), "docx", "html")
    assert any("only the bitmaps" in text for text in done.warnings)


@pytest.mark.parametrize("picture", [emf(lines=True), b"", b"\x01\0\0\0nonsense", TWO[:150]], ids=range(4))
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
