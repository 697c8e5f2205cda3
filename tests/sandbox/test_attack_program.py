"""A pandoc that a document has taken over: in its place stands a Python, which does whatever an attacker would."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from service.engine.sandbox.view import loader_of
from tests.sandbox.boxes import TOOLS, Box, Container, pythons

_REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def taken_box(interpreters: Path) -> Iterator[Box]:
    """A sandbox of tier `landlock` whose containers find a Python under the name of pandoc."""
    if os.geteuid() != 0 or os.environ.get("RECAST_TEST_BOX"):
        pytest.skip("only root of the machine itself can lay out such an environment for an ordinary user")
    python, _ = pythons(interpreters, "landlock")
    kernel = interpreters / "taken"
    subprocess.run([python, "-m", "venv", "--without-pip", str(kernel)], check=True)
    site = f"lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"
    (kernel / site / "pypandoc" / "files").mkdir(parents=True)
    (kernel / site / "pypandoc" / "__init__.py").touch()
    (kernel / site / "others.pth").write_text(f"{_REPOSITORY}/.venv/kernel/{site}\n")
    shutil.copy(os.path.realpath(python), kernel / site / "pypandoc" / "files" / "pandoc")
    box = Box("landlock", python, str(kernel / "bin/python"))
    yield box
    box.close()


@pytest.fixture
def taken(taken_box: Box) -> Iterator[Container]:
    """A container with `taken(code)`, which runs code in the program's place and prints what it prints."""
    container = taken_box.container()
    container.run(f"""
import os, subprocess, time
tools = {TOOLS!r}
def taken(code):
    print(subprocess.run(["pandoc", "-c", tools + code], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout)
""")
    yield container
    container.close()


def _said(container: Container, code: str) -> Any:
    return container.run(f"taken({code!r})").said


def test_it_is_what_it_seems(taken: Container) -> None:
    """The attacker has a Python, threads and the container's own folders."""
    code = """
done = []
thread = threading.Thread(target=done.append, args=(1,)); thread.start(); thread.join()
open("mine", "w").write("x")
print(json.dumps([done, os.getuid() == os.geteuid(), sys.version_info[0]]))
"""
    assert _said(taken, code) == [[1], True, 3]
    assert [entry["path"] for entry in taken.do("scan")] == ["mine"]


def test_it_executes_nothing_else(taken: Container) -> None:
    """Neither a program of the machine nor one of its own making; no process but itself."""
    code = """
fd = os.open("own", os.O_WRONLY | os.O_CREAT, 0o755)
os.write(fd, open("/usr/bin/true", "rb").read()); os.close(fd)
tried = [attempt(os.execv, path, [path]) for path in ("/bin/sh", "/usr/bin/true", "/usr/bin/env", "own")]
tried += [attempt(os.fork), call("vfork"), call("clone", 17, 0, 0, 0, 0), attempt(os.posix_spawn, "/bin/sh", ["sh"], {})]
print(json.dumps(tried))
"""
    assert _said(taken, code) == ["EACCES"] * 4 + ["EPERM"] * 4


def test_it_reaches_nobody(taken_box: Box, taken: Container) -> None:
    """Broker, kernel, zygote and engine cannot be signalled, traced, slowed or limited by it, and it cannot outlive its broker."""
    engine = taken_box.ask("about")["pid"]
    kernel = taken.do("pids")[0]
    code = f"""
import resource
tried = []
for pid in (os.getppid(), {kernel}, {engine}, -1):
    tried += [attempt(os.kill, pid, 9), call("tgkill", pid, pid, 9), call("ptrace", 16, pid, 0, 0)]
    tried += [attempt(os.setpriority, 0, pid, 19), attempt(resource.prlimit, pid, resource.RLIMIT_NOFILE, (0, 0))]
    tried += [call("process_vm_readv", pid, 0, 0, 0, 0, 0), attempt(os.sched_setaffinity, pid, [0])]
tried += [call("prctl", 1, 0, 0, 0, 0), call("prctl", 36, 1, 0, 0, 0), attempt(os.setsid), call("unshare", 0x10000000)]
tried += [attempt(resource.setrlimit, resource.RLIMIT_CPU, (10**6, 10**6)), attempt(os.nice, -5)]
print(json.dumps(tried))
"""
    refused = {
        "EPERM",
        "ESRCH",
        "EACCES",
        "PermissionError",
        "ProcessLookupError",
        "OverflowError",
        "ValueError",
        "EINVAL",
    }
    assert set(_said(taken, code)) <= refused
    assert taken.run("print('here')").logs == "here\n"


def test_it_reads_nothing_outside_and_reaches_no_network(taken_box: Box, taken: Container, readable_path: Path) -> None:
    """A file that every user can read, another container's file, /proc and sockets are closed to it."""
    (readable_path / "secret").write_text("secret")
    other = taken_box.container()
    written = other.run("import os; open('private', 'w').write('private'); print(os.getcwd().encode().hex())").logs
    folder = bytes.fromhex(written).decode()  # as such it would read /mnt/data
    code = f"""
paths = [{str(readable_path / "secret")!r}, {folder + "/private"!r}, "/etc/passwd", "/proc/self/environ", "/proc/1/cmdline"]
tried = [attempt(open, path) for path in paths]
tried += [attempt(os.listdir, path) for path in ("/", "/proc", "/tmp", {folder!r})]
tried += [attempt(open, path, "w") for path in ("/var/tmp/made", {folder + "/made"!r}, os.__file__)]
tried += [attempt(socket.socket, family) for family in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX, socket.AF_NETLINK)]
print(json.dumps(tried))
"""
    assert set(_said(taken, code)) <= {"EACCES", "EPERM", "ENETUNREACH"}
    assert [entry["path"] for entry in other.do("scan")] == ["private"]
    other.close()


def test_it_is_given_three_descriptors(taken: Container) -> None:
    """None of the broker's: not the channel, not a pidfd, not the socket for answers."""
    code = """
found = []
for fd in range(1024):
    try: found.append(os.fstat(fd) and fd)
    except OSError: pass
print(json.dumps(found))
"""
    assert _said(taken, code) == [0, 1, 2]


def test_a_loader_is_read_from_the_program(tmp_path: Path) -> None:
    """It may be executed beside a program that is not static; a static one, a script and half a file name none."""
    loader = loader_of("/bin/sh")
    script = tmp_path / "script"
    script.write_text("#!/bin/sh\n")
    assert loader is not None
    assert Path(loader).is_file()
    assert loader_of(str(script)) is None
    (pandoc,) = (_REPOSITORY / ".venv/kernel").glob("lib/python*/site-packages/pypandoc/files/pandoc")
    assert loader_of(str(pandoc)) is None
