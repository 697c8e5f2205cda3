"""Responses as the official Python client sees them: rows 1, 2, 3, 7, 9 and 10 of the product's table."""

from collections.abc import Callable
from typing import Any

import openai
import pytest
from openai import OpenAI
from openai.types.responses import Response, ResponseCodeInterpreterToolCall

from service.engine.sandbox import Limits
from tests.engine.conftest import Served

AUTO: Any = {"type": "code_interpreter", "container": {"type": "auto"}}
OUTPUTS: Any = ["code_interpreter_call.outputs"]


def run(ai: OpenAI, code: str, **request: Any) -> Response:
    """A response whose program is this code."""
    body = {"model": "program", "input": f"```python\n{code}\n```", "tools": [AUTO], "include": OUTPUTS} | request
    response: Response = ai.responses.create(**body)
    return response


def calls(response: Response) -> list[ResponseCodeInterpreterToolCall]:
    """The code interpreter calls of a response."""
    return [item for item in response.output if item.type == "code_interpreter_call"]


def logs(response: Response) -> str:
    """Everything the calls of a response logged."""
    return "".join(each.logs for call in calls(response) for each in call.outputs or [] if each.type == "logs")


def test_an_auto_container_runs_code_and_is_named(ai: OpenAI) -> None:
    """Row 1: the answer holds the call, its outputs and the container's id."""
    response = run(ai, "print(6 * 7)", instructions="Be brief.", tool_choice="required")
    call = calls(response)[0]
    assert (response.status, call.status, logs(response)) == ("completed", "completed", "42\n")
    assert ai.containers.retrieve(call.container_id).status == "running"


def test_input_may_be_items(ai: OpenAI) -> None:
    """Row 1: messages with parts, easy messages and developer messages are all input."""
    items: Any = [
        {"role": "developer", "content": "Run it."},
        {"role": "user", "content": [{"type": "input_text", "text": "```python\nprint('hi')\n```"}]},
    ]
    assert logs(run(ai, "", input=items)) == "hi\n"


def test_outputs_are_null_unless_included(ai: OpenAI) -> None:
    """Row 10: without the include the outputs are null; a later retrieve may still ask for them."""
    response = run(ai, "print(1)", include=[])
    assert calls(response)[0].outputs is None
    assert logs(ai.responses.retrieve(response.id, include=OUTPUTS)) == "1\n"


def test_the_last_value_is_shown_as_in_a_notebook(ai: OpenAI) -> None:
    """Row 10: the value of the last expression follows what was printed."""
    assert logs(run(ai, "print('first')\n{'a': 1}")) == "first\n{'a': 1}\n"


def test_a_traceback_is_a_log_of_a_completed_call(ai: OpenAI) -> None:
    """Code that fails is a result, not an error of the API."""
    response = run(ai, "print('before')\n1 / 0")
    assert (response.status, calls(response)[0].status) == ("completed", "completed")
    assert logs(response).startswith("before\n")
    assert "ZeroDivisionError: division by zero" in logs(response)


def test_figures_are_image_outputs_and_cited_files(ai: OpenAI) -> None:
    """Rows 7 and 10: a shown figure is a data URL, and a file of the container cited at 0..0."""
    response = run(ai, "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()")
    image = next(each for each in calls(response)[0].outputs or [] if each.type == "image")
    assert image.url.startswith("data:image/png;base64,iVBOR")
    citation = citations(response)[0]
    assert (citation.start_index, citation.end_index, citation.filename) == (0, 0, f"{citation.file_id}.png")
    content = ai.containers.files.content.retrieve(citation.file_id, container_id=citation.container_id).read()
    assert content.startswith(b"\x89PNG")


def test_a_figure_without_room_for_a_file_is_shown_all_the_same(start: Callable[..., Served]) -> None:
    """What code does to its container is no mistake of the request."""
    with start(limits=Limits(disk_bytes=16 << 20)).client() as ai:
        fill = "with open('/mnt/data/all', 'wb', buffering=0) as f:\n    try:\n        while f.write(bytes(4096)): pass\n    except OSError: pass"
        response = run(ai, f"import matplotlib.pyplot as plt\n{fill}\nplt.plot([1, 2])\nplt.show()")
        assert response.status == "completed"
        assert [each.type for each in calls(response)[0].outputs or []].count("image") == 1
        assert [each.filename for each in citations(response)] == ["all"]


