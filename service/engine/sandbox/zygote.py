"""The zygote: loads a family of libraries once, then forks a container for every Spawn it is sent.

Runs inside the read-only view with one thread and sees no user's code or data: it forks, and the child confines itself
(`confine`) before it becomes a kernel. It must not know of pools, tiers of memory or HTTP.
"""

import contextlib
import gc
import importlib
import os
import resource
import selectors
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable

import msgspec

from service.engine.sandbox import frames
from service.engine.sandbox import isolation as iso
from service.engine.sandbox.inits import Inits

_CONTROL = 3
_USER = 1000
_MAX_FDS = 8
_TMP_BYTES = 256 << 20
_SHM_BYTES = 64 << 20
_OPEN_FILES = 1024
_NICE = 10
_SINKS = ("/dev/null", "/dev/zero", "/dev/full")


class Zygote:
    """Waits for Spawn frames and for the ends of its children."""

    def __init__(
        self, control: socket.socket, plan: frames.Plan, inits: Inits | None, run: Callable[[socket.socket, int], None]
    ) -> None:
        self._control = control
        self._plan = plan
        self._namespaces = plan.isolation == "namespaces"
        self._self = os.pidfd_open(os.getpid())
        self._inits = inits
        self._run_kernel = run
        self._children: dict[int, tuple[int, int]] = {}  # pidfd of a kernel -> its pid and the Spawn's id
        self._poll = selectors.DefaultSelector()
        self._poll.register(control, selectors.EVENT_READ)
        self._private_bytes = iso.private_bytes()
        if plan.isolation == "uids":
            self._adopt_orphans()

    def serve(self, missing: list[str]) -> None:
        """Until the engine closes its end."""
        decode = msgspec.msgpack.Decoder(frames.ToZygote).decode
        self._tell(frames.Primed(missing=missing, private_bytes=self._private_bytes))
        while True:
            for key, _ in self._poll.select():
                if key.fd in self._children:
                    self._reap(key.fd)
                    continue
                if key.fileobj is not self._control:
                    os.read(key.fd, 4096)
                    self._reap_orphans()
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
        init = self._inits.take() if self._inits else -1
        if init >= 0:
            iso.setns(init, iso.NEWPID)
        try:
            pid = os.fork()
            if not pid:
                self._become_kernel(order, fds)
        finally:
            if init >= 0:
                iso.setns(self._self, iso.NEWPID)
        made.append(self._watch(pid, order.id))
        if init >= 0:
            made.append(init)
        return pid

    def _watch(self, pid: int, order: int) -> int:
        fd = os.pidfd_open(pid)
        self._children[fd] = (pid, order)
        self._poll.register(fd, selectors.EVENT_READ)
        return fd

    def _reap(self, fd: int) -> None:
        _, order = self._children.pop(fd)
        self._poll.unregister(fd)
        result = os.waitid(os.P_PIDFD, fd, os.WEXITED)
        os.close(fd)
        if result is not None:
            status = result.si_status if result.si_code == os.CLD_EXITED else -result.si_status
            self._tell(frames.Exited(order, status))
        if self._plan.isolation == "uids":
            self._reap_orphans()

    def _adopt_orphans(self) -> None:
        """Without a pid 1 of their own, orphans of containers come to this process; SIGCHLD tells of their ends."""
        iso.prctl(iso.PR_SET_CHILD_SUBREAPER, 1)
        reads, writes = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(writes, warn_on_full_buffer=False)
        self._poll.register(reads, selectors.EVENT_READ)

    def _reap_orphans(self) -> None:
        kernels = {pid for pid, _ in self._children.values()}
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

    def _become_kernel(self, order: frames.Spawn, fds: list[int]) -> None:
        """In the child; never returns, so that nothing of the zygote's loop runs twice."""
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.dup2(os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC), 0)
            os.dup2(fds[1], 1)
            os.dup2(fds[1], 2)
            os.dup2(fds[0], _CONTROL, inheritable=False)
            control = socket.socket(fileno=_CONTROL)
            try:
                handed = confine(order, fds[2:], self._plan)
            except OSError as error:
                control.sendall(frames.pack(frames.Refused(str(error))))
                os._exit(1)
            socket.send_fds(control, [frames.pack(frames.Ready())], handed)
            iso.close_from(_CONTROL + 1)
            self._run_kernel(control, self._private_bytes)
        except BaseException:  # noqa: BLE001 - the edge of the child: whatever it was, it ends here
            traceback.print_exc()
            sys.stderr.flush()
        finally:
            os._exit(1)


