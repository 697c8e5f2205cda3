"""Pictures that are rare but whole: bitmaps of odd layouts, TIFF packed as WebP, cursors; and the true cause where none is made."""

import gzip
import struct
import zlib
from pathlib import Path

import httpx
import pytest

from tests.recipes.converting import run
from tests.recipes.programs import SAMPLES
from tests.recipes.test_images import disc, dot, encoded, halves, opened

RED, BLUE = (255, 0, 0), (0, 0, 255)


def bitmap(header: bytes, pixels: bytes) -> bytes:
    """Return a BMP file: its header (and masks or palette) and its rows."""
    offset = 14 + len(header)
    return struct.pack("<2sIII", b"BM", offset + len(pixels), 0, offset) + header + pixels


def info(bits: int, packing: int, *, size: int = 40, colours: int = 0, masks: tuple[int, ...] = ()) -> bytes:
    """Return a Windows header of two pixels side by side."""
    fields = struct.pack("<IiiHHIIiiII", size, 2, 1, 1, bits, packing, 0, 0, 0, colours, 0)
    return fields + struct.pack(f"<{len(masks)}I", *masks)


def os2(bits: int) -> bytes:
    """Return the short header of OS/2 2."""
    return struct.pack("<IiiHH", 16, 2, 1, 1, bits)


PALETTE = bytes((0, 0, 255, 0, 255, 0, 0, 0))  # red and blue, as B G R and a byte of nothing
BITMAPS = {
    "masks of 10 bits": bitmap(info(32, 3, masks=(0x3FF00000, 0xFFC00, 0x3FF)), struct.pack("<II", 0x3FF00000, 0x3FF)),
    "masks of 16 bits": bitmap(info(16, 3, masks=(0xF000, 0x0F00, 0x00F0)), struct.pack("<HH", 0xF000, 0x00F0)),
    "masks with alpha": bitmap(
        info(32, 6, masks=(0xFF, 0xFF00, 0xFF0000, 0xFF000000)), struct.pack("<II", 0xFF0000FF, 0xFFFF0000)
    ),
    "2 bits": bitmap(info(2, 0, colours=2) + PALETTE, b"\x10\0\0\0"),
    "OS/2": bitmap(os2(8) + PALETTE, b"\0\1\0\0"),
    "a PNG inside": bitmap(info(0, 5), encoded(halves().crop((29, 20, 31, 21)), "PNG")),
    "too many colours": bitmap(info(8, 0, colours=300) + PALETTE.ljust(1200, b"\0"), b"\0\1\0\0"),
}


@pytest.mark.parametrize("name", BITMAPS)
def test_bitmaps_of_odd_layouts(client: httpx.Client, tmp_path: Path, name: str) -> None:
    """A red and a blue pixel, however they are laid out."""
    made = opened(run(client, tmp_path, BITMAPS[name], "bmp", "png").output).convert("RGB")
    assert (made.size, dot(made, 0, 0), dot(made, 1, 0)) == ((2, 1), RED, BLUE)


@pytest.mark.parametrize(
    ("bits", "packing", "runs"), [(8, 1, b"\2\1\0\0\0\0\0\3\1\0\1\0\0\1"), (4, 2, b"\2\x11\0\0\0\0\0\3\x10\x10\0\1")]
)
def test_runs_of_a_bitmap_may_end_early(
    client: httpx.Client, tmp_path: Path, bits: int, packing: int, runs: bytes
) -> None:
    """What no run covers has the first colour; half of the runs are damage."""
    header = struct.pack("<IiiHHIIiiII", 40, 4, 3, 1, bits, packing, 0, 0, 0, 2, 0) + PALETTE
    made = opened(run(client, tmp_path, bitmap(header, runs), "bmp", "png").output).convert("RGB")
    rows = [[dot(made, x, y) == BLUE for x in range(4)] for y in range(3)]
    assert rows == [[True, False, True, False], [False] * 4, [True, True, False, False]]
    assert run(client, tmp_path, bitmap(header, runs[:4]), "bmp", "png").refused == "damaged"


