"""The gate before every route of ``/v1``: the bearer key, the request budget, and the headers that tell of both."""

import time

from litestar.datastructures import MutableScopeHeaders
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from service.access import Access
from service.engine.errors import ApiError


class EncodingUnsupported(ApiError):
    """A compressed body; ``args[0]`` is its content encoding."""

    status = 415
    code = "unsupported_content_encoding"

    @property
    def message(self) -> str:
        """Names the encoding."""
        return f"The request's Content-Encoding '{self.args[0]}' is not supported; send the body as it is."


class Gate(ASGIMiddleware):
    """Lets in whom ``access`` admits.

    Args:
        access: Keys and budgets.
    """

    def __init__(self, access: Access) -> None:
        self._access = access

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Admit the request or raise what ``faults`` turns into 401 or 429."""
        started = time.perf_counter()
        headers = MutableScopeHeaders(scope)
        client = scope["client"]
        admission = self._access.admit(
            authorization=headers.get("authorization"),
            address=client[0] if client else "",
            now=time.monotonic(),
        )
        if headers.get("content-encoding", "identity").lower() != "identity":
            raise EncodingUnsupported(headers["content-encoding"])
        counted = admission.headers()

        async def send_told(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableScopeHeaders.from_message(message)
                headers["openai-version"] = "2020-10-01"
                headers["openai-processing-ms"] = str(int((time.perf_counter() - started) * 1000))
                for name, value in counted.items():
                    headers[name] = value
            await send(message)

        await next_app(scope, receive, send_told)