def confine(order: frames.Spawn, fds: list[int], plan: frames.Plan) -> list[int]:
    """Make this process a container. Returns descriptors for the engine: /mnt/data and, with namespaces, the mounts.

    The order matters: cgroup while it can be written, mounts while there are capabilities, then uid, Landlock, seccomp.
    """
    iso.die_with_parent(0 if plan.isolation == "namespaces" else os.getppid())
    joined = fds[0] if order.joins_mounts else None
    for fd in fds[len(fds) - order.cgroups :]:
        os.write(fd, b"0")  # "the writing process" in cgroup.procs and in v1's tasks
    if plan.isolation == "namespaces":
        data, temporary = "/mnt/data", "/tmp"
        _mounts(order, plan, joined)
    else:
        data, temporary = f"{order.directory}/data", f"{order.directory}/tmp"
        os.environ.update(_at(temporary))
    handed = [os.open(data, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)]
    if plan.isolation == "namespaces" and not plan.empty_proc:
        handed.append(os.open("/proc/self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC))
    for which, value in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, _OPEN_FILES),
        (resource.RLIMIT_FSIZE, order.disk_bytes),
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_MSGQUEUE, 0),
    ):
        iso.limit(which, value)
    _become_user(order.slot, plan)
    os.chdir(data)
    iso.name_process("kernel")
    writable = [data, temporary, "/dev/shm", *_SINKS] if plan.isolation == "namespaces" else [data, temporary, *_SINKS]
    iso.die_with_parent(0 if plan.isolation == "namespaces" else os.getppid())
    iso.prctl(iso.PR_SET_NO_NEW_PRIVS, 1)
    if plan.landlock_abi:
        iso.landlock(plan.landlock_abi, plan.readable, writable)
    os.setpriority(os.PRIO_PROCESS, 0, _NICE)  # the engine, the zygotes and the making of containers come first
    iso.load_filter(plan.filter)
    return handed


def _mounts(order: frames.Spawn, plan: frames.Plan, joined: int | None) -> None:
    flags = iso.MS_NOSUID | iso.MS_NODEV
    if joined is None:
        owner = f"mode=0700,uid={order.slot},gid={order.slot}"
        iso.unshare(iso.NEWNS | iso.NEWIPC | iso.NEWNET)
        iso.mount("tmpfs", "/mnt/data", flags, f"{owner},size={order.disk_bytes},nr_inodes={order.files + 1}")
        iso.mount("tmpfs", "/tmp", flags, f"{owner},size={_TMP_BYTES},nr_inodes=20000")
        iso.mount("tmpfs", "/dev/shm", flags, f"{owner},size={_SHM_BYTES},nr_inodes=1000")
    else:  # the files of an interpreter that ended: its mounts, a new interpreter
        iso.unshare(iso.NEWIPC | iso.NEWNET)
        iso.setns(joined, iso.NEWNS)
    if not plan.empty_proc:
        iso.mount("proc", "/proc", flags | iso.MS_NOEXEC)


def _become_user(slot: int, plan: frames.Plan) -> None:
    """No capability, and a uid that nobody else has: with namespaces seen as 1000, in a user namespace of its own."""
    own = slot if plan.isolation == "namespaces" else (plan.uid_base or 0) + slot
    if plan.uid_base is not None:
        if plan.isolation == "uids":
            os.setgroups([])
        os.setresgid(own, own, own)
        os.setresuid(own, own, own)
    iso.prctl(iso.PR_SET_DUMPABLE, 1)  # forgotten with the credentials; without it /proc/self belongs to root
    if plan.isolation == "namespaces" and not plan.empty_proc:
        iso.unshare(iso.NEWUSER)
        iso.map_ids("self", f"{_USER} {own} 1", f"{_USER} {own} 1", deny_setgroups=True)
    iso.drop_capabilities()


def _at(temporary: str) -> dict[str, str]:
    return {"HOME": temporary, "TMPDIR": temporary, "MPLCONFIGDIR": f"{temporary}/.matplotlib"}


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
    del sys.path[0]
    control = socket.socket(fileno=_CONTROL)
    plan = msgspec.msgpack.decode(control.recv(frames.MAX_PACKET_BYTES), type=frames.Plan)
    iso.name_process("zygote")
    inits = Inits() if plan.isolation == "namespaces" else None
    from service.engine.sandbox import kernel  # noqa: PLC0415 - not before: the helper just forked stays without IPython

    try:
        missing = load(plan.modules)
        kernel.prepare()
        prime(plan.prime)
        kernel.warm()
        threads = len(os.listdir("/proc/self/task")) if not plan.empty_proc else threading.active_count()
        if threads != 1:  # a lock that another thread holds would be held for ever in every child
            raise RuntimeError(f"{threads} threads are running after loading {plan.modules}")
    except Exception:  # noqa: BLE001 - the edge: the engine reports it
        control.send(frames.encode(frames.Failed(0, traceback.format_exc()[-4000:])))
        return
    gc.collect()
    iso.collapse_memory()
    gc.freeze()  # the collector must not touch, and so copy, the pages that children share
    Zygote(control, plan, inits, kernel.serve).serve(missing)
