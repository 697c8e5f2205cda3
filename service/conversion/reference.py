"""The page at `/docs`: the OpenAPI document as plain HTML, made on the server. No script, nothing from elsewhere, works offline."""

import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from litestar import Request
from litestar.openapi.plugins import OpenAPIRenderPlugin

_STYLE = """
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif }
body { max-width: 60rem; margin: 0 auto; padding: 1rem }
section { border-top: 1px solid; padding: 1rem 0 }
h2 code, dt code { font-size: 1rem; font-weight: 600 }
dt { margin-top: .5rem } dd { margin: 0 0 0 1.5rem }
pre { overflow: auto; border: 1px solid; padding: .5rem; border-radius: .25rem }
"""
Node = Mapping[str, Any]  # a part of the OpenAPI document, which is JSON by nature


class Reference(OpenAPIRenderPlugin):
    """Renders the document for people."""

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:  # noqa: ARG002 - the plugin's signature
        """Return the page."""
        info = openapi_schema["info"]
        operations = "".join(
            _operation(method.upper(), path, operation, openapi_schema)
            for path, item in sorted(openapi_schema["paths"].items())
            for method, operation in item.items()
        )
        title = f"{escape(info['title'])} {escape(info['version'])}"
        return (
            f"<!DOCTYPE html><html lang=en><head><meta charset=utf-8><meta name=viewport content='width=device-width'>"
            f"<title>{title}</title><style>{_STYLE}</style></head><body><h1>{title}</h1><p>{escape(info.get('description') or '')}</p>"
            f"<p>For programs: <a href=/openapi.json>openapi.json</a>.</p>{operations}</body></html>"
        ).encode()


def _operation(method: str, path: str, operation: Node, document: Node) -> str:
    heading = f"<h2 id={escape(operation['operationId'])}><code>{method} {escape(path)}</code></h2>"
    return f"<section>{heading}{''.join(_parts(operation, document))}</section>"


def _parts(operation: Node, document: Node) -> Iterator[str]:
    yield f"<p>{escape(operation.get('description') or operation.get('summary') or '')}</p>"
    parameters = operation.get("parameters") or []
    if parameters:
        yield "<h3>Parameters</h3><dl>"
        for each in parameters:
            needed = " (required)" if each.get("required") else ""
            yield f"<dt><code>{escape(each['name'])}</code> in {escape(each['in'])}{needed}</dt>"
            yield f"<dd>{escape(each.get('description') or '')}</dd>"
        yield "</dl>"
    if body := operation.get("requestBody"):
        yield f"<h3>Body</h3><p>{escape(body.get('description') or '')}</p><p>{_types(body)}</p>"
    yield "<h3>Answers</h3><dl>"
    for status, reference in operation["responses"].items():
        answer = _resolved(reference, document)
        yield f"<dt><code>{escape(status)}</code> {escape(answer.get('description') or '')}</dt><dd>{_types(answer)}"
        yield from (f"<pre>{escape(json.dumps(each, indent=2))}</pre>" for each in _examples(answer))
        yield "</dd>"
    yield "</dl>"


def _resolved(node: Node, document: Node) -> Node:
    if "$ref" not in node:
        return node
    found = document
    for key in node["$ref"].removeprefix("#/").split("/"):
        found = found[key]
    return found


def _types(node: Node) -> str:
    return ", ".join(f"<code>{escape(each)}</code>" for each in node.get("content") or {})


def _examples(answer: Node) -> Iterator[Any]:
    for media in (answer.get("content") or {}).values():
        yield from (each["value"] for each in (media.get("examples") or {}).values())
