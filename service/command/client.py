"""A client of the conversion API: one file sent, one file received, both streamed.

Owns the HTTP of the command line. Knows no recipes and no settings.
"""

import os
import re
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Self
from urllib.parse import quote, unquote

import httpx2
import msgspec
from msgspec import Struct

_CHUNK_BYTES = 256 << 10
_CONNECT_SECONDS = 10.0
_STRING = re.compile(r'(%?)"((?:[^"\\]|\\.)*)"')
# Answers that are about what was asked, not about the document: exit code 2.
_ASKED_WRONGLY = frozenset({400, 401, 403, 404, 406, 413, 415, 424})


class Problem(Struct, frozen=True):
    """What the service says of a conversion that failed (RFC 9457)."""

    status: int
    title: str = "the service answered without a problem document"
    detail: str = ""
    code: str = ""
    formats: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """2 when the request cannot be fulfilled as asked, 1 when the conversion failed."""
        return 2 if self.status in _ASKED_WRONGLY or self.formats else 1

    @property
    def sentence(self) -> str:
        """One readable line."""
        return (self.detail or self.title).rstrip()


class OfferedOption(Struct, frozen=True):
    """An option of a recipe, as the service describes it."""

    description: str


class Offered(Struct, frozen=True):
    """One thing an input can become."""

    output_format: str
    recipe: str
    requires_model: bool
    fidelity: str
    options: dict[str, OfferedOption] = {}


class _Offers(Struct, frozen=True):
    outputs: tuple[Offered, ...]


class ConversionFailed(Exception):
    """The service refused or could not convert."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.sentence)
        self.problem = problem


class ServiceUnreachable(Exception):
    """No service answers at this address, or the connection broke."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"{url}: {reason}")


class Converted(Struct, frozen=True):
    """What came back."""

    bytes: int
    media_type: str
    input_type: str
    recipe: str
    warnings: tuple[str, ...] = ()


class Client:
    """Calls one conversion service.

    Args:
        url: Its base address.
        key: An API key, if it wants one.
        timeout_seconds: Longest silence of the service; it is silent while it converts.
    """

    def __init__(self, url: str, *, key: str | None = None, timeout_seconds: float = 600.0) -> None:
        self._url = url.rstrip("/")
        self._http = httpx2.AsyncClient(
            base_url=self._url,
            headers={"authorization": f"Bearer {key}"} if key else {},
            timeout=httpx2.Timeout(timeout_seconds, connect=_CONNECT_SECONDS),
            trust_env=False,
        )

    async def __aenter__(self) -> Self:
        """Open the connection pool."""
        await self._http.__aenter__()
        return self

    async def __aexit__(self, *exception: object) -> None:
        """Close it."""
        await self._http.aclose()

    async def convert(
        self,
        source: Path,
        target: Path | None,
        output_format: str,
        *,
        filename: str,
        options: Mapping[str, str],
        progress: Callable[[str, int, int | None], None] = lambda _stage, _done, _total: None,
    ) -> Converted:
        """Convert a file.

        Args:
            source: The input.
            target: Where to write; it appears whole or not at all. None: standard output.
            output_format: Name, extension or media type.
            filename: The input's name as the service should know it; empty for none.
            options: The recipe's, and ``from`` and ``instructions``.
            progress: Told the stage (``send``, ``convert``, ``receive``), bytes done, and bytes in all when known.

        Raises:
            ConversionFailed: The service said no, and why.
            ServiceUnreachable: It cannot be reached or broke off.
            OSError: A file cannot be read or written.
        """
        size = source.stat().st_size
        headers = {"content-type": "application/octet-stream", "content-length": str(size)}
        if filename:
            headers["content-disposition"] = f"attachment; filename*=UTF-8''{quote(filename, safe='')}"
        request = self._http.build_request(
            "POST",
            f"/convert/{quote(output_format, safe='')}",
            params=dict(options),
            headers=headers,
            content=_sent(source, size, progress),
        )
        try:
            response = await self._http.send(request, stream=True)
            try:
                if not response.is_success:
                    raise ConversionFailed(_problem(response.status_code, await response.aread()))
                written = await _received(response, target, progress)
            finally:
                await response.aclose()
        except httpx2.TransportError as error:
            raise ServiceUnreachable(self._url, str(error) or type(error).__name__) from None
        return Converted(
            bytes=written,
            media_type=response.headers.get("content-type", ""),
            input_type=response.headers.get("recast-input-type", ""),
            recipe=response.headers.get("recast-recipe", ""),
            warnings=_texts(response.headers.get("recast-warnings", "")),
        )

    async def outputs_of(self, name: str) -> tuple[Offered, ...]:
        """Ask what an input (extension or media type) can become.

        Raises:
            ConversionFailed: The service knows no such format.
            ServiceUnreachable: It cannot be reached.
        """
        try:
            response = await self._http.get(f"/formats/{quote(name, safe='')}")
        except httpx2.TransportError as error:
            raise ServiceUnreachable(self._url, str(error) or type(error).__name__) from None
        if not response.is_success:
            raise ConversionFailed(_problem(response.status_code, response.content))
        return msgspec.json.decode(response.content, type=_Offers).outputs


async def _sent(source: Path, size: int, progress: Callable[[str, int, int | None], None]) -> AsyncIterator[bytes]:
    done = 0
    with source.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk
            done += len(chunk)
            progress("send", done, size)
    progress("convert", size, size)


async def _received(
    response: httpx2.Response, target: Path | None, progress: Callable[[str, int, int | None], None]
) -> int:
    total = int(response.headers["content-length"]) if "content-length" in response.headers else None
    written = 0
    if target is None:
        with os.fdopen(os.dup(1), "wb") as stream:
            async for chunk in response.aiter_raw():
                stream.write(chunk)
                written += len(chunk)
        return written
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False) as part:
        try:
            async for chunk in response.aiter_raw():
                part.write(chunk)
                written += len(chunk)
                progress("receive", written, total)
            Path(part.name).chmod(0o666 & ~_umask())
            Path(part.name).replace(target)
        except BaseException:  # Ctrl-C too
            Path(part.name).unlink(missing_ok=True)
            raise
    return written


def _problem(status: int, body: bytes) -> Problem:
    try:
        return msgspec.structs.replace(msgspec.json.decode(body, type=Problem), status=status)
    except (msgspec.DecodeError, msgspec.ValidationError):
        return Problem(status=status, detail=f"the service answered {status}")


def _texts(header: str) -> tuple[str, ...]:
    """Read a List of Strings and Display Strings (RFC 9651 sections 3.1, 3.3.3 and 3.3.8)."""
    return tuple(
        unquote(text) if encoded else re.sub(r"\\(.)", r"\1", text) for encoded, text in _STRING.findall(header)
    )


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