DOCUMENTS = {
    "16 bits": (1, 16, b"\0\0" + b"\xff\xff\0\0" + bytes(4) + b"\0\0\xff\xff"),
    "32 bits": (1, 32, b"\0\0" + struct.pack(">6f", 1, 0, 0, 0, 0, 1)),
    "more channels than colours": (
        1,
        8,
        b"\0\1" + struct.pack(">5H", *[3] * 5) + b"\1\xff\0\1\0\0\1\0\xff" + b"\1\7\7" * 2,
    ),
    "large": (2, 8, b"\0\1" + struct.pack(">3I", 3, 3, 3) + b"\1\xff\0\1\0\0\1\0\xff"),
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_photoshop_documents_that_are_deep_or_large(client: httpx.Client, tmp_path: Path, name: str) -> None:
    """A red and a blue pixel in 16 or 32 bits, beside selections, and in the large kind of document; half of it is damaged."""
    version, depth, picture = DOCUMENTS[name]
    channels = 5 if "more" in name else 3
    content = struct.pack(">4sH6xHIIHH", b"8BPS", version, channels, 1, 2, depth, 3) + bytes(8 + 4 * version) + picture
    made = opened(run(client, tmp_path, content, "psd", "png").output).convert("RGB")
    assert (made.size, dot(made, 0, 0), dot(made, 1, 0)) == ((2, 1), RED, BLUE)
    assert run(client, tmp_path, content[:-8], "psd", "png").refused == "damaged"


def test_a_photoshop_bitmap_is_black_where_it_is_set(client: httpx.Client, tmp_path: Path) -> None:
    """One bit a pixel: set is black."""
    content = struct.pack(">4sH6xHIIHH", b"8BPS", 1, 1, 1, 2, 1, 0) + bytes(14) + b"\x80"
    made = opened(run(client, tmp_path, content, "psd", "png").output).convert("L")
    assert made.tobytes() == b"\0\xff"


def tiff_of(pieces: list[bytes], packing: int, bits: int = 8) -> bytes:
    """Return a TIFF of 60 x 40 pixels, in two strips of 20 rows that are packed already."""
    lengths = [len(piece) for piece in pieces]
    offsets = [200, 200 + lengths[0]]
    tags = [(256, 60), (257, 40), (258, bits), (259, packing), (262, 2), (273, 180), (277, 3), (278, 20), (279, 188)]
    entries = b"".join(struct.pack("<HHII", tag, 4, 2 if tag in (273, 279) else 1, value) for tag, value in tags)
    head = b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries
    return head.ljust(180, b"\0") + struct.pack("<4I", *offsets, *lengths) + bytes(4) + b"".join(pieces)


def strips(form: str) -> list[bytes]:
    """Return the upper and the lower half of the picture as files."""
    return [encoded(halves().crop((0, top, 60, top + 20)), form, lossless=True) for top in (0, 20)]


def test_tiff_packed_as_webp(client: httpx.Client, tmp_path: Path) -> None:
    """Every strip is a WebP of its own; they are laid below each other."""
    made = opened(run(client, tmp_path, tiff_of(strips("WEBP"), 50001), "tiff", "png").output)
    assert made.tobytes() == halves().tobytes()


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (tiff_of(strips("WEBP"), 34712), "tiff"),
        (tiff_of([bytes(60 * 20 * 3 * 8)] * 2, 1, bits=64), "tiff"),
        (b"8BPS\0\2".ljust(64, b"\0"), "psd"),
        (struct.pack(">4sH6xHIIHH", b"8BPS", 1, 3, 4, 4, 24, 3).ljust(90, b"\0"), "psd"),
        (bitmap(info(24, 12), bytes(8)), "bmp"),
    ],
)
def test_what_is_whole_is_not_called_damaged(client: httpx.Client, tmp_path: Path, content: bytes, named: str) -> None:
    """A kind of packing or of samples that no reader here knows is unsupported."""
    assert run(client, tmp_path, content, named, "png").refused == "unsupported"


def test_damaged_stays_damaged(client: httpx.Client, tmp_path: Path) -> None:
    """A bitmap of no known header, and a TIFF whose strips lie past its end."""
    assert run(client, tmp_path, bitmap(info(30000, 0), bytes(8)), "bmp", "png").refused == "damaged"
    assert run(client, tmp_path, tiff_of([b""] * 2, 1, bits=64)[:170], "tiff", "png").refused == "damaged"


@pytest.mark.parametrize("lost", [b"fdAT", b"fcTL"])
def test_animation_that_is_damaged(client: httpx.Client, tmp_path: Path, lost: bytes) -> None:
    """The still picture of the PNG is converted, and the answer says why."""
    content = encoded(disc(0), "PNG", save_all=True, append_images=[disc(1), disc(2)])
    at = content.rindex(lost)
    length = int.from_bytes(content[at - 4 : at])
    done = run(client, tmp_path, content[: at - 4] + content[at + length + 8 :], "png", "webp")
    assert (done.facts["frames"], "animation" in done.warnings[0]) == (1, True)
    assert opened(done.output).size == (50, 50)


def test_cursor(client: httpx.Client, tmp_path: Path) -> None:
    """A cursor is an icon with a hot spot."""
    made = opened(run(client, tmp_path, SAMPLES / "picture.cur", "cur", "png").output)
    assert made.tobytes() == opened(run(client, tmp_path, SAMPLES / "picture.ico", "ico", "png").output).tobytes()


def test_compressed_svg(client: httpx.Client, tmp_path: Path) -> None:
    """It is drawn like the SVG inside; a bomb and a broken one are refused."""
    made = opened(run(client, tmp_path, SAMPLES / "picture.svgz", "svgz", "png").output)
    assert made.tobytes() == opened(run(client, tmp_path, SAMPLES / "picture.svg", "svg", "png").output).tobytes()
    bomb = gzip.compress(b"<svg xmlns='http://www.w3.org/2000/svg'>" + bytes(70 << 20))
    assert run(client, tmp_path, bomb, "svgz", "png").refused == "too_large"
    assert run(client, tmp_path, b"\x1f\x8b\x08" + zlib.compress(b"x"), "svgz", "png").refused == "damaged"
