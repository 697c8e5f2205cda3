"""Media types: which format a name means, and which one a file is.

Owns the decision over a file's bytes, name and declared type. Knows nothing of
recipes, of HTTP, or of what can be done with a format. What reads files here blocks: call it in a thread.

Exceptions: `MediaError` ← `Unidentified` (nothing says what the file is), `Contradiction` (its name claims what its bytes are
not); and `UnknownFormat` (a name nobody knows).
"""

from pathlib import Path

from msgspec import Struct

from service.conversion.content import ENCRYPTED, Found, could_be, look
from service.conversion.formats import Format, UnknownFormat, format_named, format_of_name, formats, lineage, table

__all__ = [
    "ENCRYPTED",
    "Contradiction",
    "Format",
    "Identified",
    "MediaError",
    "Unidentified",
    "UnknownFormat",
    "could_be",
    "decide",
    "format_named",
    "formats",
    "identify",
    "lineage",
]


class Identified(Struct, frozen=True):
    """What a file is, and what decided it: ``magic``, ``structure``, ``extension``, ``declared`` or ``from``."""

    media_type: str
    evidence: str


class MediaError(Exception):
    """Base of this module's errors."""


class Unidentified(MediaError):
    """Neither the bytes nor the name say what this file is."""


class Contradiction(MediaError):
    """The file is named or declared ``claimed`` (a media type) but its bytes are ``found`` (a media type or None)."""

    def __init__(self, claimed: str, found: str | None) -> None:
        super().__init__(claimed, found)
        self.claimed = claimed
        self.found = found


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
    return decide(look(path, claim[0] if claim else None), claim)


def claimed(filename: str | None, declared: str | None) -> tuple[Format, str] | None:
    """Return the format that the name or the declared type claims, with its evidence; the name goes first.

    ``text/plain`` says least: a more telling one of the two wins over it, and declared alone it claims nothing, for it is
    what clients send with any text.
    """
    by_name = format_of_name(filename) if filename else None
    by_type = None
    if declared and declared.partition(";")[0].strip().lower() not in table().vague:
        by_type = table().by_word.get(declared.partition(";")[0].strip().lower())
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
    rules = table()
    seen = rules.formats[found.format] if found.format else None
    seen_type = seen.media_type if seen else found.media_type
    if claim is None:
        if found.kind in {"empty", "unclean text", "unknown"} or seen_type is None:
            raise Unidentified
        return Identified(seen_type, found.evidence)
    wanted, evidence = claim
    if found.media_type in rules.programs:
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
