"""Whether bytes are text, and the text they are, in whatever encoding. Pure; knows no formats."""

import codecs

from msgspec import Struct

_CONTROL = bytes(each for each in range(32) if each not in b"\t\n\v\f\r\x1b\x1a\x08")
_MAX_CONTROL_SHARE = 0.005
_UTF16_NUL_SHARE = 0.3
_MARKS = (
    (b"\xff\xfe\0\0", "utf-32"),
    (b"\0\0\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)


class Text(Struct, frozen=True):
    """The beginning of a text, decoded. ``complete``: it is all of it; ``clean``: no character that a text lacks."""

    head: str
    complete: bool
    clean: bool


def decoded(head: bytes, *, complete: bool) -> Text | None:
    """Decode the beginning of a file that may be text in any encoding; None when it is not text.

    Marks of order first, then UTF-32 and UTF-16 by their many NULs, then UTF-8, then UTF-16 by a few, then any 8-bit encoding
    (as Latin-1: only structure matters).
    """
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return _checked(head.decode(encoding, "replace"), complete=complete)
    if b"\0" in head:
        for encoding in ("utf-32-le", "utf-32-be") if head.count(0) >= len(head) // 2 else ():
            try:  # UTF-16 does not pass: nearly all pairs of its letters are past the last code point
                return _checked(head[: len(head) & ~3].decode(encoding), complete=complete)
            except UnicodeDecodeError:
                continue
        for first, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
            half, other = head[first::2], head[1 - first :: 2]
            if half.count(0) > _UTF16_NUL_SHARE * len(half) and not other.count(0):
                return _checked(head.decode(encoding, "replace"), complete=complete)
    try:
        text = _utf8(head, complete=complete).removeprefix("\ufeff")
    except UnicodeDecodeError:
        return _checked(_wide(head) or head.decode("latin-1"), complete=complete)
    controlled = None if b"\0" in head else Text(text, complete, clean=False)  # as with \x01 between fields
    return _checked(text, complete=complete) or controlled


def _wide(head: bytes) -> str | None:
    """UTF-16 of a script that needs both bytes of a letter: then only its line ends, digits and delimiters have a NUL."""
    for first, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        if head[first::2].count(0) and not head[1 - first :: 2].count(0):
            try:
                return codecs.getincrementaldecoder(encoding)().decode(head)
            except UnicodeDecodeError:
                return None
    return None


def is_utf8(head: bytes) -> bool:
    """Whether these bytes, but for a character cut at their end, are UTF-8; a cell of a table may hold a stray NUL."""
    try:
        _utf8(head, complete=False)
    except UnicodeDecodeError:
        return False
    return head.count(0) <= max(1, len(head) // 10)


def _utf8(head: bytes, *, complete: bool) -> str:
    return codecs.getincrementaldecoder("utf-8")().decode(head, final=complete)


def _checked(text: str, *, complete: bool) -> Text | None:
    raw = text.encode("utf-8", "replace")
    control = len(raw) - len(raw.translate(None, _CONTROL))
    nul_only = control == text.count("\0") and "\ufffd" not in text
    if control > _MAX_CONTROL_SHARE * len(text) and not (nul_only and control <= max(1, len(text) // 10)):
        return None
    return Text(head=text, complete=complete, clean=not control)
