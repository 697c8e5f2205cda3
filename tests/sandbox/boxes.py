"""The tests' end of a sandbox that runs in another process, as another user or with fewer rights."""

import base64
import contextlib
import json
import os
import platform
import shlex
import shutil
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct
from seccompy.syscalls import AARCH64_SYSCALLS, X86_64_SYSCALLS

_REPOSITORY = Path(__file__).parents[2]
_DRIVERS = {"wire": Path(__file__).with_name("wire_driver.py")}
_DRIVER = Path(__file__).with_name("driver.py")
_USER = 3000
SECRET = "the-engine-knows-" + uuid.uuid4().hex
_DOCKER = "chown dac_override fsetid fowner mknod net_raw setgid setuid setfcap setpcap net_bind_service sys_chroot kill audit_write"
_AS_USER = ["setpriv", f"--reuid={_USER}", f"--regid={_USER}", "--clear-groups"]
TIERS = {
    "root": ([], "namespaces", False),
    "wire": ([], "namespaces", False),
    "disk": ([], "namespaces", False),
    "user": (_AS_USER, "namespaces", False),
    "user disk": (_AS_USER, "namespaces", False),
    "uids": (["setpriv", "--bounding-set=-all," + ",".join(f"+{name}" for name in _DOCKER.split())], "uids", True),
    "landlock": ([*_AS_USER, "--no-new-privs", "--bounding-set=-all"], "landlock", True),
}
# A command that runs the driver somewhere else: .ci/deploy has it run in the image, as a restricted pod does.
_ELSEWHERE = os.environ.get("RECAST_TEST_BOX")
if _ELSEWHERE:
    TIERS = {"landlock": (shlex.split(_ELSEWHERE), "landlock", False)}
# As Docker masks parts of /proc, after which the kernel refuses a fresh /proc to user namespaces.
_MASKED = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /proc/acpi && exec "$@"', "sh"]
TIERS["masked"] = ([*_MASKED, *_AS_USER], "namespaces", False)
TIERS["masked disk"] = TIERS["masked"]
TOOLS = f"""
import ctypes, errno, json, os, signal, socket, sys, threading, time
libc = ctypes.CDLL(None, use_errno=True)
NR = {(X86_64_SYSCALLS if platform.machine() == "x86_64" else AARCH64_SYSCALLS)!r}
def attempt(function, *arguments, **options):
    try:
        result = function(*arguments, **options)
    except OSError as error:
        return errno.errorcode.get(error.errno, type(error).__name__)
    except Exception as error:
        return type(error).__name__
    return "ok"
def call(name, *arguments):
    if name not in NR: return "ENOSYS"
    ctypes.set_errno(0)
    result = libc.syscall(NR[name], *[ctypes.c_long(a) if isinstance(a, int) else a for a in arguments])
    return "ok" if result >= 0 else errno.errorcode[ctypes.get_errno()]
"""


class Failed(Exception):
    """The sandbox answered with an error; the first argument is its class."""


class Cell(Struct, frozen=True):
    """What a cell gave."""

    logs: str
    outcome: str
    error_name: str | None
    traceback: str | None
    seconds: float
    images: list[str]

    @property
    def said(self) -> Any:
        """The JSON value on the last line that was printed."""
        return json.loads(self.logs.strip().splitlines()[-1])


class Container:
    """A kernel in the driver."""

    def __init__(self, box: "Box", kernel: int) -> None:
        self._box = box
        self.number = kernel

    def run(self, code: str, *, seconds: float = 20) -> Cell:
        """Run a cell."""
        return Cell(**self._box.ask("run", kernel=self.number, code=code, seconds=seconds))

    def attack(self, code: str, *, seconds: float = 20) -> Cell:
        """Run a program that has the attacker's tools: `attempt`, `call`, `libc`, `NR` and the usual imports."""
        self.run(TOOLS)
        return self.run(code, seconds=seconds)

    def do(self, operation: str, **arguments: Any) -> Any:
        """One operation on this kernel."""
        return self._box.ask(operation, kernel=self.number, **arguments)

    def read(self, path: str) -> bytes:
        """The content of a file in /mnt/data."""
        return base64.b64decode(self.do("read", path=path))

    def close(self) -> None:
        """End it; may be called again."""
        with contextlib.suppress(Failed):
            self.do("close")


