"""`subprocess.Popen` in a container of tier `landlock`, where a broker starts programs (`broker`).

Runs in the kernel, so nothing here protects anything. What a process does to its child on its own (`preexec_fn`, `pass_fds`,
sessions, users) is not to be had; `run`, `communicate`, pipes, time limits and signals work as everywhere.
"""

import contextlib
import errno
import functools
import os
import select
import socket
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import msgspec

from service.engine.sandbox import frames
from service.engine.sandbox.broker import PASSED

CHANNEL = 4
"""The kernel's descriptor of the socket with its broker at the other end."""
_GONE = "the broker that starts programs in this tier of isolation is gone"
_LONGEST_MS = 2**31 - 1
_decode = msgspec.msgpack.Decoder(frames.FromBroker).decode


class Popen(subprocess.Popen[Any]):
    """With those methods in which the usual one makes a process, waits for it and signals it."""

    programs: ClassVar[Mapping[str, str]] = {}

    def _execute_child(self, args: Any, executable: Any, *others: Any) -> None:
        _, _, _, cwd, env, _, _, shell, *pipes = others[:14]
        words = [args] if isinstance(args, (str, bytes, os.PathLike)) else list(args)
        wanted = "/bin/sh" if shell else os.fsdecode(executable or words[0])
        real = os.path.realpath(wanted)
        program = next((name for name, path in self.programs.items() if wanted == name or real == path), None)
        if program is None:
            only = ", ".join(self.programs)
            raise PermissionError(errno.EPERM, f"this tier of isolation starts no program but {only}", wanted)
        environment = os.environ if env is None else env
        start = frames.Start(
            program,
            [os.fsencode(word) for word in words[1:]],
            os.fsencode(os.path.abspath(cwd or "")),
            {name: os.fsencode(environment[name]) for name in PASSED & environment.keys()},
        )
        given = (pipes[0], pipes[3], pipes[5])  # the program's ends of standard input, output and error
        self._answers, self.pid = _start(start, [own if fd < 0 else fd for own, fd in enumerate(given)])
        self._child_created = True
        self._close_pipe_fds(*pipes)  # type: ignore[attr-defined] # Popen's own, in no stub

    def _internal_poll(self, _deadstate: int | None = None) -> int | None:
        with self._waitpid_lock:  # type: ignore[attr-defined] # likewise
            if self.returncode is None:
                try:
                    answer = self._answers.recv(frames.MAX_PACKET_BYTES, socket.MSG_DONTWAIT)
                except BlockingIOError:
                    return None
                if answer:
                    self.returncode = _decode(answer).status
                elif _deadstate is None:
                    raise ChildProcessError(_GONE)
                else:
                    self.returncode = _deadstate
        return self.returncode

    def _wait(self, timeout: float | None) -> int:
        if self.returncode is None:
            poll = select.poll()
            poll.register(self._answers, select.POLLIN)
            poll.poll(None if timeout is None else min(max(timeout, 0) * 1000, _LONGEST_MS))
        status = self._internal_poll()
        if status is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return status

    def send_signal(self, sig: int) -> None:
        """Have the broker send it."""
        if self.poll() is None:
            with contextlib.suppress(ConnectionError):
                self._answers.send(bytes([sig]))


def install(programs: Mapping[str, str]) -> None:
    """Have this process and its children ask a broker for one of `programs`; before the libraries are loaded."""
    Popen.programs = {name: os.path.realpath(path) for name, path in programs.items()}
    subprocess.Popen = Popen  # type: ignore[misc] # that is the point


@functools.cache
def _channel() -> socket.socket:
    return socket.socket(fileno=CHANNEL)


def _start(start: frames.Start, fds: Sequence[int]) -> tuple[socket.socket, int]:
    """The socket for what is said about the program, and its pid. Raises OSError."""
    packet = frames.encode(start)
    if len(packet) > frames.MAX_PACKET_BYTES or len(start.arguments) > frames.MAX_ARGUMENTS:
        raise OSError(errno.E2BIG, os.strerror(errno.E2BIG), start.program)
    answers, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        try:
            socket.send_fds(_channel(), [packet], [theirs.fileno(), *fds])
        except ConnectionError as error:
            raise ChildProcessError(_GONE) from error
    answer = answers.recv(frames.MAX_PACKET_BYTES)
    if not answer:
        raise ChildProcessError(_GONE)
    said = _decode(answer)
    if not isinstance(said, frames.Started):
        number = said.errno if isinstance(said, frames.NotStarted) else errno.EPROTO
        raise OSError(number, os.strerror(number), start.program)
    return answers, said.pid
