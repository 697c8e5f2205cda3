"""Hostile programs against the broker of tier `landlock`, and against what pandoc could be made to do for them."""

import time
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sandbox.boxes import Box, Container

pytestmark = pytest.mark.parametrize("shared_box", ["landlock"], indirect=True)

_TOOLS = """
import gc, os, socket, subprocess
from subprocess import DEVNULL, PIPE, Popen
from service.engine.sandbox import frames, popen
channel = socket.socket(fileno=os.dup(popen.CHANNEL))
def run(*arguments, given=""):
    done = subprocess.run(["pandoc", *arguments], input=given, capture_output=True, text=True)
    print(done.returncode, done.stdout, done.stderr)
    return done.returncode
def waiting(marker, **options):
    return Popen(["pandoc", "-M", marker], **{"stdin": PIPE, "stdout": DEVNULL, **options})
"""
_SECRET = "a-secret-of-the-host"
_READS = """
local file = io.open("PATH")
function Pandoc() return pandoc.Pandoc({pandoc.Para{pandoc.Str(file and file:read("a") or "closed")}}) end
"""
_RUNS = """
local opened, pipe = pcall(io.popen, "cat PATH")
local read = opened and pipe and pipe:read("a") or ""
function Pandoc() return pandoc.Pandoc({pandoc.Para{pandoc.Str(tostring(os.execute("touch FOLDER/made")) .. read)}}) end
"""
_GROWS = """
local kept, until_then = {}, os.time() + 6
for i = 1, 90 do kept[i] = string.rep(tostring(i % 10), 2^20) end
while os.time() < until_then do end
"""


@pytest.fixture
def hostile(box: Box) -> Iterator[Container]:
    """A container with the tools above."""
    container = box.container()
    container.run(_TOOLS)
    yield container
    container.close()


def _running(marker: str) -> list[Path]:
    """Processes of the host with `marker` among their arguments."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if marker.encode() in path.read_bytes().split(b"\0"):
                found.append(path.parent)
        except OSError:
            continue
    return found


def _left(marker: str) -> list[Path]:
    deadline = time.monotonic() + 3
    while (found := _running(marker)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return found


def _marker() -> str:
    return f"marker={time.time_ns()}"


def test_a_kernel_makes_no_process_itself(hostile: Container) -> None:
    """Every way to fork or to execute is refused, pandoc's too."""
    result = hostile.attack("""
pandoc = popen.Popen.programs["pandoc"]
print(json.dumps([
    attempt(os.fork), *[call(name) for name in ("fork", "vfork") if name in NR], call("clone", 17, 0, 0, 0, 0), call("clone", 0x8011, 0, 0, 0, 0),
    attempt(os.posix_spawn, pandoc, [pandoc], {}), attempt(os.execv, pandoc, [pandoc]),
    call("execveat", -100, pandoc.encode(), 0, 0, 0),
]))
""")
    assert set(result.said) == {"EPERM"}


def test_a_broker_starts_nothing_else(hostile: Container) -> None:
    """It knows names, not paths."""
    result = hostile.attack("""
names = ["sh", "/bin/sh", "../pandoc", "", "pandoc\\0", popen.Popen.programs["pandoc"], "python3"]
print(json.dumps([attempt(popen._start, frames.Start(name, [], b"/", {}), [0, 1, 2]) for name in names]))
""")
    assert set(result.said) == {"EPERM"}


