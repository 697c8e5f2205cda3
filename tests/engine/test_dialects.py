"""Reading code out of streamed text: whatever the pieces, the same code comes out."""

import itertools
import json
import time

import hypothesis.strategies as st
import pytest
from hypothesis import given

from service.engine.dialects import CodeArgument, FencedText, JsonText, TextReader
from service.engine.models import Arguments, Code, CodeBegun, FunctionBegun, Piece, Text
from service.engine.program import blocks

CODE = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


def cut(text: str, at: list[int]) -> list[str]:
    """The text in pieces, cut at these places."""
    places = sorted({0, len(text), *(place % (len(text) + 1) for place in at)})
    return [text[start:end] for start, end in itertools.pairwise(places)]


def read(reader: TextReader, pieces: list[str]) -> list[Piece]:
    """Everything a reader makes of the pieces."""
    return [out for piece in pieces for out in reader.feed(piece)] + list(reader.finish())


def joined(pieces: list[Piece], kind: type[Text | Code]) -> str:
    """The text of all pieces of a kind."""
    return "".join(piece.delta for piece in pieces if isinstance(piece, kind))


@given(code=CODE, ascii_only=st.booleans(), at=st.lists(st.integers(0, 999)))
def test_code_of_a_tool_call(code: str, ascii_only: object, at: list[int]) -> None:
    """Escapes, surrogate pairs and quotes, cut anywhere, give back the code."""
    argument = CodeArgument()
    pieces = cut(json.dumps({"code": code}, ensure_ascii=bool(ascii_only)), at)
    assert "".join([argument.feed(piece) for piece in pieces] + [argument.finish()]) == code


@given(arguments=st.one_of(CODE, st.builds(json.dumps, CODE)), at=st.lists(st.integers(0, 999)))
def test_arguments_that_are_no_object_are_code(arguments: str, at: list[int]) -> None:
    """Nothing is lost and nothing raises, whatever a model writes."""
    argument = CodeArgument()
    got = "".join([argument.feed(piece) for piece in cut(arguments, at)] + [argument.finish()])
    try:
        value = json.loads(arguments, strict=False)
    except ValueError:
        value = None
    assert got == (value if isinstance(value, str) else arguments)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (r"re.match('\d\.')", r"re.match('\d\.')"),
        (r"\'a\'", r"\'a\'"),
        (r"\u12xy", r"\u12xy"),
        (r"\ud83d\u0041", "\ufffdA"),
        (r"\ud83d!", "\ufffd!"),
        (r"\ude00", "\ufffd"),
    ],
)
def test_an_escape_that_json_has_not_stands_for_itself(written: str, meant: str) -> None:
    """Models write regular expressions, and forget to escape their backslashes."""
    assert CodeArgument().feed(f'{{"code": "{written}"}}') == meant


@given(arguments=st.text(alphabet='{"code:}\\ud8f0 \n', max_size=40), at=st.lists(st.integers(0, 999)))
def test_any_arguments_are_some_code(arguments: str, at: list[int]) -> None:
    """Nothing raises, and the pieces do not matter; what comes can be encoded."""
    whole, pieces = CodeArgument(), CodeArgument()
    text = '{"code": "' + arguments
    got = whole.feed(text) + whole.finish()
    assert got == "".join([pieces.feed(piece) for piece in cut(text, at)] + [pieces.finish()])
    assert got.encode().decode() == got


@pytest.mark.parametrize(
    "text", ["```" + " " * 20_000, "<tool_call>" + "\n" * 20_000, "[" * 20_000, "```", '{"a": ' * 20_000]
)
def test_a_model_that_repeats_itself_holds_nobody_up(text: str) -> None:
    """Degenerate answers are texts, read in one pass."""
    began = time.process_time()
    assert joined(read(JsonText([], runs_code=True), [text]), Text) == text
    assert time.process_time() - began < 2


def test_a_fence_inside_a_line_opens_nothing() -> None:
    """However the line came."""
    text = "like ```python\nthis\n```\n"
    for at in range(len(text)):
        assert joined(read(FencedText(), cut(text, [at])), Text) == text


@given(at=st.lists(st.integers(0, 999)))
def test_a_fenced_block_in_pieces(at: list[int]) -> None:
    """The text before, the code, and nothing of what follows."""
    text = "I `look`.\n\n```python\nx = '```'\n  ``\nprint(x)\n```\nIt printed 3.\n```python\nno\n```"
    pieces = read(FencedText(), cut(text, at))
    assert joined(pieces, Text) == "I `look`.\n\n"
    assert joined(pieces, Code) == "x = '```'\n  ``\nprint(x)\n"
    assert sum(isinstance(piece, CodeBegun) for piece in pieces) == 1


@given(at=st.lists(st.integers(0, 999)))
def test_a_text_without_a_block_stays_a_text(at: list[int]) -> None:
    """Backticks that open no python block are words."""
    text = "Use `x`.\n```\nplain\n```\n`` ` ``\nlast ```"
    assert joined(read(FencedText(), cut(text, at)), Text) == text


@given(at=st.lists(st.integers(0, 999)))
def test_json_calls_of_the_callers_functions(at: list[int]) -> None:
    """A known name is a call, an unknown one is text."""
    text = '{"name": "rate", "arguments": {"of": "CHF"}}'
    known = read(JsonText(["rate"], runs_code=True), cut(text, at))
    assert [type(piece) for piece in known] == [FunctionBegun, Arguments]
    assert joined(read(JsonText([], runs_code=True), cut(text, at)), Text) == text


def test_blocks_of_a_prompt() -> None:
    """CommonMark's fences: longer ones hold shorter ones, tildes are fences, other languages are not run."""
    prompt = (
        "```python\na\n```\n~~~ python\nb\n~~~\n````python\n```\nc\n```\n````\n"
        "```json\nno\n```\n```\nno\n```\n``` py title=x\nd\n```\n```python\nopen"
    )
    assert blocks(prompt) == ["a\n", "b\n", "```\nc\n```\n", "d\n", "open"]
