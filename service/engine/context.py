"""What a request means in context: the conversation before it, the container it goes on with, and the files it brings.

Everything that can be wrong with a request is found here, before the first byte of an answer. It starts no run.
"""

import base64
import binascii
import hashlib
import mimetypes
from pathlib import Path

import anyio
import msgspec

from service.disposition import plain_name
from service.engine.container import Container, in_memory
from service.engine.containers import Containers
from service.engine.errors import InvalidRequest
from service.engine.files import Files
from service.engine.items import (
    CodeInterpreterCall,
    FunctionCall,
    FunctionCallOutput,
    InputFile,
    InputImage,
    InputItem,
    InputMessage,
    InputText,
    ItemReference,
    Part,
)
from service.engine.memory import Memory
from service.engine.request import AutoContainer, CreateResponse
from service.engine.wire import new_id

AUTO_NAME = "auto"
# The vendor's limit of the files that a model is shown in a request; an image is held in memory.
MAX_IMAGE_BYTES = 50 << 20


class Context(msgspec.Struct, kw_only=True):
    """A request made ready.

    ``input`` is its own items as they came and ``seen`` as a model should see them; ``history`` ends with the latter. ``is_fresh`` says
    that the container was made for this request.
    """

    input: list[InputItem]
    seen: list[InputItem]
    history: list[InputItem]
    container: Container | None
    is_fresh: bool


class Contexts:
    """Makes contexts out of what the engine remembers and holds."""

    def __init__(self, *, memory: Memory, containers: Containers, files: Files) -> None:
        self._memory = memory
        self._containers = containers
        self._files = files

    async def of(self, request: CreateResponse) -> Context:
        """The context of a request; its files are in the container when this returns.

        Raises:
            ApiError: What is wrong with the request, as it would be answered.
        """
        before, own = self.items(request)
        container, is_fresh = await self._container(request, [*before, *own])
        try:
            seen = [await self._attached(item, container, f"input[{index}]") for index, item in enumerate(own)]
        except BaseException:  # likewise in `Containers.create`: nobody knows of it yet
            if container is not None and is_fresh:
                with anyio.CancelScope(shield=True):
                    await self._containers.delete(container.id)
            raise
        return Context(
            input=own,
            seen=seen,
            history=[*before, *seen],
            container=container,
            is_fresh=is_fresh,
        )

    def items(self, request: CreateResponse) -> tuple[list[InputItem], list[InputItem]]:
        """The items of the conversation before a request, and its own, references resolved.

        Raises:
            InvalidRequest: An item is missing.
            PreviousResponseNotFound: The conversation is not stored.
        """
        own = [self._resolved(item, f"input[{index}]") for index, item in enumerate(request.items)]
        before = self._memory.before(request.previous_response_id)
        _check_pairs([*before, *own])
        return before, own

    def _resolved(self, item: InputItem, param: str) -> InputItem:
        if isinstance(item, ItemReference):
            return self._memory.item(item.id, param)
        if item.id is None:
            return msgspec.structs.replace(item, id=new_id(_PREFIXES[type(item)]))
        return item

    async def _container(self, request: CreateResponse, history: list[InputItem]) -> tuple[Container | None, bool]:
        """Auto mode goes on with the container of the newest call in context, if there is one (wire-contract §4.5).

        Uploads that it has not got yet are added to it; its memory tier stays what it is.
        """
        tool = request.code_tool
        if tool is None:
            return None, False
        newest = next((item.container_id for item in reversed(history) if isinstance(item, CodeInterpreterCall)), None)
        if isinstance(tool.container, str):
            if newest is not None and newest != tool.container:
                raise InvalidRequest(
                    f"Expected container_id: {tool.container}, but a code_interpreter_call of the input ran in {newest}.",
                    param="input",
                    code=None,
                )
            return await self._containers.use(tool.container), False
        if newest is not None:
            uploads = self._containers.uploads(tool.container.file_ids or ())
            container = await self._containers.use(newest)
            await self._containers.bring(container, uploads)
            return container, False
        return await self._made(tool.container, request), True

    async def _made(self, auto: AutoContainer, request: CreateResponse) -> Container:
        index = next(index for index, tool in enumerate(request.tools) if tool is request.code_tool)
        return await self._containers.create(
            name=AUTO_NAME,
            family=(request.metadata or {}).get("kernel", "general"),
            memory_limit=auto.memory_limit or None,
            file_ids=auto.file_ids or (),
            path=f"tools[{index}].container.",
        )

    async def _attached(self, item: InputItem, container: Container | None, param: str) -> InputItem:
        """The item as a model should see it: its files copied into the container, and named by their path there."""
        if isinstance(item, InputMessage) and isinstance(item.content, list):
            content = [
                seen
                for index, part in enumerate(item.content)
                for seen in await self._part(part, container, f"{param}.content[{index}]")
            ]
            return msgspec.structs.replace(item, content=content)
        if isinstance(item, FunctionCallOutput) and isinstance(item.output, list):
            output = [
                seen
                for index, part in enumerate(item.output)
                for seen in await self._part(part, container, f"{param}.output[{index}]")
            ]
            return msgspec.structs.replace(item, output=output)
        return item

    async def _part(self, part: Part, container: Container | None, param: str) -> list[Part]:
        if not isinstance(part, InputFile | InputImage):
            return [part]
        if isinstance(part, InputFile) and part.file_url is not None:
            raise InvalidRequest.not_served(f"{param}.file_url", "Fetching files from URLs")
        if isinstance(part, InputFile) and container is None:
            raise InvalidRequest.not_served(param, "Reading files without the code_interpreter tool")
        if part.file_id is not None:
            return await self._upload(part, part.file_id, container, f"{param}.file_id")
        url = part.file_data if isinstance(part, InputFile) else part.image_url
        field = "file_data" if isinstance(part, InputFile) else "image_url"
        if url is None:
            raise InvalidRequest.missing(f"{param}.file_id")
        if isinstance(part, InputImage) and not url.startswith("data:"):
            raise InvalidRequest.not_served(f"{param}.image_url", "Fetching images from URLs")
        return await self._inline(part, url, container, f"{param}.{field}")

    async def _upload(
        self, part: InputFile | InputImage, file_id: str, container: Container | None, param: str
    ) -> list[Part]:
        file = self._files.get(file_id)
        source = self._files.path(file)
        kind = mimetypes.guess_type(file.filename)[0] or "image/png"
        if isinstance(part, InputImage) and not kind.startswith("image/"):
            raise InvalidRequest(
                f"Invalid '{param}'. Expected an image, but got '{kind}'.", param=param, code="invalid_value"
            )
        if isinstance(part, InputImage) and file.bytes > MAX_IMAGE_BYTES:
            raise InvalidRequest(
                f"Invalid '{param}'. An image may have {MAX_IMAGE_BYTES} bytes, but got one of {file.bytes}.",
                param=param,
                code="image_file_too_large",
            )
        placed = await _place(container, source, file.filename, key=file_id, size=file.bytes)
        if isinstance(part, InputFile):
            return [placed] if placed else [part]
        content = await anyio.Path(source).read_bytes()
        url = f"data:{kind};base64,{base64.b64encode(content).decode()}"
        return [InputImage(image_url=url, detail=part.detail), *([placed] if placed else [])]

    async def _inline(
        self, part: InputFile | InputImage, url: str, container: Container | None, param: str
    ) -> list[Part]:
        kind, content = _decoded(url, param)
        if isinstance(part, InputImage) and not (kind.startswith("image/") and content):
            raise InvalidRequest(
                f"Invalid '{param}'. Expected a base64-encoded data URL with an image MIME type, but got '{kind}'.",
                param=param,
                code="invalid_value",
            )
        given = plain_name(part.filename) if isinstance(part, InputFile) else None
        name = given or f"{'image' if isinstance(part, InputImage) else 'file'}{mimetypes.guess_extension(kind) or ''}"
        with in_memory(content) as source:
            key = hashlib.sha256(content).hexdigest()
            placed = await _place(container, source, name, key=key, size=len(content))
        kept: list[Part] = [part] if isinstance(part, InputImage) or placed is None else []
        return [*kept, *([placed] if placed else [])]


