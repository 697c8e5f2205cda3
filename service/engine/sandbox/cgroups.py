"""Memory and process walls by cgroups, v2 where it is delegated to us, else v1, else none.

A wall stands above what RLIMIT_DATA sees: children, tmpfs pages and cheats. The engine makes the groups; a container's
process puts itself in by writing `0` to a descriptor it was handed, which is cheaper than writing its pid from outside.
"""

import asyncio
import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

from service.engine.sandbox.contract import Limits

_HEADROOM = 1.25  # a MemoryError inside is the better answer, so the wall stands behind RLIMIT_DATA
_REMOVE_TRIES = 50
_LEAF = "recast-main"


class Group:
    """The groups of one container. Descriptors are opened for every process that joins."""

    def __init__(self, paths: Sequence[Path], procs: str, oom_file: Path | None) -> None:
        self._paths = paths
        self._procs = procs
        self._oom_file = oom_file

    def join_fds(self) -> list[int]:
        """Descriptors to write `0` to; the caller closes them."""
        return [os.open(path / self._procs, os.O_WRONLY | os.O_CLOEXEC) for path in self._paths]

    def limit(self, limits: Limits) -> None:
        """Set the walls; a parked container gets them when it is handed out."""
        memory = str(int(limits.memory_bytes * _HEADROOM))
        for path in self._paths:
            for name, value in (
                ("memory.max", memory),
                ("memory.swap.max", "0"),
                ("memory.limit_in_bytes", memory),
                ("pids.max", str(limits.processes)),
            ):
                with contextlib.suppress(
                    FileNotFoundError, PermissionError
                ):  # each is in one of v2, v1 memory, v1 pids
                    _write(path / name, value)

    def out_of_memory(self) -> bool:
        """Whether the wall killed anything."""
        if self._oom_file is None:
            return False
        with contextlib.suppress(OSError):
            fields = dict(line.split() for line in self._oom_file.read_text().splitlines())
            return int(fields.get("oom_kill", "0")) > 0
        return False

    async def remove(self) -> None:
        """Remove the groups; v1 needs a moment after the last process ended."""
        for path in self._paths:
            for _ in range(_REMOVE_TRIES):
                try:
                    path.rmdir()
                except FileNotFoundError:
                    break
                except OSError:
                    await asyncio.sleep(0.01)
                else:
                    break


class Cgroups:
    """The parent groups of this engine; `walls_memory` tells whether memory is among them."""

    def __init__(self, parents: Sequence[Path], *, v2: bool, walls_memory: bool) -> None:
        self.parents = parents
        self._v2 = v2
        self.walls_memory = walls_memory

    @classmethod
    def detect(cls, name: str) -> "Cgroups":
        """Make groups called `name` where that can be done. Never raises: without, a poller and RLIMIT_NPROC stand in."""
        with contextlib.suppress(OSError):
            if parent := _v2_parent(name):
                return cls([parent], v2=True, walls_memory=True)
        parents = {}
        for controller in ("memory", "pids"):
            with contextlib.suppress(OSError):
                if own := _own_v1(controller):
                    (own / name).mkdir(exist_ok=True)
                    parents[controller] = own / name
        return cls(list(parents.values()), v2=False, walls_memory="memory" in parents)

    def make(self, number: int) -> Group:
        """Groups for one container. Raises OSError."""
        paths = [parent / str(number) for parent in self.parents]
        for path in paths:
            path.mkdir(parents=True)  # somebody may have tidied up the empty parent
        memory = paths[0] / ("memory.events" if self._v2 else "memory.oom_control") if self.walls_memory else None
        return Group(paths, "cgroup.procs" if self._v2 else "tasks", memory)

    async def close(self) -> None:
        """Remove the parents, and what an engine that was killed left in them."""
        for parent in self.parents:
            with contextlib.suppress(OSError):
                await Group([path for path in parent.iterdir() if path.is_dir()], "", None).remove()
        await Group(self.parents, "", None).remove()


def _own_v1(controller: str) -> Path | None:
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controller in controllers.split(","):
            for mount in Path("/proc/self/mounts").read_text().splitlines():
                _, target, kind, options, *_ = mount.split()
                if kind == "cgroup" and controller in options.split(","):
                    return Path(target + path)
    return None


def _v2_parent(name: str) -> Path | None:
    """A group with memory and pids below our own, which must be delegated (systemd: Delegate=yes)."""
    paths = [
        line.split(":", 2)[2] for line in Path("/proc/self/cgroup").read_text().splitlines() if line.startswith("0::")
    ]
    mounts = [
        line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines() if line.split()[2] == "cgroup2"
    ]
    if not paths or not mounts:
        return None
    own = Path(mounts[0] + paths[0].rstrip("/"))
    if not {"memory", "pids"} <= set((own / "cgroup.controllers").read_text().split()):
        return None
    leaf = (
        own / _LEAF
    )  # a group that distributes controllers may hold no processes: cgroup-v2.rst, "no internal processes"
    leaf.mkdir(exist_ok=True)
    for pid in (own / "cgroup.procs").read_text().split():
        _write(leaf / "cgroup.procs", pid)
    _write(own / "cgroup.subtree_control", "+memory +pids")
    parent = own / name
    parent.mkdir(exist_ok=True)
    _write(parent / "cgroup.subtree_control", "+memory +pids")
    return parent


def _write(path: Path, text: str) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)
