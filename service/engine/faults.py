"""The edge: whatever a handler raises becomes an OpenAI error body with the right status and headers.

The cause of a server error goes to the log and nowhere else.
"""

import re
import uuid
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.routes import BaseRoute, HTTPRoute

from service.access import RateExceeded, Unauthorized
from service.engine.errors import (
    ApiError,
    Busy,
    InvalidRequest,
    NotAuthenticated,
    RouteNotFound,
    ServerError,
    TooLarge,
)
from service.spool import BodyMalformed, BodyStalled, BodyTooLarge, ClientGone

MAX_JSON_BYTES = 64 << 20  # the vendor takes 50 MB of files in a request
_log = structlog.get_logger("recast.engine")
_encode = msgspec.json.Encoder().encode


def answer(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """The answer to a request whose handler raised."""
    told = as_api_error(request, error)
    if told.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        _log.error("request failed", path=request.scope["path"], exc_info=error)
    headers = told.headers() | (error.headers() if isinstance(error, RateExceeded) else {})
    if "request_id" not in request.scope["state"]:  # no route was found, so no middleware ran
        headers["x-request-id"] = uuid.uuid4().hex
    return Response(_encode(told.body()), status_code=told.status, headers=headers, media_type="application/json")


def as_api_error(request: Request[Any, Any, Any], error: Exception) -> ApiError:  # noqa: PLR0911 - a table
    """What the caller is told about an exception."""
    match error:
        case ApiError():
            return error
        case Unauthorized():
            return NotAuthenticated(presented=error.presented)
        case RateExceeded():
            return Busy(
                f"Rate limit reached: {error.limit} requests per minute. "
                f"Please try again in {error.retry_seconds:.1f}s.",
                retry_seconds=error.retry_seconds,
            )
        case BodyTooLarge(unit="bytes"):
            return TooLarge(error.limit)
        case BodyTooLarge():
            return InvalidRequest(f"At most {error.limit} {error.unit} may be sent.", param=None, code="invalid_value")
        case BodyMalformed():
            return InvalidRequest(
                f"The multipart body is malformed: {error.reason}", param=None, code="invalid_multipart"
            )
        case BodyStalled() | ClientGone():
            return InvalidRequest("The request's body did not arrive in time.", param=None, code="body_timeout")
        case HTTPException():
            return _of_framework(request, error)
        case _:
            return ServerError()


def _methods(routes: Iterable[BaseRoute], path: str) -> list[str]:
    """What a path may be asked with."""
    found: set[str] = set()
    for route in routes:
        if isinstance(route, HTTPRoute) and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", route.path_format), path):
            found |= set(route.methods)
    return sorted(found)


def _of_framework(request: Request[Any, Any, Any], error: HTTPException) -> ApiError:
    if error.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return TooLarge(MAX_JSON_BYTES)
    if error.status_code in (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED):
        path = request.scope["path"]
        return RouteNotFound(
            status=error.status_code, method=request.method, path=path, allowed=_methods(request.app.routes, path)
        )
    if error.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
        return InvalidRequest(error.detail, param=None, code=None)
    return ServerError()
