"""Every way a request can fail, as problem documents (RFC 9457): one table from exception to status, code, title and advice.

Owns the words a caller reads. Causes go to the log; a detail never holds content of a file or text of an exception that is not ours.
"""

import asyncio
import errno
import math
from collections.abc import Mapping
from typing import Any

import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException
from msgspec import UNSET, Struct, UnsetType

from service import access, spool
from service.conversion import admission, errors, faults, media, options
from service.telemetry import request_id_of

MEDIA_TYPE = "application/problem+json"
CLIENT_GONE = 499  # never seen by anyone but the log: there is no one to answer


class Problem(Struct, frozen=True):
    """A problem document. ``retryable``: the same request may succeed later. ``formats``: what this input can become."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    retryable: bool
    request_id: str
    formats: tuple[str, ...] | UnsetType = UNSET


class Row(Struct, frozen=True):
    """A line of the table. ``detail`` is filled in with the exception's fields."""

    status: int
    code: str
    title: str
    detail: str
    retryable: bool = False


TABLE: Mapping[type[BaseException], Row] = {
    spool.BodyMalformed: Row(
        400, "malformed_body", "The request body is malformed", "The multipart body cannot be read: {reason}."
    ),
    spool.BodyStalled: Row(
        408,
        "body_stalled",
        "The request body did not arrive",
        "The upload stopped, or came too slowly. Send it again.",
        retryable=True,
    ),
    spool.BodyTooLarge: Row(413, "too_large", "The request is too large", "At most {limit} {unit} are accepted."),
    spool.ClientGone: Row(CLIENT_GONE, "client_gone", "The client is gone", "The connection was closed."),
    access.Unauthorized: Row(
        401, "unauthorized", "An API key is needed", "Send one of this service's keys as “Authorization: Bearer KEY”."
    ),
    access.RateExceeded: Row(
        429,
        "rate_limited",
        "Too many requests",
        "At most {limit} requests a minute are accepted from one caller.",
        retryable=True,
    ),
    media.UnknownFormat: Row(
        400,
        "unknown_type",
        "The type given is not known",
        "“{name}” is no extension, format or media type known here; see GET /formats.",
    ),
    media.Unidentified: Row(
        415,
        "unidentified",
        "The file's type cannot be identified",
        "Neither its content nor its name says what it is. Give it a file name with its extension, a Content-Type, or ?from=.",
    ),
    media.Contradiction: Row(
        415,
        "contradiction",
        "The file is not what it claims",
        "It is named or declared {claimed}, but its content is {found}. Correct the name, or say ?from=.",
    ),
    options.OptionUnknown: Row(
        400, "unknown_option", "There is no such option", "“{name}” is no option here; there are: {offered}."
    ),
    options.OptionInvalid: Row(
        400, "invalid_option", "An option's value is not valid", "The option “{name}” takes {takes}."
    ),
    options.OptionRepeated: Row(
        400, "repeated_option", "An option is given twice", "The option “{name}” has several values; give it one."
    ),
    admission.Busy: Row(
        429,
        "busy",
        "The service is busy",
        "No place became free in time. Try again in {retry_seconds} seconds.",
        retryable=True,
    ),
    admission.Draining: Row(
        503,
        "draining",
        "The service is shutting down",
        "It takes no more work. Try again in a few seconds.",
        retryable=True,
    ),
    faults.InterpreterBusy: Row(
        429,
        "engine_busy",
        "The engine is busy",
        "It has no room now. Try again in {retry_seconds} seconds.",
        retryable=True,
    ),
    faults.InterpreterDown: Row(
        503,
        "engine_down",
        "The engine is down",
        "It cannot be reached. Try again in {retry_seconds} seconds.",
        retryable=True,
    ),
    faults.UploadTooLarge: Row(
        413, "too_large_for_engine", "The file is too large for the engine", "The engine takes no file of this size."
    ),
    faults.InterpreterFailed: Row(
        502,
        "engine_error",
        "The engine failed",
        "It answered with an error, twice. The operator's log says which.",
        retryable=True,
    ),
    errors.TypeUnsupported: Row(
        415,
        "unsupported_type",
        "This type is not accepted",
        "No recipe takes {input_type}; GET /formats lists those that are taken.",
    ),
    errors.PairUnsupported: Row(
        422,
        "unsupported_pair",
        "This conversion is not offered",
        "{input_type} cannot become “{output_format}”; it can become: {formats}.",
    ),
    errors.FormatUnacceptable: Row(
        406,
        "not_acceptable",
        "Nothing acceptable is offered",
        "{input_type} cannot become what Accept names; it can become: {formats}.",
    ),
    errors.FormatMissing: Row(
        400,
        "format_missing",
        "Which format?",
        "Name the output format in the path (POST /convert/{{format}}) or in Accept; {input_type} can become: {formats}.",
    ),
    errors.FileMissing: Row(
        400, "file_missing", "There is no file", "Send the file as the request body, or as the multipart field “file”."
    ),
    errors.BodyPartial: Row(
        400, "partial_body", "This is a part of a file", "Send the whole file in one request, without Content-Range."
    ),
    errors.EncodingUnsupported: Row(
        415,
        "unsupported_encoding",
        "Content-Encoding is not accepted",
        "Send the file as it is, without Content-Encoding “{encoding}”.",
    ),
    errors.RecipeUnknown: Row(
        404, "unknown_recipe", "There is no such recipe", "No recipe is called “{name}”; see GET /recipes."
    ),
    errors.FormatUnknown: Row(
        404, "unknown_format", "There is no such format", "“{name}” is no extension, format or media type known here."
    ),
    errors.ModelMissing: Row(
        424,
        "model_missing",
        "This needs a model",
        "Free instructions, and conversions without a program, need a model, and none is configured (RECAST_MODEL).",
    ),
    errors.DocumentRefused: Row(422, "refused", "This document cannot be converted", "{detail}"),
    errors.ProgramFailed: Row(
        422,
        "conversion_failed",
        "This document could not be converted",
        "The recipe's program failed on this document ({error}).",
    ),
    errors.ModelStopped: Row(
        502,
        "model_stopped",
        "The model did not finish",
        "The model met its limit ({stopped}) before it had made and verified the file.",
        retryable=True,
    ),
    errors.OutputMissing: Row(
        502, "no_output", "The engine made no file", "The run ended without a file.", retryable=True
    ),
    errors.OutputWrong: Row(
        502,
        "wrong_output",
        "The engine made a wrong file",
        "The file is empty or not of the promised type.",
        retryable=True,
    ),
    errors.RunTooLong: Row(
        504, "run_timeout", "The conversion took too long", "It was stopped after {seconds:g} seconds."
    ),
}

