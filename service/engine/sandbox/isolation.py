"""How a process confines itself: namespaces, mounts, uids, limits, Landlock and seccomp, by thin system calls.

Used by the launcher, the zygote and the kernel, so it may import the standard library only and must not know of frames,
asyncio or the engine. System calls above 400 have one number on x86-64 and arm64; the rest go through libc's symbols.
"""

import ctypes
import os
import resource
import struct
from collections.abc import Sequence

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long

NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET = (
    0x00020000,
    0x02000000,
    0x04000000,
    0x08000000,
    0x10000000,
    0x20000000,
    0x40000000,
)
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = (
    1,
    2,
    4,
    8,
    32,
    4096,
    16384,
    1 << 18,
)
MNT_DETACH = 2
MOUNT_ATTR_RDONLY, MOUNT_ATTR_NOSUID, MOUNT_ATTR_NODEV = 1, 2, 4
_AT_FDCWD, _AT_EMPTY_PATH, _AT_RECURSIVE = -100, 0x1000, 0x8000
_OPEN_TREE, _MOVE_MOUNT, _CLOSE_RANGE, _MOUNT_SETATTR = 428, 429, 436, 442
_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 444, 445, 446

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_NAME, PR_SET_SECCOMP = 1, 4, 15, 22
PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 36, 38

PID_SENTINEL = 0x5EC0_0001
"""Stands for the kernel's own pid in a filter, which is compiled long before that pid is known."""


def _checked(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def syscall(number: int, *arguments: object, what: str) -> int:
    """A raw system call. Raises OSError."""
    passed = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return _checked(_libc.syscall(ctypes.c_long(number), *passed), what)


def unshare(flags: int) -> None:
    """Leave the namespaces named by NEW* flags for new ones. Raises OSError."""
    _checked(_libc.unshare(flags), "unshare")


def setns(fd: int, flags: int) -> None:
    """Enter the namespace, or those of the process, that `fd` stands for. Raises OSError."""
    _checked(_libc.setns(fd, flags), "setns")


def mount(kind: str, target: str, flags: int, options: str = "") -> None:
    """Put a new file system of this `kind` at `target`. Raises OSError."""
    _checked(_libc.mount(kind.encode(), target.encode(), kind.encode(), flags, options.encode()), f"mount {target}")


def remount(target: str, flags: int, options: str | None = None) -> None:
    """Change the flags of the mount at `target`, or with MS_REMOUNT and `options` those of its file system."""
    told = None if options is None else options.encode()
    _checked(_libc.mount(None, target.encode(), None, flags, told), f"remount {target}")


def clone_tree(path: str, attributes: int) -> int:
    """A detached copy of the mounts at `path` with `attributes` set on all of them; see open_tree(2), mount_setattr(2)."""
    what = f"open_tree {path}"
    fd = syscall(_OPEN_TREE, _AT_FDCWD, path.encode(), 1 | os.O_CLOEXEC | _AT_RECURSIVE, what=what)
    wanted = struct.pack("QQQQ", attributes, 0, 0, 0)
    syscall(_MOUNT_SETATTR, fd, b"", _AT_EMPTY_PATH | _AT_RECURSIVE, wanted, len(wanted), what=f"mount_setattr {path}")
    return fd


def attach_tree(fd: int, target: str) -> None:
    """Put a detached tree at `target`."""
    syscall(_MOVE_MOUNT, fd, b"", _AT_FDCWD, target.encode(), 4, what=f"move_mount {target}")


def detach(target: str) -> None:
    """Take away what is mounted at `target` from this mount namespace."""
    _checked(_libc.umount2(target.encode(), MNT_DETACH), f"umount {target}")


def pivot(root: str) -> None:
    """Make `root` (a mount) the root directory and let go of the old one."""
    os.chdir(root)
    _checked(_libc.pivot_root(b".", b"."), "pivot_root")  # the old root lands on top of the new: pivot_root(2), NOTES
    detach(".")
    os.chdir("/")


def map_ids(pid: int | str, uids: str, gids: str, *, deny_setgroups: bool) -> None:
    """Write the id maps of a user namespace; see user_namespaces(7)."""
    lines = [("setgroups", "deny")] if deny_setgroups else []
    for name, line in [*lines, ("gid_map", gids), ("uid_map", uids)]:
        fd = os.open(f"/proc/{pid}/{name}", os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(fd, line.encode())
        finally:
            os.close(fd)


def prctl(option: int, argument: int = 0) -> None:
    """Set an attribute of this process. Raises OSError."""
    zero = ctypes.c_ulong(0)
    _checked(_libc.prctl(option, ctypes.c_ulong(argument), zero, zero, zero), f"prctl {option}")


def die_with_parent(parent: int) -> None:
    """SIGKILL when the parent dies. Linux forgets this whenever credentials change, so it is said again after that."""
    prctl(PR_SET_PDEATHSIG, 9)
    if os.getppid() != parent:  # it died in between; 0 is a parent outside the pid namespace
        os._exit(0)


def name_process(name: str) -> None:
    """What `ps` shows; at most 15 bytes."""
    text = ctypes.create_string_buffer(name.encode()[:15])
    _checked(_libc.prctl(PR_SET_NAME, text, 0, 0, 0), "prctl name")


def drop_capabilities() -> None:
    """Empty the effective, permitted and inheritable sets; see capset(2)."""
    header = struct.pack("Ii", 0x20080522, 0)
    _checked(_libc.capset(header, bytes(24)), "capset")


def close_from(first: int) -> None:
    """Close every descriptor from `first` on; see close_range(2)."""
    syscall(_CLOSE_RANGE, first, 0xFFFF_FFFF, 0, what="close_range")


def load_filter(program: bytes) -> None:
    """Install a seccomp filter on this process for good. Sets no_new_privs."""
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    program = program.replace(struct.pack("<I", PID_SENTINEL), struct.pack("<I", os.getpid()))
    buffer = ctypes.create_string_buffer(program, len(program))
    header = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(buffer)))
    _checked(_libc.prctl(PR_SET_SECCOMP, ctypes.c_ulong(2), header, 0, 0), "seccomp")


