"""Streams as they are on the wire, and as the client's helper insists on them: row 11 of the product's table."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI

from tests.engine import schema
from tests.engine.conftest import Served
from tests.engine.test_responses import AUTO, OUTPUTS, calls, logs, run

ONE_CALL = [
    "response.created",
    "response.in_progress",
    "response.output_item.added",
    "response.code_interpreter_call.in_progress",
    "response.code_interpreter_call_code.delta",
    "response.code_interpreter_call_code.done",
    "response.code_interpreter_call.interpreting",
    "response.code_interpreter_call.completed",
    "response.output_item.done",
    "response.output_item.added",
    "response.content_part.added",
    "response.output_text.delta",
    "response.output_text.annotation.added",
    "response.output_text.done",
    "response.content_part.done",
    "response.output_item.done",
    "response.completed",
]
MAKES_A_FILE = "open('made.txt', 'w').write('x'); None"


def request(code: str, **extra: Any) -> dict[str, Any]:
    """The body of a streamed request."""
    body = {"model": "program", "input": f"```python\n{code}\n```", "tools": [AUTO], "stream": True, "store": False}
    return body | extra


@contextmanager
def streamed(served: Served, body: dict[str, Any]) -> Iterator[httpx.Response]:
    """The answer to a streamed request, its body yet to be read."""
    with httpx.stream("POST", f"{served.url}/v1/responses", json=body, timeout=120) as answer:
        yield answer


def test_the_events_of_one_call_come_in_order(engine: Served) -> None:
    """Types in the recorded order, numbers without gaps, one name line for each, and no [DONE]."""
    with streamed(engine, request(MAKES_A_FILE)) as answer:
        body = answer.read()
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    events = schema.events(body)
    assert [event["type"] for event in events] == ONE_CALL
    assert [event["sequence_number"] for event in events] == list(range(len(ONE_CALL)))
    assert body.decode().count("event: ") == len(ONE_CALL)


@pytest.mark.parametrize(
    ("include", "added", "done"), [([], None, None), (OUTPUTS, [], [{"type": "logs", "logs": "1\n"}])]
)
def test_the_container_is_known_from_the_first_item_on(engine: Served, include: Any, added: Any, done: Any) -> None:
    """``added`` names the container; outputs are null, or empty and then filled, as the request includes them."""
    with streamed(engine, request("print(1)", include=include)) as answer:
        items = [event["item"] for event in schema.events(answer.read()) if "item" in event]
    assert items[0]["container_id"].startswith("cntr_")
    assert (items[0]["status"], items[0]["code"], items[0]["outputs"]) == ("in_progress", "", added)
    assert (items[1]["status"], items[1]["code"], items[1]["outputs"]) == ("completed", "print(1)\n", done)


def test_the_clients_stream_helper_accepts_it(ai: OpenAI) -> None:
    """The helper checks more than the wire says; its final response is the same as one made at once."""
    code = f"```python\nprint(1)\n```\nthen\n```python\n{MAKES_A_FILE}\n```"
    with ai.responses.stream(model="program", input=code, tools=[AUTO], include=OUTPUTS) as stream:
        types = [event.type for event in stream]
        final = stream.get_final_response()
    assert types.count("response.code_interpreter_call.completed") == 2
    assert final.output_text == "[made.txt](sandbox:/mnt/data/made.txt)"
    assert ai.responses.retrieve(final.id).output_text == final.output_text


def test_errors_before_the_first_byte_are_plain_errors(ai: OpenAI) -> None:
    """What can be known beforehand is an HTTP status, not an event."""
    with pytest.raises(openai.NotFoundError):
        ai.responses.create(**request("1", tools=[{"type": "code_interpreter", "container": "cntr_x"}]))


def test_a_container_deleted_under_a_run_fails_it(engine: Served, ai: OpenAI) -> None:
    """A nested error event, then ``response.failed``: the client raises, and the failed item says failed."""
    container = ai.containers.create(name="doomed")
    tools: Any = [{"type": "code_interpreter", "container": container.id}]
    with streamed(engine, request("import time; time.sleep(60)", tools=tools)) as answer:
        lines = []
        for line in answer.iter_lines():
            lines.append(line)
            if line == "event: response.code_interpreter_call.interpreting":
                ai.containers.delete(container.id)
        events = schema.events("\n".join(lines).encode())
    assert [event["type"] for event in events[-3:]] == ["response.output_item.done", "error", "response.failed"]
    assert events[-3]["item"]["status"] == "failed"
    assert set(events[-2]["error"]) == {"type", "code", "message", "param"}
    assert events[-1]["response"]["status"] == "failed"


def test_silence_is_filled_with_comments(start: Callable[..., Served]) -> None:
    """A long run sends comments, which every client skips."""
    with streamed(start(keep_alive_seconds=0.2), request("import time; time.sleep(1)")) as answer:
        body = answer.read().decode()
    assert body.count(": keep-alive\n\n") >= 1
    assert schema.events(body.encode())[-1]["type"] == "response.completed"


def settles(condition: Callable[[], bool], seconds: float = 30) -> bool:
    """Whether the condition becomes true in time."""
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_hangs_up_ends_the_run(engine: Served, ai: OpenAI, stream: object) -> None:
    """Within a second the run is over, and a container that nobody else knows is gone."""
    body = request("import time\nwhile True: time.sleep(1)", stream=stream)
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{engine.url}/v1/responses", json=body, timeout=httpx.Timeout(5, read=0.8)).read()
    assert settles(lambda: engine.engine.responses.count() == 0)
    assert settles(lambda: list(ai.containers.list()) == [])


def test_a_client_that_leaves_before_the_stream_begins_ends_the_run(engine: Served) -> None:
    """A request sent and abandoned at once leaves nothing that runs."""
    body = json.dumps(request("import time\nwhile True: time.sleep(1)")).encode()
    head = f"POST /v1/responses HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    host, port = engine.url.removeprefix("http://").split(":")
    for _ in range(5):
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(head + body)
    assert settles(lambda: engine.engine.responses.count() == 0)


@pytest.mark.parametrize("store", [True, False])
def test_background_responses_go_on_without_their_client(ai: OpenAI, store: object) -> None:
    """Answered at once as queued, then retrieved until it is completed; an unstored one for a while."""
    response = run(ai, "import time; time.sleep(0.3); print('done')", background=True, store=store)
    assert (response.status, response.usage) == ("queued", None)
    assert settles(lambda: ai.responses.retrieve(response.id).status == "completed")
    assert logs(ai.responses.retrieve(response.id)) == "done\n"


def test_a_background_response_can_be_cancelled(engine: Served, ai: OpenAI) -> None:
    """Cancel stops the code, is idempotent, and is refused for a response that is not in the background."""
    response = run(ai, "import time\nwhile True: time.sleep(1)", background=True)
    assert settles(lambda: bool(calls(ai.responses.retrieve(response.id))), 5)
    assert [ai.responses.cancel(response.id).status for _ in range(2)] == ["cancelled", "cancelled"]
    assert ai.responses.retrieve(response.id).status == "cancelled"
    with pytest.raises(openai.BadRequestError):
        ai.responses.cancel(run(ai, "1").id)


def test_a_background_stream_can_be_read_again(ai: OpenAI) -> None:
    """A reader that left comes back with the number of the last event it has seen."""
    body = request("print(1)", background=True, store=True)
    first = list(ai.responses.create(**body))
    identifier = first[0].response.id
    again = list(ai.responses.retrieve(identifier, stream=True, starting_after=3))
    assert [event.sequence_number for event in again] == list(range(4, len(first)))
    assert again[-1].type == "response.completed"


def test_only_background_streams_can_be_read_again(ai: OpenAI) -> None:
    """Any other stream is gone with its reader."""
    response = run(ai, "1")
    with pytest.raises(openai.BadRequestError):
        ai.responses.retrieve(response.id, stream=True)


def test_curl_needs_no_client(engine: Served) -> None:
    """An unadorned POST is answered with the full set of keys."""
    body = json.dumps(request("print(1)", stream=False)).encode()
    answer = httpx.post(f"{engine.url}/v1/responses", content=body)
    expected = {
        "id", "object", "created_at", "completed_at", "status", "background", "billing", "error", "frequency_penalty",
        "incomplete_details", "instructions", "max_output_tokens", "max_tool_calls", "metadata", "model", "moderation", "output",
        "parallel_tool_calls", "presence_penalty", "previous_response_id", "prompt_cache_key", "prompt_cache_retention",
        "reasoning", "safety_identifier", "service_tier", "store", "temperature", "text", "tool_choice", "tools",
        "top_logprobs", "top_p", "truncation", "usage", "user",
    }  # fmt: skip
    assert set(answer.json()) == expected
