"""RTF in the character sets of the world: every byte is read by the font it stands in."""

from pathlib import Path

import httpx
import pytest

from tests.recipes.converting import run

FONTS = (
    rb"{\fonttbl{\f0\fnil\fcharset128 Mincho;}{\f1\fcharset204 Sans;}{\f2\fcharset161 Sans;}{\f3\fcharset134 Song;}"
    rb"{\f4\fcharset2 Symbol;}{\f5\fcharset238 Sans CE;}{\f6\fcharset0 Sans;}}"
)


@pytest.mark.parametrize(
    ("inner", "expected"),
    [
        (rb"\f0 \'93\'fa\'96\'7b text", "日本 text"),
        (rb"\f0 \'83\\", "ソ"),  # the second byte of a letter may be a backslash
        (b"\\f0 \\'93\r\n\\'fa", "日"),
        (rb"\f1 \'cf\'f0\'e8\'e2\'e5\'f2", "Привет"),
        (rb"\f2 \'c5\'eb", "Ελ"),
        (rb"\f3 \'d6\'d0\'ce\'c4", "中文"),
        (rb"\f4 \'e5\'b7", "∑•"),
        (rb"\f5 \'9a\'e8", "šč"),
        (rb"\f6 caf\'e9 {\f1 \'ff} \'e9", "café я é"),
        (rb"\f0\uc2 \u12354\'82\'a0.", "あ."),
        (rb"\f6 \u-10179?\u-8704?", "😀"),
        (rb"\f0 \{\'93\'fa\}", "{日}"),
    ],
)
def test_bytes_are_read_by_their_font(client: httpx.Client, tmp_path: Path, inner: bytes, expected: str) -> None:
    """Japanese, Cyrillic, Greek, Chinese, Czech and symbols in one document are told apart, and so are numbered letters."""
    made = run(
        client, tmp_path, rb"{\rtf1\ansi\ansicpg1252\deff6" + FONTS + rb"\pard " + inner + rb"\par}", "rtf", "txt"
    )
    assert expected == made.output.read_text("utf-8").strip()


@pytest.mark.parametrize(
    ("header", "encoding", "text"),
    [
        (rb"\ansi\ansicpg1251", "cp1251", "Привет"),
        (rb"\ansi\ansicpg950", "cp950", "中文"),
        (rb"\mac", "mac_roman", "café"),
    ],
)
def test_the_header_names_the_usual_encoding(
    client: httpx.Client, tmp_path: Path, header: bytes, encoding: str, text: str
) -> None:
    """Without a font that says otherwise, the code page of the header counts, for escaped and for raw bytes."""
    raw = text.encode(encoding)
    escaped = b"".join(b"\\'%02x" % byte for byte in raw)
    made = run(
        client,
        tmp_path,
        rb"{\rtf1" + header + rb"{\fonttbl{\f0 Arial;}}\f0 " + escaped + b" " + raw + b"\\par}",
        "rtf",
        "txt",
    )
    assert f"{text} {text}" == made.output.read_text("utf-8").strip()