@pytest.mark.parametrize(
    ("files", "arguments", "given"),
    [
        ({"f.lua": _READS}, "['--lua-filter=f.lua']", "x"),
        ({"f.lua": _RUNS}, "['--lua-filter=f.lua']", "x"),
        ({"f.lua": _READS}, "['-t', 'f.lua']", "x"),
        ({"f.py": "open('FOLDER/made', 'w')"}, "['--filter=f.py']", "x"),
        ({}, "['--filter=/bin/sh']", "x"),
        ({}, "['-o', 'x.pdf', '--pdf-engine=/usr/bin/touch', '--pdf-engine-opt=FOLDER/made']", "x"),
        ({}, "['-o', 'x.pdf', '-t', 'ms']", "x"),
        ({}, "['--standalone', '--include-in-header=PATH']", "x"),
        ({}, "['--standalone', '--template=PATH']", "x"),
        ({}, "['--standalone', '--metadata-file=PATH']", "x"),
        ({}, "['--citeproc', '--bibliography=PATH']", "x"),
        ({}, "['--defaults=PATH']", "x"),
        ({}, "['--embed-resources', '--standalone', '--css=PATH']", "x"),
        ({}, "['--embed-resources', '--standalone']", "![x](PATH)"),
        ({}, "['--embed-resources', '--standalone']", "![x](file://PATH)"),
        ({}, "['-f', 'latex', '-t', 'plain']", "\\input{PATH} \\lstinputlisting{PATH}"),
        ({}, "['-f', 'rst', '-t', 'plain']", ".. include:: PATH\n"),
        ({}, "['-f', 'org', '-t', 'plain']", "#+INCLUDE: PATH\n"),
        ({}, "['PATH']", ""),
        ({}, "['link']", ""),
        ({}, "['http://127.0.0.1:9/']", ""),
        ({}, "['-o', 'FOLDER/made']", "x"),
        ({}, "['--log=FOLDER/made']", "x"),
        ({}, "['--extract-media=FOLDER/made']", "![x](data:text/plain;base64,eA==)"),
        ({}, "['+RTS', '-SFOLDER/made', '-RTS']", "x"),
    ],
)
def test_pandoc_reads_and_writes_nothing_outside(
    hostile: Container, readable_path: Path, files: dict[str, str], arguments: str, given: str
) -> None:
    """Whatever it can be told to include, run or write: a file that every user can read stays closed to it."""
    secret = readable_path / "secret.txt"
    secret.write_text(_SECRET)
    readable_path.chmod(0o777)

    def aimed(text: str) -> str:
        return text.replace("PATH", str(secret)).replace("FOLDER", str(readable_path))

    for name, text in files.items():
        hostile.run(f"open({name!r}, 'w').write({aimed(text)!r})")
    hostile.run(f"os.path.lexists('link') or os.symlink({str(secret)!r}, 'link')")
    result = hostile.run(f"run(*{aimed(arguments)}, given={aimed(given)!r})")
    assert result.outcome == "ok"
    assert _SECRET not in result.logs
    assert b64encode(_SECRET.encode()).decode() not in result.logs
    assert [path.name for path in readable_path.iterdir()] == ["secret.txt"]


def test_pandoc_reads_and_writes_in_its_container(hostile: Container) -> None:
    """The same attacks get somewhere where they may: what the test above sees is the confinement."""
    hostile.run(f"open('mine', 'w').write('mine'); open('f.lua', 'w').write({_READS.replace('PATH', 'mine')!r})")
    assert "<p>mine</p>" in hostile.run("run('--lua-filter=f.lua', given='x')").logs
    assert "mine" in hostile.run("run('--standalone', '--include-in-header=mine', given='x')").logs
    hostile.run("run('--extract-media=media', given='![x](data:text/plain;base64,eA==)')")
    assert [entry["path"] for entry in hostile.do("scan") if entry["path"].startswith("media/")] != []


def test_two_containers_do_not_see_each_other(box: Box, hostile: Container) -> None:
    """A path into another container leads pandoc nowhere."""
    other = box.container()
    written = other.run("import os; open('private.md', 'w').write('private'); print(os.getcwd().encode().hex())").logs
    folder = bytes.fromhex(written).decode()  # as such it would read /mnt/data
    assert "recast-sandbox-" in folder
    result = hostile.run(f"run({folder + '/private.md'!r}); run('-o', {folder + '/made.html'!r}, given='x')")
    assert "permission denied" in result.logs.lower()
    assert "<p>private</p>" not in result.logs
    assert [entry["path"] for entry in other.do("scan")] == ["private.md"]
    other.close()


@pytest.mark.parametrize(
    "packet",
    [
        "b'\\xc1'",
        "b'x' * 1000",
        "b'\\x80'",
        "b'\\x91' * 60_000",
        "b'\\xdd\\xff\\xff\\xff\\xff'",
        "frames.encode(frames.Ended(0))",
        "frames.encode({'type': 'start', 'program': 1, 'arguments': [], 'directory': b'', 'environment': {}})",
        "frames.encode({'type': 'start', 'program': 'pandoc', 'arguments': ['x'] * 1001, 'directory': b'', 'environment': {}})",
        "frames.encode(frames.Start('pandoc', [b'x' * frames.MAX_PACKET_BYTES], b'/', {}))",
    ],
)
def test_what_is_no_frame_ends_the_broker(hostile: Container, packet: str) -> None:
    """Garbage, wrong shapes, one argument or byte too many: no program any more, and an error that says so."""
    result = hostile.attack(f"""
channel.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
answers, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
packet = {packet}
socket.send_fds(channel, [packet], [theirs.fileno(), 0, 1, 2])
theirs.close()
print(json.dumps([answers.recv(100).decode(), attempt(subprocess.run, ["pandoc"])]))
""")
    assert result.said == ["", "ChildProcessError"]
    deadline = time.monotonic() + 3
    while (broker := hostile.do("pids")[1]) != -1 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert broker == -1