def citations(response: Response) -> list[Any]:
    """The citations of a response's messages."""
    return [
        annotation
        for item in response.output
        if item.type == "message"
        for part in item.content
        if part.type == "output_text"
        for annotation in part.annotations
    ]


def test_files_made_are_cited_with_exact_offsets(ai: OpenAI) -> None:
    """Row 7: the citation covers exactly the link's target, whatever the name, and the file is there."""
    name = "Größe (1) - final [v2].txt"
    response = run(ai, f"open({name!r}, 'w').write('x' * 10)")
    citation = citations(response)[0]
    assert response.output_text[citation.start_index : citation.end_index].startswith("sandbox:/mnt/data/Gr")
    assert response.output_text[citation.end_index] == ")"
    assert citation.filename == name
    content = ai.containers.files.content.retrieve(citation.file_id, container_id=citation.container_id)
    assert content.read() == b"x" * 10


def test_python_state_lives_between_calls(ai: OpenAI) -> None:
    """Row 9: variables, imports and files stay; several blocks are several calls."""
    first = run(ai, "import math\nx = math.pi\nopen('kept.txt', 'w').write('kept')")
    second = run(ai, "print(math.floor(x), open('kept.txt').read())", previous_response_id=first.id)
    assert calls(second)[0].container_id == calls(first)[0].container_id
    assert logs(second) == "3 kept\n"


def test_replayed_items_reuse_the_container(ai: OpenAI) -> None:
    """Row 2: a client that keeps its own history goes on in the same container."""
    first = run(ai, "x = 41", store=False)
    history: Any = [item.model_dump() for item in first.output]
    again = [{"role": "user", "content": "```python\nprint(x + 1)\n```"}]
    second = run(ai, "", input=history + again, store=False)
    assert (calls(second)[0].container_id, logs(second)) == (calls(first)[0].container_id, "42\n")


def test_item_references_are_resolved(ai: OpenAI) -> None:
    """A stored call may be named by its id alone."""
    first = run(ai, "x = 5")
    items: Any = [
        {"type": "item_reference", "id": calls(first)[0].id},
        {"role": "user", "content": "```python\nprint(x)\n```"},
    ]
    assert logs(run(ai, "", input=items)) == "5\n"


def test_file_ids_and_memory_limit_in_auto_mode(ai: OpenAI) -> None:
    """Row 2: uploads are in /mnt/data under their names, and the tier is the one asked for."""
    upload = ai.files.create(file=("numbers.csv", b"a,b\n1,2\n"), purpose="user_data")
    tool: Any = {
        "type": "code_interpreter",
        "container": {"type": "auto", "file_ids": [upload.id], "memory_limit": "4g"},
    }
    response = run(ai, "print(open('/mnt/data/numbers.csv').read())", tools=[tool])
    assert logs(response) == "a,b\n1,2\n\n"
    assert ai.containers.retrieve(calls(response)[0].container_id).memory_limit == "4g"


def test_uploads_named_later_are_added_to_the_container_in_context(ai: OpenAI) -> None:
    """Row 2: a conversation goes on with more files; one that is there already is not copied again."""
    first, second = (ai.files.create(file=(name, b"x"), purpose="user_data").id for name in ("a.csv", "b.csv"))
    tools: Any = [{"type": "code_interpreter", "container": {"type": "auto", "file_ids": [first]}}]
    parts: Any = [{"type": "input_file", "file_id": first}]
    begun = run(
        ai, "", tools=tools, input=[{"role": "user", "content": parts}, {"role": "user", "content": "```py\n1\n```"}]
    )
    tools[0]["container"]["file_ids"] = [first, second]
    assert logs(run(ai, "import os\nprint(sorted(os.listdir()))", tools=tools, previous_response_id=begun.id)) == (
        "['a.csv', 'b.csv']\n"
    )


def test_an_empty_input_file_is_a_file(ai: OpenAI) -> None:
    """Nothing is content too."""
    parts: Any = [
        {"type": "input_file", "filename": "empty.txt", "file_data": "data:text/plain;base64,"},
        {"type": "input_text", "text": "```python\nimport os\nprint(os.path.getsize('empty.txt'))\n```"},
    ]
    assert logs(run(ai, "", input=[{"role": "user", "content": parts}])) == "0\n"


