"""How a process that was just forked becomes a container, step by step, before any foreign code runs in it.

Runs on the kernel's side; `isolation` has the single steps. It must not know of cells, pools or how a zygote is asked.
"""

import os
import resource

from service.engine.sandbox import frames
from service.engine.sandbox import isolation as iso

_USER = 1000
_OPEN_FILES = 1024
NICE = 10
_OWN = ("/mnt/data", "/tmp", "/dev/shm")
_ATTRIBUTES = iso.MOUNT_ATTR_NOSUID | iso.MOUNT_ATTR_NODEV
_SINKS = ("/dev/null", "/dev/zero", "/dev/full")
WRITABLE = (*_OWN, *_SINKS)
"""What a container with a view of its own may write to."""


def places(directory: str) -> list[str]:
    """What a container without one may write to: its /mnt/data, its folder for temporary files, sinks."""
    return [f"{directory}/data", f"{directory}/tmp", *_SINKS]


def confine(order: frames.Spawn, fds: list[int], taken: list[int], plan: frames.Plan) -> list[int]:
    """Make this process a container. Returns descriptors for the engine: /mnt/data and, with namespaces, the mounts.

    The order matters: cgroup while it can be written, mounts while there are capabilities, then uid, Landlock, seccomp.
    `taken` is what `Inits.take` gave.
    """
    iso.die_with_parent(0 if plan.isolation == "namespaces" else os.getppid())
    joined = fds[0] if order.joins_mounts else None
    for fd in fds[len(fds) - order.cgroups :]:
        os.write(fd, b"0")  # "the writing process" in cgroup.procs and in v1's tasks
    if plan.isolation == "namespaces":
        data, writable = _OWN[0], list(WRITABLE)
        _mounts(order, plan, taken[0], joined)
    else:
        writable = places(order.directory)
        data, temporary = writable[:2]
        os.environ.update(_at(temporary))
    handed = [os.open(data, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)]
    os.chdir(data)  # while no mode that an interpreter before this one gave it can be in the way
    if plan.isolation == "namespaces" and not plan.empty_proc:
        handed.append(os.open("/proc/self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC))
    for which, value in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, order.disk_bytes),
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_MSGQUEUE, 0),
    ):
        iso.limit(which, value)
    _become_user(order.slot, plan)
    iso.name_process("kernel")
    iso.die_with_parent(0 if plan.isolation == "namespaces" else os.getppid())
    iso.prctl(iso.PR_SET_NO_NEW_PRIVS, 1)
    if plan.landlock_abi:
        # Made for the mounts that came with it, so of no use to who brings a /mnt/data.
        ready = taken[1:] if joined is None and not order.directory else []
        iso.landlock(ready[0] if ready else iso.landlock_ruleset(plan.landlock_abi, plan.readable, writable))
    iso.limit(resource.RLIMIT_NOFILE, _OPEN_FILES)  # not sooner: a zygote holds a descriptor for each of its containers
    os.nice(NICE)  # the engine, the zygotes and the making of containers come first
    iso.load_filter(plan.filter)
    return handed


def _mounts(order: frames.Spawn, plan: frames.Plan, init: int, joined: int | None) -> None:
    flags = iso.MS_NOSUID | iso.MS_NODEV
    if joined is None:
        # Taken while this process is in the zygote's namespace, the only one with a way to the folders on disk.
        tree = iso.clone_tree(places(order.directory)[0], _ATTRIBUTES) if order.directory else None
        iso.setns(init, iso.NEWNS | iso.NEWIPC | iso.NEWNET)
        if tree is not None:
            iso.attach_tree(tree, _OWN[0])
        else:
            iso.remount(_OWN[0], iso.MS_REMOUNT | flags, f"size={order.disk_bytes},nr_inodes={order.files + 1}")
        for path in _OWN if order.slot else ():
            os.chown(path, order.slot, order.slot)
    else:  # the files of an interpreter that ended: its mounts, a new interpreter
        iso.setns(init, iso.NEWIPC | iso.NEWNET)
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
