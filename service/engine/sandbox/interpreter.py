"""The engine's end of one kernel process: cells in, output and results out, interrupt and kill.

What comes from the process is hostile: every frame is decoded against the protocol, output is counted, and anything out of
order ends it. It must not know of files, limits of memory or other containers.
"""

import asyncio
import contextlib
import os
import signal
import socket
import time
from collections.abc import Callable

from msgspec import Struct

from service.engine.sandbox import frames
from service.engine.sandbox.contract import Image, Logs, SandboxDown
from service.engine.sandbox.transcript import MAX_PICTURE_BYTES, Transcript

_READY_SECONDS = 10
_GRACE_SECONDS = 2.0
_EXIT_SECONDS = 2.0
_HANGUP_SECONDS = 2.0  # between the end of a process's descriptors and its own lies the freeing of what it had
_READ_BYTES = 64 * 1024
_DRAIN_READS = 32
_FLOOD_BYTES = 64 * 1024 * 1024
_MAX_FDS = 4


class Death(Struct, frozen=True):
    """How the process ended, before anyone interprets it."""

    status: int | None
    reason: str | None
    """Why the engine killed it, if it did."""


class Ran(Struct, frozen=True):
    """One cell's run. `done` is None when the process died in it."""

    outputs: list[Logs | Image]
    done: frames.Done | None
    interrupted: bool
    seconds: float


