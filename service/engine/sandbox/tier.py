"""Which isolation this machine gives: every candidate is tried for real, none is inferred.

A candidate counts when a zygote starts in it, a container is made, and a hostile program run in that container is held.
Some kernels let unshare(2) succeed and take the capabilities away afterwards; only trying tells.
"""

import json
import os
from pathlib import Path

from msgspec import Struct

from service.engine.sandbox import isolation as iso
from service.engine.sandbox.contract import Isolation
from service.engine.sandbox.filters import number_of

SLOTS = 60_000


class Tier(Struct, frozen=True):
    """One way to hold containers. `uid_base` + a container's slot is its uid; None: all have the engine's."""

    isolation: Isolation
    uid_base: int | None = None
    empty_proc: bool = False

    @property
    def namespaces(self) -> bool:
        """Whether containers have a view and a pid namespace of their own."""
        return self.isolation is Isolation.NAMESPACES

    @property
    def counts_processes(self) -> bool:
        """Whether RLIMIT_NPROC counts one container only: it is per uid and user namespace (setrlimit(2))."""
        return self.uid_base is not None or (self.namespaces and not self.empty_proc)


def candidates(base: int | None) -> list[Tier]:
    """What to try, strongest first. `base` starts a block of uids, if this process may change its uid."""
    bases = [base] if base is None else [base, None]
    tiers = [Tier(Isolation.NAMESPACES, base, empty_proc) for empty_proc in (False, True) for base in bases]
    if base is not None:
        tiers.append(Tier(Isolation.UIDS, base))
    if iso.landlock_abi():
        tiers.append(Tier(Isolation.LANDLOCK))
    return tiers


def examination(tier: Tier, secret: Path) -> str:
    """A hostile program for a container of `tier`; prints a JSON list of what it could do and should not."""
    init_module = number_of("init_module")
    known = {
        "secret": str(secret),
        "engine": os.getpid(),
        "namespaces": tier.namespaces,
        "starts_nothing": tier.isolation is Isolation.LANDLOCK,
        "init_module": init_module,
    }
    return f"known = {known!r}\n" + _EXAMINATION


def verdict(printed: str) -> list[str]:
    """What the program of `examination` got away with; anything but its report counts as one."""
    try:
        found = json.loads(printed.strip().splitlines()[-1])
    except (ValueError, IndexError):
        return ["its report is missing"]
    return [str(item) for item in found] if isinstance(found, list) else ["its report is malformed"]


def advice() -> str:
    """What to change on this kind of host."""
    if os.geteuid() == 0:
        return (
            "in Docker, run with --security-opt seccomp=unconfined --security-opt apparmor=unconfined and "
            "--security-opt systempaths=unconfined, or give CAP_SYS_ADMIN; or lower RECAST_MIN_ISOLATION to uids"
        )
    advice = []
    for name, wanted in (
        ("kernel/apparmor_restrict_unprivileged_userns", "0"),
        ("kernel/unprivileged_userns_clone", "1"),
    ):
        path = Path("/proc/sys") / name
        if path.exists() and path.read_text().strip() != wanted:
            advice.append(f"set the sysctl {name.replace('/', '.')}={wanted}")
    path = Path("/proc/sys/user/max_user_namespaces")
    if path.exists() and path.read_text().strip() == "0":
        advice.append("raise the sysctl user.max_user_namespaces")
    if not iso.landlock_abi():
        advice.append("for landlock: Linux 5.13 or newer with the landlock module enabled (lsm=landlock,…)")
    advice.append(
        "allow unprivileged user namespaces in the container's seccomp profile, or set RECAST_MIN_ISOLATION=landlock"
    )
    return "; ".join(advice)


_EXAMINATION = """
import ctypes, json, os, signal, socket, subprocess
broken = []
libc = ctypes.CDLL(None, use_errno=True)
def must_fail(what, function):
    try:
        result = function()
    except OSError:
        return
    if result is None or not isinstance(result, int) or result >= 0:
        broken.append(what)
must_fail("read a file of the host", lambda: open(known["secret"]).read())
must_fail("write to /usr", lambda: open("/usr/recast-test", "w"))
must_fail("write to /etc", lambda: open("/etc/recast-test", "w"))
must_fail("open an internet socket", lambda: socket.socket().connect(("127.0.0.1", 9)))
must_fail("make a user namespace", lambda: libc.unshare(0x10000000))
must_fail("make a mount namespace", lambda: libc.unshare(0x00020000))
must_fail("mount", lambda: libc.mount(b"tmpfs", b"/tmp", b"tmpfs", 0, b""))
must_fail("trace init", lambda: libc.ptrace(16, 1, 0, 0))
must_fail("load a kernel module", lambda: libc.syscall(known["init_module"], 0, 0, 0))
must_fail("signal the engine", lambda: os.kill(known["engine"], 0))
if os.getuid():
    must_fail("become root", lambda: os.setuid(0))
if known["starts_nothing"]:
    must_fail("start a program", lambda: os.posix_spawn("/bin/sh", ["sh", "-c", ""], {}))
with open("probe", "w") as file:
    file.write("x")
os.unlink("probe")
if known["namespaces"]:
    if subprocess.run(["/bin/sh", "-c", "exit 7"]).returncode != 7:
        broken.append("run no program")
    if os.getpid() > 10:
        broken.append("see the machine's processes")
print(json.dumps(broken))
"""
