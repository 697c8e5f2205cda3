"""The engine's API is what its OpenAPI document says: generated requests, good and bad, get documented answers."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance

from tests.serving import Served

# An engine without keys lets everyone in; and the schemas, the vendor's, do not say that unknown parameters are refused.
EXCLUDED: list[Any] = [ignored_auth, positive_data_acceptance]
DOCUMENT = Path(__file__).parents[2] / "openapi" / "engine.yaml"


def _operations() -> list[tuple[str, str]]:
    paths = msgspec.yaml.decode(DOCUMENT.read_bytes())["paths"]
    return [(path, method.upper()) for path, item in paths.items() for method in item]


@pytest.fixture(scope="module")
def described(service: Served) -> schemathesis.BaseSchema:
    """The document, as the test generator reads it, about the shared service's engine."""
    schema = schemathesis.openapi.from_path(DOCUMENT)
    schema.config.update(base_url=service.engine_url)
    return schema


@pytest.mark.slow
@pytest.mark.parametrize(("path", "method"), _operations())
def test_generated_requests_get_documented_answers(described: schemathesis.BaseSchema, path: str, method: str) -> None:
    """Whatever is sent, the status, the media type and the body of the answer are in the document; nothing is a fault of ours."""

    @settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
    @given(case=described[path][method].as_strategy())
    def check(case: schemathesis.Case[Any]) -> None:
        case.call_and_validate(headers={"Authorization": "Bearer test"}, excluded_checks=EXCLUDED)

    check()
