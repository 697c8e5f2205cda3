"""The engine's end of one zygote: starts the process, asks it for containers, learns how they ended.

It must not know of reserves, admission or what runs in a container. Everything here happens on the event loop's thread:
the zygote dies with the thread that started it (PR_SET_PDEATHSIG).
"""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from service.engine.sandbox import frames
from service.engine.sandbox.contract import SandboxDown
from service.engine.sandbox.view import View

_START_SECONDS = 60
_SPAWN_SECONDS = 10
_MAX_FDS = 8
_STDERR_BYTES = 2000


class Launch(Struct, frozen=True):
    """What the launcher is told, as JSON; see `launch`."""

    python: str
    directory: str
    engine_pid: int
    control: int
    namespaces: bool
    shown: dict[str, str]
    placed_python: list[str]
    links: dict[str, str]
    uid_base: int | None
    empty_proc: bool


class Zygote:
    """A running zygote. `closed` is set once its process is gone."""

    def __init__(self, process: subprocess.Popen[bytes], control: socket.socket, errors: int) -> None:
        self.closed = asyncio.Event()
        self.missing: list[str] = []
        self.spawned = 0
        self._process = process
        self._control = control
        self.last_words = ""
        self._errors: int | None = errors
        self._loop = asyncio.get_running_loop()
        self._primed: asyncio.Future[frames.Primed] = self._loop.create_future()
        self._answers: dict[int, asyncio.Future[tuple[frames.Spawned, list[int]]]] = {}
        self._ends: dict[int, asyncio.Future[int | None]] = {}
        self._joins: dict[int, Callable[[int], None]] = {}
        self._decode = msgspec.msgpack.Decoder(frames.FromZygote).decode
        self._loop.add_reader(control, self._readable)

    @classmethod
    async def start(cls, view: View, plan: frames.Plan, directory: Path) -> "Zygote":
        """Launch, load and prime. Raises SandboxDown with the reason the process gave."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        errors = os.memfd_create("zygote-stderr")
        namespaces = plan.isolation == "namespaces"
        launch = Launch(
            python=view.python,
            directory=str(directory),
            engine_pid=os.getpid(),
            control=theirs.fileno(),
            namespaces=namespaces,
            shown=view.places,
            placed_python=view.placed_python,
            links=view.links,
            uid_base=plan.uid_base,
            empty_proc=plan.empty_proc,
        )
        script = directory / "code/service/engine/sandbox/launch.py"
        with theirs:
            process = _execute([view.python, "-I", "-S", "-B", str(script)], launch, errors)
        zygote = cls(process, ours, errors)
        try:
            ours.send(frames.encode(plan))
            async with asyncio.timeout(_START_SECONDS):
                primed = await zygote._primed
        except BaseException as error:  # cancelled too: its process must not stay
            await zygote.close()
            if not isinstance(error, (OSError, SandboxDown)):
                raise
            raise SandboxDown(f"a zygote did not start: {error} {zygote.last_words}".strip()) from error
        zygote.missing = primed.missing
        return zygote

    async def spawn(
        self, order: frames.Spawn, fds: list[int], joined: Callable[[int], None]
    ) -> "tuple[list[int], asyncio.Future[int | None]]":
        """Have a container made. Returns its pidfds (the caller's now) and the future of its exit status.

        `joined` is given the pidfd of the container's broker, should it get one. Raises SandboxDown.
        """
        if self.closed.is_set():
            raise SandboxDown("the zygote is gone")
        answer: asyncio.Future[tuple[frames.Spawned, list[int]]] = self._loop.create_future()
        self._answers[order.id] = answer
        self._ends[order.id] = end = self._loop.create_future()
        self._joins[order.id] = joined
        try:
            await self._send(frames.encode(order), fds)
            async with asyncio.timeout(_SPAWN_SECONDS):  # not wait_for: it may swallow a cancellation (bpo-37658)
                _, pidfds = await answer
        except BaseException as error:  # cancelled too: an answer that still comes has pidfds to close
            self._answers.pop(order.id, None)
            self._ends.pop(order.id, None)
            self._joins.pop(order.id, None)
            if answer.done() and not answer.cancelled() and answer.exception() is None:
                _kill(answer.result()[1])
            if isinstance(error, (OSError, SandboxDown)):  # TimeoutError is an OSError
                raise SandboxDown(f"no container could be made: {error}") from error
            raise
        self.spawned += 1
        return pidfds, end

    async def _send(self, packet: bytes, fds: list[int]) -> None:
        while True:
            try:
                socket.send_fds(self._control, [packet], fds)
            except BlockingIOError:  # the zygote is behind; its queue holds about 10 packets (net.unix.max_dgram_qlen)
                await asyncio.sleep(0.001)
            else:
                return

    def sweep(self, slot: int) -> None:
        """Kill all processes of a slot's uid, some time soon."""
        if not self.closed.is_set():
            with contextlib.suppress(OSError):
                self._control.send(frames.encode(frames.Sweep(slot)))

    def _readable(self) -> None:
        for _ in range(16):
            try:
                packet, fds, _, _ = socket.recv_fds(
                    self._control, frames.MAX_PACKET_BYTES, _MAX_FDS, socket.MSG_CMSG_CLOEXEC
                )
            except BlockingIOError:
                return
            except OSError:
                packet, fds = b"", []
            if not packet:
                self._lost()
                return
            self._take(self._decode(packet), fds)

    def _take(self, frame: frames.FromZygote, fds: list[int]) -> None:
        if isinstance(frame, frames.Primed) and not self._primed.done():
            self._primed.set_result(frame)
        elif isinstance(frame, frames.Spawned) and (answer := self._answers.pop(frame.id, None)) and not answer.done():
            answer.set_result((frame, fds))
            return
        elif isinstance(frame, frames.Failed):
            waiting: asyncio.Future[Any] | None = self._answers.pop(frame.id, None) if frame.id else self._primed
            if waiting and not waiting.done():
                waiting.set_exception(SandboxDown(frame.detail))
        elif isinstance(frame, frames.Brokered) and (joined := self._joins.pop(frame.id, None)):
            joined(*fds)
            return
        elif isinstance(frame, frames.Exited):
            self._joins.pop(frame.id, None)
            end = self._ends.pop(frame.id, None)
            if end and not end.done():
                end.set_result(frame.status)
        _kill(fds)

    def _lost(self) -> None:
        if self.closed.is_set():
            return
        self.closed.set()
        self._loop.remove_reader(self._control)
        self._control.close()
        self._process.kill()
        self._process.wait()
        down = SandboxDown("the zygote ended")
        waits: list[asyncio.Future[Any]] = [self._primed, *self._answers.values()]
        for waiting in waits:
            if not waiting.done():
                waiting.set_exception(down)
                waiting.exception()  # whoever waits sees it; nobody may be waiting
        for end in self._ends.values():
            if not end.done():
                end.set_result(None)

    async def close(self) -> None:
        """End the process; every container of it dies with it."""
        self._lost()
        if self._errors is not None:
            self.last_words = os.pread(self._errors, _STDERR_BYTES, 0).decode(errors="replace").strip()
            os.close(self._errors)
            self._errors = None


def _kill(pidfds: list[int]) -> None:
    """End a container that nobody waits for any more."""
    for fd in pidfds:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(fd, signal.SIGKILL)
        os.close(fd)


def _execute(command: list[str], launch: Launch, errors: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*command, msgspec.json.encode(launch).decode()],
        stdin=subprocess.DEVNULL,
        stdout=errors,
        stderr=errors,
        pass_fds=(launch.control,),
        env={},
        start_new_session=True,  # a Ctrl-C at the engine's terminal is the engine's to handle
    )
