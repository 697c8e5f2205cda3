"""What can be wrong with a Code Interpreter, seen from its client.

Turns the `openai` library's exceptions and the wire's error codes into ours, whose difference is what the caller should do:
``InterpreterError`` ← ``InterpreterDown`` (cannot be reached, draining, out of quota: later, or never), ``InterpreterBusy`` (come
back in so many seconds), ``UploadTooLarge``, ``InterpreterFailed`` (it answered, with any other error).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import httpx2
import openai

RETRY_SECONDS = 5  # where the other side names no time


class InterpreterError(Exception):
    """The Code Interpreter did not do its part."""


class InterpreterDown(InterpreterError):
    """It cannot be reached, is draining, or its quota is spent; ``retry_seconds`` is a guess."""

    def __init__(self, retry_seconds: int = RETRY_SECONDS) -> None:
        super().__init__(retry_seconds)
        self.retry_seconds = retry_seconds


class InterpreterBusy(InterpreterError):
    """It has no room now; ``retry_seconds`` is its own word where it gave one."""

    def __init__(self, retry_seconds: int = RETRY_SECONDS) -> None:
        super().__init__(retry_seconds)
        self.retry_seconds = retry_seconds


class InterpreterFailed(InterpreterError):
    """It answered with an error. ``param`` names what it did not like, if it said; ``status`` is None within a stream."""

    def __init__(self, status: int | None, code: str | None, param: str | None = None) -> None:
        super().__init__(status, code, param)
        self.status = status
        self.code = code
        self.param = param
        self.error = f"{status or 'stream'} {code}"  # for the log


class UploadTooLarge(InterpreterError):
    """It does not take files of this size."""


@contextmanager
def translated() -> Iterator[None]:
    """Turn the client libraries' exceptions into ours; statuses are those of wire errors (429, 503, everything else)."""
    try:
        yield
    except (openai.APIConnectionError, httpx2.HTTPError) as error:  # the latter from the middle of a body
        raise InterpreterDown from error
    except openai.APIStatusError as error:
        retry_after = error.response.headers.get("retry-after", "")
        seconds = int(retry_after) if retry_after.isdecimal() else RETRY_SECONDS
        if error.status_code == httpx2.codes.SERVICE_UNAVAILABLE:
            raise InterpreterDown(seconds) from error
        if error.status_code == httpx2.codes.TOO_MANY_REQUESTS:
            raise (InterpreterDown if error.code == "insufficient_quota" else InterpreterBusy)(seconds) from error
        if error.status_code == httpx2.codes.REQUEST_ENTITY_TOO_LARGE:
            raise UploadTooLarge from error
        raise InterpreterFailed(error.status_code, error.code, error.param) from error
    except openai.APIError as error:
        fail(error.code)


def fail(code: str | None) -> NoReturn:
    """Raise for an error that came inside a stream, where there is no HTTP status."""
    if code == "insufficient_quota":
        raise InterpreterDown
    if code == "rate_limit_exceeded":
        raise InterpreterBusy
    raise InterpreterFailed(None, code)