def test_explicit_container(ai: OpenAI) -> None:
    """Row 3: a container made beforehand, with its files, runs the code."""
    upload = ai.files.create(file=("in.txt", b"hello"), purpose="assistants")
    container = ai.containers.create(name="mine", memory_limit="1g", file_ids=[upload.id])
    tool: Any = {"type": "code_interpreter", "container": container.id}
    response = run(ai, "print(open('in.txt').read())", tools=[tool])
    assert (calls(response)[0].container_id, logs(response)) == (container.id, "hello\n")


def test_separate_requests_have_separate_containers(ai: OpenAI) -> None:
    """Nothing of one request is seen by another that shares no context."""
    run(ai, "secret = 1\nopen('secret.txt', 'w').write('x')")
    response = run(ai, "import os\nprint('secret' in globals(), os.listdir())")
    assert logs(response) == "False []\n"


def test_input_files_land_in_the_container(ai: OpenAI) -> None:
    """Row 6: ``input_file`` and ``input_image``, by id or as data, are files of the container."""
    upload = ai.files.create(file=("by id.txt", b"one"), purpose="user_data")
    parts: Any = [
        {"type": "input_file", "file_id": upload.id},
        {"type": "input_file", "filename": "inline.txt", "file_data": "data:text/plain;base64,dHdv"},
        {"type": "input_image", "image_url": "data:image/gif;base64,R0lGODlhAQABAAAAADs="},
        {"type": "input_text", "text": "```python\nimport os\nprint(sorted(os.listdir()))\n```"},
    ]
    response = run(ai, "", input=[{"role": "user", "content": parts}])
    assert logs(response) == "['by id.txt', 'image.gif', 'inline.txt']\n"


def test_metadata_names_the_kernel_family(engine: Served, ai: OpenAI) -> None:
    """The hint chooses preloaded libraries; an unknown one is served all the same."""
    for family in ("light", "no such family"):
        assert logs(run(ai, "print(1)", metadata={"kernel": family})) == "1\n"


def test_max_tool_calls_ends_a_run_as_incomplete(ai: OpenAI) -> None:
    """Row 8: the limit counts calls of the whole run; what was made so far stays."""
    blocks = "```python\nprint(1)\n```\n" * 3
    response = run(ai, "", input=blocks, max_tool_calls=2)
    assert (response.status, len(calls(response))) == ("incomplete", 2)
    assert response.incomplete_details
    assert str(response.incomplete_details.reason) == "max_tool_calls"


def test_stored_responses_can_be_retrieved_listed_and_deleted(ai: OpenAI) -> None:
    """A stored response is there with its input items until it is deleted; an unstored one never is."""
    response = run(ai, "print(1)")
    assert ai.responses.retrieve(response.id).output_text == response.output_text
    items = ai.responses.input_items.list(response.id).data
    assert [(item.type, getattr(item, "role", None)) for item in items] == [("message", "user")]
    ai.responses.delete(response.id)
    for identifier in (response.id, run(ai, "print(1)", store=False).id):
        with pytest.raises(openai.NotFoundError, match=f"Response with id '{identifier}' not found."):
            ai.responses.retrieve(identifier)


def test_words_without_a_program_are_answered(ai: OpenAI) -> None:
    """A conversation with no tool and no code still ends as completed, in words that say what `program` is for."""
    turns: Any = [
        {"type": "message", "role": "system", "content": "You are a pirate."},
        {"type": "message", "role": "user", "content": "My name is Alice."},
        {"type": "message", "role": "assistant", "content": "Hello Alice!"},
        {"type": "message", "role": "user", "content": "What is my name?"},
    ]
    response = ai.responses.create(model="program", input=turns)
    assert response.status == "completed"
    assert "no fenced python block" in response.output_text


def test_input_items_of_every_kind_are_listed_as_the_vendor_lists_them(ai: OpenAI) -> None:
    """Each item gets an id, and its content the listed form; pages go both ways."""
    first = run(ai, "1")
    items: Any = [
        {"role": "developer", "content": "easy"},
        {
            "role": "user",
            "content": [{"type": "input_image", "image_url": "data:image/gif;base64,R0lGODlhAQABAAAAADs="}],
        },
        {
            "role": "user",
            "content": [{"type": "input_file", "filename": "a.txt", "file_data": "data:text/plain;base64,eA=="}],
        },
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "done"},
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hm"}]},
        *[item.model_dump() for item in first.output],
    ]
    response = run(ai, "", input=items)
    listed = list(ai.responses.input_items.list(response.id, limit=3, order="asc"))
    assert [item.type for item in listed] == [item.get("type", "message") for item in items]
    assert all(item.id for item in listed)
