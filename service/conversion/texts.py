"""What a text is by its structure: table, records, markup, message, source code.

Owns the sniffers that read a text's beginning. Pure functions from text to a format's name; knows no files, no names that
files are called by and no media types.
"""

import csv
import json
import re
import tomllib
from collections import Counter
from collections.abc import Callable

from msgspec import Struct

_MAX_JSON_CHARACTERS = 1 << 20
_CSV_RECORDS = 100
_MIN_TABLE_RECORDS = 2
_CONTROL = dict.fromkeys(c for c in range(32) if chr(c) not in "\t\n\v\f\r\x1b\x1a\x08")
_MAX_CONTROL_SHARE = 0.005
_UTF16_NUL_SHARE = 0.3


class Text(Struct, frozen=True):
    """The beginning of a text, decoded. ``complete``: it is all of it; ``clean``: no character that a text lacks."""

    head: str
    complete: bool
    clean: bool


def decoded(head: bytes, *, complete: bool) -> Text | None:
    """Decode the beginning of a file that may be text in any encoding; None when it is not text.

    Marks of order first, then UTF-8, then UTF-16 by its NULs, then any 8-bit encoding (as Latin-1: only structure matters).
    """
    for mark, encoding in (
        (b"\xff\xfe\0\0", "utf-32"),
        (b"\0\0\xfe\xff", "utf-32"),
        (b"\xff\xfe", "utf-16"),
        (b"\xfe\xff", "utf-16"),
    ):
        if head.startswith(mark):
            return _checked(head.decode(encoding, "replace"), complete=complete)
    if b"\0" in head:
        for first, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
            half, other = head[first::2], head[1 - first :: 2]
            if half.count(0) > _UTF16_NUL_SHARE * len(half) and not other.count(0):
                return _checked(head.decode(encoding, "replace"), complete=complete)
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        cut = not complete and error.end == len(head) and error.reason == "unexpected end of data"
        text = head[: error.start].decode("utf-8") if cut else head.decode("latin-1")
    return _checked(text.removeprefix("\ufeff"), complete=complete)


def structure(text: Text) -> tuple[str, bool] | None:
    """Return the name of the format that this text's structure shows, and whether it is sure; or None (words, or code).

    What is not sure decides only where no name claims anything else: prose may look like a table, and a note like Markdown.
    """
    head = text.head.lstrip("\ufeff \t\r\n")
    for name, shows in _STRUCTURES:
        if shows(head, text):
            return name, True
    found = _markup(head) or _json(head, complete=text.complete)
    if found:
        return found
    guess = _table(text) or _written(head)
    return (guess, False) if guess else None


def root(head: str) -> tuple[str, str] | None:
    """Return the root element's local name and the rest of its tag, or None where no XML or HTML begins."""
    found = _ROOT.match(head)
    return (found[1].rpartition(":")[2], found[2]) if found else None