class Interpreter:
    """One kernel process. `dead` is set when it has ended, by whatever cause."""

    def __init__(self, control: socket.socket, output: int) -> None:
        self.dead = asyncio.Event()
        self.ended = False
        self.death: Death | None = None
        self._control = control
        self._output = output
        self.pidfds: list[int] = []
        self._loop = asyncio.get_running_loop()
        self._decoder: frames.Decoder[frames.FromKernel] = frames.Decoder(frames.FromKernel)
        self._end: asyncio.Future[int | None] | None = None
        self._sweep: Callable[[], None] = lambda: None
        self._reason: str | None = None
        self._cell = 0
        self._interrupted = False
        self._done: asyncio.Future[frames.Done | None] | None = None
        self._burial: asyncio.Task[None] | None = None
        self._transcript: Transcript | None = None
        self._frame_bytes = 0
        self._assigned = b""

    async def attach(
        self, pidfds: list[int], end: "asyncio.Future[int | None]", sweep: Callable[[], None]
    ) -> list[int]:
        """Take over the processes and wait until they are confined. Returns the descriptors that came with Ready.

        `sweep` is called when the kernel ended, to end what it started. Raises SandboxDown; the caller then closes.
        """
        self.pidfds, self._end, self._sweep = pidfds, end, sweep
        self._loop.add_reader(pidfds[0], self._ended)
        try:
            async with asyncio.timeout(_READY_SECONDS):  # not wait_for: it may swallow a cancellation (bpo-37658)
                return await self._ready()
        except TimeoutError as error:
            raise SandboxDown("a container was not ready in time") from error

    def join(self, pidfd: int) -> None:
        """Take over one more process, which is to be counted with the kernel and to end with it."""
        self.pidfds.append(pidfd)
        if self.ended or self._reason is not None:
            self._signal(signal.SIGKILL, [pidfd])
        if self._control.fileno() < 0:
            os.close(self.pidfds.pop())

    async def _ready(self) -> list[int]:
        readable = asyncio.Event()
        self._loop.add_reader(self._control, readable.set)
        try:
            await readable.wait()
            received, fds, _, _ = socket.recv_fds(self._control, _READ_BYTES, _MAX_FDS, socket.MSG_CMSG_CLOEXEC)
        finally:
            self._loop.remove_reader(self._control)
        for frame in self._decoder.feed(received):
            if isinstance(frame, frames.Ready):
                # From here on no buffer for descriptors is passed, so the kernel drops any that foreign code sends.
                self._loop.add_reader(self._control, self._on_control)
                return fds
            raise SandboxDown(f"a container could not be confined: {getattr(frame, 'detail', frame)}")
        raise SandboxDown("a container ended before it was ready")

    async def run(self, frame: frames.Run, *, seconds: float, output_bytes: int) -> Ran:
        """Run one cell, which gets its number here; after `seconds` interrupt it, two seconds later kill it."""
        started = time.perf_counter()
        transcript = self._transcript = Transcript(output_bytes)
        done = self._done = self._loop.create_future()
        self._cell += 1
        self._frame_bytes = 0
        self._interrupted = False
        try:
            if self.dead.is_set() or self._output < 0:
                done.set_result(None)
            else:
                self._loop.add_reader(self._output, self._on_output)
                frame.cell = self._cell
                await self._send(frame)
            if not await _within(done, seconds):
                self.interrupt()
                if not await _within(done, _GRACE_SECONDS):
                    self.kill(f"did not stop {_GRACE_SECONDS:g} seconds after its budget of {seconds:g} was spent")
            ended = await done
        except asyncio.CancelledError:
            self.kill("the caller left during a cell")
            raise
        finally:
            if self._output >= 0:  # else closed meanwhile
                self._loop.remove_reader(self._output)
            self._done = self._transcript = None
        return Ran(transcript.outputs(), ended, self._interrupted, time.perf_counter() - started)

    def interrupt(self) -> None:
        """SIGINT, which the kernel heeds only while a cell runs."""
        self._interrupted = True
        self._signal(signal.SIGINT, self.pidfds[:1])

    def kill(self, reason: str) -> None:
        """SIGKILL to the kernel and, with namespaces, to its pid 1, which takes every process of the container along."""
        if self._reason is None and not self.ended:
            self._reason = reason
        self._signal(signal.SIGKILL, self.pidfds)

    async def rehearse(self) -> None:
        """Have the first cell's cost paid now, while the container is parked."""
        await self._send(frames.Rehearse())

    def assign(self, frame: frames.Assign) -> None:
        """Tell the limits, with the first cell: waking the kernel for them alone would cost as much as running one."""
        self._assigned = frames.pack(frame)

    async def close(self) -> None:
        """Kill, wait for the end, close every descriptor. May be called again."""
        if self._control.fileno() < 0:
            return
        self.kill("closed")
        if self.pidfds:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_EXIT_SECONDS):
                    await self.dead.wait()
            self._loop.remove_reader(self.pidfds[0])
        self._loop.remove_reader(self._control)
        self._control.close()
        if self._output >= 0:
            self._loop.remove_reader(self._output)
        for fd in (*self.pidfds, self._output):
            if fd >= 0:
                os.close(fd)
        self.pidfds, self._output = [], -1

    async def _send(self, frame: Struct) -> None:
        packed, self._assigned = self._assigned + frames.pack(frame), b""
        with contextlib.suppress(OSError):  # that a kernel died is learnt from its pidfd
            await self._loop.sock_sendall(self._control, packed)

    def _signal(self, number: signal.Signals, pidfds: list[int]) -> None:
        for fd in pidfds:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(fd, number)

    def _ended(self) -> None:
        self.ended = True
        self._loop.remove_reader(self.pidfds[0])
        self._signal(signal.SIGKILL, self.pidfds[1:])
        self._sweep()
        self._burial = self._loop.create_task(self._bury())

    async def _bury(self) -> None:
        assert self._end is not None  # noqa: S101 - attach() set it before the reader that leads here
        status: int | None = None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_EXIT_SECONDS):
                status = await asyncio.shield(self._end)
        self.death = Death(status, self._reason)
        self.dead.set()
        self._settle(None)

    def _settle(self, frame: frames.Done | None) -> None:
        if self._done is None or self._done.done():
            return
        for _ in range(_DRAIN_READS):  # what was written before the end is in the pipe already
            if not self._on_output():
                break
        self._done.set_result(frame)

    def _on_control(self) -> None:
        try:
            received = self._control.recv(_READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            received = b""
        if not received:
            self._loop.remove_reader(self._control)
            self._loop.call_later(
                _HANGUP_SECONDS, self.kill, "closed its control socket"
            )  # most often it has just died
            return
        self._frame_bytes += len(received)
        try:
            if self._frame_bytes > MAX_PICTURE_BYTES + frames.MAX_FRAME_BYTES:
                raise frames.BrokenFrame("too many bytes for one cell")
            for frame in self._decoder.feed(received):
                self._take(frame)
        except frames.BrokenFrame as error:
            self._loop.remove_reader(self._control)
            self.kill(f"broke the protocol: {error}")

    def _take(self, frame: frames.FromKernel) -> None:
        if self._done is None or self._done.done() or self._transcript is None:
            raise frames.BrokenFrame("a frame outside of a cell")
        if isinstance(frame, frames.Shown):
            self._on_output()
            self._transcript.show(frame.png)
        elif isinstance(frame, frames.Done) and frame.cell == self._cell:
            self._settle(frame)
        else:
            raise frames.BrokenFrame(f"an unexpected {type(frame).__name__}")

    def _on_output(self) -> bool:
        try:
            received = os.read(self._output, _READ_BYTES)
        except BlockingIOError:
            return False
        if self._transcript is None or not received:
            self._loop.remove_reader(self._output)
            return False
        self._transcript.write(received)
        if self._transcript.received > _FLOOD_BYTES:
            self.kill(f"wrote more than {_FLOOD_BYTES} bytes of output in one cell")
        return True


async def _within(future: "asyncio.Future[frames.Done | None]", seconds: float) -> bool:
    await asyncio.wait([future], timeout=seconds)
    return future.done()
