"""Media types: which format a name means, and which one a file is.

Owns the one table of formats (`media.toml`) and the decision over a file's bytes, name and declared type. Knows nothing of
recipes, of HTTP, or of what can be done with a format. Everything here blocks: call it in a thread.

Exceptions: `MediaError` ← `UnknownFormat` (a name nobody knows), `Unidentified` (nothing says what the file is),
`Contradiction` (its name claims what its bytes are not).
"""

from pathlib import Path

from msgspec import Struct


class Identified(Struct, frozen=True):
    """What a file is, and what decided it: ``magic``, ``structure``, ``extension``, ``declared`` or ``from``."""

    media_type: str
    evidence: str


class Format(Struct, frozen=True):
    """One row of the table. ``name`` is the extension without its dot that files of this format get."""

    name: str
    media_type: str
    title: str
    extensions: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    base: str | None = None


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
    raise NotImplementedError


def format_named(name: str) -> Format:
    """Return the format with this name, extension (dot or not) or media type, in any case.

    Raises:
        UnknownFormat: No row of the table has it.
    """
    raise NotImplementedError


def lineage(media_type: str) -> tuple[str, ...]:
    """Return the media type in its canonical spelling, then what it is a special case of: ``(rss+xml, xml)``."""
    raise NotImplementedError
