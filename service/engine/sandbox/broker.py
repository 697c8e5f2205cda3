"""How a container of tier `landlock` runs pandoc: a broker starts it, which the zygote forks for a container that asks.

In that tier a kernel may make no process and execute nothing: all containers share the engine's uid, so nothing would count
or find what hostile code forks, and one process is one pidfd is one complete kill. It keeps that. What it has instead is a
socket, on which it names a program of a list of one and hands over descriptors; a process that runs none of its code, the
broker, starts that program and says how it ended.

What a started program can do is less than what the code that asked for it can do already. Both read the same files and write
to the same two folders (Landlock), with the kernel's own hard limits. A program executes nothing but itself (Landlock) and
makes no process, though threads (seccomp), so `--filter` and `--pdf-engine` fail, and one pid is again one complete kill. (One
that is not static executes its loader too, and by it any file it may read: still that process, under that filter.)
The broker ends when the kernel hangs up or sends anything but a frame. As a hostile kernel may hide its end of the socket in a
program, the engine is handed each broker's pidfd, counts what is behind it like the kernel itself, and kills it when the kernel
ends. Programs die with their broker (PDEATHSIG) and brokers with the zygote, which reaps what either leaves.

The alternative, a kernel whose filter lets it vfork and whose Landlock lets it execute pandoc alone, needs no broker. It is
weaker: a process made by hostile code need not execute anything, forks on, and outlives the kernel uncounted.
"""

import contextlib
import errno
import functools
import os
import resource
import selectors
import signal
import socket
from collections.abc import Callable
from subprocess import Popen, SubprocessError  # Popen as it is before `popen` takes its place
from typing import NoReturn

import msgspec

from service.engine.sandbox import frames
from service.engine.sandbox import isolation as iso
from service.engine.sandbox.confinement import NICE, places

_AT_A_TIME = 2  # one may feed another
_CPU_SECONDS = 600
_FDS = 4
_CHANNEL = 3
PASSED = {"HOME", "TMPDIR", "LANG", "LC_ALL", "TZ", "SOURCE_DATE_EPOCH"}
"""What a program sees of the environment that it is asked to have."""
_INHERITED = (
    resource.RLIMIT_CORE,
    resource.RLIMIT_DATA,
    resource.RLIMIT_FSIZE,
    resource.RLIMIT_MEMLOCK,
    resource.RLIMIT_MSGQUEUE,
    resource.RLIMIT_NOFILE,
)


def become(channel: int, kernel: int, directory: str, plan: frames.Plan) -> NoReturn:
    """In a child of the zygote: be the broker of the container in `directory`. Nothing was read from `channel` yet.

    Args:
        channel: The broker's end of the socket that the kernel has.
        kernel: Its pid.
        directory: As in the Spawn frame.
        plan: The zygote's.
    """
    try:
        iso.die_with_parent(os.getppid())
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.dup2(channel, _CHANNEL)
        for output in (1, 2):
            os.dup2(0, output)
        iso.close_from(_CHANNEL + 1)
        iso.name_process("broker")
        for which in _INHERITED:
            iso.limit(which, resource.prlimit(kernel, which)[1])  # set before foreign code ran; none can be raised
        os.nice(NICE)
        iso.prctl(iso.PR_SET_NO_NEW_PRIVS, 1)
        iso.landlock(iso.landlock_ruleset(plan.landlock_abi, plan.readable, places(directory), plan.executable))
        iso.load_filter(plan.broker_filter)
        Broker(_CHANNEL, plan).serve()
    finally:
        os._exit(0)


class Broker:
    """Starts programs for one kernel. What comes through the channel is hostile."""

    def __init__(self, channel: int, plan: frames.Plan) -> None:
        self._channel = socket.socket(fileno=channel)
        self._plan = plan
        self._decode = msgspec.msgpack.Decoder(frames.Start).decode
        self._running: dict[int, Popen[bytes]] = {}  # by pidfd
        self._pid = os.getpid()
        self._poll = selectors.DefaultSelector()
        self._poll.register(self._channel, selectors.EVENT_READ, self._begin)

    def serve(self) -> None:
        """Until the kernel hangs up or breaks the protocol; what runs then dies with this process."""
        with contextlib.suppress(OSError, EOFError, ValueError):  # msgspec's errors are ValueErrors
            while True:
                for key, _ in self._poll.select():
                    act: Callable[[], None] = key.data
                    act()

    def _begin(self) -> None:
        packet, fds, flags, _ = socket.recv_fds(
            self._channel, frames.MAX_PACKET_BYTES, _FDS, socket.MSG_CMSG_CLOEXEC | socket.MSG_DONTWAIT
        )
        if len(fds) != _FDS or flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC):
            raise EOFError
        answers = socket.socket(fileno=fds[0])  # an OSError if it is none
        start = self._decode(packet)
        try:
            if len(self._running) >= _AT_A_TIME:
                raise BlockingIOError(errno.EAGAIN, start.program)
            process = self._execute(start, fds[1:])
        except (OSError, ValueError, SubprocessError) as error:  # ValueError: a NUL in an argument
            _tell(answers, frames.NotStarted(getattr(error, "errno", None) or errno.EINVAL))
            answers.close()
        else:
            self._watch(process, answers)
        for fd in fds[1:]:
            os.close(fd)

    def _execute(self, start: frames.Start, fds: list[int]) -> Popen[bytes]:
        program = self._plan.programs.get(start.program)
        if program is None:
            raise PermissionError(errno.EPERM, start.program)
        return Popen(
            [os.fsencode(program), *start.arguments],
            stdin=fds[0],
            stdout=fds[1],
            stderr=fds[2],
            cwd=start.directory,
            env={name: value for name, value in start.environment.items() if name in PASSED},
            preexec_fn=self._confine,  # noqa: PLW1509 - this process has one thread
        )

    def _confine(self) -> None:
        """In the program's process, the last thing before it is executed."""
        iso.die_with_parent(self._pid)
        iso.limit(resource.RLIMIT_CPU, _CPU_SECONDS)
        iso.load_filter(self._plan.program_filter)

    def _watch(self, process: Popen[bytes], answers: socket.socket) -> None:
        pidfd = os.pidfd_open(process.pid)
        self._running[pidfd] = process
        self._poll.register(pidfd, selectors.EVENT_READ, functools.partial(self._end, pidfd, answers))
        self._poll.register(answers, selectors.EVENT_READ, functools.partial(self._signal, process, answers))
        _tell(answers, frames.Started(process.pid))

    def _end(self, pidfd: int, answers: socket.socket) -> None:
        _tell(answers, frames.Ended(self._running.pop(pidfd).wait()))
        self._forget(pidfd)
        os.close(pidfd)
        self._forget(answers)
        answers.close()

    def _signal(self, process: Popen[bytes], answers: socket.socket) -> None:
        received = b""
        with contextlib.suppress(OSError):
            received = answers.recv(1, socket.MSG_DONTWAIT)
        if not received:
            self._forget(answers)
        with contextlib.suppress(OSError):  # there is no such signal
            process.send_signal(received[0] if received else signal.SIGKILL)

    def _forget(self, watched: int | socket.socket) -> None:
        with contextlib.suppress(KeyError, ValueError):  # hung up, or closed before its turn came
            self._poll.unregister(watched)


def _tell(answers: socket.socket, frame: msgspec.Struct) -> None:
    with contextlib.suppress(OSError):  # whoever does not listen does not want to know
        answers.send(frames.encode(frame), socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
