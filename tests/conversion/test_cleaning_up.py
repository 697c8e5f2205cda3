"""What conversions made is deleted also when several end at once and a deletion fails."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress

import httpx2

from service.conversion.faults import InterpreterBusy
from service.conversion.interpreter import Interpreter
from service.conversion.task import Task, Uploaded


class Events(httpx2.AsyncByteStream):
    """A run that names its container and then fails; its end can be made to wait."""

    def __init__(self, container_id: str, may_end: asyncio.Event, ends: asyncio.Event) -> None:
        self._container_id = container_id
        self._may_end = may_end
        self._ends = ends

    async def __aiter__(self) -> AsyncIterator[bytes]:
        item = {"type": "code_interpreter_call", "container_id": self._container_id}
        yield f"data: {json.dumps({'type': 'response.output_item.added', 'item': item})}\n\n".encode()
        yield b'data: {"type": "error", "code": "rate_limit_exceeded"}\n\n'

    async def aclose(self) -> None:
        """Say that the end has come, and wait until it may."""
        self._ends.set()
        await self._may_end.wait()


def test_a_deletion_that_failed_is_not_forgotten_when_another_conversion_ends() -> None:
    """It is tried again by the next that cleans up, whoever was cleaning up meanwhile."""
    deleted: list[str] = []
    refused = {"cntr_quick"}

    async def scenario() -> None:
        waits, ends, at_once = asyncio.Event(), asyncio.Event(), asyncio.Event()
        at_once.set()

        def answer(request: httpx2.Request) -> httpx2.Response:
            if request.method == "POST":
                name = json.loads(request.content)["metadata"]["kernel"]
                events = Events(f"cntr_{name}", waits if name == "slow" else at_once, ends)
                return httpx2.Response(200, headers={"content-type": "text/event-stream"}, stream=events)
            identifier = request.url.path.rpartition("/")[2]
            if identifier in refused:
                return httpx2.Response(400, json={"error": {"message": "no"}})
            deleted.append(identifier)
            return httpx2.Response(200, json={})

        http = httpx2.AsyncClient(transport=httpx2.MockTransport(answer))
        interpreter = Interpreter(base_url="http://engine/v1", api_key="x", http=http)

        async def convert(name: str) -> None:
            with suppress(InterpreterBusy):
                async with interpreter.session() as session:
                    await session.run(Task("x", "program", Uploaded("file-x"), "1g", name))

        slow = asyncio.create_task(convert("slow"))
        await ends.wait()
        await convert("quick")
        refused.clear()
        waits.set()
        await slow
        await interpreter.close()

    asyncio.run(asyncio.wait_for(scenario(), 30))
    assert sorted(deleted) == ["cntr_quick", "cntr_slow"]
