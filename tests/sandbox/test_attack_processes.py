"""Hostile programs against processes, signals, time and memory. The `box` fixture checks that nobody else was hurt."""

import os
import time
from pathlib import Path

import pytest

from tests.sandbox.boxes import Box, Container


def _running(marker: str) -> list[str]:
    """Command lines on the host that hold `marker`."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            text = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if marker in text and "pytest" not in text:
            found.append(text)
    return found


def test_fork_bomb(box: Box) -> None:
    """Processes end at the limit, and all of them die with the container."""
    container = box.container(processes=40)
    result = container.attack("""
made, error = 0, None
while made < 500:
    try:
        if os.fork() == 0:
            time.sleep(60)
            os._exit(0)
    except OSError as failure:
        error = errno.errorcode[failure.errno]
        break
    made += 1
print(json.dumps([made, error]))
""")
    made, error = result.said
    assert (made, error) == (0, "EPERM") if not box.forks else (30 <= made <= 40 and error == "EAGAIN")
    container.close()


def test_threads_without_end(box: Box) -> None:
    """Threads count like processes: by the limit, or the engine ends the container for them."""
    container = box.container(processes=60)
    result = container.attack("""
made = 0
try:
    while made < 2000:
        threading.Thread(target=time.sleep, args=(30,), daemon=True).start()
        made += 1
except RuntimeError:
    pass
print(made)
time.sleep(0 if made < 100 else 15)
""")
    assert result.outcome == "killed" or result.said <= 60
    container.close()


@pytest.mark.parametrize("code", ["while True: pass", "import time\nwhile True: time.sleep(1)"])
def test_endless_loop(container: Container, code: str) -> None:
    """The budget ends it and the state stays."""
    assert container.run(code, seconds=0.3).outcome == "interrupted"
    assert container.run("1").logs == "1\n"


@pytest.mark.parametrize(
    "code",
    [
        "while True:\n    try:\n        time.sleep(60)\n    except BaseException:\n        pass",
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass",
        "signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 64))\nwhile True: pass",
        "sum(range(10**15))",
        "os.kill(os.getpid(), signal.SIGSTOP)",
    ],
    ids=["catches all", "ignores", "blocks", "holds the interpreter lock", "stops itself"],
)
def test_a_cell_that_does_not_yield_is_killed(container: Container, code: str) -> None:
    """Two seconds after the interrupt comes SIGKILL, which nothing can refuse."""
    result = container.attack(code, seconds=0.2)
    assert result.outcome == "killed"
    assert result.seconds < 60


def test_daemon(box: Box, container: Container) -> None:
    """A double fork with setsid dies with its container."""
    marker = f"98765.{time.time_ns()}"
    result = container.attack(f"""
def daemon():
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.execv("/usr/bin/sleep", ["sleep", "{marker}"])
        os._exit(0)
    os.wait()
    time.sleep(0.2)
print(json.dumps(attempt(daemon)))
""")
    assert result.said == ("ok" if box.forks else "EPERM")
    deadline = time.monotonic() + 30
    while box.forks and not _running(marker):
        assert time.monotonic() < deadline
    assert len(_running(marker)) == (1 if box.forks else 0)
    container.close()
    deadline = time.monotonic() + 30
    while _running(marker) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert _running(marker) == []


def test_signals_to_everybody(box: Box, container: Container) -> None:
    """Neither the engine nor pid 1, nor "all processes", can be signalled."""
    engine = box.ask("about")["pid"]
    result = container.attack(f"""
targets = [1, {engine}, os.getppid() or {engine}, -{engine}]
print(json.dumps([attempt(os.kill, target, signal.SIGKILL) for target in targets]))
""")
    assert result.outcome == "ok"
    refused = {"ESRCH", "EPERM"} | ({"ok"} if box.namespaces else set())  # pid 1 of one's own namespace ignores it
    assert set(result.said) <= refused
    assert set(result.said[1:2] + result.said[3:]) <= {"ESRCH", "EPERM"}


def test_kill_all(box: Box, container: Container) -> None:
    """kill(-1) reaches what is in the container, at most."""
    result = container.attack("print(json.dumps(attempt(os.kill, -1, signal.SIGTERM)))")
    assert result.outcome in ("ok", "died")


def test_thread_signals_to_the_engine(box: Box, container: Container) -> None:
    """tgkill, tkill, sigqueue, pidfd signals and SIGIO by fcntl: the holes that Landlock before 6.12 leaves."""
    engine = box.ask("about")["pid"]
    result = container.attack(f"""
