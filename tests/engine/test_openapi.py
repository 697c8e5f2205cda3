"""The engine's own description of itself."""

from pathlib import Path

import msgspec

from service.engine.app import create_app

FILE = Path(__file__).parents[2] / "openapi" / "engine.yaml"


def test_the_file_is_what_the_code_serves() -> None:
    """`recast openapi` was run after the last change of a route or a Struct."""
    served = create_app(python=Path("python")).openapi_schema.to_schema()
    assert msgspec.yaml.decode(FILE.read_text(encoding="utf-8")) == served


def test_every_reference_leads_somewhere() -> None:
    """The document holds each schema that it names, and every operation of ``/v1`` names its errors."""
    text = FILE.read_text(encoding="utf-8")
    document = msgspec.yaml.decode(text)
    named = {line.split("/")[-1].strip("' ") for line in text.splitlines() if "$ref" in line}
    assert named <= set(document["components"]["schemas"])
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert not path.startswith("/v1") or {"4XX", "5XX"} <= set(operation["responses"])
