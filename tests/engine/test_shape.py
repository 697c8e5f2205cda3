"""Validation under any JSON at all: it fits, or the culprit is named."""

import re
from collections.abc import Callable
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from service.engine.errors import InvalidRequest
from service.engine.request import CreateResponse, parse
from service.engine.shape import fit, parse_json
from service.engine.wire import CreateContainer

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 2000) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["type", "id", "x"]), inner, max_size=3)
    ),
    max_leaves=8,
)
FIELDS = st.sampled_from(CreateResponse.__struct_fields__)
VALID: dict[str, Any] = {"model": "program", "input": "x"}


def at(value: Any, param: str) -> Any:
    """What stands at a dotted path; the last name may be missing."""
    for name in re.findall(r"[^.\[\]]+", param):
        value = value[int(name)] if isinstance(value, list) else value.get(name)
    return value


def complaint(read: Callable[[Any], object], value: Any) -> InvalidRequest | None:
    """What is said against the value; any other exception is a bug and gets out."""
    try:
        read(value)
    except InvalidRequest as error:
        return error
    return None


@given(st.dictionaries(FIELDS, JSON, max_size=3))
def test_any_response_request_fits_or_is_named(wrong: dict[str, Any]) -> None:
    """The path of a complaint leads to a place in the request."""
    body = VALID | wrong
    error = complaint(parse, body)
    if error is not None:
        assert error.code
        assert at(body, error.param or "model") is not body


@given(JSON)
def test_any_container_request_fits_or_is_named(value: Any) -> None:
    """The same for a body of any kind: only an object with a name can be one."""
    error = complaint(lambda body: fit(body, CreateContainer), value)
    assert error is not None or "name" in value


@pytest.mark.parametrize("body", [b"{", b'{"a": "\xff"}', b'{"a": "\\ud800"}', b"[" * 10_000, b"nul"])
def test_what_is_no_json(body: bytes) -> None:
    """Broken syntax, broken UTF-8, half a surrogate pair, nesting without end."""
    with pytest.raises(InvalidRequest) as caught:
        parse_json(body)
    assert caught.value.code == "invalid_json"


def test_an_empty_body_is_an_empty_object() -> None:
    """The client cancels with a content type and no content."""
    assert parse_json(b" ") == {}
