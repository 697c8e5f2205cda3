"""The inputs of the bench, made here: the same bytes on every machine."""

import io
import random
import struct
import zlib
from pathlib import Path


def csv(path: Path, size: int) -> Path:
    """Write a CSV of about ``size`` bytes: ids with leading zeros, words, numbers, dates, gaps, quotes."""
    noise = random.Random(7)
    block = io.StringIO()
    for row in range(2000):
        price = "" if row % 17 == 0 else f"{noise.uniform(1, 9999):.2f}"
        name = f'"Doe, {noise.choice(WORDS)}"' if row % 5 else noise.choice(WORDS)
        day = f"20{10 + row % 16}-{1 + row % 12:02}-{1 + row % 28:02}"
        block.write(f"{row:06},{name},{noise.choice(WORDS)},{price},{noise.randrange(10**9)},{day}\n")
    body = block.getvalue().encode()
    header = b"id,name,city,price,count,day\n"
    with path.open("wb") as out:
        out.write(header)
        left = size - len(header)
        while left > 0:
            piece = body if left >= len(body) else body[: body.rfind(b"\n", 0, max(left, 80)) + 1]
            out.write(piece)
            left -= len(piece)
    return path


def markdown(path: Path, size: int) -> Path:
    """Write Markdown of about ``size`` bytes: headings, prose, lists, a table, code."""
    noise = random.Random(7)
    parts: list[str] = []
    length = 0
    while length < size:
        words = " ".join(noise.choices(WORDS, k=70))
        part = (
            f"## {noise.choice(WORDS)} {len(parts)}\n\n{words}. **{noise.choice(WORDS)}** and `{noise.choice(WORDS)}`.\n\n"
            f"- {noise.choice(WORDS)}\n- {noise.choice(WORDS)}\n\n| a | b |\n|---|---|\n| 1 | {noise.choice(WORDS)} |\n\n"
            f"```python\nprint({len(parts)})\n```\n\n"
        )
        parts.append(part)
        length += len(part)
    path.write_text("# Report\n\n" + "".join(parts), encoding="utf-8")
    return path


def png(path: Path, width: int, height: int) -> Path:
    """Write an RGB picture: gradients with noise, so that it neither vanishes nor refuses to compress."""
    noise = random.Random(7)
    rows = bytearray()
    for y in range(height):
        rows.append(0)
        jitter = noise.randbytes(64)
        for x in range(width):
            rows += bytes(((x * 255) // width, (y * 255) // height, 128 + jitter[x & 63] // 8))

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(rows), 1))
        + chunk(b"IEND", b"")
    )
    return path


def text(path: Path, size: int) -> Path:
    """Write plain text of exactly ``size`` bytes."""
    line = ("the quick brown fox jumps over the lazy dog " * 3 + "\n").encode()
    block = line * (1 << 13)
    with path.open("wb") as out:
        left = size
        while left > 0:
            left -= out.write(block[:left])
    return path


WORDS = [
    "amber",
    "basin",
    "cedar",
    "delta",
    "ember",
    "fjord",
    "grove",
    "harbor",
    "island",
    "juniper",
    "kelp",
    "lagoon",
    "meadow",
    "north",
    "oasis",
    "prairie",
    "quartz",
    "ridge",
    "savanna",
    "tundra",
    "umbra",
    "valley",
    "willow",
    "xenon",
    "yonder",
    "zephyr",
    "Zürich",
    "København",
    "Łódź",
    "naïve",
    "façade",
]