_DISK_FULL = Row(503, "storage_full", "The service is out of disk space", "Try again later.", retryable=True)
_INTERNAL = Row(
    500, "internal", "The service failed", "This is a fault of the service; its log knows more under the request id."
)
_HTTP: Mapping[int, Row] = {
    404: Row(404, "not_found", "There is nothing here", "No such path; GET /docs lists them all."),
    405: Row(405, "method_not_allowed", "This method is not allowed", "The Allow header names those that are."),
}
_RETRY_SECONDS = 5


def row_of(error: BaseException) -> Row:
    """Return the line of the table for an exception: its own class's, else a base's, else what the exception itself says."""
    for kind in type(error).__mro__:
        if kind in TABLE:
            return TABLE[kind]
    if isinstance(error, HTTPException) and error.status_code < 500:  # noqa: PLR2004 - the server's own faults
        known = _HTTP.get(error.status_code)
        return known or Row(
            error.status_code, "malformed_request", "The request is malformed", "It does not fit GET /openapi.json."
        )
    return _DISK_FULL if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT} else _INTERNAL


def rows(status: int) -> list[Row]:
    """Return the lines of the table with this status."""
    everything = (*TABLE.values(), *_HTTP.values(), _DISK_FULL, _INTERNAL)
    return [row for row in everything if row.status == status]


def code_of(error: BaseException) -> str:
    """Return the stable code of an exception, for logs and metrics."""
    if isinstance(error, asyncio.CancelledError):
        return "client_gone"
    return error.code if isinstance(error, errors.DocumentRefused) else row_of(error).code


def problem_of(error: BaseException, request_id: str) -> Problem:
    """Return the document that tells a caller about an exception."""
    row, code = row_of(error), code_of(error)
    fields = {
        name: ", ".join(map(str, value)) or "none" if isinstance(value, tuple) else value or "unknown"
        for name, value in vars(error).items()
    }
    return Problem(
        type=type_of(code),
        title=row.title,
        status=row.status,
        detail=row.detail.format_map(fields),
        code=code,
        retryable=row.retryable,
        request_id=request_id,
        formats=getattr(error, "formats", UNSET),
    )


def type_of(code: str) -> str:
    """Return the URI that names a problem's type."""
    return f"urn:recast:problem:{code}"


def answer(request: Request[Any, Any, Any], error: Exception) -> Response[Problem]:
    """Turn any exception into its answer. The one place that sees them all: an unknown one is logged with its traceback."""
    problem = problem_of(error, request_id_of(request.scope))
    if problem.code == _INTERNAL.code:
        structlog.get_logger("recast").error("internal error", exc_info=error)
    headers = {
        "Cache-Control": "no-store",
        "X-Request-ID": problem.request_id,
    }  # where no route fits, no middleware runs
    if problem.retryable:
        headers["Retry-After"] = str(math.ceil(getattr(error, "retry_seconds", _RETRY_SECONDS)))
    if isinstance(error, access.Unauthorized):
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, HTTPException) and error.headers:
        headers |= error.headers
    return Response(problem, status_code=problem.status, media_type=MEDIA_TYPE, headers=headers)
