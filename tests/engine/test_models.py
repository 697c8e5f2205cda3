"""Language models in the loop, played by a real chat completions server: rows 8 and 15 of the product's table."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI

from service.engine.upstream import Upstream
from tests.engine.chat_double import Answer, Double, calls, python, says, thinks
from tests.engine.conftest import Served, engine_with, judge
from tests.engine.test_responses import AUTO, OUTPUTS, citations, logs
from tests.engine.test_responses import calls as code_calls


class Played:
    """The shared engine with models that ask whichever double is on."""

    def __init__(self, served: Served, double: Double) -> None:
        self.served = served
        self.double = double
        self.ai: OpenAI = served.client()

    def ask(self, **request: Any) -> Any:
        """A response of the model ``tools``."""
        body = {"model": "tools", "input": "Do it.", "tools": [AUTO], "include": OUTPUTS} | request
        return self.ai.responses.create(**body)


@pytest.fixture(scope="module")
def modelled() -> Iterator[tuple[Served, Double]]:
    """An engine with three models of one endpoint: each dialect once, one of them can see."""
    with Double([]).serving() as double:
        models = [
            Upstream(name="tools", url=double.url, model="upstream-name", sees_images=True),
            Upstream(name="fenced", url=double.url, dialect="fenced"),
            Upstream(name="json", url=double.url, dialect="json"),
        ]
        with engine_with(models=models) as served:
            yield served, double


@pytest.fixture
def play(modelled: tuple[Served, Double]) -> Iterator[Callable[..., Played]]:
    """Sets the script: ``play(python("1"), says("done"))``; the schema judges what came of it."""
    served, double = modelled
    served.recorder.answers.clear()
    with ExitStack() as open_clients:

        def begin(*script: Answer) -> Played:
            double.script, double.requests = list(script), []
            played = Played(served, double)
            open_clients.enter_context(played.ai)
            return played

        yield begin
        judge(served)
        with served.client() as ai:
            for container in ai.containers.list():
                ai.containers.delete(container.id)


def test_the_model_writes_reads_the_error_and_rewrites(play: Callable[..., Played]) -> None:
    """Row 8: a failing call, its traceback to the model, a better call, an answer; usage is summed over the turns."""
    played = play(
        [*thinks("Let me see."), *python("print(total)")],
        python("total = sum([1, 2, 3])\nopen('total.txt', 'w').write(str(total)); print(total)"),
        says("The total is 6: [total](sandbox:/mnt/data/total.txt)"),
    )
    response = played.ask()
    kinds = [item.type for item in response.output]
    assert kinds == ["reasoning", "code_interpreter_call", "code_interpreter_call", "message"]
    told = played.double.requests[1]["messages"][-1]
    assert told["role"] == "tool"
    assert "NameError: name 'total' is not defined" in told["content"]
    assert played.double.requests[2]["messages"][-1]["content"] == "6\n"
    assert response.usage.total_tokens == 3 * 14
    assert [citation.filename for citation in citations(response)] == ["total.txt"]


def test_the_model_is_told_its_tool_and_its_place(play: Callable[..., Played]) -> None:
    """The system text names the folder, the packages and the lack of a network; the tool is called python."""
    played = play(says("ok"))
    played.ask(instructions="Answer in French.")
    request = played.double.requests[0]
    assert [each["role"] for each in request["messages"]] == [
        "system",
        "user",
    ]  # some chat templates take no second one
    system = request["messages"][0]["content"]
    assert all(word in system for word in ("/mnt/data", "pandas", "no network", "sandbox:"))
    assert system.endswith("\n\nAnswer in French.")
    assert [tool["function"]["name"] for tool in request["tools"]] == ["python"]
    assert request["model"] == "upstream-name"


def test_code_is_streamed_as_it_is_written(play: Callable[..., Played]) -> None:
    """Deltas come in the pieces in which the arguments come, and join to the code; a thought is an item of its own."""
    code = 'print("ä\\n", \'😀\', "\\\\")\n# "quoted" \t end'
    played = play([*thinks("Hm."), *python(code)], says("done"))
    with played.ai.responses.stream(model="tools", input="x", tools=[AUTO], include=OUTPUTS) as stream:
        deltas = [event.delta for event in stream if event.type == "response.code_interpreter_call_code.delta"]
        final = stream.get_final_response()
    assert "".join(deltas) == code
    assert len(deltas) > 3
    assert logs(final) == "ä\n 😀 \\\n"


def test_a_forced_choice_binds_only_the_first_turn(play: Callable[..., Played]) -> None:
    """``required`` forces at least one call, not endless ones."""
    played = play(python("1"), says("done"))
    played.ask(tool_choice={"type": "code_interpreter"})
    choices = [request.get("tool_choice") for request in played.double.requests]
    assert choices == [{"type": "function", "function": {"name": "python"}}, None]


def test_tools_may_be_forbidden(play: Callable[..., Played]) -> None:
    """With ``none`` the model is given no tool at all."""
    played = play(says("no code"))
    assert played.ask(tool_choice="none").output_text == "no code"
    assert "tools" not in played.double.requests[0]


def test_the_callers_functions_are_called(play: Callable[..., Played]) -> None:
    """A function call ends the run; its output comes with the next request, and the model goes on."""
    function: Any = {"type": "function", "name": "rate", "parameters": {"type": "object"}, "strict": False}
    played = play(calls(("rate", {"of": "CHF"})), python("print(2 * 1.05)"), says("2.1"))
    first = played.ask(tools=[AUTO, function])
    call = first.output[-1]
    assert (call.type, call.name, json.loads(call.arguments)) == ("function_call", "rate", {"of": "CHF"})
    output: Any = [{"type": "function_call_output", "call_id": call.call_id, "output": "1.05"}]
    second = played.ask(tools=[AUTO, function], input=output, previous_response_id=first.id)
    assert second.output_text == "2.1"
    told = played.double.requests[1]["messages"]
    assert [each["role"] for each in told[-2:]] == ["assistant", "tool"]
    assert told[-1]["content"] == "1.05"


def test_a_function_may_be_called_python(play: Callable[..., Played]) -> None:
    """Without the code interpreter the name is free."""
    function: Any = {"type": "function", "name": "python"}
    call = play(calls(("python", {"code": "1"}))).ask(tools=[function]).output[-1]
    assert (call.type, call.arguments) == ("function_call", '{"code": "1"}')


def test_the_json_dialect_is_told_of_functions(play: Callable[..., Played]) -> None:
    """Where no tools can be declared, their definitions stand in the system text; the fenced dialect refuses them."""
    function: Any = {
        "type": "function",
        "name": "rate",
        "description": "Exchange rates.",
        "parameters": {"type": "object"},
    }
    played = play(says('{"name": "rate", "arguments": {"of": "CHF"}}'))
    call = played.ask(model="json", tools=[function]).output[-1]
    assert (call.name, json.loads(call.arguments)) == ("rate", {"of": "CHF"})
    assert '"description":"Exchange rates."' in played.double.requests[0]["messages"][0]["content"]
    with pytest.raises(openai.BadRequestError, match="Calling functions with this model's dialect, 'fenced'"):
        played.ask(model="fenced", tools=[function])


def test_ids_of_calls_are_short(play: Callable[..., Played]) -> None:
    """The vendor's chat endpoint takes 40 characters; a call and its result share them."""
    played = play(python("1"), says("ok"))
    played.ask()
    call, result = played.double.requests[1]["messages"][-2:]
    assert call["tool_calls"][0]["id"] == result["tool_call_id"]
    assert len(result["tool_call_id"]) <= 40


