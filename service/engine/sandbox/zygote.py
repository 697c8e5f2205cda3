"""The zygote: loads a family of libraries once, then forks a container for every Spawn it is sent.

Runs inside the read-only view with one thread and sees no user's code or data: it forks, and the child confines itself
(`confinement`) before it becomes a kernel. It must not know of pools, tiers of memory or HTTP.
"""

import contextlib
import functools
import gc
import importlib
import os
import selectors
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from service.engine.sandbox import broker, confinement, frames, popen
from service.engine.sandbox import isolation as iso
from service.engine.sandbox.inits import Inits
from service.engine.sandbox.pages import Layout

if TYPE_CHECKING:
    from service.engine.sandbox.kernel import Kernel

_CONTROL = 3
_MAX_FDS = 8


class Child(Struct):
    """A kernel, or a broker, of which nobody is told how it ended."""

    pid: int
    order: frames.Spawn | None
    channel: socket.socket | None = None
    """The other end of the kernel's socket for its broker, as long as it has none."""


class Zygote:
    """Waits for Spawn frames and for the ends of its children."""

    def __init__(
        self,
        control: socket.socket,
        plan: frames.Plan,
        inits: Inits | None,
        fork: Callable[[], int],
        kernel: "Kernel",
    ) -> None:
        self._control = control
        self._plan = plan
        self._namespaces = plan.isolation == "namespaces"
        self._self = os.pidfd_open(os.getpid())
        self._inits = inits
        self._fork = fork
        self._kernel = kernel
        self._children: dict[int, Child] = {}  # by pidfd
        self._poll = selectors.DefaultSelector()
        self._poll.register(control, selectors.EVENT_READ)
        self._private_bytes = iso.private_bytes()
        self._adopts = False
        if plan.isolation == "uids":
            self._adopt_orphans()

    def serve(self, missing: list[str]) -> None:
        """Until the engine closes its end."""
        decode = msgspec.msgpack.Decoder(frames.ToZygote).decode
        self._tell(frames.Primed(missing=missing, private_bytes=self._private_bytes))
        while True:
            for key, _ in self._poll.select():
                if key.fileobj is not self._control:
                    if self._poll.get_map().get(key.fileobj) is key:  # not closed by an event before it in this round
                        key.data()
                    continue
                packet, fds, _, _ = socket.recv_fds(
                    self._control, frames.MAX_PACKET_BYTES, _MAX_FDS, socket.MSG_CMSG_CLOEXEC
                )
                if not packet:
                    return
                order = decode(packet)
                if isinstance(order, frames.Spawn):
                    self._answer(order, fds)
                elif isinstance(order, frames.Sweep):
                    self._sweep(order.slot)

    def _answer(self, order: frames.Spawn, fds: list[int]) -> None:
        made: list[int] = []
        try:
            pid = self._spawn(order, fds, made)
            socket.send_fds(self._control, [frames.encode(frames.Spawned(order.id, pid))], made)
        except OSError as error:
            self._tell(frames.Failed(order.id, str(error)))
        finally:
            for fd in (*fds, *made[1:]):  # the first is the kernel's own pidfd, which is watched
                os.close(fd)

    def _spawn(self, order: frames.Spawn, fds: list[int], made: list[int]) -> int:
        taken = self._inits.take() if self._inits else []
        if taken:
            iso.setns(taken[0], iso.NEWPID)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET) if self._plan.programs else (None, None)
        try:
            pid = self._fork()
            if not pid:
                self._become_kernel(order, fds, taken, theirs)
        finally:
            if self._inits:
                iso.setns(self._self, iso.NEWPID)
                self._inits.make()
            for fd in taken[1:]:
                os.close(fd)
            if theirs is not None:
                theirs.close()
        pidfd = self._watch(Child(pid, order, ours))
        if ours is not None:
            self._poll.register(ours.fileno(), selectors.EVENT_READ, functools.partial(self._assist, pidfd))
        made.append(pidfd)
        made += taken[:1]
        return pid

    def _watch(self, child: Child) -> int:
        fd = os.pidfd_open(child.pid)
        self._children[fd] = child
        self._poll.register(fd, selectors.EVENT_READ, functools.partial(self._reap, fd))
        return fd

    def _assist(self, kernel: int) -> None:
        """Code in a container asks for a program, or has hung up. What it says is for the broker alone to read."""
        child = self._children[kernel]
        channel = self._take_channel(child)
        if channel is None or child.order is None:
            return
        with channel, contextlib.suppress(OSError):
            if channel.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT):
                if not self._adopts:
                    self._adopt_orphans()
                pid = self._fork()
                if not pid:
                    broker.become(channel.fileno(), child.pid, child.order.directory, self._plan)
                pidfd = self._watch(Child(pid, None))
                socket.send_fds(self._control, [frames.encode(frames.Brokered(child.order.id))], [pidfd])

    def _take_channel(self, child: Child) -> socket.socket | None:
        channel, child.channel = child.channel, None
        if channel is not None:
            self._poll.unregister(channel.fileno())
        return channel

    def _reap(self, fd: int) -> None:
        child = self._children.pop(fd)
        if channel := self._take_channel(child):
            channel.close()
        self._poll.unregister(fd)
        result = os.waitid(os.P_PIDFD, fd, os.WEXITED)
        os.close(fd)
        if result is not None and child.order is not None:
            status = result.si_status if result.si_code == os.CLD_EXITED else -result.si_status
            self._tell(frames.Exited(child.order.id, status))
        if self._adopts:
            self._reap_orphans()

    def _adopt_orphans(self) -> None:
        """Without a pid 1 of their own, orphans of containers come to this process; SIGCHLD tells of their ends."""
        self._adopts = True
        iso.prctl(iso.PR_SET_CHILD_SUBREAPER, 1)
        reads, writes = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(writes, warn_on_full_buffer=False)
        self._poll.register(reads, selectors.EVENT_READ, functools.partial(self._bring_out, reads))

    def _bring_out(self, signalled: int) -> None:
        os.read(signalled, 4096)
        self._reap_orphans()

    def _reap_orphans(self) -> None:
        kernels = {child.pid for child in self._children.values()}
        with contextlib.suppress(ChildProcessError):
            while ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                if ended.si_pid in kernels:  # its pidfd is readable too, and its status is waited for
                    return
                os.waitpid(ended.si_pid, 0)

    def _sweep(self, slot: int) -> None:
        """Kill all that a slot's uid runs: a process that has become it may signal nobody else (kill(2), pid -1)."""
        pid = os.fork()
        if not pid:
            uid = (self._plan.uid_base or 0) + slot
            os.setresuid(uid, uid, uid)
            os.kill(-1, signal.SIGKILL)
            os._exit(0)
        os.waitpid(pid, 0)

    def _tell(self, frame: msgspec.Struct) -> None:
        self._control.send(frames.encode(frame))

    def _become_kernel(
        self, order: frames.Spawn, fds: list[int], taken: list[int], channel: socket.socket | None
    ) -> None:
        """In the child; never returns, so that nothing of the zygote's loop runs twice."""
        try:
            if self._adopts:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for there, here in ((fds[1], 1), (fds[1], 2), (fds[0], _CONTROL)):  # 0 is /dev/null already
                os.dup2(there, here, inheritable=here != _CONTROL)
            control = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, fileno=_CONTROL)
            try:
                handed = confinement.confine(order, fds[2:], taken, self._plan)
            except OSError as error:
                control.sendall(frames.pack(frames.Refused(str(error))))
                os._exit(1)
            socket.send_fds(control, [frames.pack(frames.Ready())], handed)
            if channel is not None:
                os.dup2(channel.fileno(), popen.CHANNEL, inheritable=False)
            iso.close_from(_CONTROL + 1 if channel is None else popen.CHANNEL + 1)
            self._kernel.serve(control, self._private_bytes)
        except BaseException:  # noqa: BLE001 - the edge of the child: whatever it was, it ends here
            traceback.print_exc()
            sys.stderr.flush()
        finally:
            os._exit(1)


