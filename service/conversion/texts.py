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

from service.conversion.decoding import Text

_MAX_JSON_CHARACTERS = 1 << 20
_BLANK = "\ufeff \t\r\n"
_CSV_RECORDS = 100
_MIN_TABLE_RECORDS = 2
_MAX_TOML_CHARACTERS = 64 << 10
# tomllib takes time by the square of a key's parts
_LONG_KEY = re.compile(r"(?<![\w\"'-])(?:[\w\"'-]+[ \t]*\.[ \t]*){100}")


def structure(text: Text) -> str | None:
    """Return the name of the format that this text's structure proves, or None."""
    head = text.head.lstrip(_BLANK)
    proven = next((name for name, shows in _STRUCTURES if shows(head, text)), None)
    if proven:
        return proven
    found = _markup(head) or _json(head, complete=text.complete)
    return found[0] if found and found[1] else None


def likely(text: Text) -> str | None:
    """Return the name of the format that this text looks most like, or None: words, or code.

    For texts that no name claims: prose may look like a table, and a note like Markdown.
    """
    head = text.head.lstrip(_BLANK)
    found = _markup(head) or _json(head, complete=text.complete)
    return found[0] if found else _table(text) or _written(head)


_ROOT = re.compile(r"<([A-Za-z_][\w.:-]*)((?:\s[^<>]*)?)/?>")
_DOCTYPE = re.compile(r"<!doctype\s+([\w.:-]+)", re.IGNORECASE)
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
    rest, doctype = _after_prolog(head)
    start = _ROOT.match(rest)
    if (doctype or "").lower() == "html" or (start and start[1].lower() == "html"):
        return "html", True
    declared = head.startswith("<?xml") or doctype is not None
    if start is None:
        return ("xml", True) if declared else None
    if "DTD DocBook" in head[: len(head) - len(rest)] or "http://docbook.org/ns/docbook" in start[2]:
        return "dbk", True
    return _vocabulary(start[1].rpartition(":")[2], start[2], rest, declared=declared)


def _after_prolog(head: str) -> tuple[str, str | None]:
    """Skip what may come before the root: declaration, comments, instructions, the document type, whose name is returned.

    By hand, for a pattern that says the same takes exponential time on many comments.
    """
    doctype = None
    while True:
        head = head.lstrip()
        named = _DOCTYPE.match(head)
        if head.startswith("<!--"):
            end = "-->"
        elif head.startswith("<?"):
            end = "?>"
        elif named:
            doctype = named[1]
            subset, close = head.find("["), head.find(">")
            end = "]" if 0 <= subset < close else ">"
        else:
            return head, doctype
        _, found, head = head.partition(end)
        if named and end == "]":
            head = head.lstrip().removeprefix(">")
        if not found:
            return "", doctype


_ROOTS = {"svg": "svg", "rss": "rss", "FictionBook": "fb2"}


def _vocabulary(name: str, attributes: str, head: str, *, declared: bool) -> tuple[str, bool] | None:
    if name in _ROOTS:
        return _ROOTS[name], True
    if name == "feed" and "http://www.w3.org/2005/Atom" in attributes:
        return "atom", True
    if name == "RDF" and "purl.org/rss/" in head:
        return "rss", True
    if declared or "xmlns" in attributes:
        return "xml", True
    if _HTML_ELEMENT.fullmatch(name):
        return "html", False
    return ("xml", False) if head.rstrip().endswith(">") else None


_JSON_START = re.compile(r'\[\s*(?:["\[{\]\-\d]|true|false|null)|\{\s*["}]')


def _json(head: str, *, complete: bool) -> tuple[str, bool] | None:
    if not _JSON_START.match(head):
        return None
    if complete and len(head) <= _MAX_JSON_CHARACTERS and _is_json(head):
        return ("ipynb" if _is_notebook(head) and _CELLS.search(head) else "json"), True
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


_CELLS = re.compile(r'"(?:cells|worksheets)"\s*:\s*\[')  # which in a schema of notebooks is no list


def _is_notebook(head: str) -> bool:
    return '"cells"' in head and ('"nbformat"' in head or '"cell_type"' in head)


def _table(text: Text) -> str | None:
    """A table is two or more records that agree on two or more fields, and whose commas are not those of sentences."""
    for delimiter, name in (("\t", "tsv"), (",", "csv"), (";", "csv"), ("|", "csv")):
        if delimiter not in text.head or (delimiter == "|" and _RULE.search(text.head)):
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
    """Whether the delimiter only ends lines or begins comments, as in source code."""
    return delimiter == ";" and not re.search(r"^(?!;;).*;[ \t]*[^\s;/#]", text.head, re.MULTILINE)


_RULE = re.compile(r"^[ \t]*+\|?[ :|-]*--", re.MULTILINE)  # of a Markdown table; possessive, or it is quadratic


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
_MESSAGE_CHARACTERS = 64 << 10


def _message(head: str, _: Text) -> bool:
    if not _HEADER_NAME.match(head):
        return False
    block = re.split(r"\r?\n\r?\n|\r\r", head[:_MESSAGE_CHARACTERS], maxsplit=1)[0]
    names = {name.lower() for name in _HEADER_LINE.findall(block)}
    return len(names) >= _MIN_MESSAGE_HEADERS and all(_HEADER_NAME.fullmatch(line) for line in block.splitlines())


def _toml(head: str, text: Text) -> bool:
    if (
        not text.complete
        or len(head) > _MAX_TOML_CHARACTERS
        or not re.search(r"^\[[\w.\" -]+\]\s*$", head, re.MULTILINE)
        or _LONG_KEY.search(head)
    ):
        return False
    try:
        return any(isinstance(value, dict) and value for value in tomllib.loads(head.replace("\r\n", "\n")).values())
    except (ValueError, RecursionError):  # no TOML, a number of thousands of digits, or nested too deep to read
        return False


def _manual(head: str, _: Text) -> bool:
    """A manual page names itself, after comments and perhaps macros of its own."""
    return head.startswith((".", "'\\\"")) and _MANUAL_TITLE.search(head) is not None


_MANUAL_TITLE = re.compile(r"^\.(?:TH|Dd)[ \t]", re.MULTILINE)


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
    ("yaml", _begins(r"%YAML \d|---[ \t]*\r?\n(?:[\w\"'-]+:\s|- )(?!(?:[^\n]*\n)*?---[ \t]*\r?\n)")),
    ("man", _manual),
    ("eml", _message),
    ("toml", _toml),
)

_MARKDOWN_SIGNS = tuple(
    re.compile(pattern, re.MULTILINE)
    for pattern in (
        r"^#{1,6} \S", r"^(?:```|~~~)", r"\[[^\[\]\n]{1,300}\]\([^()\s]{1,1000}\)", r"^[^\n]+\n(?:=|-){3,}[ \t]*$", r"^\|?[ :]*-{3,}[ :]*\|",
        r"^(?:[-*+]|\d+\.) \S.*\n(?:(?:[-*+]|\d+\.) \S)?", r"\*\*\S[^*\n]*\*\*", r"^> \S", r"`[^`\n]+`",
    )
)  # fmt: skip
_MIN_MARKDOWN_SIGNS = 2
_MARKDOWN_CHARACTERS = 16 << 10


def _written(head: str) -> str | None:
    beginning = head[:_MARKDOWN_CHARACTERS]
    signs = sum(pattern.search(beginning) is not None for pattern in _MARKDOWN_SIGNS)
    return "md" if signs >= _MIN_MARKDOWN_SIGNS else None