def test_an_answer_that_breaks_off_is_not_run(play: Callable[..., Played]) -> None:
    """A stream that just ends gave half a program."""
    with pytest.raises(openai.InternalServerError, match="broke off"):
        play(python("open('made', 'w')")[:-1]).ask()


def test_a_tool_that_is_not_there_is_named_to_the_model(play: Callable[..., Played]) -> None:
    """It is told what there is and goes on, as agents' loops do; the caller sees the calls that ran."""
    played = play(calls(("search", {"for": "CHF"}), ("python", {"code": "print(2)"})), calls(("open", "{")), says("2"))
    response = played.ask(tool_choice="required")
    assert (response.status, logs(response), response.output_text) == ("completed", "2\n", "2")
    assert [item.type for item in response.output] == ["code_interpreter_call", "message"]
    call, result = played.double.requests[1]["messages"][-4:-2]
    assert call["tool_calls"][0]["function"] == {"name": "search", "arguments": '{"for": "CHF"}'}
    assert result["content"] == "There is no tool 'search'. There are only: python."
    call, result = played.double.requests[2]["messages"][-2:]
    assert call["tool_calls"][0]["function"] == {"name": "open", "arguments": "{}"}
    assert result["tool_call_id"] == call["tool_calls"][0]["id"]


def test_calls_of_tools_that_are_not_there_count(play: Callable[..., Played]) -> None:
    """A model that never finds a tool is stopped by the same limit as one that never stops calling."""
    response = play(*[calls(("search", {}))] * 5).ask(max_tool_calls=3)
    assert (response.status, response.output) == ("incomplete", [])
    assert str(response.incomplete_details.reason) == "max_tool_calls"