def load(modules: list[str]) -> list[str]:
    """Import a family. Returns the modules that cannot be, with their reason."""
    missing = []
    for name in modules:
        try:
            importlib.import_module(name)
        except ImportError as error:
            missing.append(f"{name}: {error}")
    return missing


def prime(source: str) -> None:
    """Run a family's priming code, so that lazy imports and caches are made once. Raises what it raises."""
    exec(compile(source, "<prime>", "exec"), {"__name__": "prime"})  # noqa: S102 - our own families.toml


def main() -> None:
    """See the module."""
    os.set_inheritable(_CONTROL, False)
    os.dup2(os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC), 0)  # of the view, for all kernels
    os.dup2(0, popen.CHANNEL, inheritable=False)  # so that no other descriptor is given this number
    del sys.path[0]
    control = socket.socket(fileno=_CONTROL)
    plan = msgspec.msgpack.decode(control.recv(frames.MAX_PACKET_BYTES), type=frames.Plan)
    iso.name_process("zygote")
    inits = Inits(plan.landlock_abi, plan.readable, confinement.WRITABLE) if plan.isolation == "namespaces" else None
    if plan.programs:
        popen.install(plan.programs)
    layout = Layout()
    from service.engine.sandbox import kernel  # noqa: PLC0415 - not before: the helper just forked stays without IPython

    try:
        missing = load(plan.modules)
        cells = kernel.Kernel()
        prime(plan.prime)
        cells.warm()
        threads = len(os.listdir("/proc/self/task")) if not plan.empty_proc else threading.active_count()
        if threads != 1:  # a lock that another thread holds would be held for ever in every child
            raise RuntimeError(f"{threads} threads are running after loading {plan.modules}")
    except Exception:  # noqa: BLE001 - the edge: the engine reports it
        control.send(frames.encode(frames.Failed(0, traceback.format_exc()[-4000:])))
        return
    gc.collect()
    layout.finish()
    gc.freeze()  # the collector must not touch, and so copy, the pages that children share
    Zygote(control, plan, inits, layout.fork, cells).serve(missing)
