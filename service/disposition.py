"""File names in HTTP: ``Content-Disposition`` in both directions (RFC 6266, RFC 8187), and what is left of a name without its path.

Pure functions over strings; they know no framework and touch no file system. A name from outside is only ever shown or given
back: nothing is opened under it.
"""

import re
import unicodedata
from urllib.parse import quote, unquote_to_bytes

MAX_NAME_BYTES = 200  # a name and a suffix together stay under the 255 bytes most file systems allow

_MAX_EXTENSION_BYTES = 20
_PARAMETER = re.compile(r';\s*([\w!#$&+\-^`|~]+\*?)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;"\s]*))', re.ASCII)
_UNSAFE_IN_QUOTES = re.compile(
    r"[^ !#-\[\]-~]|%"
)  # RFC 6266 appendix D: no quote, no backslash, no percent, ASCII only
_ATTR_CHARS = "!#$&+-.^_`|~"  # RFC 8187 section 3.2.1, beside letters and digits


def plain_name(name: str | None) -> str | None:
    """Return the last path part of a name, without control or format characters, cut to ``MAX_NAME_BYTES`` of UTF-8.

    The extension survives the cut. None when nothing printable is left.
    """
    last = re.split(r"[/\\]", name or "")[-1]
    kept = "".join(each for each in unicodedata.normalize("NFC", last) if unicodedata.category(each)[0] != "C").strip(
        " ."
    )
    stem, dot, extension = kept.rpartition(".")
    if not dot or len(extension.encode()) > _MAX_EXTENSION_BYTES:
        stem, dot, extension = kept, "", ""
    room = MAX_NAME_BYTES - len(extension.encode()) - len(dot)
    return (stem.encode()[:room].decode(errors="ignore") + dot + extension) or None


def renamed(name: str | None, extension: str, *, otherwise: str = "output") -> str:
    """Return the name with its extension replaced: ``report.csv`` → ``report.xlsx``; ``data.tar.gz`` loses both of its own."""
    plain = plain_name(name) or otherwise
    stem = re.sub(r"(?i)\.tar(\.\w{1,4})$", r"\1", plain)
    return f"{stem.rpartition('.')[0] or stem}.{extension}"


def filename_of(header: str | None) -> str | None:
    """Return the plain file name of a ``Content-Disposition`` header; ``filename*`` wins over ``filename`` (RFC 6266 section 4.3)."""
    found = {
        key.lower(): quoted or token
        for key, quoted, token in _PARAMETER.findall(";" + (header or "").partition(";")[2])
    }
    name = _extended(found.get("filename*", ""))
    if name is None and (plain := found.get("filename")) is not None:
        name = as_utf8(re.sub(r'\\(["\\])', r"\1", plain)).replace("%22", '"')
    return plain_name(name)


def attachment(name: str) -> str:
    """Return the value of ``Content-Disposition`` that offers a file under this name, pure ASCII, any Unicode in ``filename*``."""
    letters = (each for each in unicodedata.normalize("NFKD", name) if not unicodedata.combining(each))
    fallback = _UNSAFE_IN_QUOTES.sub("_", "".join(letters))
    value = f'attachment; filename="{fallback}"'
    return value if fallback == name else f"{value}; filename*=UTF-8''{quote(name, safe=_ATTR_CHARS)}"


def _extended(value: str) -> str | None:
    charset, _, rest = value.partition("'")
    _, quote_mark, encoded = rest.partition("'")
    if not quote_mark or charset.lower() not in {"utf-8", "iso-8859-1"}:
        return None
    return unquote_to_bytes(encoded).decode(charset, errors="replace")


def as_utf8(text: str) -> str:
    """Return what a sender meant: header bytes reach us as latin-1; browsers and curl send UTF-8."""
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text