@pytest.mark.parametrize("count", [0, 1, 3, 5, 250])
def test_four_descriptors_come_with_a_frame(hostile: Container, count: int) -> None:
    """Fewer or more end the broker; what it was sent it does not keep."""
    result = hostile.attack(f"""
answers, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
socket.send_fds(channel, [frames.encode(frames.Start("pandoc", [], b"/", {{}}))], [theirs.fileno()] * {count})
theirs.close()
print(json.dumps([answers.recv(100).decode(), attempt(subprocess.run, ["pandoc"])]))
""")
    assert result.said == ["", "ChildProcessError"]


@pytest.mark.parametrize(
    "descriptor", ["os.open('f', os.O_RDWR | os.O_CREAT)", "os.pipe()[1]", "3", "popen.CHANNEL", "0"]
)
def test_answers_go_to_whatever_was_sent(hostile: Container, descriptor: str) -> None:
    """A file, a pipe, the kernel's own sockets where the socket for answers should be: broker and engine go on or end, no more."""
    marker = _marker()
    hostile.attack(f"""
start = frames.Start("pandoc", [b"-M", {marker!r}.encode()], b"/", {{}})
reads, writes = os.pipe()
socket.send_fds(channel, [frames.encode(start)], [{descriptor}, reads, 1, 2])
time.sleep(0.3)
""")
    hostile.close()
    assert _left(marker) == []


def test_a_bomb_of_programs(hostile: Container) -> None:
    """Two at a time, the next is refused as a fork would be; all are gone with the container, and none stays a zombie."""
    marker = _marker()
    result = hostile.attack(f"""
made, refused = [], set()
for _ in range(50):
    try: made.append(waiting({marker!r}))
    except OSError as error: refused.add(errno.errorcode[error.errno])
print(json.dumps([len(made), sorted(refused)]))
""")
    assert result.said == [2, ["EAGAIN"]]
    assert len(_running(marker)) == 2
    broker = hostile.do("pids")[1]
    hostile.run(f"for program in made: program.kill(), program.wait()\nfor _ in range(30): waiting({marker!r}).kill()")
    hostile.run("del made, program; gc.collect()")
    assert _left(marker) == []
    deadline = time.monotonic() + 3
    while (children := Path(f"/proc/{broker}/task/{broker}/children").read_text()) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert children == ""
    hostile.run(f"kept = [waiting({marker!r}), waiting({marker!r})]")
    hostile.close()
    assert _left(marker) == []


@pytest.mark.parametrize(
    "hidden",
    ["{}", "{'stdin': channel}", "{'stdin': channel, 'stdout': channel}", "{'stdout': 3}"],
    ids=["nothing", "the kernel's end of the channel", "twice", "the socket to the engine"],
)
@pytest.mark.parametrize(
    "end", ["os.kill(os.getpid(), 9)", "os._exit(0)", "ctypes.string_at(0)", "os.close(popen.CHANNEL)"]
)
def test_a_program_ends_with_its_kernel(hostile: Container, hidden: str, end: str) -> None:
    """Even if the socket whose end should tell of it lives on in the program."""
    marker = _marker()
    hostile.attack(f"kept = waiting({marker!r}, **{hidden})\n{end}")
    if "CHANNEL" in end:
        hostile.run("channel.close()")
        hostile.close()
    assert _left(marker) == []


def test_a_program_ends_with_its_cell_that_is_interrupted(hostile: Container) -> None:
    """A conversion that takes too long leaves nothing that goes on."""
    marker = _marker()
    code = f"subprocess.run(['pandoc', '-M', {marker!r}], stdin=Popen(['pandoc'], stdin=PIPE, stdout=PIPE).stdout)"
    assert hostile.run(code, seconds=0.5).outcome == "interrupted"
    assert _left(marker) == []
    assert hostile.run("run(given='still')").logs.startswith("0 <p>still</p>\n")


