"""Memory and process walls and shares of the CPU by cgroups, v2 where it is delegated to us, else v1, else none.

A wall stands above what RLIMIT_DATA sees: children, tmpfs pages and cheats. The engine makes the groups; a container's
process puts itself in by writing `0` to a descriptor it was handed, which is cheaper than writing its pid from outside.
"""

import asyncio
import contextlib
import itertools
import os
from collections.abc import Sequence
from pathlib import Path

from service.engine.sandbox.contract import Limits

_HEADROOM = 1.25  # a MemoryError inside is the better answer, so the wall stands behind RLIMIT_DATA
_WALLS = ("memory.max", "memory.swap.max", "memory.limit_in_bytes", "pids.max")
# Of 1024 (v1) and 100 (v2), which a single busy thread of the engine has: all containers together are to leave it room.
_SHARES = {"cpu.shares": "512", "cpu.weight": "50"}
_REMOVE_TRIES = 60
_LEAF = "recast-main"
_CLEAR_ROUNDS = 10


class Group:
    """The groups of one container. Each process that joins gets descriptors of its own."""

    def __init__(self, paths: Sequence[Path], procs: str, oom_file: Path | None, walls: Sequence[Path] = ()) -> None:
        self._paths = paths
        self._procs = procs
        self._oom_file = oom_file
        self._walls = walls
        self._limits: Limits | None = None
        self._opened: list[int] = []
        self._oom_kills = 0

    def open(self) -> None:
        """Have descriptors ready for the first that joins. Raises OSError."""
        self._opened = [os.open(path / self._procs, os.O_WRONLY | os.O_CLOEXEC) for path in self._paths]

    def join_fds(self) -> list[int]:
        """Descriptors to write `0` to; the caller closes them. Raises OSError."""
        if not self._opened:
            self.open()
        fds, self._opened = self._opened, []
        return fds

    def limit(self, limits: Limits) -> None:
        """Set the walls, if they stand elsewhere."""
        if limits == self._limits:
            return
        memory = str(int(limits.memory_bytes * _HEADROOM))
        values = {"memory.swap.max": "0", "pids.max": str(limits.processes)}
        for wall in self._walls:
            with contextlib.suppress(PermissionError):
                _write(wall, values.get(wall.name, memory))
        self._limits = limits

    def out_of_memory(self) -> bool:
        """Whether the wall killed anything since this was asked last."""
        if self._oom_file is None:
            return False
        with contextlib.suppress(OSError):
            fields = dict(line.split() for line in self._oom_file.read_text().splitlines())
            before, self._oom_kills = self._oom_kills, int(fields.get("oom_kill", "0"))
            return self._oom_kills > before
        return False

    async def remove(self) -> None:
        """Remove the groups; they need a moment after the last process ended."""
        for fd in self._opened:
            os.close(fd)
        self._opened = []
        for path in self._paths:
            for number in range(_REMOVE_TRIES):
                try:
                    path.rmdir()
                except FileNotFoundError:
                    break
                except OSError:
                    await asyncio.sleep(min(0.001 * 2**number, 0.01))
                else:
                    break


class Cgroups:
    """The parent groups of this engine; `walls_memory` tells whether memory is among them."""

    def __init__(self, parents: Sequence[Path], *, v2: bool, walls_memory: bool) -> None:
        self.parents = parents
        self._v2 = v2
        self.walls_memory = walls_memory
        self._numbers = itertools.count(1)
        self._spare: Group | None = None

    @classmethod
    def detect(cls, name: str) -> "Cgroups":
        """Make groups called `name` where that can be done. Never raises: without, a poller and RLIMIT_NPROC stand in."""
        with contextlib.suppress(OSError):
            if parent := _v2_parent(name):
                _weigh(parent)
                return cls([parent], v2=True, walls_memory=True)
        parents = {}
        usual = os.sched_getscheduler(0) in (os.SCHED_OTHER, os.SCHED_BATCH)  # v1's cpu takes no realtime processes
        for controller in ("memory", "pids", "cpu") if usual else ("memory", "pids"):
            with contextlib.suppress(OSError):
                if own := _own_v1(controller):
                    (own / name).mkdir(exist_ok=True)
                    parents[controller] = own / name
                    _weigh(own / name)
        return cls(list(parents.values()), v2=False, walls_memory="memory" in parents)

    def take(self) -> Group:
        """Groups for one container, with the usual limits. Raises OSError."""
        group, self._spare = self._spare or self._make(), None
        return group

    def prepare(self) -> None:
        """Make the next ones before they are asked for. Making them costs as much as running a cell."""
        if self._spare is None:
            with contextlib.suppress(OSError):  # whoever asks for them is told
                self._spare = self._make()

    def _make(self) -> Group:
        number = str(next(self._numbers))
        paths = [parent / number for parent in self.parents]
        for path in paths:
            path.mkdir(parents=True)  # somebody may have tidied up the empty parent
        memory = paths[0] / ("memory.events" if self._v2 else "memory.oom_control") if self.walls_memory else None
        walls = [wall for path in paths for name in _WALLS if (wall := path / name).exists()]
        group = Group(paths, "cgroup.procs" if self._v2 else "tasks", memory, walls)
        group.open()
        group.limit(Limits())
        return group

    async def close(self) -> None:
        """Remove the parents, and what an engine that was killed left in them."""
        if self._spare is not None:
            await self._spare.remove()
        for parent in self.parents:
            with contextlib.suppress(OSError):
                await Group([path for path in parent.iterdir() if path.is_dir()], "", None).remove()
        await Group(self.parents, "", None).remove()


def _weigh(parent: Path) -> None:
    for name, share in _SHARES.items():
        with contextlib.suppress(OSError):
            _write(parent / name, share)


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
    if own.name == _LEAF:  # an engine moved whoever starts this one: a shell, a test
        own = own.parent
    if not {"memory", "pids"} <= set((own / "cgroup.controllers").read_text().split()):
        return None
    if (own / "cgroup.type").exists():  # all groups but the machine's root
        _clear(own)
    parent = own / name
    _write(own / "cgroup.subtree_control", "+memory +pids")
    parent.mkdir(exist_ok=True)
    _write(parent / "cgroup.subtree_control", "+memory +pids")
    with contextlib.suppress(OSError):  # without shares they are niced, as everywhere
        for group in (own, parent):
            _write(group / "cgroup.subtree_control", "+cpu")
    return parent


def _clear(own: Path) -> None:
    """Move all processes to a leaf: a group that distributes controllers may hold none (cgroup-v2.rst, "No Internal Process")."""
    leaf = own / _LEAF
    leaf.mkdir(exist_ok=True)
    for _ in range(_CLEAR_ROUNDS):  # one may fork while it waits for its turn
        pids = (own / "cgroup.procs").read_text().split()
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):  # it ended meanwhile
                _write(leaf / "cgroup.procs", pid)
        if not pids:
            break


def _write(path: Path, text: str) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)