import fcntl
said = [call("tgkill", {engine}, {engine}, 9), call("tkill", {engine}, 9)]
fd = libc.syscall(NR["pidfd_open"], {engine}, 0)
said.append("ok" if fd >= 0 and libc.syscall(NR["pidfd_send_signal"], fd, 9, 0, 0) == 0 else "EPERM")
a, b = socket.socketpair()
owner = attempt(fcntl.fcntl, a, 8, {engine})
if owner == "ok":
    fcntl.fcntl(a, 10, 9); fcntl.fcntl(a, fcntl.F_SETFL, os.O_ASYNC); b.send(b"x")
print(json.dumps(said))
""")
    assert set(result.said) <= {"ESRCH", "EPERM", "EINVAL"}
    assert box.process.poll() is None


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("os._exit(7)", "Exit7"),
        ("ctypes.string_at(0)", "SIGSEGV"),
        ("os.abort()", "SIGABRT"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "SIGKILL"),
    ],
)
def test_a_kernel_that_dies_is_reported(box: Box, container: Container, code: str, name: str) -> None:
    """How it died is told, and the container answers to the next cell that it is dead."""
    result = container.attack(code)
    assert (result.outcome, result.error_name) == ("died", name)
    assert container.do("alive") is box.renews


def test_recursion(container: Container) -> None:
    """Python's own limit is an exception; the C stack, where it is reached, is a crash of that container only."""
    assert container.run("def f(): f()\nf()").error_name == "RecursionError"
    deep = (
        "import sys; sys.setrecursionlimit(10**8)\ndef f(x): return repr(x)\nl=[]\nfor _ in range(10**6): l=[l]\nf(l)"
    )
    assert container.run(deep).outcome in ("error", "died")


def test_memory_bomb_is_a_memory_error(box: Box) -> None:
    """Past the limit there is Python's own exception, and the state is kept."""
    container = box.container(memory_bytes=200 << 20)
    result = container.attack("x = 1\nb = bytearray(300 << 20)")
    assert (result.outcome, result.error_name) == ("error", "MemoryError")
    assert container.attack("b = bytearray(100 << 20); print(json.dumps(len(b) + x))").said == (100 << 20) + 1
    container.close()


def test_a_growing_list_is_a_memory_error(box: Box) -> None:
    """Small allocations meet the same limit."""
    container = box.container(memory_bytes=150 << 20)
    result = container.run("l = []\nwhile True: l.append(' ' * 100000 + str(len(l)))")
    assert (result.outcome, result.error_name) == ("error", "MemoryError")
    container.close()


def test_shared_memory_bomb(box: Box) -> None:
    """What RLIMIT_DATA does not count, the wall or the meter does."""
    container = box.container(memory_bytes=150 << 20)
    result = container.attack("""
import mmap
kept = []
for _ in range(40):
    kept.append(mmap.mmap(-1, 32 << 20))
    kept[-1].write(b"x" * (32 << 20))
    time.sleep(0.01)
time.sleep(15)  # for the meter to look
print("done")
""")
    assert (result.outcome, result.error_name) == ("memory", "MemoryError")
    assert "150 MiB" in (result.traceback or "")
    container.close()


def test_memory_bomb_in_children(box: Box) -> None:
    """Four children that each stay under the limit do not get past it together."""
    container = box.container(memory_bytes=150 << 20)
    result = container.attack(
        """
def child():
    kept = b"x" * (120 << 20)
    time.sleep(2)
    os._exit(0)
pids = []
for _ in range(4):
    try: pid = os.fork()
    except PermissionError: pid = "EPERM"
    if pid == 0: child()
    pids.append(pid)
print(json.dumps([os.waitpid(pid, 0)[1] if isinstance(pid, int) else pid for pid in pids]))
"""
    )
    held = (
        result.outcome == "memory"
        or result.said == ["EPERM"] * 4
        or any(status not in (0, "EPERM") for status in result.said)
    )
    assert held, result
    container.close()