def _checked(text: str, *, complete: bool) -> Text | None:
    control = len(text) - len(text.translate(_CONTROL))
    nul_only = control == text.count("\0") and "\ufffd" not in text
    if control > _MAX_CONTROL_SHARE * len(text) and not (nul_only and control <= max(1, len(text) // 10)):
        return None
    return Text(head=text, complete=complete, clean=not control)


# A prolog: declaration, comments, processing instructions and a document type, then the root's start tag.
_PROLOG = r"(?:\s|<\?.*?\?>|<!--.*?-->|<!DOCTYPE(?:[^\[>]|\[.*?\]\s*)*>)*"
_ROOT = re.compile(rf"{_PROLOG}<([A-Za-z_][\w.:-]*)((?:\s[^<>]*)?)/?>", re.DOTALL | re.IGNORECASE)
_HTML_START = re.compile(r"(?:\s|<!--.*?-->|<\?xml.*?\?>)*<!doctype\s+html\b|<html[\s>]", re.DOTALL | re.IGNORECASE)
_HTML_ELEMENT = re.compile(
    r"html|head|body|title|meta|link|script|style|div|p|table|[uod]l|h[1-6]|a|span|pre|form|section|article|main|header|footer"
    r"|nav|img|br|hr|b|i|em|strong|center|font",
    re.IGNORECASE,
)


def _markup(head: str) -> tuple[str, bool] | None:
    if not head.startswith("<"):
        return None
    if head.startswith("<?php"):
        return "php", True
    if _HTML_START.match(head):
        return "html", True
    start = root(head)
    if start is None:
        return ("xml", True) if head.startswith("<?xml") else None
    return _vocabulary(*start, head)


def _vocabulary(name: str, attributes: str, head: str) -> tuple[str, bool] | None:
    declared = head.startswith(("<?xml", "<!DOCTYPE", "<!doctype"))
    if name in {"svg", "rss", "html"}:
        return name, True
    if name == "feed" and "http://www.w3.org/2005/Atom" in attributes:
        return "atom", True
    if name == "RDF" and "purl.org/rss/" in head:
        return "rss", True
    if _HTML_ELEMENT.fullmatch(name) and not declared and "xmlns" not in attributes:
        return "html", False
    if declared or "xmlns" in attributes:
        return "xml", True
    return ("xml", False) if head.rstrip().endswith(">") else None


_JSON_START = re.compile(r'\[\s*(?:["\[{\]\-\d]|true|false|null)|\{\s*["}]')


def _json(head: str, *, complete: bool) -> tuple[str, bool] | None:
    if not _JSON_START.match(head):
        return None
    if complete and len(head) <= _MAX_JSON_CHARACTERS and _is_json(head):
        return ("ipynb" if _is_notebook(head) else "json"), True
    lines = [line for line in head.splitlines() if line.strip()]
    whole_lines = lines if complete else lines[:-1]
    if len(lines) > 1 and whole_lines and all(_is_json(line) for line in whole_lines[:_CSV_RECORDS]):
        return "ndjson", True
    if complete:
        return None
    return ("ipynb", True) if _is_notebook(head) else ("json", False)


def _is_json(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict | list)
    except ValueError:
        return False
    except RecursionError:
        return True  # too deep to read, but nothing else nests so


def _is_notebook(head: str) -> bool:
    return '"cells"' in head and ('"nbformat"' in head or '"cell_type"' in head)


def _table(text: Text) -> str | None:
    """A table is two or more records that agree on two or more fields, and whose commas are not those of sentences."""
    for delimiter, name in (("\t", "tsv"), (",", "csv"), (";", "csv"), ("|", "csv")):
        if delimiter not in text.head or (delimiter == "|" and re.search(r"^\s*\|?[ :|-]*--", text.head, re.MULTILINE)):
            continue
        if len(re.findall(rf"{re.escape(delimiter)} (?! )", text.head)) * 2 > text.head.count(delimiter):
            continue
        try:
            widths = [len(record) for record in _records(text, delimiter) if record]
        except csv.Error:
            continue
        widths = widths if text.complete or len(widths) <= _MIN_TABLE_RECORDS else widths[:-1]
        if len(widths) < _MIN_TABLE_RECORDS:
            continue
        width, count = Counter(widths).most_common(1)[0]
        if width > 1 and not _ends_statements(text, delimiter) and count >= max(_MIN_TABLE_RECORDS, 0.9 * len(widths)):
            return name
    return None


def _ends_statements(text: Text, delimiter: str) -> bool:
    """Whether the delimiter only ends lines, as in source code."""
    return delimiter == ";" and not re.search(r";[ \t]*[^\s;/#]", text.head)


def _records(text: Text, delimiter: str) -> list[list[str]]:
    lines = text.head.replace("\0", "").replace("\r\n", "\n").replace("\r", "\n").splitlines(keepends=True)
    reader = csv.reader(lines, delimiter=delimiter)
    return [record for record, _ in zip(reader, range(_CSV_RECORDS), strict=False)]


_HEADER_LINE = re.compile(
    r"^(from|to|cc|subject|date|received|mime-version|message-id|return-path|delivered-to|reply-to|sender|content-type):",
    re.IGNORECASE | re.MULTILINE,
)
_MIN_MESSAGE_HEADERS = 2
_HEADER_NAME = re.compile(r"(?:From \S+ .*|[!-9;-~]+:.*|[ \t].*)")


def _message(head: str, _: Text) -> bool:
    block = re.split(r"\r?\n\r?\n|\r\r", head, maxsplit=1)[0]
    lines = block.splitlines()
    names = {name.lower() for name in _HEADER_LINE.findall(block)}
    return len(names) >= _MIN_MESSAGE_HEADERS and all(_HEADER_NAME.fullmatch(line) for line in lines)


def _toml(head: str, text: Text) -> bool:
    if not text.complete or not re.search(r"^\[[\w.\" -]+\]\s*$", head, re.MULTILINE):
        return False
    try:
        return any(isinstance(value, dict) and value for value in tomllib.loads(head.replace("\r\n", "\n")).values())
    except tomllib.TOMLDecodeError:
        return False


def _begins(pattern: str) -> Callable[[str, Text], bool]:
    compiled = re.compile(pattern, re.IGNORECASE)
    return lambda head, _: compiled.match(head) is not None


def _interpreter(names: str) -> Callable[[str, Text], bool]:
    return _begins(rf"#!\s*\S*(?:/|env\s+(?:-S\s+)?)(?:{names})[\d.]*(?:\s|$)")


_STRUCTURES: tuple[tuple[str, Callable[[str, Text], bool]], ...] = (
    ("vtt", _begins(r"WEBVTT(?:[ \t\r\n]|$)")),
    ("srt", _begins(r"\d+\s*\r?\n\d+:\d\d:\d\d[,.]\d{1,3}\s+-->\s+\d+:")),
    ("ics", _begins(r"BEGIN:VCALENDAR\s")),
    ("vcf", _begins(r"BEGIN:VCARD\s")),
    ("py", _interpreter("python|pypy")),
    ("sh", _interpreter("sh|bash|dash|zsh|ksh")),
    ("rb", _interpreter("ruby")),
    ("js", _interpreter("node|deno|bun")),
    ("pl", _interpreter("perl")),
    ("php", _interpreter("php")),
    ("tex", _begins(r"(?:\s*%.*\n)*\s*\\(?:documentclass|documentstyle|begin\{document\}|usepackage)\b")),
    ("yaml", _begins(r"%YAML \d|---[ \t]*\r?\n(?:[\w\"'-]+:\s|- )(?!(?:.*\r?\n)*?---[ \t]*\r?\n)")),
    ("eml", _message),
    ("toml", _toml),
)

_MARKDOWN_SIGNS = tuple(
    re.compile(pattern, re.MULTILINE)
    for pattern in (
        r"^#{1,6} \S", r"^(?:```|~~~)", r"\[[^\]\n]+\]\([^)\s]+\)", r"^[^\n]+\n(?:=|-){3,}[ \t]*$", r"^\|?[ :]*-{3,}[ :]*\|",
        r"^(?:[-*+]|\d+\.) \S.*\n(?:(?:[-*+]|\d+\.) \S)?", r"\*\*\S[^*\n]*\*\*", r"^> \S", r"`[^`\n]+`",
    )
)  # fmt: skip
_MIN_MARKDOWN_SIGNS = 2


def _written(head: str) -> str | None:
    signs = sum(pattern.search(head) is not None for pattern in _MARKDOWN_SIGNS)
    return "md" if signs >= _MIN_MARKDOWN_SIGNS else None