class Box:
    """A process with a Sandbox in it. `tier` is root, user, uids, landlock, or wire: as root, through /v1/responses.

    With `disk` in its name, files of containers are on disk unless a test says otherwise.
    """

    def __init__(self, tier: str, python: str, kernel_python: str, **settings: int) -> None:
        prefix, weakest, like_docker = TIERS[tier]
        self.tier = tier
        self.namespaces = weakest == "namespaces"
        self.forks = tier != "landlock"
        self.on_disk = "disk" in tier
        self.polls_disk = self.on_disk or not self.namespaces
        """Whether the quota of files is held by looking, not by a file system."""
        self.renews = tier == "wire"
        """Whether a kernel that ended is replaced at once, as the engine does."""
        told = json.dumps(
            {"python": kernel_python, "weakest": weakest, "like_docker": like_docker, "reserve": 1, **settings}
        )
        site = f"{_REPOSITORY}:{_REPOSITORY}/.venv/lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"
        self.process = subprocess.Popen(
            [*prefix, python, str(_DRIVERS.get(tier, _DRIVER)), told],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={
                "PYTHONPATH": site,
                "PATH": os.environ["PATH"],
                "RECAST_SECRET": SECRET,
                "PYTHONDONTWRITEBYTECODE": "1",
            },
        )
        self._number = 0
        assert self.process.stdout is not None
        first = self.process.stdout.readline()
        assert first == b"ready\n", f"the {tier} driver did not start: {first!r}"

    def ask(self, operation: str, **arguments: Any) -> Any:
        """Send a request and wait for its answer."""
        self.send(operation, **arguments)
        return self.receive()

    def send(self, operation: str, **arguments: Any) -> None:
        """Send a request; answers come in the order of completion."""
        assert self.process.stdin is not None
        self._number += 1
        self.process.stdin.write(json.dumps({"n": self._number, "op": operation, **arguments}).encode() + b"\n")
        self.process.stdin.flush()

    def receive(self) -> Any:
        """The next answer. Raises Failed."""
        assert self.process.stdout is not None
        reply = json.loads(self.process.stdout.readline())
        if "error" in reply:
            raise Failed(reply["error"], reply["detail"])
        return reply["ok"]

    def container(self, family: str = "light", **limits: int) -> Container:
        """A fresh container."""
        if self.tier == "wire" and "memory_bytes" in limits:
            pytest.skip("over the wire memory comes in tiers")
        return Container(self, self.ask("spawn", family=family, limits={"on_disk": self.on_disk, **limits}))

    def kill(self) -> None:
        """As the kernel's OOM killer would."""
        self.process.kill()
        self.process.communicate()

    def close(self) -> None:
        """End the sandbox and its process."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        assert self.process.stdout is not None
        self.process.stdout.close()
        assert self.process.wait(60) == 0


def folders_on_disk(directory: str) -> list[Path]:
    """The folders of containers below the sandbox's own."""
    return [path for path in Path(directory).glob("**/" + "[0-9a-f]" * 32) if path.is_dir()]


def pythons(folder: Path, tier: str) -> tuple[str, str]:
    """The service's and the kernel's interpreter for a tier; an ordinary uid cannot walk to one below /root."""
    if _ELSEWHERE:
        return "python", "/opt/recast/kernel/bin/python"
    mine = _REPOSITORY / ".venv/kernel/bin/python"
    if tier in ("root", "wire", "disk") and mine.exists():
        return sys.executable, str(mine)
    debian = shutil.which("python3", path="/usr/bin") or pytest.skip("no system Python that an ordinary user could run")
    same = subprocess.run(
        [debian, "-c", "import sys; print(*sys.version_info[:2])"], capture_output=True, text=True, check=True
    )
    if same.stdout.split() != [str(part) for part in sys.version_info[:2]]:
        pytest.skip("the system's Python is of another version than the environment")
    kernel = folder / "kernel"
    if not kernel.exists():
        subprocess.run([debian, "-m", "venv", "--without-pip", str(kernel)], check=True)
        site = kernel / f"lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"
        site.rmdir()
        site.symlink_to(mine.parent.parent / site.relative_to(kernel))
    return debian, str(kernel / "bin/python")