def test_several_calls_of_one_answer_run_in_order(play: Callable[..., Played]) -> None:
    """Parallel calls share one Python, one after the other."""
    played = play(calls(("python", {"code": "x = 1"}), ("python", {"code": "print(x + 1)"})), says("done"))
    assert logs(played.ask()) == "2\n"


def test_images_go_back_to_a_model_that_sees(play: Callable[..., Played]) -> None:
    """Row 15: a figure of the code, and an image of the user, are shown to it."""
    show = "from PIL import Image; Image.new('RGB', (2, 2))"
    played = play(python(show), says("a square"))
    parts: Any = [{"type": "input_image", "image_url": "data:image/gif;base64,R0lGODlhAQABAAAAADs="}]
    played.ask(input=[{"role": "user", "content": parts}])
    first, second = (request["messages"] for request in played.double.requests)
    assert first[-1]["content"][0]["image_url"]["url"].startswith("data:image/gif")
    assert second[-1]["content"][0]["image_url"]["url"].startswith("data:image/png;base64,")


def test_a_model_that_does_not_see_is_shown_no_image(play: Callable[..., Played]) -> None:
    """The setting is per model."""
    played = play(says("I cannot see."))
    parts: Any = [{"type": "input_image", "image_url": "data:image/gif;base64,R0lGODlhAQABAAAAADs="}]
    played.ask(model="fenced", input=[{"role": "user", "content": parts}])
    assert "image_url" not in json.dumps(played.double.requests)


def test_the_fenced_dialect(play: Callable[..., Played]) -> None:
    """A fenced block is a call; what the model makes up after it is dropped; the output comes back as a message."""
    played = play(says("I count.\n```python\nprint(1 + 1)\n```\nOutput: 3\n"), says("It is 2."))
    response = played.ask(model="fenced")
    assert [item.type for item in response.output] == ["message", "code_interpreter_call", "message"]
    assert response.output_text == "I count.\nIt is 2."
    assert played.double.requests[1]["messages"][-1] == {"role": "user", "content": "Output:\n2\n"}
    assert "tools" not in played.double.requests[0]


@pytest.mark.parametrize("form", ["{}", "```json\n{}\n```", "<tool_call>\n{}\n</tool_call>"])
def test_the_json_dialect(play: Callable[..., Played], form: str) -> None:
    """An answer that is one JSON object is a call, bare or wrapped as local models do."""
    call = json.dumps({"name": "python", "arguments": {"code": "print(1 + 1)"}})
    played = play(says(form.replace("{}", call)), says("{not a call}"))
    response = played.ask(model="json")
    assert (logs(response), response.output_text) == ("2\n", "{not a call}")


def test_arguments_that_are_no_json_are_run_as_they_are(play: Callable[..., Played]) -> None:
    """The interpreter says what is wrong, or nothing is."""
    assert logs(play(calls(("python", "print(1)")), says("done")).ask()) == "1\n"


@pytest.mark.parametrize(("reason", "told"), [("length", "max_output_tokens"), ("content_filter", "content_filter")])
def test_a_model_cut_short_leaves_the_response_incomplete(play: Callable[..., Played], reason: str, told: str) -> None:
    """What was said so far stays; code that may be half is not run."""
    response = play(says("half", finish_reason=reason)).ask()
    assert (response.status, response.incomplete_details.reason, response.output_text) == ("incomplete", told, "half")
    cut = [*python("print(1)")[:-1], {"finish_reason": reason}]
    response = play(cut).ask()
    assert [call.status for call in code_calls(response)] == ["incomplete"]


