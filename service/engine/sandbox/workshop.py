"""Makes containers of one tier: a slot, groups, a directory and descriptors around a zygote's fork; and takes them apart.

It must not know which zygote serves whom, what is parked, or how much memory is promised.
"""

import asyncio
import contextlib
import itertools
import os
import secrets
import socket
from pathlib import Path

from service.engine.sandbox import frames
from service.engine.sandbox import isolation as iso
from service.engine.sandbox.cgroups import Cgroups, Group
from service.engine.sandbox.contract import Isolation, Limits, SandboxDown
from service.engine.sandbox.directory import Directory, unlink_tree
from service.engine.sandbox.filters import Role, compile_filter
from service.engine.sandbox.interpreter import Interpreter
from service.engine.sandbox.meter import host_pid
from service.engine.sandbox.premises import end_all_of
from service.engine.sandbox.supervisor import Zygote
from service.engine.sandbox.tier import SLOTS, Tier
from service.engine.sandbox.view import View

MOUNT_POINT = "/mnt/data"
_CLEAR_TRIES = 100


class Vessel:
    """A container without its interpreter: what outlives a restart."""

    def __init__(
        self, tier: Tier, slot: int, limits: Limits, group: Group, path: Path | None, *, unwalled: bool
    ) -> None:
        self.slot = slot
        self.uid = tier.uid_base + slot if tier.uid_base is not None else None
        self.sweeps = tier.isolation is Isolation.UIDS
        self.limits = limits
        self.group = group
        self.path = path
        self.unwalled = unwalled
        self.directory: Directory | None = None
        self.mounts: int | None = None
        self.zygote: Zygote | None = None


