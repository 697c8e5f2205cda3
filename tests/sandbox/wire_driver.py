"""As `driver`, but every program goes to a real engine as a `POST /v1/responses` of the model that runs what it is sent.

Containers are made and ended over the wire too; only what the wire does not have (limits of one container, looking from
outside) is reached inside the engine. How a cell ended is what the kernel said in that run, what it printed is what the
response says.
"""

import asyncio
import contextlib
import json
import socket
import sys
from pathlib import Path
from typing import Any

import httpx
import msgspec
import structlog
import uvicorn

from service.engine.app import create_app
from service.engine.assembly import Engine
from service.engine.sandbox import CellResult, Kernel, Limits
from tests.sandbox.driver import Driver, serve

_FENCE = "~~~~~~~~~~"


class WireDriver(Driver):
    """One container and its calls at a time are watched, which is how the tests ask."""

    def __init__(self, engine: Engine, client: httpx.AsyncClient) -> None:
        super().__init__(engine.sandbox)
        self._engine = engine
        self._client = client
        self._identifiers: dict[int, str] = {}

    async def _ask(self, method: str, path: str, body: object = None) -> Any:
        answer = await self._client.request(method, path, json=body)
        if answer.is_error:
            raise RuntimeError(answer.text)
        return answer.json()

    def _live(self, number: int) -> Any:
        return self._engine.containers._live[self._identifiers[number]]

    async def op_spawn(self, family: str, limits: dict[str, int]) -> int:  # noqa: ARG002 - the wire has one family
        containers = self._engine.containers
        usual, containers._limits = containers._limits, msgspec.convert(limits, Limits)
        try:
            made = await self._ask("POST", "/v1/containers", {"name": "attack"})
        finally:
            containers._limits = usual
        number = len(self._identifiers) + 1
        self._identifiers[number] = made["id"]
        self._kernels[number] = self._live(number)._kernel
        return number

    async def op_run(self, kernel: int, code: str, seconds: float) -> dict[str, Any]:
        self._engine.responses._call_seconds = seconds
        ran: list[CellResult] = []
        run = Kernel.run

        async def watched(self: Kernel, code: str, *, seconds: float) -> CellResult:
            ran.append(await run(self, code, seconds=seconds))
            return ran[-1]

        Kernel.run = watched  # type: ignore[method-assign] # the other side of the wire must be told
        try:
            response = await self._ask(
                "POST",
                "/v1/responses",
                {
                    "model": "program",
                    "input": f"{_FENCE}python\n{code}\n{_FENCE}",
                    "store": False,
                    "include": ["code_interpreter_call.outputs"],
                    "tools": [{"type": "code_interpreter", "container": self._identifiers[kernel]}],
                },
            )
        finally:
            Kernel.run = run  # type: ignore[method-assign] # as it was
        (call,) = [item for item in response["output"] if item["type"] == "code_interpreter_call"]
        (result,) = ran
        told = "".join(part["logs"] for part in call["outputs"] if part["type"] == "logs")
        text = "".join(part.text for part in result.outputs if hasattr(part, "text"))
        if not told.startswith(text):
            raise RuntimeError(f"the kernel printed {text[:1000]!r}, the response says {told[:1000]!r}")
        return {
            "logs": told if result.outcome == "ok" else text,
            "outcome": result.outcome,
            "error_name": result.error_name,
            "traceback": result.traceback,
            "seconds": result.seconds,
            "images": [part["url"].partition(",")[2] for part in call["outputs"] if part["type"] == "image"],
        }

    async def op_close(self, kernel: int) -> None:
        del self._kernels[kernel]
        await self._ask("DELETE", f"/v1/containers/{self._identifiers.pop(kernel)}")


async def main() -> None:
    """Serve until standard input ends."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))  # standard output is for answers
    settings = json.loads(sys.argv[1])
    app = create_app(
        python=Path(settings["python"]),
        min_isolation=settings["weakest"],
        requests_per_minute=None,
        reserve=settings["reserve"],
    )
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
    serving = asyncio.create_task(server.serve([listener]))
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{listener.getsockname()[1]}", timeout=120) as client:
        await serve(WireDriver(app.state.engine, client))
    server.should_exit = True
    with contextlib.suppress(asyncio.CancelledError):
        await serving


if __name__ == "__main__":
    asyncio.run(main())
