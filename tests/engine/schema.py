"""The vendor's OpenAPI subset, when it is there, as a judge of what the engine sends.

``RECAST_OPENAI_SCHEMA`` names the file; without it a folder ``shared`` beside the checkout is looked at.
"""

import functools
import json
import os
import re
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

PATH = Path(os.environ.get("RECAST_OPENAI_SCHEMA", Path(__file__).parents[3] / "shared" / "openai-subset.json"))

# What the vendor's own recordings break, and what this engine adds: nulls of user and usage, of the ids of an empty list; more reasons
# for an incomplete response; one more last event.
_NULLABLE = ("user", "usage", "first_id", "last_id")
_ADDED_EVENTS = {"response.cancelled"}


@functools.cache
def _document() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(PATH.read_text())
    return document


@functools.cache
def _validator(reference: str) -> Draft202012Validator:
    return Draft202012Validator({"$ref": reference, "components": _document()["components"]})


@functools.cache
def _event_schemas() -> dict[str, str]:
    schemas = _document()["components"]["schemas"]
    found = {}
    for name, schema in schemas.items():
        types = schema.get("properties", {}).get("type", {}).get("enum", [])
        if name.endswith("Event") and len(types) == 1:
            found[types[0]] = f"#/components/schemas/{name}"
    return found


def _tolerated(value: Any) -> Any:
    if isinstance(value, list):
        return [_tolerated(each) for each in value]
    if not isinstance(value, dict):
        return value
    kept = {name: _tolerated(each) for name, each in value.items() if not (name in _NULLABLE and each is None)}
    if value.get("object") == "list":
        kept = {"first_id": "", "last_id": "", **kept}
    if isinstance(kept.get("incomplete_details"), dict):
        kept["incomplete_details"] = {}
    return kept


def _template(path: str) -> str | None:
    for template in _document()["paths"]:
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path):
            return str(template)
    return None


def complaints(method: str, path: str, status: int, content_type: str, body: bytes) -> list[str]:
    """What is wrong with an answer by the schema: nothing, when nothing is known of its path."""
    template = _template(path.removeprefix("/v1"))
    if content_type.startswith("text/event-stream"):
        return [each for event in events(body) for each in _event_complaints(event)]
    if not content_type.startswith("application/json") or template is None:
        return []
    value = json.loads(body)
    if status >= 400:
        return _errors("#/components/schemas/ErrorResponse", value)
    answers = _document()["paths"][template].get(method.lower(), {}).get("responses", {})
    schema = answers.get("200", {}).get("content", {}).get("application/json", {}).get("schema")
    return _errors(schema["$ref"], _tolerated(value)) if schema and "$ref" in schema else []


def events(body: bytes) -> list[dict[str, Any]]:
    """The JSON of each server-sent event."""
    return [json.loads(line[6:]) for line in body.decode().split("\n") if line.startswith("data: ")]


def _event_complaints(event: dict[str, Any]) -> list[str]:
    if event["type"] == "error":  # nested on the real wire, flat in the schema
        return _errors("#/components/schemas/Error", event["error"])
    if event["type"] in _ADDED_EVENTS:
        return _errors("#/components/schemas/Response", _tolerated(event["response"]))
    reference = _event_schemas().get(event["type"])
    return _errors(reference, _tolerated(event)) if reference else [f"unknown event {event['type']}"]


def _errors(reference: str, value: Any) -> list[str]:
    return [
        f"{reference}: {error.json_path}: {error.message[:300]}" for error in _validator(reference).iter_errors(value)
    ]
