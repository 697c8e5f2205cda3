"""A double of the hosted vendor: a real server on a socket that answers in the shapes it was recorded with, faults included."""

import json
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any, Literal

import anyio
import uvicorn
from litestar import Litestar, Request, Response, delete, get, post
from litestar.params import FromPath
from litestar.response import Stream
from msgspec import Struct, field

OUTPUT = b'[{"code":"007"}]'
Json = dict[str, Any]


class Run(Struct):
    """How one `POST /v1/responses` goes."""

    status: int = 200
    error: Json = {}
    ends: Literal["completed", "nested", "flat", "failed", "cut", "silent"] = "completed"
    logs: str = '{"recast": {"facts": {"rows": 1}}}\n'
    text: str = "Done: [output.json](sandbox:/mnt/data/output.json)"
    cited: tuple[str, ...] = ("output.json",)
    calls: int = 1


class Vendor(Struct):
    """What the double will say, and what it was asked."""

    url: str
    runs: list[Run] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=lambda: {"output.json": OUTPUT})
    content_statuses: list[int] = field(default_factory=list)
    asked: list[Json] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    models: tuple[str, ...] = ()
    headers: list[dict[str, str]] = field(default_factory=list)

    def play(self, *runs: Run, files: dict[str, bytes] | None = None, content_statuses: tuple[int, ...] = ()) -> None:
        """Forget what was, and answer the next requests so."""
        self.runs[:], self.content_statuses[:] = runs, content_statuses
        self.files = {"output.json": OUTPUT} if files is None else files
        self.asked.clear()
        self.deleted.clear()
        self.headers.clear()


@contextmanager
def vendor(*models: str) -> Iterator[Vendor]:
    """Run the double, which has these models, in a thread for the length of the ``with``."""
    bound = socket.create_server(("127.0.0.1", 0))
    state = Vendor(f"http://127.0.0.1:{bound.getsockname()[1]}/v1", models=models)
    app = Litestar(_HANDLERS, openapi_config=None, logging_config=None, request_max_body_size=None)
    app.state.vendor = state
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield state
    finally:
        server.should_exit = server.force_exit = True
        thread.join()


def _of(request: Request[Any, Any, Any]) -> Vendor:
    state: Vendor = request.app.state.vendor
    return state


@get("/v1/models/{name:str}")
async def _model(request: Request[Any, Any, Any], name: FromPath[str]) -> Response[Json]:
    if name in _of(request).models:
        return Response({"id": name, "object": "model", "created": 1, "owned_by": "x"})
    error = {
        "message": f"The model '{name}' does not exist",
        "type": "invalid_request_error",
        "param": "model",
        "code": "model_not_found",
    }
    return Response({"error": error}, status_code=404)


@post("/v1/files", status_code=200)
async def _upload(request: Request[Any, Any, Any]) -> Json:
    await request.body()
    return {
        "id": "file-1",
        "object": "file",
        "bytes": 1,
        "created_at": 1,
        "filename": "x",
        "purpose": "user_data",
        "status": "processed",
    }


@post("/v1/responses")
async def _respond(request: Request[Any, Any, Any]) -> Response[Any]:
    state = _of(request)
    state.asked.append(await request.json())
    state.headers.append(dict(request.headers))
    run = state.runs.pop(0)
    if run.status != 200:
        return Response(
            {"error": run.error}, status_code=run.status, headers={"Retry-After": "7"} if run.status == 429 else {}
        )
    return Stream(_events(run, f"cntr_{len(state.asked)}"), media_type="text/event-stream", status_code=200)


async def _events(run: Run, container: str) -> AsyncIterator[bytes]:
    response = {"id": "resp_1", "object": "response", "created_at": 1, "status": "in_progress", "output": [], "usage": None, "error": None,
                "incomplete_details": None}  # fmt: skip
    yield _event("response.created", response=response)
    for index in range(run.calls):
        item = {
            "id": f"ci_{index}",
            "type": "code_interpreter_call",
            "container_id": container,
            "code": "",
            "outputs": [],
            "status": "in_progress",
        }
        yield _event("response.output_item.added", output_index=index, item=item)
        if run.ends == "silent":
            await anyio.sleep(60)
        if run.ends == "cut":
            raise RuntimeError("cut")
        if run.ends == "nested":
            yield _event(
                "error",
                error={
                    "type": "invalid_request_error",
                    "code": None,
                    "message": f"Container with id '{container}' not found.",
                    "param": None,
                },
            )
            return
        if run.ends == "flat":
            yield _event("error", code="server_error", message="The server had an error", param=None)
            return
        done = item | {"status": "completed", "code": "…", "outputs": [{"type": "logs", "logs": run.logs}]}
        yield _event("response.output_item.done", output_index=index, item=done)
    if run.ends == "failed":
        yield _event(
            "response.failed",
            response=response | {"status": "failed", "error": {"code": "server_error", "message": "…"}},
        )
        return
    citations = [
        {"type": "container_file_citation", "container_id": container, "file_id": f"cfile_{name}", "filename": name,
         "start_index": 0 if name.startswith("cfile_") else 7, "end_index": 0 if name.startswith("cfile_") else 9}
        for name in run.cited
    ]  # fmt: skip
    content = [{"type": "output_text", "text": run.text, "annotations": citations, "logprobs": []}]
    message = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": content}
    yield _event("response.output_item.done", output_index=run.calls, item=message)
    usage = {
        "input_tokens": 10,
        "output_tokens": 5,
        "total_tokens": 15,
        "input_tokens_details": {},
        "output_tokens_details": {},
    }
    yield _event("response.completed", response=response | {"status": "completed", "usage": usage})


def _event(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, 'sequence_number': 0, **fields})}\n\n".encode()


@get("/v1/containers/{container:str}/files")
async def _listing(request: Request[Any, Any, Any], container: FromPath[str]) -> Json:
    """One file a page, sizes unknown, the upload renamed: as the vendor does."""
    rows: list[Json] = [{"id": "cfile_input", "path": "/mnt/data/file-1-input.csv", "source": "user"}]
    rows += [{"id": f"cfile_{name}", "path": f"/mnt/data/{name}", "source": "assistant"} for name in _of(request).files]
    after = request.query_params.get("after")
    index = next((place + 1 for place, row in enumerate(rows) if row["id"] == after), 0)
    page = [
        row | {"object": "container.file", "created_at": 1, "bytes": None, "container_id": container}
        for row in rows[index : index + 1]
    ]
    return {"object": "list", "data": page, "first_id": None, "last_id": None, "has_more": index + 1 < len(rows)}


@get("/v1/containers/{container:str}/files/{file:str}/content")
async def _content(request: Request[Any, Any, Any], container: FromPath[str], file: FromPath[str]) -> Response[Any]:
    state = _of(request)
    status = state.content_statuses.pop(0) if state.content_statuses else 200
    if status != 200:
        return Response(
            {
                "error": {
                    "message": f"File {file} not found on container {container}.",
                    "type": "x",
                    "param": None,
                    "code": None,
                }
            },
            status_code=status,
        )
    return Response(state.files[file.removeprefix("cfile_")], media_type="application/octet-stream")


@delete(["/v1/containers/{name:str}", "/v1/files/{name:str}"], status_code=200)
async def _delete(request: Request[Any, Any, Any], name: FromPath[str]) -> Json:
    _of(request).deleted.append(name)
    return {"id": name, "deleted": True}


_HANDLERS = [_model, _upload, _respond, _listing, _content, _delete]