def test_limits_cannot_be_raised(container: Container) -> None:
    """The hard limits are the soft ones."""
    result = container.attack("""
import resource
names = ["RLIMIT_DATA", "RLIMIT_NOFILE", "RLIMIT_FSIZE", "RLIMIT_CORE"]
tried = []
for name in names:
    which = getattr(resource, name)
    hard = resource.getrlimit(which)[1]
    tried.append(attempt(resource.setrlimit, which, (hard + 1, hard + 1)))
print(json.dumps(tried))
""")
    assert set(result.said) <= {"EPERM", "ValueError"}


def test_the_engine_cannot_be_slowed_or_limited(box: Box, container: Container) -> None:
    """Limits, priority, affinity and I/O class of the engine are out of reach."""
    engine = box.ask("about")["pid"]
    result = container.attack(f"""
import resource
print(json.dumps([
    attempt(resource.prlimit, {engine}, resource.RLIMIT_NOFILE, (0, 0)),
    attempt(os.setpriority, os.PRIO_PROCESS, {engine}, 19),
    attempt(os.sched_setaffinity, {engine}, [0]),
    call("ioprio_set", 1, {engine}, 3 << 13),
    attempt(os.setpriority, os.PRIO_PROCESS, 0, -5),
]))
""")
    assert set(result.said) <= {"ESRCH", "EPERM", "EACCES", "PermissionError", "ProcessLookupError"}


def test_descriptors_run_out_at_the_limit(container: Container) -> None:
    """1024 open files, not one more."""
    result = container.attack("""
opened = []
try:
    while True: opened.append(os.open("/dev/null", os.O_RDONLY))
except OSError as error: failure = errno.errorcode[error.errno]
highest = max(opened)
[os.close(fd) for fd in opened]
print(json.dumps([failure, highest]))
""")
    assert result.said == ["EMFILE", 1023]


def test_only_four_descriptors_are_inherited(box: Box, container: Container) -> None:
    """Nothing, the output pipe twice, and the control socket; where a broker starts programs, the socket to it."""
    result = container.attack("""
found = []
for fd in range(1024):
    try: found.append([fd, os.fstat(fd).st_mode >> 12])
    except OSError: pass
print(json.dumps(found))
""")
    assert result.said == [[0, 2], [1, 1], [2, 1], [3, 12], *([] if box.forks else [[4, 12]])]


def test_no_core_is_dumped(container: Container) -> None:
    """A crash writes no image of memory."""
    container.attack("ctypes.string_at(0)")
    assert container.do("scan") == []


def test_orphans_leave_no_zombies(box: Box, container: Container) -> None:
    """Pid 1 reaps what a container abandons: 200 orphans in a row, with a limit of 128 processes."""
    if not box.forks:
        pytest.skip("no forks in this tier")
    result = container.attack(
        """
def abandon():
    if os.fork() == 0:
        if os.fork() == 0: os._exit(0)
        os._exit(0)
    os.wait()
print(json.dumps([attempt(abandon) for _ in range(200)].count("ok")))
""",
        seconds=60,
    )
    assert result.said == 200


def test_two_containers_do_not_draw_the_same_numbers(box: Box) -> None:
    """Children of one zygote are reseeded."""
    drawn = set()
    for _ in range(3):
        container = box.container()
        drawn.add(container.run("import random; print(random.random())").logs)
        container.close()
    assert len(drawn) == 3


def test_a_busy_container_is_niced(container: Container) -> None:
    """Containers yield to the engine and the zygotes."""
    nice = container.attack("print(os.getpriority(os.PRIO_PROCESS, 0))").said
    assert nice == min(os.getpriority(os.PRIO_PROCESS, 0) + 10, 19)


def test_all_containers_together_weigh_less_than_the_engine(box: Box, container: Container) -> None:
    """However many are busy, a thread of the engine gets two thirds of a CPU that they fight for."""
    if box.tier != "root":
        pytest.skip("only root may write to this machine's cgroups")
    lines = Path(f"/proc/{container.do('pids')[0]}/cgroup").read_text().splitlines()
    paths = {controllers: path[1:] for _, controllers, path in (line.split(":", 2) for line in lines)}
    v1 = next((controllers for controllers in paths if "cpu" in controllers.split(",")), None)
    group = Path("/sys/fs/cgroup", *(["cpu", paths[v1]] if v1 else [paths[""]])).parent
    if not group.name.startswith("recast-"):
        pytest.skip("no cpu controller of cgroups here")
    assert (group / ("cpu.shares" if v1 else "cpu.weight")).read_text() == ("512\n" if v1 else "50\n")
