"""What the OpenAPI document says that handlers' signatures cannot: bodies that handlers decode themselves, queries, streams, errors."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

import msgspec
from litestar.openapi import OpenAPIConfig
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import (
    Components,
    OpenAPIFormat,
    OpenAPIMediaType,
    OpenAPIResponse,
    OpenAPIType,
    Operation,
    Parameter,
    Reference,
    RequestBody,
    Schema,
    SecurityScheme,
)

from service.engine.errors import ErrorResponse
from service.engine.wire import ContainerQuery, FileQuery, PageQuery, Purpose

_TEXT = Schema(type=OpenAPIType.STRING)
_FILE = Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY)
_ERROR = Reference(ref=f"#/components/schemas/{ErrorResponse.__name__}")
_QUERIES: dict[str, type[msgspec.Struct]] = {
    "listFiles": FileQuery,
    "listContainers": ContainerQuery,
    "listContainerFiles": PageQuery,
    "listInputItems": PageQuery,
}
_FORMS: dict[str, dict[str, Schema]] = {
    "createFile": {
        "file": _FILE,
        "purpose": Schema(type=OpenAPIType.STRING, enum=list(get_args(Purpose))),
        "expires_after[anchor]": Schema(type=OpenAPIType.STRING, const="created_at"),
        "expires_after[seconds]": Schema(type=OpenAPIType.INTEGER, minimum=3600, maximum=2_592_000),
    },
    "createContainerFile": {"file": _FILE},
}
_DOWNLOADS = {"downloadFile", "downloadContainerFile"}
_STREAMS = {"createResponse", "getResponse"}
_OPEN = {"livez", "readyz", "metrics"}

# Litestar generates a schema only for what a handler takes or answers. A body that the handler decodes itself is declared as the answer
# of a status that does not exist, and moved to its place below.
_BODY = 299


def body(shape: type[msgspec.Struct]) -> Mapping[int, ResponseSpec]:
    """For a handler's ``responses``: its JSON body is a ``shape``."""
    return {
        _BODY: ResponseSpec(shape, generate_examples=False),
        400: ResponseSpec(ErrorResponse, generate_examples=False),
    }


@dataclass
class Described(Operation):
    """An operation of ``/v1``, with all that its handler's signature does not say."""

    def __post_init__(self) -> None:
        """Complete what litestar generated."""
        name = self.operation_id or ""
        responses = {status: answer for status, answer in (self.responses or {}).items() if status == "200"}
        declared = (self.responses or {}).get(str(_BODY))
        if isinstance(declared, OpenAPIResponse) or name in _FORMS:
            content = dict(declared.content or {}) if isinstance(declared, OpenAPIResponse) else {}
            if name in _FORMS:
                required = [field for field in ("file", "purpose") if field in _FORMS[name]]
                form = Schema(type=OpenAPIType.OBJECT, properties=dict(_FORMS[name]), required=required)
                content["multipart/form-data"] = OpenAPIMediaType(schema=form)
            self.request_body = RequestBody(content=content, required=True)
        if name in _QUERIES:
            self.parameters = [*(self.parameters or []), *_parameters(_QUERIES[name])]
        answer = responses["200"]
        if isinstance(answer, OpenAPIResponse):
            answer.description = self.description or "Done."
            if name in _DOWNLOADS:
                answer.content = {"application/octet-stream": OpenAPIMediaType(schema=_FILE)}
            if name in _STREAMS:
                response = OpenAPIMediaType(schema=Reference(ref="#/components/schemas/Response"))
                answer.content = {"application/json": response, "text/event-stream": OpenAPIMediaType(schema=_TEXT)}
        if name not in _OPEN:
            error = {"application/json": OpenAPIMediaType(schema=_ERROR)}
            responses["4XX"] = OpenAPIResponse(description="The request is wrong, or too much.", content=error)
            responses["5XX"] = OpenAPIResponse(description="The engine or its model failed.", content=error)
            self.security = [{"key": []}]
        self.responses = responses


def _parameters(query: type[msgspec.Struct]) -> list[Parameter]:
    properties: dict[str, Any] = msgspec.json.schema_components([query])[1][query.__name__]["properties"]
    return [
        Parameter(name=name, param_in="query", schema=_schema(each), required=False)
        for name, each in properties.items()
    ]


def _schema(each: dict[str, Any]) -> Schema:
    kinds = [option["type"] for option in each.get("anyOf", [each]) if option.get("type", "null") != "null"]
    return Schema(
        type=OpenAPIType(kinds[0] if kinds else "string"),
        enum=each.get("enum"),
        minimum=each.get("minimum"),
        maximum=each.get("maximum"),
        default=each.get("default"),
    )


def config(version: str) -> OpenAPIConfig:
    """What litestar is told about the document as a whole."""
    return OpenAPIConfig(
        title="Recast engine",
        version=version,
        description="A self-hosted Code Interpreter that speaks OpenAI's Responses, Containers and Files API.",
        path="/docs",
        render_plugins=[JsonRenderPlugin(path="/openapi.json")],
        use_handler_docstrings=True,
        components=Components(security_schemes={"key": SecurityScheme(type="http", scheme="bearer")}),
    )