def _decoded(url: str, param: str) -> tuple[str, bytes]:
    """Return the media type and the content of a data URL, or of bare base64."""
    head, comma, encoded = url.partition(",") if url.startswith("data:") else ("", ",", url)
    try:
        content = base64.b64decode(encoded, validate=True) if comma and (not head or head.endswith(";base64")) else None
    except (binascii.Error, ValueError):
        content = None
    if content is None:
        raise InvalidRequest(
            f"Invalid '{param}'. Expected a base64-encoded data URL with an explicit media type.",
            param=param,
            code="invalid_value",
        )
    return head.removeprefix("data:").partition(";")[0] or "application/octet-stream", content


def _check_pairs(history: list[InputItem]) -> None:
    """Every function call has its output, and every output its call; models refuse a conversation where one is missing."""
    called = {item.call_id: item for item in history if isinstance(item, FunctionCall)}
    answered = {item.call_id for item in history if isinstance(item, FunctionCallOutput)}
    for call_id in answered - called.keys():
        raise InvalidRequest(
            f"No tool call found for function call output with call_id {call_id}.", param="input", code=None
        )
    for call in called.values():
        if call.status == "completed" and call.call_id not in answered:
            raise InvalidRequest(f"No tool output found for function call {call.call_id}.", param="input", code=None)


_PREFIXES: dict[type, str] = {InputMessage: "msg", FunctionCall: "fc", FunctionCallOutput: "fco"}


async def _place(container: Container | None, source: Path, name: str, *, key: str, size: int) -> InputText | None:
    """Copy a file in, once for each ``key``, and say to the model where it is, as JSON and apart from anyone's words."""
    if container is None:
        return None
    path = container.sources.get(key)
    if path is None:
        path = (await container.add(source, name, size=size)).path
        container.sources[key] = path
    return InputText(text=msgspec.json.encode({"attached_file": path}).decode())
