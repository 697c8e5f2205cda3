"""The transcript of a run: its events in order, numbered and framed, for whoever reads along now or replays later.

It knows nothing of what the events mean, and nothing of HTTP beyond the frame's bytes.
"""

import asyncio
from collections.abc import AsyncIterator

from service.engine.events import KEEP_ALIVE, Event, frame


class Transcript:
    """An append-only list of frames that readers can await.

    Args:
        framed: Whether anybody can read along; where nobody can, events are counted and not encoded.
    """

    def __init__(self, *, framed: bool) -> None:
        self._framed = framed
        self._count = 0
        self._frames: list[bytes] = []
        self._closed = False
        self.was_read = False
        self._grown = asyncio.Event()

    def add(self, event: Event) -> None:
        """Number and frame an event; what it refers to may change afterwards."""
        event.sequence_number = self._count
        self._count += 1
        if self._framed:
            self._frames.append(frame(event))
            self._wake()

    def close(self) -> None:
        """No more events will come."""
        self._closed = True
        self._wake()

    def _wake(self) -> None:
        self._grown.set()
        self._grown = asyncio.Event()

    async def frames(self, *, after: int = -1, keep_alive_seconds: float) -> AsyncIterator[bytes]:
        """Yield the frames numbered above ``after`` until the transcript closes, joined where several wait; comments in silence."""
        self.was_read = True
        position = after + 1
        while True:
            grown = self._grown
            if position < len(self._frames):
                chunk = b"".join(self._frames[position:])
                position = len(self._frames)
                yield chunk
            elif self._closed:
                return
            else:
                try:
                    async with asyncio.timeout(keep_alive_seconds):  # wait_for may swallow a cancellation (bpo-37658)
                        await grown.wait()
                except TimeoutError:
                    yield KEEP_ALIVE