def test_the_call_limit(play: Callable[..., Played]) -> None:
    """A model that never stops is stopped, and the reason is named."""
    response = play(*[python("1 / 0")] * 5).ask(max_tool_calls=3)
    assert (response.status, len(code_calls(response))) == ("incomplete", 3)
    assert str(response.incomplete_details.reason) == "max_tool_calls"


def test_the_deadline_of_a_run(start: Callable[..., Served]) -> None:
    """A run that takes too long ends as incomplete, with what it has."""
    with Double([python("import time; time.sleep(9)"), says("late")]).serving() as double:
        served = start(run_seconds=1.0, models=[Upstream(name="slow", url=double.url)])
        response = served.client().responses.create(model="slow", input="x", tools=[AUTO])
    assert response.status == "incomplete"
    assert response.incomplete_details
    assert str(response.incomplete_details.reason) == "deadline"


@pytest.mark.parametrize(
    ("refusal", "status", "code"),
    [
        ({"status": 400, "code": "context_length_exceeded"}, 400, "context_length_exceeded"),
        (
            {"status": 400, "code": 400, "type": "exceed_context_size_error"},
            400,
            "context_length_exceeded",
        ),  # llama.cpp
        (
            {"status": 400, "code": 400, "message": "This model's maximum context length is 9."},
            400,
            "context_length_exceeded",
        ),  # vLLM
        ({"status": 400, "code": 400, "message": "Bad sampling."}, 400, None),
        ({"status": 401}, 502, "upstream_error"),
    ],
)
def test_a_refusing_endpoint_is_named(play: Callable[..., Played], refusal: Any, status: int, code: str | None) -> None:
    """The endpoint's own refusals are the caller's or the operator's, never an anonymous 500; nothing is retried in vain."""
    with pytest.raises(openai.APIStatusError) as caught:
        play([refusal]).ask()
    assert (caught.value.status_code, caught.value.code) == (status, code)


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
BROKEN = {
    "a chunk is cut": HEAD + b"Transfer-Encoding: chunked\r\n\r\n400\r\ndata: {",
    "the length is short": HEAD + b"Content-Length: 1000\r\n\r\ndata: {",
    "no JSON": HEAD + b"\r\ndata: {nonsense\n\n",
    "another JSON": HEAD + b'\r\ndata: {"choices": 3}\n\n',
    "a list": HEAD + b"\r\ndata: [1]\n\n",
}


@pytest.mark.parametrize("raw", BROKEN.values(), ids=BROKEN)
def test_an_endpoint_that_breaks_the_protocol_is_named(play: Callable[..., Played], raw: bytes) -> None:
    """It is the endpoint that failed, and not the engine: 502."""
    with pytest.raises(openai.InternalServerError) as caught:
        play([{"raw": raw}], [{"raw": raw}], [{"raw": raw}]).ask()
    assert (caught.value.status_code, "model" in caught.value.message) == (502, True)


def test_an_endpoint_may_leave_out_what_says_nothing(play: Callable[..., Played]) -> None:
    """Routers send chunks without choices, choices without a delta and usage without numbers; some cut an emoji in two."""
    chunks = [
        {"choices": None},
        {"choices": [{"index": 0, "delta": None, "finish_reason": None}]},
        {"choices": [{"index": 0, "delta": {"content": "Well \ud83d"}, "finish_reason": None}]},
        {"choices": [{"index": 0, "delta": {"content": "\ude00 done"}, "finish_reason": "stop"}]},
        {"choices": [], "usage": {"prompt_tokens": None, "completion_tokens": 4, "total_tokens": None}},
    ]
    raw = HEAD + b"\r\n" + b"".join(b"data: %s\n\n" % json.dumps(each).encode() for each in chunks)
    response = play([{"raw": raw}]).ask()
    assert (response.output_text, response.usage.output_tokens) == ("Well \U0001f600 done", 4)


def test_truncation_auto_drops_the_oldest(play: Callable[..., Played]) -> None:
    """Where the conversation is too long for the model, its older half goes, at a message of the user."""
    played = play([{"status": 400, "code": "context_length_exceeded"}], says("ok"))
    words: Any = [{"role": "user", "content": str(number)} for number in range(4)]
    assert played.ask(input=words, truncation="auto", tools=[]).output_text == "ok"
    assert [each["content"] for each in played.double.requests[1]["messages"]] == ["2", "3"]


