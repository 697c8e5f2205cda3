"""One HTTP/1.1 connection, where uvicorn leaves things open that a service on a network cannot.

Owns how long and how large a request's head may be, what becomes of a body nobody reads, and the upgrades that are declined. Knows
nothing of what is served.
"""

import asyncio
import re
from typing import Final

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS = 20.0  # a request line and its headers; the slow-loris limit uvicorn lacks
MAX_HEAD_BYTES = 64 * 1024
LINGER_SECONDS = 5.0  # a refused body is read for so long, so that its sender sees the answer and not a reset

_TOO_LARGE: Final = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Type: text/plain\r\nContent-Length: 29\r\nConnection: close\r\n\r\n"
    b"The request head is too large"
)
_UPGRADING = {b"upgrade", b"http2-settings"}


class Connection(HttpToolsProtocol):
    """Limits the head of a request in time and size, and the time a body is read after its answer."""

    _head_timer: asyncio.TimerHandle | None = None
    _linger_timer: asyncio.TimerHandle | None = None
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timers."""
        self._stop_timers()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse; a head that grows too large ends the connection."""
        self._unset_keepalive_if_required()
        head = self._head_timer
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            if self._is_upgrading():
                self._decline_upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserError:
            self.logger.warning("a request that is not HTTP")
            self.send_400_response("This is not an HTTP request.")
        if head is not None and head is self._head_timer:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self.transport.write(_TOO_LARGE)
                self.transport.close()

    def on_message_begin(self) -> None:
        """Begin to wait for the rest of a head."""
        super().on_message_begin()
        if self._head_timer is None:
            self._expect_head()

    def on_headers_complete(self) -> None:
        """Hand the request on, unless it is read again without its upgrade."""
        self._stop_timers()
        if not self._is_upgrading():
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        """End the body; a body that was refused leaves the connection as good as new."""
        if self._is_upgrading():
            return
        if self._linger_timer is not None:
            self._linger_timer.cancel()
            self._linger_timer = None
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Read on for a moment when the answer came before the end of the body."""
        super().on_response_complete()
        if self.cycle.response_complete and self.cycle.more_body:
            self._linger_timer = self.loop.call_later(LINGER_SECONDS, self.transport.close)

    def _expect_head(self) -> None:
        self._head_bytes = 0
        self._head_timer = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _stop_timers(self) -> None:
        for timer in (self._head_timer, self._linger_timer):
            if timer is not None:
                timer.cancel()
        self._head_timer = self._linger_timer = None

    def _is_upgrading(self) -> bool:
        return self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT"

    def _decline_upgrade(self, rest: bytes) -> None:
        """Serve the request as if it had not asked for another protocol (RFC 9110 section 7.8).

        Java's HttpClient and ``curl --http2`` ask for h2c with every first request; httptools takes the body of such a request for the
        other protocol, so the head is read again without the question.
        """
        head = b"".join(b"%s: %s\r\n" % header for header in self.headers if header[0] not in _UPGRADING)
        head = re.sub(rb"(?im)(^connection:.*)\bupgrade\b", rb"\1", head)
        request = b"%s %s HTTP/1.1\r\n%s\r\n%s" % (self.parser.get_method(), self.url, head, rest)
        self.parser = httptools.HttpRequestParser(self)
        self.data_received(request)