def test_arguments_without_end(hostile: Container) -> None:
    """A thousand arguments and 128 KiB in all, not one more; Python's own error says so."""
    result = hostile.attack("""
room = frames.MAX_PACKET_BYTES - len(frames.encode(frames.Start("pandoc", [b"x" * 66000], os.fsencode(os.getcwd()), {}))) + 66000
def started(arguments): return attempt(subprocess.run, ["pandoc", *arguments], env={}, stdout=DEVNULL, stderr=DEVNULL)
print(json.dumps([started(arguments) for arguments in (
    ["--version"] * 1000, ["--version"] * 1001, ["x" * room], ["x" * (room + 1)], ["x" * (1 << 24)], ["a\\0b"]
)]))
""")
    assert result.said == ["ok", "E2BIG", "ok", "E2BIG", "E2BIG", "EINVAL"]


def test_what_a_program_is_given(hostile: Container) -> None:
    """Three descriptors, the kernel's limits, a filter, a named handful of the environment; no privilege."""
    marker = _marker()
    hostile.attack(f"""
environment = {{"LD_PRELOAD": b"x", "GHCRTS": b"-M1", "TZ": b"UTC", "RECAST": b"x"}}
start = frames.Start("pandoc", [b"-M", {marker!r}.encode()], os.fsencode(os.getcwd()), environment)
kept = popen._start(start, [os.pipe()[0], 1, 2])
""")
    (process,) = _running(marker)
    status = dict(line.split(":\t", 1) for line in (process / "status").read_text().splitlines() if ":\t" in line)
    limits = {line[:25].strip(): line[26:46].strip() for line in (process / "limits").read_text().splitlines()}
    assert sorted(path.name for path in (process / "fd").iterdir() if path.readlink() and int(path.name) < 3) == [
        "0",
        "1",
        "2",
    ]
    opened = {path.readlink().name for path in (process / "fd").iterdir() if int(path.name) >= 3}
    assert {name.split(":")[0].split("]")[0] for name in opened} <= {
        "anon_inode",
        "pipe",
        "[eventfd",
        "[timerfd",
        "[eventpoll",
    }
    assert (status["NoNewPrivs"], status["Seccomp"], status["CapEff"]) == ("1", "2", "0" * 16)
    assert (limits["Max cpu time"], limits["Max open files"], limits["Max core file size"]) == ("600", "1024", "0")
    assert limits["Max file size"] == str(1 << 30)
    assert (process / "environ").read_bytes().split(b"\0") == [b"TZ=UTC", b""]
    kernel = Path(f"/proc/{hostile.do('pids')[0]}")
    kept = [line for line in (kernel / "limits").read_text().splitlines() if line.startswith("Max data size")]
    assert kept == [line for line in (process / "limits").read_text().splitlines() if line.startswith("Max data size")]


def test_memory_of_programs_counts(box: Box) -> None:
    """One alone meets the limit of its container; several that keep to it are more than the engine lets a container have."""
    container = box.container(memory_bytes=150 << 20)
    container.run(
        _TOOLS + f"open('f.lua', 'w').write({_GROWS!r})\nopen('g.lua', 'w').write({_GROWS.replace('90', '900')!r})"
    )
    result = container.run("run('--lua-filter=g.lua', given='x')")
    assert result.outcome == "ok"
    assert not result.logs.startswith("0")
    code = "b = b'x' * (100 << 20)\nprint([each.wait() for each in [Popen(['pandoc', '--lua-filter=f.lua'], stdin=DEVNULL) for _ in 'ab']])"
    assert container.run(code).outcome == "memory"
    container.close()


def test_a_program_fills_the_disk_no_further_than_its_kernel(box: Box) -> None:
    """The largest file is the container's."""
    container = box.container(disk_bytes=1 << 20)
    lua = "local file = io.open('big', 'w')\nfor _ = 1, 100 do file:write(string.rep('x', 2^16)) end\nfile:close()"
    container.run(_TOOLS + f"open('f.lua', 'w').write({lua!r})\nrun('--lua-filter=f.lua', given='x')")
    sizes = {entry["path"]: entry["bytes"] for entry in container.do("scan")}
    container.close()
    assert sizes["big"] <= 1 << 20