# Rights by the Landlock ABI that brought them (linux/landlock.h).
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR, _REFER, _TRUNCATE, _IOCTL_DEV = 1, 2, 4, 8, 1 << 13, 1 << 14, 1 << 15
_ABI_1 = (1 << 13) - 1
_FILE_RIGHTS = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV
_DEVICE_NODES = 1 << 6 | 1 << 11  # MAKE_CHAR, MAKE_BLOCK


def landlock_abi() -> int:
    """The Landlock version of this kernel; 0 when there is none."""
    try:
        return syscall(_LANDLOCK_CREATE, None, 0, 1, what="landlock")
    except OSError:
        return 0


def landlock_ruleset(
    abi: int, readable: Sequence[str], writable: Sequence[str], executable: Sequence[str] | None = None
) -> int:
    """A ruleset: only `readable` and `writable`; no TCP; no signals or abstract sockets outside.

    All of it may be executed, or `executable` alone.
    """
    handled = _ABI_1 | (_REFER if abi >= 2 else 0) | (_TRUNCATE if abi >= 3 else 0) | (_IOCTL_DEV if abi >= 5 else 0)  # noqa: PLR2004 - landlock(7)
    network = 3 if abi >= 4 else 0  # noqa: PLR2004 - bind and connect
    scopes = 3 if abi >= 6 else 0  # noqa: PLR2004 - abstract sockets and signals
    attribute = struct.pack("QQQ", handled, network, scopes)[: 24 if abi >= 6 else 16 if abi >= 4 else 8]  # noqa: PLR2004 - fields
    ruleset = syscall(_LANDLOCK_CREATE, attribute, len(attribute), 0, what="landlock ruleset")
    try:
        execute = _EXECUTE if executable is None else 0
        for paths, rights in (
            (readable, execute | _READ_FILE | _READ_DIR),
            (writable, execute | handled & ~_DEVICE_NODES & ~_EXECUTE),
            (executable or (), _EXECUTE | _READ_FILE),
        ):
            for path in paths:
                _allow(ruleset, path, rights)
    except OSError:
        os.close(ruleset)
        raise
    return ruleset


def landlock(ruleset: int) -> None:
    """Confine this process to a ruleset for good, and close it. Needs no_new_privs."""
    syscall(_LANDLOCK_RESTRICT, ruleset, 0, what="landlock restrict")
    os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        if not os.path.isdir(path):
            rights &= _FILE_RIGHTS
        rule = struct.pack("=Qi", rights, fd)
        syscall(_LANDLOCK_ADD, ruleset, 1, rule, 0, what=f"landlock rule {path}")
    finally:
        os.close(fd)


def limit(which: int, value: int) -> None:
    """Set a resource limit, soft and hard, or keep a hard limit that is lower already."""
    hard = resource.getrlimit(which)[1]
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(which, (value, value))


def private_bytes() -> int:
    """What RLIMIT_DATA counts for this process now (VmData)."""
    try:
        with open("/proc/self/status", "rb") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith(b"VmData:"))
    except FileNotFoundError:  # an empty /proc: more than the truth, as most of what is mapped is not resident
        return 4 * 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
