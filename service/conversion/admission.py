"""How many conversions run at once, who waits, for how long, and who is next.

Owns the places of one process: a bounded number that run, a bounded number that wait, with a time budget for the wait that is apart
from the run's. Callers take turns: each freed place goes to the caller that was served longest ago, so one caller's batch does not
starve another's single file. Knows nothing of HTTP or of what runs.
"""

import math
import time
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio

_SMOOTHING = 0.2  # weight of the newest service time in the running average


class Busy(Exception):
    """No place became free in time, or the queue is full; ``retry_seconds`` is when one is likely to be."""

    def __init__(self, retry_seconds: int) -> None:
        super().__init__(retry_seconds)
        self.retry_seconds = retry_seconds


class Draining(Exception):
    """The service is shutting down and takes no more work."""


class Admission:
    """The places for running conversions.

    Args:
        places: How many run at once.
        queue_places: How many may wait beside them.
        queue_seconds: How long one waits before it is turned away.
    """

    def __init__(self, *, places: int, queue_places: int, queue_seconds: float) -> None:
        self.places = places
        self.running = 0
        self.draining = False
        self._queue_places = queue_places
        self._queue_seconds = queue_seconds
        self._service_seconds = 1.0
        self._waiting: OrderedDict[str, deque[anyio.Event]] = OrderedDict()  # callers in the order of their turns

    @property
    def waiting(self) -> int:
        """How many wait for a place."""
        return sum(map(len, self._waiting.values()))

    @property
    def retry_seconds(self) -> int:
        """When a caller that comes now would likely find a place: the queue ahead of it at the observed pace, at least 1."""
        return max(1, math.ceil(self._service_seconds * (self.waiting + 1) / self.places))

    def drain(self) -> None:
        """Take no more conversions; those that run or wait go on."""
        self.draining = True

    def check(self) -> None:
        """Turn a caller away before its body is read, where that is certain.

        Raises:
            Draining: The service shuts down.
            Busy: The queue is full now.
        """
        if self.draining:
            raise Draining
        if self.waiting >= self._queue_places and self.running >= self.places:
            raise Busy(self.retry_seconds)

    @asynccontextmanager
    async def place(self, caller: str) -> AsyncIterator[float]:
        """Hold one place for the ``async with``; its value is the seconds waited.

        Raises:
            Busy: The queue is full, or the wait was longer than ``queue_seconds``.
        """
        arrived = time.monotonic()
        await self._enter(caller)
        started = time.monotonic()
        try:
            yield started - arrived
        finally:
            self.observe(time.monotonic() - started)
            self._leave()

    def observe(self, seconds: float) -> None:
        """Take the seconds one conversion held its place into the running average."""
        self._service_seconds += _SMOOTHING * (seconds - self._service_seconds)

    async def _enter(self, caller: str) -> None:
        if self.running < self.places:
            self.running += 1
            return
        if self.waiting >= self._queue_places:
            raise Busy(self.retry_seconds)
        turn = anyio.Event()
        self._waiting.setdefault(caller, deque()).append(turn)
        try:
            with anyio.fail_after(self._queue_seconds):
                await turn.wait()
        except TimeoutError:
            self._give_up(caller, turn)
            raise Busy(self.retry_seconds) from None
        except BaseException:  # a caller who left
            self._give_up(caller, turn)
            raise

    def _give_up(self, caller: str, turn: anyio.Event) -> None:
        if turn.is_set():  # the place was handed over in the same tick as the wait ended
            self._leave()
            return
        self._waiting[caller].remove(turn)
        if not self._waiting[caller]:
            del self._waiting[caller]

    def _leave(self) -> None:
        """Hand the place to the next caller's oldest conversion; that caller goes to the end of the round."""
        if not self._waiting:
            self.running -= 1
            return
        caller, turns = self._waiting.popitem(last=False)
        turns.popleft().set()
        if turns:
            self._waiting[caller] = turns
