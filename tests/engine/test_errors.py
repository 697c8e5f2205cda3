"""Wrong requests: exact status, code and dotted ``param`` of each, as the official client sees them."""

from collections.abc import Callable
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI

from tests.engine.conftest import Served

Code = "code_interpreter"


def auto(**extra: Any) -> dict[str, Any]:
    """A request for an auto container with these members."""
    return {"tools": [{"type": Code, "container": {"type": "auto"} | extra}]}


RESPONSES: list[tuple[dict[str, Any], int, str | None, str | None, str]] = [
    ({"tools": [{"type": Code}]}, 400, "missing_required_parameter", "tools[0].container", "Missing required parameter: 'tools[0].container'."),
    (auto(files=[]), 400, "unknown_parameter", "tools[0].container.files", "Unknown parameter: 'tools[0].container.files'."),
    (auto(name="x"), 400, "unknown_parameter", "tools[0].container.name", "Unknown parameter: 'tools[0].container.name'."),
    (auto(memory_limit="2g"), 400, "invalid_value", "tools[0].container.memory_limit", "Invalid value: '2g'. Supported values are: '1g', '4g', '16g', and '64g'."),
    (auto(memory_limit=1), 400, "invalid_type", "tools[0].container.memory_limit", "Invalid type for 'tools[0].container.memory_limit': expected a string, but got an integer instead."),
    (auto(file_ids=["x"] * 51), 400, "array_above_max_length", "tools[0].container.file_ids", "Invalid 'tools[0].container.file_ids': array too long. Expected an array with maximum length 50, but got an array with length 51 instead."),
    (auto(file_ids=["file-x"]), 404, None, "id", "No such File object: file-x"),
    (auto(network_policy={"type": "allowlist", "allowed_domains": ["a.b"]}), 400, "unsupported_parameter", "tools[0].container.network_policy", "Network access of containers is not served by this engine."),
    ({"tools": [{"type": Code, "container": {}}]}, 400, "missing_required_parameter", "tools[0].container.type", "Missing required parameter: 'tools[0].container.type'."),
    ({"tools": [{"type": "function", "name": "a b"}]}, 400, "invalid_value", "tools[0].name", "Invalid 'tools[0].name': string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'."),
    ({"tools": [*auto()["tools"], {"type": "function", "name": "python"}]}, 400, "invalid_value", "tools[1].name", "The name 'python' is taken by the code_interpreter tool."),
    ({"tools": [{"type": "web_search"}]}, 400, "invalid_value", "tools[0].type", "Invalid value: 'web_search'. Supported values are: 'code_interpreter' and 'function'."),
    ({"tools": [{"type": Code, "container": "cntr_x"}]}, 404, None, None, "Container with id 'cntr_x' not found."),
    ({"tools": "x"}, 400, "invalid_type", "tools", "Invalid type for 'tools': expected an array, but got a string instead."),
    ({"nonsense": 1}, 400, "unknown_parameter", "nonsense", "Unknown parameter: 'nonsense'."),
    ({"model": None}, 400, "invalid_type", "model", "Invalid type for 'model': expected a string, but got null instead."),
    ({"model": "gpt-none"}, 404, "model_not_found", "model", "The model 'gpt-none' does not exist or you do not have access to it."),
    ({"input": 3}, 400, "invalid_type", "input", "Invalid type for 'input': expected one of a string or an array, but got an integer instead."),
    ({"input": [{"role": "user"}]}, 400, "missing_required_parameter", "input[0].content", "Missing required parameter: 'input[0].content'."),
    ({"input": [{"role": "king", "content": ""}]}, 400, "invalid_value", "input[0].role", "Invalid value: 'king'. Supported values are: 'assistant', 'developer', 'system', and 'user'."),
    ({"input": [{"role": "user", "content": "", "name": "x"}]}, 400, "unknown_parameter", "input[0].name", "Unknown parameter: 'input[0].name'."),
    ({"input": [{"type": "computer_call"}]}, 400, "invalid_value", "input[0].type", "Invalid value: 'computer_call'."),
    ({"temperature": 3}, 400, "decimal_above_max_value", "temperature", "Invalid 'temperature': decimal above maximum value. Expected a value <= 2, but got 3 instead."),
    ({"max_output_tokens": 1}, 400, "integer_below_min_value", "max_output_tokens", "Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 16, but got 1 instead."),
    ({"metadata": {"k": "v" * 513}}, 400, "string_above_max_length", "metadata.k", "Invalid 'metadata.k': string too long. Expected a string with maximum length 512, but got a string with length 513 instead."),
    ({"metadata": {str(n): "" for n in range(17)}}, 400, "object_above_max_properties", "metadata", "Invalid 'metadata': too many properties. Expected an object with at most 16 properties, but got an object with 17 properties instead."),
    ({"previous_response_id": "resp_x"}, 400, "previous_response_not_found", "previous_response_id", "Previous response with id 'resp_x' not found."),
    ({"conversation": "conv_1"}, 400, "unsupported_parameter", "conversation", "The Conversations API is not served by this engine; use previous_response_id instead."),
    ({"tool_choice": "required"}, 400, "invalid_value", "tool_choice", "Tool choice 'required' must be specified with 'tools' parameter."),
    ({"tool_choice": {"type": "function", "name": "f"}}, 400, "invalid_value", "tool_choice", "Tool choice 'f' not found in 'tools' parameter."),
    ({"include": ["nothing"]}, 400, "invalid_value", "include[0]", "Invalid value: 'nothing'."),
    ({"input": [{"type": "function_call_output", "call_id": "c", "output": ""}]}, 400, None, "input", "No tool call found for function call output with call_id c."),
    ({"input": [{"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}]}, 400, None, "input", "No tool output found for function call c."),
    ({"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "data:text/plain;base64,eA=="}]}]}, 400, "invalid_value", "input[0].content[0].image_url", "Invalid 'input[0].content[0].image_url'. Expected a base64-encoded data URL with an image MIME type, but got 'text/plain'."),
    ({"input": [{"role": "user", "content": [{"type": "input_file", "file_data": "eA=="}]}]}, 400, "unsupported_parameter", "input[0].content[0]", "Reading files without the code_interpreter tool is not served by this engine."),
    ({"input": [{"role": "user", "content": [{"type": "input_file", "file_url": "http://x/y"}]}]}, 400, "unsupported_parameter", "input[0].content[0].file_url", "Fetching files from URLs is not served by this engine."),
    ({"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "http://x/y"}]}]}, 400, "unsupported_parameter", "input[0].content[0].image_url", "Fetching images from URLs is not served by this engine."),
    ({"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "data:image/png,AAAA"}]}]}, 400, "invalid_value", "input[0].content[0].image_url", "Invalid 'input[0].content[0].image_url'. Expected a base64-encoded data URL with an explicit media type."),
    (auto() | {"input": [{"role": "user", "content": [{"type": "input_file", "file_data": "%%"}]}]}, 400, "invalid_value", "input[0].content[0].file_data", "Invalid 'input[0].content[0].file_data'. Expected a base64-encoded data URL with an explicit media type."),
]  # fmt: skip


@pytest.mark.parametrize(("wrong", "status", "code", "param", "message"), RESPONSES)
def test_wrong_responses_are_named(  # noqa: PLR0917 - the columns of a table
    ai: OpenAI, wrong: dict[str, Any], status: int, code: str | None, param: str | None, message: str
) -> None:
    """Each mistake is answered with the culprit's path."""
    with pytest.raises(openai.APIStatusError) as caught:
        ai.post("/responses", body={"model": "program", "input": "x"} | wrong, cast_to=object)
    error = caught.value
    assert (error.status_code, error.code, error.param, error.type) == (status, code, param, "invalid_request_error")
    assert message in error.message


@pytest.mark.parametrize(
    ("filename", "size", "code"), [("notes.txt", 1, "invalid_value"), ("p.png", (50 << 20) + 1, "image_file_too_large")]
)
def test_an_upload_that_is_no_image_to_show_is_named(ai: OpenAI, filename: str, size: int, code: str) -> None:
    """By what it is and by its size, before it is read into memory."""
    upload = ai.files.create(file=(filename, bytes(size)), purpose="vision")
    content: Any = [{"type": "input_image", "file_id": upload.id, "detail": "auto"}]
    with pytest.raises(openai.BadRequestError) as caught:
        ai.responses.create(model="program", input=[{"role": "user", "content": content}])
    assert (caught.value.code, caught.value.param) == (code, "input[0].content[0].file_id")
    ai.files.delete(upload.id)


OTHERS: list[tuple[Callable[[OpenAI], object], int, str | None, str]] = [
    (lambda ai: ai.containers.retrieve("cntr_x"), 404, None, "Container with id 'cntr_x' not found."),
    (lambda ai: ai.containers.delete("cntr_x"), 404, None, "Container with id 'cntr_x' not found."),
    (lambda ai: ai.containers.files.list("cntr_x"), 404, None, "Container with id 'cntr_x' not found."),
    (lambda ai: ai.files.retrieve("cfile_x"), 404, "id", "No such File object: cfile_x"),
    (lambda ai: ai.files.delete("file-x"), 404, "id", "No such File object: file-x"),
    (lambda ai: ai.files.list(after="file-x"), 404, "after", "Resource not found."),
    (lambda ai: ai.responses.retrieve("resp_x"), 404, None, "Response with id 'resp_x' not found."),
    (lambda ai: ai.responses.retrieve("resp_x", include=["nothing"]), 400, "include[0]", "Invalid value: 'nothing'."),  # type: ignore[list-item] # wrong on purpose
    (lambda ai: ai.responses.cancel("resp_x"), 404, None, "Response with id 'resp_x' not found."),
    (lambda ai: ai.responses.input_items.list("resp_x"), 404, None, "Response with id 'resp_x' not found."),
    (lambda ai: ai.containers.list(limit=101), 400, "limit", "Invalid 'limit': integer above maximum value. Expected a value <= 100, but got 101 instead."),
    (lambda ai: ai.containers.list(limit=0), 400, "limit", "Invalid 'limit': integer below minimum value. Expected a value >= 1, but got 0 instead."),
    (lambda ai: ai.containers.list(extra_query={"limit": "ten"}), 400, "limit", "Invalid type for 'limit': expected an integer, but got a string instead."),
    (lambda ai: ai.containers.list(extra_query={"order": "up"}), 400, "order", "Invalid value: 'up'. Supported values are: 'asc' and 'desc'."),
    (lambda ai: ai.post("/containers", body={}, cast_to=object), 400, "name", "Missing required parameter: 'name'."),
    (lambda ai: ai.containers.create(name="x", expires_after={"anchor": "last_active_at", "minutes": 21}), 400, "expires_after.minutes", "Invalid 'expires_after.minutes': integer above maximum value. Expected a value <= 20, but got 21 instead."),
    (lambda ai: ai.containers.create(name="x", memory_limit="64g"), 400, "memory_limit", "Invalid value: '64g'. This machine's memory allows at most"),
    (lambda ai: ai.containers.create(name="x", network_policy={"type": "allowlist", "allowed_domains": ["a.b"]}), 400, "network_policy", "Network access of containers is not served by this engine."),
    (lambda ai: ai.containers.create(name="x", skills=[{"type": "skill_reference", "skill_id": "s"}]), 400, "skills", "The Skills API is not served by this engine."),
    (lambda ai: ai.files.create(file=b"x", purpose="nonsense"), 400, "purpose", "Invalid value: 'nonsense'."),  # type: ignore[arg-type] # likewise
    (lambda ai: ai.files.create(file=b"x", purpose="evals", expires_after={"anchor": "created_at", "seconds": 1}), 400, "expires_after.seconds", "Invalid 'expires_after.seconds': integer below minimum value. Expected a value >= 3600, but got 1 instead."),
    (lambda ai: ai.post("/files", body={"purpose": "user_data"}, cast_to=object), 400, "purpose", "Missing required parameter: 'purpose'."),
    (lambda ai: ai.get("/nowhere", cast_to=object), 404, None, "Invalid URL (GET /v1/nowhere)"),
    (lambda ai: ai.put("/files", cast_to=object), 405, None, "Not allowed to PUT on /v1/files."),
]  # fmt: skip


@pytest.mark.parametrize(("call", "status", "param", "message"), OTHERS)
def test_wrong_calls_are_named(
    ai: OpenAI, call: Callable[[OpenAI], object], status: int, param: str | None, message: str
) -> None:
    """The other endpoints speak the same language."""
    with pytest.raises(openai.APIStatusError) as caught:
        call(ai)
    assert (caught.value.status_code, caught.value.param) == (status, param)
    assert message in caught.value.message
    assert caught.value.request_id


@pytest.mark.parametrize("body", [b"{", b"\xff", b"[" * 100_000, b'"text"', b"[]"])
def test_a_body_that_is_no_json_object_is_a_400(engine: Served, body: bytes) -> None:
    """Nothing a client can send as JSON makes a server error."""
    answer = httpx.post(f"{engine.url}/v1/responses", content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ([("expires_after", "5"), ("expires_after[seconds]", "3600")], "expires_after"),
        ([("expires_after[seconds]", "3600"), ("expires_after", "5")], "expires_after"),
        ([("purpose[", "x")], "purpose"),
    ],
)
def test_a_form_that_contradicts_itself_is_a_400(engine: Served, fields: list[tuple[str, str]], param: str) -> None:
    """A field with a value and with members is neither."""
    form = {name: (None, text) for name, text in [("purpose", "user_data"), *fields]}
    answer = httpx.post(f"{engine.url}/v1/files", files={"file": ("a.csv", b"x"), **form})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


def test_a_form_may_name_an_upload_only_by_a_word(engine: Served, ai: OpenAI) -> None:
    """``file_id`` with members is no id."""
    container = ai.containers.create(name="x")
    url = f"{engine.url}/v1/containers/{container.id}/files"
    answer = httpx.post(url, files={"file_id[a]": (None, "file-x")})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "file_id")


def test_other_methods_are_named(engine: Served) -> None:
    """A 405 says what the path may be asked with."""
    answer = httpx.patch(f"{engine.url}/v1/containers/cntr_x/files")
    assert (answer.status_code, answer.json()["error"]["code"]) == (405, "method_not_supported")
    assert {"GET", "POST"} <= set(answer.headers["allow"].split(", "))
    assert "DELETE" not in answer.headers["allow"]


def test_a_compressed_body_is_refused_by_name(engine: Served) -> None:
    """No bomb is unpacked, and the caller is not told that the JSON is wrong."""
    answer = httpx.post(f"{engine.url}/v1/responses", content=b"x", headers={"content-encoding": "gzip"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (415, "unsupported_content_encoding")
    plain = httpx.get(f"{engine.url}/v1/models", headers={"content-encoding": "Identity"})
    assert plain.status_code == 200


def test_the_callers_request_id_comes_back(engine: Served) -> None:
    """``x-request-id`` is the caller's, on success and on errors."""
    for path in ("/v1/models", "/v1/containers/cntr_x"):
        assert httpx.get(engine.url + path, headers={"x-request-id": "mine-1"}).headers["x-request-id"] == "mine-1"


def test_keys_are_asked_for(start: Callable[..., Served]) -> None:
    """With keys set, no key and a wrong key are 401 with different words; each right one opens."""
    served = start(api_keys=["first", "second"])
    with pytest.raises(openai.AuthenticationError) as wrong:
        served.client(key="third").models.list()
    assert (wrong.value.code, wrong.value.type) == ("invalid_api_key", "invalid_request_error")
    missing = httpx.get(f"{served.url}/v1/models")
    assert (missing.status_code, missing.json()["error"]["code"]) == (401, None)
    assert [served.client(key=key).models.list().data[0].id for key in ("first", "second")] == ["program"] * 2
    assert httpx.get(f"{served.url}/livez").text == "ok"


def test_the_request_budget(start: Callable[..., Served]) -> None:
    """Row 14: past the budget 429 with Retry-After; another key and the converter's own key are not touched by it."""
    served = start(api_keys=["a", "b"], requests_per_minute=3, internal_key="inner")
    answers = [served.client(key="a").models.with_raw_response.list() for _ in range(3)]
    assert [answer.headers["x-ratelimit-remaining-requests"] for answer in answers] == ["2", "1", "0"]
    with pytest.raises(openai.RateLimitError) as caught:
        served.client(key="a").models.list()
    assert (caught.value.code, caught.value.type) == ("rate_limit_exceeded", "requests")
    assert 1 <= int(caught.value.response.headers["retry-after"]) <= 60
    served.client(key="b").models.list()
    for _ in range(5):
        served.client(key="inner").models.list()