def test_costs_are_counted(play: Callable[..., Played]) -> None:
    """Tokens, calls and responses are in the metrics, by model."""
    played = play(python("1"), says("ok"))
    played.ask(model="tools")
    text = httpx.get(f"{played.served.url}/metrics").text
    numbers = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert float(numbers['recast_engine_tokens_total{kind="input",model="tools"}']) >= 20
    assert float(numbers['recast_engine_calls_total{model="tools"}']) >= 1
    assert float(numbers['recast_engine_responses_total{model="tools",status="completed"}']) >= 1


def test_a_failing_endpoint_fails_a_stream_with_an_error_event(play: Callable[..., Played]) -> None:
    """Mid-stream the failure is an event, then ``response.failed``; a stored response remembers it."""
    played = play(python("1"), *[[{"status": 500}]] * 3)
    seen = []
    with pytest.raises(openai.APIError) as caught:  # noqa: PT012 - raised while reading
        for event in played.ask(stream=True):
            seen.append(event)  # noqa: PERF402 - what came before the failure counts
    assert caught.value.code == "upstream_error"
    stored = played.ai.responses.retrieve(seen[0].response.id)
    assert (stored.status, stored.error and stored.error.code) == ("failed", "server_error")


def test_text_formats_are_passed_on(play: Callable[..., Played]) -> None:
    """A JSON schema for the answer reaches the endpoint in its own words."""
    played = play(says("{}"))
    form: Any = {"format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}, "strict": True}}
    played.ask(text=form, tools=[], temperature=0.5, max_output_tokens=100)
    request = played.double.requests[0]
    expected = {"name": "n", "schema": {"type": "object"}, "strict": True}
    assert request["response_format"] == {"type": "json_schema", "json_schema": expected}
    assert (request["temperature"], request["max_tokens"]) == (0.5, 100)


def test_history_holds_outputs_that_were_never_shown(play: Callable[..., Played]) -> None:
    """The next response's model sees what the code put out, though the caller had not included it."""
    played = play(python("print('seen')"), says("ok"), says("again"))
    first = played.ask(include=[])
    played.ask(previous_response_id=first.id)
    told = [each for each in played.double.requests[-1]["messages"] if each["role"] == "tool"]
    assert [each["content"] for each in told] == ["seen\n"]


def test_history_says_where_files_are(play: Callable[..., Played]) -> None:
    """A file that came with an earlier request is named by its path, also when its upload is gone."""
    played = play(says("ok"), says("again"))
    upload = played.ai.files.create(file=("in.txt", b"x"), purpose="user_data")
    parts: Any = [{"type": "input_file", "file_id": upload.id}, {"type": "input_text", "text": "Keep it."}]
    first = played.ask(input=[{"role": "user", "content": parts}])
    played.ai.files.delete(upload.id)
    played.ask(previous_response_id=first.id)
    told = [each["content"] for each in played.double.requests[1]["messages"]]
    assert '{"attached_file":"/mnt/data/in.txt"}\nKeep it.' in told


def test_input_tokens_are_estimated(play: Callable[..., Played]) -> None:
    """A quarter of what would be sent, images at a price of their own; asking costs no turn; `program` reads nothing."""
    played = play()
    count = played.ai.responses.input_tokens.count
    words = count(model="tools", input="word " * 400).input_tokens
    assert 480 < words < 520
    assert count(input="word " * 400).input_tokens == words
    seen: Any = [
        {
            "role": "user",
            "content": [{"type": "input_image", "image_url": "data:image/gif;base64,R0lGODlhAQABAAAAADs="}],
        }
    ]
    assert 1000 < count(model="tools", input=seen).input_tokens < 1050
    assert (
        count(model="tools", input="x", tools=[AUTO]).input_tokens > count(model="tools", input="x").input_tokens + 200
    )
    assert count(model="program", input="x").input_tokens == 0
    assert played.double.requests == []
    with pytest.raises(openai.BadRequestError, match="Unknown parameter: 'temperature'"):
        played.ai.post("/responses/input_tokens", body={"input": "x", "temperature": 1}, cast_to=object)


def test_models_are_listed(play: Callable[..., Played]) -> None:
    """``program`` first, then the configured ones by the names that requests use."""
    assert [model.id for model in play().ai.models.list()] == ["program", "tools", "fenced", "json"]
