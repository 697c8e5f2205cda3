"""Conversions over HTTP for tests that look inside the output: a file in; the output as a file, its facts and warnings, or its refusal."""

import itertools
import re
from pathlib import Path
from urllib.parse import unquote

import httpx

from tests.recipes.programs import Run

_numbers = itertools.count()


def run(client: httpx.Client, folder: Path, source: Path | bytes, named: str, target: str, **options: str) -> Run:
    """Convert.

    Args:
        client: A client of the service.
        folder: Where the output goes, under a name of its own.
        source: The input, or its bytes.
        named: Format of the input, as in a file's extension.
        target: Output format.
        options: As a caller would write them.
    """
    content = source if isinstance(source, bytes) else source.read_bytes()
    answer = client.post(
        f"/convert/{target}", params={"from": named}, files={"file": (f"input.{named}", content)}, data=options
    )
    output = folder / f"output-{next(_numbers)}.{target}"
    if answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY:
        return Run(output, {}, [], answer.json()["code"])
    assert answer.status_code == httpx.codes.OK, answer.text
    output.write_bytes(answer.content)
    facts = {name: int(value) for name, value in re.findall(r"([a-z_]+)=(\d+)", answer.headers.get("recast-facts", ""))}
    return Run(output, facts, _texts(answer.headers.get("recast-warnings", "")))


def _texts(header: str) -> list[str]:
    """Return the Strings and Display Strings of a List (RFC 9651)."""
    found = re.findall(r'(%?)"((?:[^"\\]|\\.)*)"', header)
    return [unquote(text) if display else re.sub(r"\\(.)", r"\1", text) for display, text in found]
