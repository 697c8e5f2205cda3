"""What a file's bytes say it is, whatever its name: signatures, the insides of packages, the structure of texts, libmagic.

Owns reading the file for that. It asks the name only where bytes alone are doubtful; weighing both is `media`'s.
"""

import re
from pathlib import Path
from typing import Literal

from msgspec import Struct

from service.conversion import insides, texts
from service.conversion.decoding import Text, decoded, is_utf8
from service.conversion.formats import Format, formats, pattern, table

HEAD_BYTES = 256 << 10
ENCRYPTED = "application/encrypted"
_ZIP = re.compile(rb"PK(?:\x03\x04|\x05\x06|\x07\x08)")
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_PARQUET = (b"PAR1", b"PARE")  # the second: with an encrypted footer
_TAG = re.compile(r"<[^<>]*>")
_MANIFEST_TYPE = re.compile(r'media-type="([^"]+)"')
_OLE_ENCRYPTED = "EncryptedPackage"  # [MS-OFFCRYPTO] 2.3.4.4: a password-protected OOXML document is an OLE file


class Found(Struct, frozen=True):
    """What a file's bytes say: a format's name or another certain type, or that they are text, or nothing (both None)."""

    kind: Literal["empty", "bytes", "text", "unclean text", "unknown"]
    format: str | None = None
    media_type: str | None = None
    evidence: str = "magic"


def could_be(row: Format, head: bytes) -> bool:
    """Say whether a file that begins with these bytes, up to 64 KiB, may be of this format: the check of an output's start."""
    if row.proof == "name":
        return True
    if row.proof == "text":
        return is_utf8(head) and not any(signature.match(head) for signature, _ in table().magic)
    if row.magic:
        return pattern(row.magic).match(head) is not None
    if row.streams:
        return head.startswith(_OLE)
    return head.startswith(_PARQUET if row.name == "parquet" else b"PK")


def look(path: Path, wanted: Format | None) -> Found:
    """Say what the bytes of a file say; ``wanted`` is what its name claims, for where they are doubtful.

    Raises:
        OSError: The file cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
        file.seek(max(0, file.seek(0, 2) - 4))
        tail = file.read(4)
    if not head:
        return Found("empty")
    found = _signed(head, tail, wanted) or _packed(head, path, wanted)
    if found:
        return found
    text = decoded(head, complete=len(head) < HEAD_BYTES)
    return _found_in_text(text, path, wanted) if text else _found_by_libmagic(path)


def _signed(head: bytes, tail: bytes, wanted: Format | None) -> Found | None:
    if head.startswith(_PARQUET) and tail in _PARQUET:
        return Found("bytes", "parquet")
    if wanted and wanted.magic_if_named and pattern(wanted.magic_if_named).match(head):
        return Found("bytes", wanted.name)
    row = next((row for signature, row in table().magic if signature.match(head)), None)
    return Found("bytes", row.name) if row else None


def _packed(head: bytes, path: Path, wanted: Format | None) -> Found | None:
    if _ZIP.match(head):
        return Found("bytes", _format_of_package(insides.package(path), wanted), evidence="structure")
    if head.startswith(_OLE):
        return _found_in_streams(insides.streams(path), wanted)
    return None


def _found_by_libmagic(path: Path) -> Found:
    guess = _libmagic(path)
    if guess in {"application/octet-stream", "application/x-empty"} or guess.startswith("text/"):
        return Found("unknown")
    row = table().by_word.get(guess)
    if row and row.proof == "name":
        return Found("unknown")  # what the table does not trust its bytes to prove
    return Found("bytes", row.name if row else None, None if row else guess)


def _found_in_text(text: Text, path: Path, wanted: Format | None) -> Found:
    name = texts.structure(text)
    if name == "json" and wanted and wanted.name == "ndjson" and "\n" not in text.head.strip():
        name = "ndjson"  # a single record is both
    if name is None and (wanted is None or wanted.proof == "bytes"):
        name = texts.likely(text)
    if name:
        return Found("text", name, evidence="structure")
    if wanted is None and text.clean and (code := _code(path)):
        return Found("text", code)
    return Found("text" if text.clean else "unclean text", "txt" if text.clean else None)


def _code(path: Path) -> str | None:
    """Ask libmagic for a programming language; only for what no name claims, for it takes many a prose for a program."""
    row = table().by_word.get(_libmagic(path))
    return row.name if row and row.media_type.startswith(("text/x-", "text/javascript", "application/x-sh")) else None


def _format_of_package(inside: insides.Package, wanted: Format | None) -> str:
    rows = formats()
    # ODF 1.3 part 2, 4.8: the manifest's entry of the whole package
    root = next((tag for tag in _TAG.findall(inside.manifest) if "file-entry" in tag and 'full-path="/"' in tag), "")
    stated = _MANIFEST_TYPE.search(root)
    for row in rows:
        if row.main_part and row.main_part in inside.content_types:
            return row.name
    for row in rows:
        if row.media_type in {inside.mimetype, stated[1] if stated else None}:
            return row.name
    if "META-INF/container.xml" in inside.names and any(name.endswith(".opf") for name in inside.names):
        return "epub"
    for row in rows:
        if row.folder and any(name.startswith(row.folder) for name in inside.names):
            return wanted.name if wanted and wanted.base == row.name else row.name
    if not inside.names and wanted and wanted.proof == "bytes" and not (wanted.magic or wanted.streams):
        return wanted.name  # nothing of it can be read; the program will say that it is damaged
    return "zip"


def _found_in_streams(names: frozenset[str], wanted: Format | None) -> Found:
    if _OLE_ENCRYPTED in names:
        return Found("bytes", media_type=ENCRYPTED, evidence="structure")
    for row in formats():
        if names.intersection(row.streams):
            return Found("bytes", row.name, evidence="structure")
    if not names and wanted and wanted.streams:  # its directory is damaged; the program will say so
        return Found("bytes", wanted.name, evidence="extension")
    return Found("bytes", media_type="application/x-ole-storage", evidence="structure")


def _libmagic(path: Path) -> str:
    # In this order: the first import makes the second one load the wheel's library instead of the system's.
    import pylibmagic  # noqa: F401, I001, PLC0415 - see above
    import magic  # noqa: PLC0415 - see above

    return str(magic.from_file(str(path), mime=True))
