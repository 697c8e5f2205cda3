"""`recast mcp`: conversions as tools of the Model Context Protocol, for assistants that work on this machine's files.

Owns the tools' words. The service does the converting: a running one, or one started at the first call.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, TypeVar

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import BaseModel, Field

from service.command import serve
from service.command.client import Client, ConversionFailed, ServiceUnreachable
from service.settings import Settings

T = TypeVar("T")
_ABOUT = (
    "Converts files between formats: tables, documents, slides, images, data, subtitles, source code. "
    "Ask list_formats what an input can become, then call convert_file."
)


class Made(BaseModel):
    """What convert_file answers."""

    output: str
    media_type: str
    bytes: int
    input_type: str
    recipe: str


class Offer(BaseModel):
    """One output of list_formats."""

    format: str
    fidelity: str
    options: list[str]
    requires_model: bool


def run(url: str | None, settings: Settings) -> None:
    """Serve the tools on standard input and output until it closes.

    Args:
        url: A running service; None starts one at the first call, which ends with the tools.
        settings: For that one; its first API key is presented to either.
    """
    serve.run(server(url, settings).run_stdio_async())


def server(url: str | None, settings: Settings) -> MCPServer:
    """Return the tools as a server, not yet run."""
    service = _Service(url, settings)
    tools = MCPServer(
        "recast", version=version("recast"), instructions=_ABOUT, lifespan=service.lifespan, log_level="ERROR"
    )

    @tools.tool()
    async def list_formats(
        of: Annotated[str, Field(description="The input: an extension such as csv, or a media type.")],
    ) -> list[Offer]:
        """List what an input format can be converted to, with how faithful it is and the options."""
        client = await service.client()
        outputs = await _answered(client.outputs_of(of))
        return [
            Offer(
                format=each.output_format,
                fidelity=each.fidelity,
                options=[f"{name}: {option.description}" for name, option in each.options.items()],
                requires_model=each.requires_model,
            )
            for each in outputs
        ]

    @tools.tool()
    async def convert_file(
        path: Annotated[str, Field(description="The file to convert.")],
        to: Annotated[str, Field(description="The output format, such as xlsx or pdf.")],
        output: Annotated[str, Field(description="Where to write it; else beside the input.")] = "",
        options: Annotated[dict[str, str] | None, Field(description="Options that list_formats named.")] = None,
        instructions: Annotated[str, Field(description="Free words on the result; needs a model.")] = "",
    ) -> Made:
        """Convert a file on this machine into another format, and write the result beside it."""
        source = Path(path).expanduser()
        target = Path(output).expanduser() if output else source.with_suffix(f".{to.lower().removeprefix('.')}")
        if not await asyncio.to_thread(source.is_file):
            raise ToolError(f"{path}: no such file")
        if source == target:
            raise ToolError(f"{path} would be overwritten by itself")
        client = await service.client()
        given = dict(options or {}) | ({"instructions": instructions} if instructions else {})
        made = await _answered(client.convert(source, target, to, filename=source.name, options=given))
        return Made(
            output=str(target),
            media_type=made.media_type,
            bytes=made.bytes,
            input_type=made.input_type,
            recipe=made.recipe,
        )

    return tools


class _Service:
    """The conversion service behind the tools, reached or started when first needed."""

    def __init__(self, url: str | None, settings: Settings) -> None:
        self._url = url
        self._settings = settings
        self._open = AsyncExitStack()
        self._client: Client | None = None
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def lifespan(self, _tools: MCPServer) -> AsyncIterator[None]:
        async with self._open:
            yield

    async def client(self) -> Client:
        async with self._turn:
            return self._client or await self._connected()

    async def _connected(self) -> Client:
        url = self._url
        if url is None:
            url = await self._open.enter_async_context(serve.for_one_run(self._settings))
        keys = self._settings.api_keys if self._url else ()
        client = Client(url, key=keys[0] if keys else None)
        self._client = await self._open.enter_async_context(client)
        return client


async def _answered(call: Coroutine[None, None, T]) -> T:
    try:
        return await call
    except (ConversionFailed, ServiceUnreachable) as failure:
        raise ToolError(str(failure)) from None
    except OSError as failure:
        raise ToolError(f"{failure.filename}: {failure.strerror}") from None
