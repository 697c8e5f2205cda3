"""The errors of ``/v1``: exceptions with fields, and the one table that turns them into a status and OpenAI's error body.

    ApiError                      anything a caller is told about
    ├── InvalidRequest            400, with the dotted ``param`` of wire-contract §0.1
    ├── ContainerExpired          400
    ├── ContainerNotFound, ContainerFileNotFound, FileNotFound, ResponseNotFound, ModelNotFound, CursorNotFound    404
    ├── RouteNotFound             404, 405
    ├── PreviousResponseNotFound  400
    ├── NotAuthenticated          401
    ├── TooLarge                  413
    ├── EncodingUnsupported       415, in ``gate``
    ├── Busy                      429, with Retry-After
    └── ServerError               500
        ├── Unavailable           503, with Retry-After
        └── UpstreamError         502, the language model behind the engine failed

Code that fails inside a container is not here: it is a result.
"""

from http import HTTPStatus
from typing import Literal

import msgspec

CONTEXT_EXCEEDED = "context_length_exceeded"  # the code by which models say that a conversation is too long


class ErrorBody(msgspec.Struct, frozen=True):
    """OpenAI's error object: all four keys are always present."""

    message: str
    type: str
    param: str | None
    code: str | None


class ErrorResponse(msgspec.Struct, frozen=True):
    """The JSON body of every answer that is not 2xx."""

    error: ErrorBody


class ResponseError(msgspec.Struct, frozen=True):
    """Why a response failed, inside the response object."""

    code: str
    message: str


class ApiError(Exception):
    """Something the caller is told. Subclasses set the class attributes and build ``message``."""

    status = 400
    type = "invalid_request_error"
    code: str | None = None
    param: str | None = None
    retry_seconds: float | None = None

    @property
    def message(self) -> str:
        """One sentence for the caller: what failed and how to fix it."""
        return str(self)

    def body(self) -> ErrorResponse:
        """The error as it stands on the wire."""
        return ErrorResponse(ErrorBody(message=self.message, type=self.type, param=self.param, code=self.code))

    def for_response(self) -> ResponseError:
        """The error as a failed response carries it, with a code of the vendor's enumeration."""
        if self.status == HTTPStatus.TOO_MANY_REQUESTS:
            return ResponseError(code="rate_limit_exceeded", message=self.message)
        is_theirs = self.status < HTTPStatus.INTERNAL_SERVER_ERROR
        return ResponseError(code="invalid_prompt" if is_theirs else "server_error", message=self.message)

    def headers(self) -> dict[str, str]:
        """``Retry-After`` where a retry can help; ``x-should-retry: false`` where the official clients would retry in vain."""
        if self.retry_seconds is not None:
            return {"retry-after": str(max(1, round(self.retry_seconds)))}
        return {"x-should-retry": "false"} if self.status >= HTTPStatus.INTERNAL_SERVER_ERROR else {}


class InvalidRequest(ApiError):
    """The request's shape or a value is wrong; ``param`` is the dotted path of the culprit."""

    def __init__(self, message: str, *, param: str | None, code: str | None) -> None:
        super().__init__(message)
        self.param = param
        self.code = code

    @classmethod
    def value(cls, param: str, got: str, supported: list[str]) -> "InvalidRequest":
        """A word that is none of the supported ones."""
        return cls(
            f"Invalid value: '{got}'. Supported values are: {_listed(supported)}.", param=param, code="invalid_value"
        )

    @classmethod
    def missing(cls, param: str) -> "InvalidRequest":
        """A required parameter that is not there."""
        return cls(f"Missing required parameter: '{param}'.", param=param, code="missing_required_parameter")

    @classmethod
    def unknown(cls, param: str) -> "InvalidRequest":
        """A parameter that does not exist."""
        return cls(f"Unknown parameter: '{param}'.", param=param, code="unknown_parameter")

    @classmethod
    def number(
        cls, param: str, got: float, bound: float, *, above: bool, kind: Literal["integer", "decimal"] = "integer"
    ) -> "InvalidRequest":
        """A number past its bound; ``kind`` is what the parameter should be, not what came."""
        side, sign = ("above maximum", "<=") if above else ("below minimum", ">=")
        return cls(
            f"Invalid '{param}': {kind} {side} value. Expected a value {sign} {bound}, but got {got} instead.",
            param=param,
            code=f"{kind}_{'above_max' if above else 'below_min'}_value",
        )

    @classmethod
    def not_served(cls, param: str, what: str, *, instead: str | None = None) -> "InvalidRequest":
        """A part of the vendor's API that this engine does not have."""
        advice = f"; use {instead} instead" if instead else ""
        return cls(f"{what} is not served by this engine{advice}.", param=param, code="unsupported_parameter")


