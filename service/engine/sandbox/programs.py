"""Programs that come again and again: compiled once, remembered by their text.

A program seen for the second time is compiled in a container of its own that never runs it, nor anything else: what is
remembered for a text can only have been made from that text, so no program can plant code for another. It must not know
what programs do.
"""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable

from service.engine.sandbox.contract import SandboxError

_WORTH_BYTES = 2048  # below this, compiling costs less than a millisecond
_REMEMBERED = 256
_LARGEST_BYTES = 1 << 20

Compile = Callable[[str], Awaitable[bytes]]


class Programs:
    """The memory. `compiled` is asked before each run."""

    def __init__(self) -> None:
        self._packed: OrderedDict[bytes, bytes] = OrderedDict()  # b"": seen, not compiled
        self._busy: asyncio.Task[None] | None = None

    def compiled(self, source: str, compiler: Compile) -> bytes:
        """What the source compiles to, or nothing yet; `compiler` is kept no longer than it runs."""
        if len(source) < _WORTH_BYTES:
            return b""
        key = hashlib.sha256(source.encode("utf-8", "surrogatepass")).digest()
        packed = self._packed.get(key)
        if packed is None:
            self._packed[key] = b""
            if len(self._packed) > _REMEMBERED:
                self._packed.popitem(last=False)
            return b""
        self._packed.move_to_end(key)
        if not packed and (self._busy is None or self._busy.done()):
            self._busy = asyncio.create_task(self._learn(key, source, compiler))
        return packed

    async def close(self) -> None:
        """End what is under way."""
        if self._busy is not None:
            self._busy.cancel()
            await asyncio.gather(self._busy, return_exceptions=True)

    async def _learn(self, key: bytes, source: str, compiler: Compile) -> None:
        try:
            packed = await compiler(source)
        except SandboxError:
            return  # no container to be had now; the next run asks again
        if key in self._packed and len(packed) <= _LARGEST_BYTES:
            self._packed[key] = packed
