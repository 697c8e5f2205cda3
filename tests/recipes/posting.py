"""Conversions over HTTP, for tests: one call in, the bytes or the problem out."""

from typing import Any

import httpx


def post(client: httpx.Client, content: bytes, named: str, target: str, **options: Any) -> bytes:
    """Convert ``content``, a file whose extension is ``named``, and return the output; anything but 200 fails the test."""
    answer = client.post(f"/convert/{target}", files={"file": (f"input.{named}", content)}, data=options)
    assert answer.status_code == 200, answer.text
    return answer.content


def warnings(client: httpx.Client, content: bytes, named: str, target: str, **options: Any) -> str:
    """Convert and return what the answer warns of."""
    answer = client.post(f"/convert/{target}", files={"file": (f"input.{named}", content)}, data=options)
    assert answer.status_code == 200, answer.text
    return str(answer.headers.get("recast-warnings", ""))


def refusal(client: httpx.Client, content: bytes, named: str, target: str, **options: Any) -> tuple[int, str]:
    """Convert what cannot be converted and return the status and the code of the problem."""
    answer = client.post(f"/convert/{target}", files={"file": (f"input.{named}", content)}, data=options)
    return answer.status_code, answer.json()["code"]
