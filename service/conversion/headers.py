"""The response headers of a converted file.

What is told about the making of a file is in structured fields (RFC 9651), so that no value, whatever a program wrote into its
report, can break out of its header or grow without bound.
"""

import re
from collections.abc import Mapping
from urllib.parse import quote

from litestar.datastructures import MutableScopeHeaders
from litestar.types import Message, Scope

from service.conversion.convert import Output
from service.conversion.output import Fact
from service.conversion.record import Record
from service.disposition import attachment

MAX_ITEMS = 10
MAX_TEXT = 200  # characters of one warning or fact

_PLAIN = re.compile(r"[ -~]*")
_KEY = re.compile(r"[a-z*][a-z0-9_\-.*]*")
_DISPLAY_SAFE = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) not in '%"')
_SHOWN_PHASES = ("receive", "queue", "engine", "program", "fetch")  # the program's own word is within the engine's time
_MAX_INTEGER = 10**15


def file_headers(output: Output, record: Record, name: str) -> dict[str, str]:
    """Return the headers of one converted file, named ``name``."""
    plan, report, length = output.plan, output.report, output.download.length
    media_type = plan.target.media_type
    headers = {
        "Content-Type": f"{media_type}; charset=utf-8" if media_type.startswith("text/") else media_type,
        "Content-Disposition": attachment(name),
        "Recast-Recipe": f"{plan.recipe.name}/{plan.recipe.version}",
        "Recast-Input-Type": plan.input_type,
        "Recast-Container": output.container_id,
        "Recast-Attempt": f"{output.attempt.kind};n={len(record.attempts)};tokens={record.input_tokens + record.output_tokens}",
        "Recast-Fidelity": plan.fidelity,
        "Server-Timing": _timing(record.seconds | ({"program": report.seconds} if report else {})),
        **SAFETY,
    }
    if length is not None:
        headers["Content-Length"] = str(length)
    if report and report.warnings:
        headers["Recast-Warnings"] = ", ".join(text_item(each) for each in report.warnings[:MAX_ITEMS])
    if report and (facts := dictionary(report.facts)):
        headers["Recast-Facts"] = facts
    return headers


SAFETY: Mapping[str, str] = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "sandbox; default-src 'none'",  # a converted page is a stranger's: it must not run as ours
}

# Of every answer that does not say otherwise.
_DEFAULTS: Mapping[str, str] = {
    "Content-Security-Policy": "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' blob: data:; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


async def secured(message: Message, _: Scope) -> None:
    """Add the security headers to an answer that begins; a ``before_send`` hook of Litestar's, so that no answer goes without."""
    if message["type"] == "http.response.start":
        headers = MutableScopeHeaders.from_message(message)
        for name, value in _DEFAULTS.items():
            headers.setdefault(name, value)


def _timing(seconds: Mapping[str, float]) -> str:
    return ", ".join(f"{phase};dur={seconds[phase] * 1000:.1f}" for phase in _SHOWN_PHASES if phase in seconds)


def text_item(text: str) -> str:
    """Return a text as a String (RFC 9651 section 3.3.3), or as a Display String (3.3.8) when it is not plain ASCII."""
    text = text[:MAX_TEXT]
    if _PLAIN.fullmatch(text):
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    encoded = quote(text, safe=_DISPLAY_SAFE, errors="replace")
    return '%"' + re.sub(r"%[0-9A-F]{2}", lambda match: match[0].lower(), encoded) + '"'


def dictionary(facts: Mapping[str, Fact]) -> str:
    """Return facts as a Dictionary (RFC 9651 section 3.2); what does not fit one is left out."""
    items = ((key, _bare_item(value)) for key, value in facts.items() if _KEY.fullmatch(key) and len(key) <= MAX_TEXT)
    return ", ".join(f"{key}={item}" for key, item in list(items)[:MAX_ITEMS] if item)


def _bare_item(value: Fact) -> str | None:
    match value:
        case bool():
            return f"?{int(value)}"
        case int():
            return str(value) if abs(value) < _MAX_INTEGER else None
        case float():
            return f"{value:.3f}" if abs(value) < _MAX_INTEGER / 1000 else None
        case str():
            return text_item(value)
        case _:
            return None
