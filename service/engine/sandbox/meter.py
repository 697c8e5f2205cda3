"""Memory, threads and disk of a container by looking, where no cgroup or tmpfs walls them.

A look is one interval late by nature: what a container can use beyond its limit is what it can write in that time. Between
cells, when only what a cell left running can write, intervals are longer.
"""

import contextlib
import errno
import os
import stat
from pathlib import Path

from service.engine.sandbox.contract import Limits
from service.engine.sandbox.directory import BLOCK_BYTES, Directory, as_owner

SECONDS = 0.1
DISK_EVERY = 5
IDLE_SECONDS = 5.0
_HEADROOM = 1.25  # as for cgroups: RLIMIT_DATA, which gives a MemoryError, is to come first
_SLACK_BYTES = 32 << 20  # of what the zygote has mapped and not touched
_DISK_SLACK = 64  # one part in so many, for what a file system keeps to find blocks
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Meter:
    """Looks at the processes behind `pidfds` and all they started; with `uid`, at every process of that uid instead.

    The list may grow: a container that starts a program gets a broker.
    """

    def __init__(self, pidfds: list[int], uid: int | None) -> None:
        self._pidfds = pidfds
        self._roots = [host_pid(fd) for fd in pidfds]
        self._uid = uid
        self._idle_bytes = _resident(self._roots[0])

    def excess(self, limits: Limits, tmpfs_bytes: int) -> tuple[str, bool] | None:
        """What is over its limit, and whether that is memory. What a fork shares with the zygote does not count."""
        pids = self.pids()
        memory = tmpfs_bytes + sum(max(0, _resident(pid) - self._idle_bytes) for pid in pids)
        if memory > limits.memory_bytes * _HEADROOM + _SLACK_BYTES:
            return f"used {memory >> 20} MiB of memory", True
        tasks = sum(_threads(pid) for pid in pids)
        if tasks > limits.processes + len(self._roots):
            return f"ran {tasks} processes and threads", False
        return None

    def pids(self) -> list[int]:
        """The processes of the container now."""
        self._roots += map(host_pid, self._pidfds[len(self._roots) :])
        return _of_uid(self._uid) if self._uid is not None else _descendants(self._roots)


def disk_excess(limits: Limits, directory: Directory, pids: list[int], owner: int | None) -> str | None:
    """What is over its limit of files on disk; `owner` is the container's uid, if it has one. Not for the loop's thread."""
    try:
        with as_owner(owner):  # root without CAP_SYS_PTRACE and CAP_DAC_OVERRIDE may look into nothing of others
            used, names = directory.disk_use(limits.files)
            used += _nameless_bytes(pids, directory.device())
    except OSError as error:  # the other errors are not the container's doing
        unseen = error.errno in (errno.EACCES, errno.ENAMETOOLONG)
        return "made a folder that cannot be looked into" if unseen else None
    if names > limits.files:
        return f"made more than {limits.files} files"
    return f"wrote {used} bytes of files" if used > limits.disk_bytes + limits.disk_bytes // _DISK_SLACK else None


def host_pid(fd: int) -> int:
    """The pid behind a pidfd as this process sees it; -1 when it ended."""
    for line in Path(f"/proc/self/fdinfo/{fd}").read_text().splitlines():
        if line.startswith("Pid:"):
            return int(line.split()[1])
    return -1


def _resident(pid: int) -> int:
    with contextlib.suppress(OSError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    return 0


def _nameless_bytes(pids: list[int], device: int) -> int:
    """What files of a file system hold that were unlinked and are still open."""
    held: dict[int, int] = {}
    for pid in pids:
        with contextlib.suppress(OSError):
            for name in os.listdir(f"/proc/{pid}/fd"):
                with contextlib.suppress(OSError):
                    status = os.stat(f"/proc/{pid}/fd/{name}")
                    if status.st_dev == device and not status.st_nlink and stat.S_ISREG(status.st_mode):
                        held[status.st_ino] = status.st_blocks * BLOCK_BYTES
    return sum(held.values())


def _threads(pid: int) -> int:
    with contextlib.suppress(OSError):
        return len(os.listdir(f"/proc/{pid}/task"))
    return 0


def _of_uid(uid: int) -> list[int]:
    pids = []
    for name in os.listdir("/proc"):
        with contextlib.suppress(OSError):
            if name.isdigit() and Path("/proc", name).stat().st_uid == uid:
                pids.append(int(name))
    return pids


def _descendants(roots: list[int]) -> list[int]:
    found, todo = [], list(roots)
    while todo:
        pid = todo.pop()
        found.append(pid)
        with contextlib.suppress(OSError):
            for task in os.listdir(f"/proc/{pid}/task"):
                todo += map(int, Path(f"/proc/{pid}/task/{task}/children").read_text().split())
    return found
