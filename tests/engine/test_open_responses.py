"""What the Open Responses acceptance suite asks of a server, in our words: seven conversations, every key of a response, every event."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.engine import schema
from tests.engine.chat_double import Answer, calls, says
from tests.engine.test_models import Played, modelled, play

__all__ = ["modelled", "play"]  # fixtures

PIXEL = "data:image/gif;base64,R0lGODlhAQABAAAAADs="
WEATHER: dict[str, Any] = {
    "type": "function",
    "name": "get_weather",
    "description": "Get the weather of a place.",
    "parameters": {"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]},
}


def message(role: str, content: Any) -> dict[str, Any]:
    """An item of the input, with its type."""
    return {"type": "message", "role": role, "content": content}


CONVERSATIONS: dict[str, tuple[dict[str, Any], Answer, str]] = {
    "text": ({"input": [message("user", "Say hello.")]}, says("Hello."), "message"),
    "system": ({"input": [message("system", "Be a pirate."), message("user", "Hi.")]}, says("Arr."), "message"),
    "turns": ({"input": [message("user", "I am Al."), message("assistant", "Hi Al."), message("user", "Who am I?")]}, says("Al."), "message"),
    "image": ({"input": [message("user", [{"type": "input_text", "text": "What is it?"}, {"type": "input_image", "image_url": PIXEL}])]}, says("A dot."), "message"),
    "function": ({"input": [message("user", "Weather in Rome?")], "tools": [WEATHER]}, calls(("get_weather", {"place": "Rome"})), "function_call"),
}  # fmt: skip

KINDS: dict[str, type | tuple[type, ...]] = {
    "id": str,
    "object": str,
    "created_at": int,
    "completed_at": (int, type(None)),
    "status": str,
    "incomplete_details": (dict, type(None)),
    "model": str,
    "previous_response_id": (str, type(None)),
    "instructions": (str, type(None)),
    "output": list,
    "error": (dict, type(None)),
    "tools": list,
    "tool_choice": (str, dict),
    "truncation": str,
    "parallel_tool_calls": bool,
    "text": dict,
    "top_p": (int, float),
    "presence_penalty": (int, float),
    "frequency_penalty": (int, float),
    "top_logprobs": int,
    "temperature": (int, float),
    "reasoning": (dict, type(None)),
    "usage": (dict, type(None)),
    "max_output_tokens": (int, type(None)),
    "max_tool_calls": (int, type(None)),
    "store": bool,
    "background": bool,
    "service_tier": str,
    "metadata": dict,
    "safety_identifier": (str, type(None)),
    "prompt_cache_key": (str, type(None)),
}


def misfits(response: dict[str, Any]) -> list[str]:
    """The keys that are missing or of another kind."""
    return [name for name, kind in KINDS.items() if not isinstance(response.get(name, ...), kind)]


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_answered_at_once(play: Callable[..., Played], name: str) -> None:
    """A completed response with an item of the expected type, and every key."""
    request, script, kind = CONVERSATIONS[name]
    url = play(script).served.url
    response = httpx.post(
        f"{url}/v1/responses", json={"model": "tools", "stream": False, **request}, timeout=300
    ).json()
    assert (response["status"], [item["type"] for item in response["output"]]) == ("completed", [kind])
    assert misfits(response) == []
    assert all(item["id"] and item["status"] == "completed" for item in response["output"])
    assert {"input_tokens", "output_tokens", "total_tokens"} <= response["usage"].keys()


@pytest.mark.parametrize("name", ["text", "function"])
def test_streamed(play: Callable[..., Played], name: str) -> None:
    """Every event that carries a response carries all of it; a function's arguments come as deltas and whole."""
    request, script, kind = CONVERSATIONS[name]
    url = play(script).served.url
    answer = httpx.post(f"{url}/v1/responses", json={"model": "tools", "stream": True, **request}, timeout=300)
    events = schema.events(answer.content)
    assert [misfits(event["response"]) for event in events if "response" in event] == [[]] * 3
    assert events[-1]["response"]["output"][0]["type"] == kind
    told = [event["type"].removeprefix("response.") for event in events]
    words = "function_call_arguments" if name == "function" else "output_text"
    begun, ended = told.index("output_item.added"), told.index("output_item.done")
    assert begun < told.index(f"{words}.delta") < told.index(f"{words}.done") < ended
