"""The API is what its OpenAPI document says, and the document in the repository is the one that is served."""

from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from jsonschema import Draft202012Validator
from schemathesis.specs.openapi.checks import positive_data_acceptance

from tests.serving import Served

DOCUMENT = Path(__file__).parents[2] / "openapi" / "conversion.yaml"


def _operations() -> list[tuple[str, str]]:
    paths = msgspec.yaml.decode(DOCUMENT.read_bytes())["paths"]
    return [(path, method.upper()) for path, item in paths.items() for method in item]


@pytest.fixture(scope="module")
def described(service: Served) -> schemathesis.BaseSchema:
    """The served document, as the test generator reads it."""
    return schemathesis.openapi.from_url(f"{service.url}/openapi.json")


@pytest.mark.parametrize(("path", "method"), _operations())
def test_generated_requests_get_documented_answers(described: schemathesis.BaseSchema, path: str, method: str) -> None:
    """Whatever is sent, the status, the media type and the body of the answer are in the document."""
    # A document cannot say that bytes are a file of some type: converting refuses almost everything that is generated.
    excluded: list[Any] = [positive_data_acceptance] if path.startswith("/convert") else []

    @settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
    @given(case=described[path][method].as_strategy())
    def check(case: schemathesis.Case[Any]) -> None:
        case.call_and_validate(excluded_checks=excluded)

    check()


def test_the_exported_document_is_the_served_one(client: httpx.Client) -> None:
    """`make openapi` was run after the last change."""
    assert client.get("/openapi.json").json() == msgspec.yaml.decode(DOCUMENT.read_bytes())


def test_every_problem_is_an_example(client: httpx.Client) -> None:
    """Each code that converting can answer with has an example, which is a valid problem."""
    document = client.get("/openapi.json").json()
    answers = document["paths"]["/convert/{output_format}"]["post"]["responses"]
    validator = Draft202012Validator(document["components"]["schemas"]["Problem"])
    for status, answer in answers.items():
        if status != "200":
            for example in answer["content"]["application/problem+json"]["examples"].values():
                validator.validate(example["value"])
                assert str(example["value"]["status"]) == status


def test_the_reference_needs_nothing_from_elsewhere(client: httpx.Client) -> None:
    """The page names no other host and has no script."""
    page = client.get("/docs")
    assert page.headers["Content-Type"].startswith("text/html")
    assert "POST /convert/{output_format}" in page.text
    assert "<script" not in page.text
    assert "//" not in page.text.replace("http://localhost", "")
