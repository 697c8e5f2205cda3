"""What the OpenAPI document says that handlers' signatures cannot: bodies that are files, headers of answers, every problem.

The problems are those of the table in `problems`, so that the document cannot forget one.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import (
    Components,
    Example,
    OpenAPIHeader,
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

from service.conversion import problems

CONVERTING = (
    *(400, 401, 406, 408, 413, 415),
    *(422, 424, 429, 500, 502, 503, 504),
)
_TEXT = Schema(type=OpenAPIType.STRING)
ANSWER_HEADERS = {
    "Content-Disposition": "The file's name: the input's stem and the new extension (RFC 6266).",
    "Recast-Recipe": "The recipe that was followed, and its version: `table/1`.",
    "Recast-Input-Type": "The media type the input was taken for.",
    "Recast-Container": "The container it was made in; it is deleted once the answer is read.",
    "Recast-Attempt": "Who made the file: `program` or `model`; how many attempts (`n`) and tokens it took.",
    "Recast-Fidelity": "What the recipe promises: `exact`, `content` or `layout`.",
    "Recast-Facts": "Counts that the program verified in its output: a Dictionary of RFC 9651.",
    "Recast-Warnings": "What was dropped or guessed: a List of Strings of RFC 9651.",
    "Server-Timing": "Milliseconds by phase: receive, queue, engine (of these: program), fetch.",
    "X-Request-ID": "The request's name: the caller's, or a new one.",
}
_FILE = "The file itself, as `curl --data-binary` or `-T` sends it."
_FIELDS = {
    "from": "The input's type, instead of identifying it: an extension, format or media type.",
    "instructions": "Free words on how the result should be; they need a model.",
}
_EXAMPLES: Mapping[str, object] = {
    "claimed": "image/png",
    "detail": "the picture has more than 200 million pixels",
    "encoding": "gzip",
    "error": "KeyError",
    "formats": "html, json, xlsx",
    "found": "text/plain",
    "input_type": "text/csv",
    "limit": 1000,
    "name": "sheet",
    "offered": "delimiter, header",
    "output_format": "mp3",
    "reason": "Unexpected end of multipart stream",
    "retry_seconds": 3,
    "seconds": 120,
    "stopped": "max_tool_calls",
    "takes": "an integer from 1 to 10",
    "unit": "bytes",
}
COMPONENTS = Components(
    security_schemes={"key": SecurityScheme(type="http", scheme="bearer", description="Where keys are set.")}
)


def failing(*statuses: int) -> Mapping[int, ResponseSpec]:
    """Return what an operation answers with these statuses: each a problem, with an example of every code."""
    return {
        status: ResponseSpec(
            problems.Problem,
            description="; ".join(row.title for row in problems.rows(status)),
            media_type=problems.MEDIA_TYPE,
            generate_examples=False,
            examples=[
                Example(summary=row.title, value=msgspec.to_builtins(_example(row))) for row in problems.rows(status)
            ],
        )
        for status in statuses
    }


@dataclass
class Converting(Operation):
    """An operation that takes a file and answers with one."""

    def __post_init__(self) -> None:
        """Describe the body, what may be asked for beside it, and the answer."""
        self.request_body = RequestBody(
            required=True,
            description=f"{_FILE} Or a form with it: the field `file`, once or several times; several come back as a zip.",
            content={
                "application/octet-stream": OpenAPIMediaType(
                    schema=Schema(content_media_type="application/octet-stream")
                ),
                "multipart/form-data": OpenAPIMediaType(schema=_form()),
            },
        )
        self.parameters = [*(self.parameters or []), *_parameters()]
        self.security = [{}, {"key": []}]
        self.responses = dict(self.responses or {})
        self.responses["200"] = OpenAPIResponse(
            description="The converted file; a zip when there were several.",
            headers={name: OpenAPIHeader(schema=_TEXT, description=text) for name, text in ANSWER_HEADERS.items()},
            content={"*/*": OpenAPIMediaType(schema=Schema(content_media_type="application/octet-stream"))},
        )


@dataclass
class Negotiating(Converting):
    """One whose output format is asked for by ``Accept``."""

    def __post_init__(self) -> None:
        """Describe the header."""
        super().__post_init__()
        accept = "Media types of the output, with q-values: the best that the input can become is made."
        self.parameters = [
            *(self.parameters or []),
            Parameter(name="Accept", param_in="header", schema=_TEXT, description=accept),
        ]


def _form() -> Schema:
    file = Schema(type=OpenAPIType.ARRAY, items=Schema(content_media_type="application/octet-stream"), min_items=1)
    return Schema(
        type=OpenAPIType.OBJECT,
        required=["file"],
        properties={
            "file": file,
            **{name: Schema(type=OpenAPIType.STRING, description=text) for name, text in _FIELDS.items()},
        },
        additional_properties=_TEXT,
        description="Every further field is an option of the recipe.",
    )


def _parameters() -> list[Parameter | Reference]:
    fields = [Parameter(name=name, param_in="query", schema=_TEXT, description=text) for name, text in _FIELDS.items()]
    options = Parameter(
        name="options",
        param_in="query",
        style="form",
        explode=True,
        schema=Schema(type=OpenAPIType.OBJECT, additional_properties=_TEXT),
        description="The recipe's options, one parameter each, as GET /formats/{name} lists them: `?sheet=2&header=false`.",
    )
    return [*fields, options]


def _example(row: problems.Row) -> problems.Problem:
    detail = row.detail.format_map(_EXAMPLES)
    return problems.Problem(
        problems.type_of(row.code), row.title, row.status, detail, row.code, row.retryable, request_id="4f1c9e6a"
    )