class Workshop:
    """One per sandbox."""

    def __init__(self, tier: Tier, view: View, directory: Path, cgroups: Cgroups) -> None:
        self.tier = tier
        self._view = view
        self._directory = directory
        self._folders = directory / "disk" if tier.namespaces else directory
        self._cgroups = cgroups
        self._numbers = itertools.count(1)
        self._programs = view.programs if tier.isolation is Isolation.LANDLOCK else {}
        roles = Role if self._programs else [Role.KERNEL]
        self._filters = {role: compile_filter(tier.isolation, role=role) for role in roles}
        self._aliased = not tier.namespaces and not _is_own_directory(MOUNT_POINT)

    async def zygote(self, modules: list[str], prime: str) -> Zygote:
        """Start a zygote with these libraries. Raises SandboxDown."""
        if self.tier.namespaces:
            try:
                await asyncio.to_thread(_make_private, self._folders, self.tier.uid_base)
            except OSError as error:
                raise SandboxDown(f"the folder of containers on disk could not be made: {error}") from error
        plan = frames.Plan(
            isolation=self.tier.isolation.value,
            modules=modules,
            prime=prime,
            filter=self._filters[Role.KERNEL],
            landlock_abi=iso.landlock_abi(),
            readable=["/"] if self.tier.namespaces else self._view.readable,
            uid_base=self.tier.uid_base,
            empty_proc=self.tier.empty_proc,
            programs=self._programs,
            executable=self._view.executable if self._programs else [],
            broker_filter=self._filters.get(Role.BROKER, b""),
            program_filter=self._filters.get(Role.PROGRAM, b""),
        )
        return await Zygote.start(self._view, plan, self._directory)

    async def make(self, zygote: Zygote, limits: Limits) -> tuple[Vessel, Interpreter]:
        """A container that waits for Assign. Raises SandboxDown; nothing is left then."""
        number = next(self._numbers)
        slot = number % SLOTS + 1 if self.tier.uid_base is not None else 0
        # Unguessable: stat and chdir of a known path are open in tier C.
        path = self._folders / secrets.token_hex(16) if limits.on_disk or not self.tier.namespaces else None
        try:
            group = self._cgroups.take()
        except OSError as error:
            raise SandboxDown(f"a cgroup could not be made: {error}") from error
        unwalled = not (self.tier.namespaces and self._cgroups.walls_memory)
        vessel = Vessel(self.tier, slot, limits, group, path, unwalled=unwalled)
        asyncio.get_running_loop().call_soon(self._cgroups.prepare)  # while the zygote forks
        try:
            if path is not None:
                await self._make_folder(path, slot)
            return vessel, await self.interpreter(zygote, vessel)
        except BaseException:  # cancelled too: nobody else knows the vessel
            await self.discard(vessel)
            raise

    async def interpreter(self, zygote: Zygote, vessel: Vessel) -> Interpreter:
        """A new interpreter in `vessel`, the first or a later one. Raises SandboxDown."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        output, writing = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(output, False)
        interpreter = Interpreter(ours, output)
        joins = [] if vessel.mounts is None else [vessel.mounts]
        if vessel.directory is not None and vessel.path is None and not joins:
            raise SandboxDown("this machine's /proc hides what a restart needs")
        groups = vessel.group.join_fds()
        order = frames.Spawn(
            id=next(self._numbers),
            slot=vessel.slot,
            disk_bytes=vessel.limits.disk_bytes,
            files=vessel.limits.files,
            directory=self._seen_by_zygote(vessel.path),
            joins_mounts=bool(joins),
            cgroups=len(groups),
        )
        try:
            try:
                pidfds, end = await zygote.spawn(order, [theirs.fileno(), writing, *joins, *groups], interpreter.join)
            finally:
                theirs.close()
                for fd in (writing, *groups):
                    os.close(fd)
            handed = await interpreter.attach(pidfds, end, lambda: self._sweep(zygote, vessel))
        except BaseException:  # cancelled too: nobody else knows its processes
            await interpreter.close()
            raise
        vessel.zygote = zygote
        data, *mounts = handed
        if vessel.directory is None:
            vessel.directory = Directory(data, vessel.uid, vessel.limits.files)
            if vessel.path is None:  # what is on disk needs no namespace to stay
                vessel.mounts = mounts.pop() if mounts else self._mounts_of(pidfds[0])
        else:
            os.close(data)
        for fd in mounts:
            os.close(fd)
        return interpreter

    def _mounts_of(self, pidfd: int) -> int | None:
        """The mount namespace by the engine's own /proc, when the container has none to name it by."""
        with contextlib.suppress(OSError):
            return os.open(f"/proc/{host_pid(pidfd)}/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
        return None

    def _seen_by_zygote(self, path: Path | None) -> str:
        if path is None:
            return ""
        return f"{MOUNT_POINT}/{path.name}" if self.tier.namespaces else str(path)

    async def discard(self, vessel: Vessel) -> None:
        """Let go of everything but the interpreter, which must have ended."""
        if vessel.directory is not None:
            vessel.directory.close()
        if vessel.mounts is not None:
            os.close(vessel.mounts)
            vessel.mounts = None
        await vessel.group.remove()
        if vessel.path is not None:
            await self._clear(vessel, vessel.path)

    def _sweep(self, zygote: Zygote, vessel: Vessel) -> None:
        """Where no pid 1 takes them along, whatever a kernel started ends with it by its uid."""
        if not vessel.sweeps or vessel.uid is None:
            return
        if zygote.closed.is_set():
            end_all_of(range(vessel.uid, vessel.uid + 1))
        else:
            zygote.sweep(vessel.slot)

    async def _clear(self, vessel: Vessel, path: Path) -> None:
        for _ in range(_CLEAR_TRIES):  # what still runs may still write
            if vessel.zygote is not None:
                self._sweep(vessel.zygote, vessel)
            try:
                return await asyncio.to_thread(unlink_tree, path)
            except OSError:
                await asyncio.sleep(0.02)
        return None

    def alias(self, vessel: Vessel) -> str | None:
        """The path that stands for /mnt/data, where containers have no mounts of their own."""
        return f"{vessel.path}/data" if vessel.path is not None and self._aliased else None

    async def _make_folder(self, path: Path, slot: int) -> None:
        """Raises SandboxDown."""
        making = asyncio.create_task(asyncio.to_thread(self._make_path, path, slot))
        try:
            await asyncio.shield(making)
        except OSError as error:
            raise SandboxDown(f"a container's folder could not be made: {error}") from error
        except asyncio.CancelledError:  # a thread cannot be: what it makes is to be found by who clears up
            await asyncio.gather(making, return_exceptions=True)
            raise

    def _make_path(self, path: Path, slot: int) -> None:
        path.mkdir(mode=0o700 if self.tier.uid_base is None else 0o711)
        for name in ("data", "tmp"):
            (path / name).mkdir(mode=0o700)
            if self.tier.uid_base is not None:
                os.chown(path / name, self.tier.uid_base + slot, self.tier.uid_base + slot)


def _make_private(path: Path, root: int | None) -> None:
    """A folder that only a zygote's root can walk through: what is set-user-ID in there is nobody else's to run."""
    path.mkdir(mode=0o700, exist_ok=True)
    os.chown(path, os.geteuid() if root is None else root, -1)


def _is_own_directory(path: str) -> bool:
    """Whether the image makes `path` a link that means every process's own working directory."""
    with contextlib.suppress(OSError):
        return os.readlink(path) == "/proc/self/cwd"
    return False