class ContainerExpired(ApiError):
    """The container's idle time is over; its files and memory are gone."""

    message = "Container is expired."


class _NotFound(ApiError):
    status = 404
    words = "{}"  # the vendor's

    def __init__(self, identifier: str) -> None:
        super().__init__(identifier)
        self.identifier = identifier

    @property
    def message(self) -> str:
        """The vendor's words."""
        return self.words.format(self.identifier)


class ContainerNotFound(_NotFound):
    """No such container, or it was deleted."""

    words = "Container with id '{}' not found."


class ContainerFileNotFound(_NotFound):
    """No such file in this container."""

    def __init__(self, identifier: str, *, container_id: str) -> None:
        super().__init__(identifier)
        self.container_id = container_id

    @property
    def message(self) -> str:
        """The vendor's words."""
        return f"File {self.identifier} not found on container {self.container_id}."


class FileNotFound(_NotFound):
    """No such upload in the Files API."""

    param = "id"
    words = "No such File object: {}"


class ResponseNotFound(_NotFound):
    """No such response, or it was not stored."""

    words = "Response with id '{}' not found."


class ModelNotFound(_NotFound):
    """No model of that name here."""

    param = "model"
    code = "model_not_found"
    words = "The model '{}' does not exist or you do not have access to it."


class RouteNotFound(ApiError):
    """No such path, or not with this method."""

    def __init__(self, *, status: int, method: str, path: str, allowed: list[str]) -> None:
        super().__init__(
            f"Invalid URL ({method} {path})"
            if status == HTTPStatus.NOT_FOUND
            else f"Not allowed to {method} on {path}."
        )
        self.status = status
        self.code = None if status == HTTPStatus.NOT_FOUND else "method_not_supported"
        self.allowed = allowed

    def headers(self) -> dict[str, str]:
        """``Allow``, where another method would do (RFC 9110 section 15.5.6)."""
        return {"allow": ", ".join(self.allowed)} if self.allowed else {}


class CursorNotFound(_NotFound):
    """``after`` names nothing in this list."""

    param = "after"
    message = "Resource not found."


class PreviousResponseNotFound(ApiError):
    """``previous_response_id`` names no stored response."""

    param = "previous_response_id"
    code = "previous_response_not_found"

    @property
    def message(self) -> str:
        """The vendor's words."""
        return f"Previous response with id '{self.args[0]}' not found."


class NotAuthenticated(ApiError):
    """No key, or a wrong one."""

    status = 401

    def __init__(self, *, presented: bool) -> None:
        super().__init__(
            "Incorrect API key provided."
            if presented
            else "You didn't provide an API key. Send it in an Authorization header: Authorization: Bearer YOUR_KEY."
        )
        self.code = "invalid_api_key" if presented else None


class TooLarge(ApiError):
    """More bytes than a limit allows."""

    status = 413
    code = "file_too_large"
    param = "file"

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(limit_bytes)
        self.limit_bytes = limit_bytes

    @property
    def message(self) -> str:
        """Names the limit."""
        return f"File is too large: the limit is {self.limit_bytes} bytes."


class Busy(ApiError):
    """Every sandbox slot is taken, or the caller's request budget is spent."""

    status = 429
    type = "requests"
    code = "rate_limit_exceeded"

    def __init__(self, message: str, *, retry_seconds: float) -> None:
        super().__init__(message)
        self.retry_seconds = retry_seconds


class ServerError(ApiError):
    """The engine's own failure; the cause is in the log."""

    status = 500
    type = "server_error"
    code = "server_error"

    @property
    def message(self) -> str:
        """Says nothing of the inside."""
        return str(self) or "The server had an error while processing your request."


class Unavailable(ServerError):
    """The sandbox is down or the engine is draining; another try may succeed."""

    status = 503
    retry_seconds = 2.0


class UpstreamError(ServerError):
    """The language model behind the engine did not answer as it should."""

    status = 502
    code = "upstream_error"


def _listed(words: list[str]) -> str:
    *first, last = [f"'{word}'" for word in words]
    if not first:
        return last
    return f"{first[0]} and {last}" if len(first) == 1 else f"{', '.join(first)}, and {last}"
