"""Media types: which format a name means, and which one a file is.

Owns the one table of formats (`media.toml`) and the decision over a file's bytes, name and declared type. Knows nothing of
recipes, of HTTP, or of what can be done with a format. What reads files here blocks: call it in a thread.

Exceptions: `MediaError` ← `UnknownFormat` (a name nobody knows), `Unidentified` (nothing says what the file is),
`Contradiction` (its name claims what its bytes are not).
"""

import functools
import re
import tomllib
from pathlib import Path, PurePosixPath
from typing import Literal

import msgspec
from msgspec import Struct

from service.conversion import insides, texts

HEAD_BYTES = 256 << 10
ENCRYPTED = "application/encrypted"
_ZIP = re.compile(rb"PK(?:\x03\x04|\x05\x06|\x07\x08)")
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_PARQUET = (b"PAR1", b"PARE")  # the second: with an encrypted footer
_OLE_ENCRYPTED = "EncryptedPackage"  # [MS-OFFCRYPTO] 2.3.4.4: a password-protected OOXML document is an OLE file


class Identified(Struct, frozen=True):
    """What a file is, and what decided it: ``magic``, ``structure``, ``extension``, ``declared`` or ``from``."""

    media_type: str
    evidence: str


class Format(Struct, frozen=True, forbid_unknown_fields=True):
    """One row of the table; `media.toml` says what each column means."""

    name: str
    media_type: str
    title: str
    proof: Literal["bytes", "text", "name"]
    extensions: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    base: str | None = None
    wears: tuple[str, ...] = ()
    magic: str = ""
    magic_if_named: str = ""
    main_part: str = ""
    folder: str = ""
    streams: tuple[str, ...] = ()


class Found(Struct, frozen=True):
    """What a file's bytes say: a format's name or another certain type, or that they are text, or nothing (both None)."""

    kind: Literal["empty", "bytes", "text", "unclean text", "unknown"]
    format: str | None = None
    media_type: str | None = None
    evidence: str = "magic"


class MediaError(Exception):
    """Base of this module's errors."""


class UnknownFormat(MediaError):
    """No format goes by this name, extension or media type."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class Unidentified(MediaError):
    """Neither the bytes nor the name say what this file is."""


class Contradiction(MediaError):
    """The file is named or declared ``claimed`` (a media type) but its bytes are ``found`` (a media type or None)."""

    def __init__(self, claimed: str, found: str | None) -> None:
        super().__init__(claimed, found)
        self.claimed = claimed
        self.found = found


class _Table(Struct, frozen=True):
    formats: dict[str, Format]
    programs: frozenset[str]
    vague: frozenset[str]
    by_word: dict[str, Format]
    magic: tuple[tuple[re.Pattern[bytes], str], ...]


@functools.cache
def _table() -> _Table:
    raw = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
    formats = {name: msgspec.convert({**row, "name": name}, Format) for name, row in raw["formats"].items()}
    return _Table(
        formats=formats,
        programs=frozenset(raw["programs"]),
        vague=frozenset(raw["vague"]),
        by_word={
            word: each
            for each in formats.values()
            for word in (each.name, each.media_type, *each.extensions, *each.aliases)
        },
        magic=tuple((_pattern(each.magic), each.name) for each in formats.values() if each.magic),
    )


def formats() -> tuple[Format, ...]:
    """Return the whole table."""
    return tuple(_table().formats.values())


def format_named(name: str) -> Format:
    """Return the format with this name, extension (dot or not) or media type (parameters allowed), in any case.

    Raises:
        UnknownFormat: No row of the table has it.
    """
    word = name.partition(";")[0].strip().lower().removeprefix(".")
    try:
        return _table().by_word[word]
    except KeyError:
        raise UnknownFormat(name) from None


def lineage(media_type: str) -> tuple[str, ...]:
    """Return the media type in its canonical spelling, then what it is a special case of: ``(rss+xml, xml)``."""
    try:
        row = format_named(media_type)
    except UnknownFormat:
        return (media_type,)
    return (row.media_type, *(lineage(_table().formats[row.base].media_type) if row.base else ()))


def identify(path: Path, *, filename: str | None, declared: str | None, said: str | None = None) -> Identified:
    """Say what the file at ``path`` is. Blocks (libmagic, zip directories): run it in a thread.

    Args:
        path: The whole file.
        filename: The name the caller gave, if any; only its extension is read.
        declared: The caller's Content-Type for this file, parameters allowed.
        said: The caller's explicit override: an extension, format name or media type.

    A password-protected OOXML document is ``application/encrypted``. A type that is certain but has no row in the table
    (``video/mp4``) is returned too.

    Raises:
        Unidentified: Nothing says what it is.
        Contradiction: The name or declared type claims a format whose bytes these are not.
        UnknownFormat: ``said`` names no format.
        OSError: The file cannot be read.
    """
    if said:
        return Identified(format_named(said).media_type, "from")
    claim = claimed(filename, declared)
    return decide(_look(path, claim[0] if claim else None), claim)


def claimed(filename: str | None, declared: str | None) -> tuple[Format, str] | None:
    """Return the format that the name or the declared type claims, with its evidence; the name goes first.

    ``text/plain`` says least: a more telling one of the two wins over it, and declared alone it claims nothing, for it is
    what clients send with any text.
    """
    by_name = _format_of_name(filename) if filename else None
    by_type = None
    if declared and declared.partition(";")[0].strip().lower() not in _table().vague:
        by_type = _table().by_word.get(declared.partition(";")[0].strip().lower())
    if by_type and by_type.name == "txt":
        by_type = None
    if by_name and not (by_name.name == "txt" and by_type and by_type.proof == "text"):
        return by_name, "extension"
    return (by_type, "declared") if by_type else None


def decide(found: Found, claim: tuple[Format, str] | None) -> Identified:
    """Weigh what the bytes say against what the name claims. Pure; the rules in the order they apply.

    Raises:
        Unidentified: There is neither proof nor claim.
        Contradiction: A program under another name, or a claim that bytes must prove and do not.
    """
    table = _table()
    seen = table.formats[found.format] if found.format else None
    seen_type = seen.media_type if seen else found.media_type
    if claim is None:
        if found.kind in {"empty", "unclean text", "unknown"} or seen_type is None:
            raise Unidentified
        return Identified(seen_type, found.evidence)
    wanted, evidence = claim
    if found.media_type in table.programs:
        raise Contradiction(wanted.media_type, found.media_type)
    if found.kind == "bytes" and seen_type and wanted.proof != "name":
        return Identified(seen_type, found.evidence)
    if found.kind == "text" and seen and wanted.name in seen.wears:
        return Identified(seen.media_type, found.evidence)
    if found.kind in {"text", "unclean text"} and wanted.proof == "bytes":
        raise Contradiction(wanted.media_type, seen_type or "text/plain")
    if found.kind == "unknown" and wanted.proof != "name":
        raise Contradiction(wanted.media_type, None)
    return Identified(wanted.media_type, evidence)


def could_be(row: Format, head: bytes) -> bool:
    """Say whether a file that begins with these bytes, up to 64 KiB, may be of this format: the check of an output's start."""
    if row.proof == "name":
        return True
    if row.proof == "text":
        return texts.decoded(head, complete=False) is not None
    if row.magic:
        return _pattern(row.magic).match(head) is not None
    if row.streams:
        return head.startswith(_OLE)
    return head.startswith(_PARQUET if row.name == "parquet" else b"PK")


