"""winmail.dat: what Outlook packed into it is attached and read like that of other messages."""

import io
import json
import struct
import zipfile
from email.message import EmailMessage
from pathlib import Path

import httpx

from tests.recipes.converting import run


def attribute(level: int, kind: int, content: bytes) -> bytes:
    """Return an attribute of [MS-OXTNEF] 2.1.3.1."""
    return struct.pack("<BII", level, kind, len(content)) + content + struct.pack("<H", sum(content) & 0xFFFF)


def long_name(name: str) -> bytes:
    """Return the MAPI properties of an attachment: a named one, then its long name."""
    named = struct.pack("<HH16sII", 3, 0x8001, bytes(16), 0, 7) + struct.pack("<I", 5)
    text = (name + "\0").encode("utf-16-le")
    return (
        struct.pack("<I", 2)
        + named
        + struct.pack("<HHII", 0x1F, 0x3707, 1, len(text))
        + text.ljust(len(text) + 3 & ~3, b"\0")
    )


def tnef(*attributes: bytes) -> bytes:
    """Return a winmail.dat."""
    return struct.pack("<IH", 0x223E9F78, 1) + attribute(1, 0x69007, struct.pack("<II", 1251, 0)) + b"".join(attributes)


def file(title: bytes, content: bytes, properties: bytes = b"") -> bytes:
    """Return an attachment with its short name, its bytes and its properties."""
    made = attribute(2, 0x69002, bytes(14)) + attribute(2, 0x18010, title + b"\0") + attribute(2, 0x6800F, content)
    return made + (attribute(2, 0x69005, properties) if properties else b"")


def message(packed: bytes, text: str = "") -> bytes:
    """Return a message with a winmail.dat."""
    made = EmailMessage()
    made["From"], made["Subject"] = "a@b", "s"
    made.set_content(text)
    made.add_attachment(packed, maintype="application", subtype="ms-tnef", filename="winmail.dat")
    return bytes(made)


def attached(client: httpx.Client, folder: Path, content: bytes) -> dict[str, bytes]:
    """Return the attachments."""
    with zipfile.ZipFile(io.BytesIO(run(client, folder, content, "eml", "zip").output.read_bytes())) as package:
        return {name: package.read(name) for name in package.namelist()}


def test_files_in_winmail_dat(client: httpx.Client, tmp_path: Path) -> None:
    """They are the attachments, under their long names, or their short ones in the code page that is said."""
    packed = tnef(
        file(b"REPORT~1.TXT", b"one", long_name("Report für 日本.txt")), file("Счёт.txt".encode("cp1251"), b"two")
    )
    found = attached(client, tmp_path, message(packed, "Hello"))
    assert found == {"Report für 日本.txt": b"one", "Счёт.txt": b"two"}


def test_text_in_winmail_dat(client: httpx.Client, tmp_path: Path) -> None:
    """It is the text of a message that has no other."""
    body = attribute(1, 0x2800C, "Привет\0".encode("cp1251"))
    for own, expected in (("", "Привет"), ("Hello", "Hello")):
        output = run(client, tmp_path, message(tnef(body), own), "eml", "json").output
        assert json.loads(output.read_text("utf-8"))["text"].strip() == expected


def test_what_cannot_be_opened_stays(client: httpx.Client, tmp_path: Path) -> None:
    """A damaged winmail.dat, and one of which nothing here is read, are attachments themselves."""
    for packed in (tnef(file(b"a.txt", b"one"))[:-20], tnef()):
        assert attached(client, tmp_path, message(packed, "Hello")) == {"winmail.dat": packed}
