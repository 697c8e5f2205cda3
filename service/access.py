"""Who may call, and how often: bearer keys compared in constant time, and a budget of requests a minute for each caller.

Both halves of the service use it. It knows no web framework and no error body: ``Access.admit`` answers with an ``Admission`` or
raises an exception that carries fields, and each half renders them its own way.
"""

import hashlib
import hmac
from collections import deque
from collections.abc import Iterable

import msgspec

WINDOW_SECONDS = 60.0
_MAX_CALLERS = 10_000  # callers without a key are told apart by address; forget idle ones past this many


class Unauthorized(Exception):
    """No key, or none of ours. ``presented`` says which of the two."""

    def __init__(self, *, presented: bool) -> None:
        super().__init__(presented)
        self.presented = presented


class RateExceeded(Exception):
    """The caller has used its requests of the last minute; the oldest leaves the window in ``retry_seconds``."""

    def __init__(self, *, limit: int, retry_seconds: float) -> None:
        super().__init__(limit, retry_seconds)
        self.limit = limit
        self.retry_seconds = retry_seconds

    def headers(self) -> dict[str, str]:
        """``Retry-After`` (whole seconds, rounded up) and the ``x-ratelimit-*`` headers."""
        return {
            "retry-after": str(int(self.retry_seconds) + 1),
            **_headers(self.limit, 0, self.retry_seconds),
        }


class Admission(msgspec.Struct, frozen=True):
    """A call that may go on. ``caller`` names the key (a hash, never the key) or the address; ``limit`` is None where none counts."""

    caller: str
    limit: int | None = None
    remaining: int = 0
    reset_seconds: float = 0.0

    def headers(self) -> dict[str, str]:
        """The ``x-ratelimit-*`` headers of the answer; none where nothing is counted."""
        return {} if self.limit is None else _headers(self.limit, self.remaining, self.reset_seconds)


class Access:
    """The keys that open a service and the request budget of each.

    Without keys every caller is let in, and counted by address.

    Args:
        keys: The accepted bearer keys; empty means open to everyone.
        requests_per_minute: Budget of each caller over any 60 seconds; None counts nothing.
        internal_key: A key whose calls from the loopback interface are accepted and never counted.
    """

    def __init__(
        self, keys: Iterable[str] = (), *, requests_per_minute: int | None = None, internal_key: str | None = None
    ) -> None:
        self._digests = [_digest(key) for key in keys]
        self._internal = _digest(internal_key) if internal_key else None
        self._limit = requests_per_minute
        self._calls: dict[str, deque[float]] = {}

    def admit(self, *, authorization: str | None, address: str, now: float) -> Admission:
        """Let one request in and count it.

        Args:
            authorization: The header's value, ``Bearer …``, or None.
            address: The peer's IP address, from the socket.
            now: Monotonic seconds.

        Raises:
            Unauthorized: Keys are set, and this is not one of them.
            RateExceeded: The caller's budget is spent.
        """
        key = bearer(authorization)
        digest = _digest(key) if key else None
        if digest and self._internal and hmac.compare_digest(digest, self._internal) and _is_loopback(address):
            return Admission(caller="internal")
        if not self._digests:
            return self._count(address, now)
        known = [hmac.compare_digest(digest, each) for each in self._digests] if digest else []
        if digest is None or not any(known):
            raise Unauthorized(presented=digest is not None)
        return self._count(digest.hex()[:16], now)

    def _count(self, caller: str, now: float) -> Admission:
        if self._limit is None:
            return Admission(caller=caller)
        calls = self._calls.setdefault(caller, deque())
        while calls and calls[0] <= now - WINDOW_SECONDS:
            calls.popleft()
        if len(calls) >= self._limit:
            raise RateExceeded(
                limit=self._limit, retry_seconds=calls[0] + WINDOW_SECONDS - now if calls else WINDOW_SECONDS
            )
        calls.append(now)
        if len(self._calls) > _MAX_CALLERS:
            self._forget_idle(now)
        return Admission(
            caller=caller,
            limit=self._limit,
            remaining=self._limit - len(calls),
            reset_seconds=calls[0] + WINDOW_SECONDS - now,
        )

    def _forget_idle(self, now: float) -> None:
        idle = [caller for caller, calls in self._calls.items() if not calls or calls[-1] <= now - WINDOW_SECONDS]
        for caller in idle:
            del self._calls[caller]


def bearer(authorization: str | None) -> str | None:
    """The token of an ``Authorization: Bearer`` header (RFC 6750 section 2.1), or None."""
    scheme, _, token = (authorization or "").strip().partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


def _is_loopback(address: str) -> bool:
    return address == "::1" or address.startswith(("127.", "::ffff:127."))


def _headers(limit: int, remaining: int, reset_seconds: float) -> dict[str, str]:
    return {
        "x-ratelimit-limit-requests": str(limit),
        "x-ratelimit-remaining-requests": str(remaining),
        "x-ratelimit-reset-requests": f"{reset_seconds:.3f}s",
    }