def _look(path: Path, wanted: Format | None) -> Found:
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
        file.seek(max(0, file.seek(0, 2) - 4))
        tail = file.read(4)
    if not head:
        return Found("empty")
    if head.startswith(_PARQUET) and tail in _PARQUET:
        return Found("bytes", "parquet")
    if _ZIP.match(head):
        return Found("bytes", _format_of_package(insides.package(path), wanted), evidence="structure")
    if head.startswith(_OLE):
        return _found_in_streams(insides.streams(path), wanted)
    for pattern, name in _table().magic:
        if pattern.match(head):
            return Found("bytes", name)
    if wanted and wanted.magic_if_named and _pattern(wanted.magic_if_named).match(head):
        return Found("bytes", wanted.name)
    text = texts.decoded(head, complete=len(head) < HEAD_BYTES)
    if text:
        return _found_in_text(text, path, wanted)
    guess = _libmagic(path)
    if guess in {"application/octet-stream", "application/x-empty"} or guess.startswith("text/"):
        return Found("unknown")
    row = _table().by_word.get(guess)
    return Found("bytes", row.name if row else None, None if row else guess)


def _found_in_text(text: texts.Text, path: Path, wanted: Format | None) -> Found:
    name = texts.structure(text)
    if name:
        return Found("text", name, evidence="structure")
    if wanted is None and text.clean:
        # Only for what no name claims: libmagic takes many a Markdown file for HTML and prose for a program.
        row = _table().by_word.get(_libmagic(path))
        if (
            row
            and row.proof == "text"
            and row.media_type.startswith(("text/x-", "text/javascript", "application/x-sh"))
        ):
            return Found("text", row.name)
    return Found("text" if text.clean else "unclean text", "txt" if text.clean else None)


def _format_of_package(inside: insides.Package, wanted: Format | None) -> str:
    rows = formats()
    for row in rows:
        if row.main_part and f"{row.main_part}" in inside.content_types:
            return row.name
    for row in rows:
        if row.media_type == inside.mimetype or (row.proof == "bytes" and f'"{row.media_type}"' in inside.manifest):
            return row.name
    if "META-INF/container.xml" in inside.names and any(name.endswith(".opf") for name in inside.names):
        return "epub"
    for row in rows:
        if row.folder and any(name.startswith(row.folder) for name in inside.names):
            related = wanted and wanted.base == row.name
            return wanted.name if wanted and related else row.name
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
    import pylibmagic  # noqa: F401, I001, PLC0415
    import magic  # noqa: PLC0415

    return str(magic.from_file(str(path), mime=True))


def _format_of_name(filename: str) -> Format | None:
    suffixes = [suffix.lower() for suffix in PurePosixPath(filename.replace("\\", "/")).suffixes]
    words = ("".join(suffixes[-2:]), suffixes[-1]) if suffixes else ()
    return next((row for word in words if (row := _table().by_word.get(word.removeprefix(".")))), None)


def _pattern(source: str) -> re.Pattern[bytes]:
    return re.compile(source.encode("latin-1"), re.DOTALL)
