"""Every process of the sandbox is killed at some moment: nothing is left behind, callers are told, service goes on."""

import contextlib
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.boxes import Box, Container, Failed, folders_on_disk
from tests.sandbox.processes import alive, family, is_zygote, soon

_WAITS = "open('begun', 'w').close(); import time; time.sleep(80)"


def _has_begun(container: Container) -> bool:
    """Whether a cell that waits is waiting."""
    return "begun" in [entry["path"] for entry in container.do("scan")]


def _commands(marker: str) -> list[bytes]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if path.read_bytes().split(b"\0")[:2] == [b"sleep", marker.encode()]:
                found.append(path.read_bytes())
    return found


def _cgroups(directory: str) -> list[Path]:
    name = "recast-" + Path(directory).name.removeprefix("recast-sandbox-")
    return [path for path in Path("/sys/fs/cgroup").glob(f"*/**/{name}") if path.is_dir()]


def _groups_of_containers(directory: str) -> list[Path]:
    return [path for parent in _cgroups(directory) for path in parent.iterdir() if path.is_dir()]


_EVERY_TIER = ["root", "user", "uids", "landlock", "disk", "user disk"]


@pytest.fixture(params=_EVERY_TIER)
def own_box(request: pytest.FixtureRequest, make_box: Any) -> Box:
    """A sandbox that may be broken."""
    return make_box(request.param, reserve=1)  # type: ignore[no-any-return] # a fixture's


def test_a_kernel_killed_in_a_cell_is_reported_and_can_be_restarted(own_box: Box) -> None:
    """Its files stay, its name for the end is the signal's."""
    container = own_box.container()
    container.run("open('kept', 'w').write('here')")
    pid = container.do("pids")[0]
    own_box.send("run", kernel=container.number, code=f"print('a'); {_WAITS}", seconds=90)
    assert soon(lambda: _has_begun(container))
    os.kill(pid, signal.SIGKILL)
    result = own_box.receive()
    assert (result["outcome"], result["error_name"], result["logs"]) == ("died", "SIGKILL", "a\n")
    container.do("restart")
    assert container.run("print(open('kept').read())").logs == "here\n"


def test_a_folder_closed_to_all_does_not_hinder_a_restart(own_box: Box) -> None:
    """A kernel takes every right to its own /mnt/data away and dies; the next one can give them back."""
    container = own_box.container()
    container.run("import os; open('kept', 'w').write('here'); os.chmod('.', 0); os._exit(0)")
    container.do("restart")
    assert container.run("import os; os.chmod('/mnt/data', 0o700); print(open('kept').read())").logs == "here\n"


def test_a_pid_1_killed_takes_its_container_only(own_box: Box) -> None:
    """The kernel dies with it, the next container is not touched."""
    container, other = own_box.container(), own_box.container()
    pids = container.do("pids")
    if len(pids) == 1:
        pytest.skip("containers of this tier have no pid 1 of their own")
    os.kill(pids[1], signal.SIGKILL)
    assert soon(lambda: not container.do("alive"))
    assert container.run("1").outcome == "died"
    assert other.run("1").logs == "1\n"


def test_a_zygote_killed_is_replaced_within_a_second(own_box: Box) -> None:
    """Its containers die with it, callers are told, and the next container comes from a new zygote."""
    container = own_box.container()
    own_box.send("run", kernel=container.number, code=_WAITS, seconds=90)
    assert soon(lambda: _has_begun(container))
    own_box.send("zygotes")
    zygote = next(pid for pid in family(own_box.receive()[0]) if is_zygote(pid))
    before = family(zygote)
    os.kill(zygote, signal.SIGKILL)
    assert own_box.receive()["outcome"] == "died"
    started = time.monotonic()
    replacement = own_box.container()
    assert replacement.run("1").logs == "1\n"
    assert time.monotonic() - started < 60  # the goal is 1 s on an idle machine; this one is shared
    assert soon(lambda: not alive(before))
    container.close()


def test_a_zygote_that_was_held_up_gets_over_what_happened_meanwhile(own_box: Box) -> None:
    """Requests, hang-ups and ends of containers in any order, all at once."""
    containers = [own_box.container() for _ in range(6)]
    own_box.send("zygotes")
    zygote = min(pid for pid in family(own_box.receive()[0]) if is_zygote(pid))  # its children may have its name still
    os.kill(zygote, signal.SIGSTOP)
    for number, container in enumerate(containers):
        ask = "import subprocess, threading; threading.Thread(target=subprocess.run, args=(['pandoc'],)).start()"
        code = f"import os, time\n{ask if number % 2 else ''}\ntime.sleep(0.1)\nos._exit(0)"
        own_box.send("run", kernel=container.number, code=code, seconds=20)
    own_box.send("spawn", family="light", limits={})
    time.sleep(0.5)
    os.kill(zygote, signal.SIGCONT)
    assert len([own_box.receive() for _ in range(7)]) == 7
    assert _serves(own_box)
    assert is_zygote(zygote)


def _serves(box: Box) -> bool:
    with contextlib.suppress(Failed):
        return box.container().run("1").logs == "1\n"
    return False


def test_a_zygote_killed_while_spawning(own_box: Box) -> None:
    """Each of many spawns is served or refused with SandboxDown, and none is forgotten."""
    own_box.container().close()
    for _ in range(8):
        own_box.send("spawn", family="light", limits={})
    for pid in family(own_box.process.pid):
        if is_zygote(pid):
            os.kill(pid, signal.SIGKILL)
    answers = []
    for _ in range(8):
        try:
            answers.append(type(own_box.receive()).__name__)
        except Failed as failed:
            answers.append(failed.args[0])
    assert set(answers) <= {"int", "SandboxDown"}
    assert soon(lambda: _serves(own_box))  # one made in the last moment of its zygote may still die


def test_an_engine_killed_leaves_nothing(own_box: Box, make_box: Any) -> None:
    """Kernels and mounts go at once; folders, groups and tier B's daemons at the latest when the next engine starts."""
    container = own_box.container()
    marker = f"54321.{time.time_ns()}"
    container.run(
        f"import subprocess\nopen('x', 'w').write('x')\nsubprocess.Popen(['sleep', '{marker}'], start_new_session=True)"
    )
    own_box.send("run", kernel=container.number, code=_WAITS, seconds=90)
    assert soon(lambda: _has_begun(container))
    directory = own_box.ask("about")["directory"]
    everyone = family(own_box.process.pid) - {own_box.process.pid}
    own_box.kill()
    if own_box.tier != "uids":  # there, what a container started is found by its uid
        assert soon(lambda: not alive(everyone))
    assert "recast-sandbox" not in Path("/proc/mounts").read_text()
    make_box(own_box.tier).close()
    assert soon(lambda: not alive(everyone) and _commands(marker) == [])
    assert not Path(directory).exists()
    assert _cgroups(directory) == []


@pytest.mark.parametrize("tier", _EVERY_TIER)
def test_a_life_leaves_nothing(make_box: Any, tier: str) -> None:
    """Twenty containers later there are as many descriptors, groups, folders and processes as before."""
    own_box = make_box(tier, reserve=0)
    own_box.container().close()
    time.sleep(0.5)
    before = own_box.ask("about")
    count = len(family(own_box.process.pid))
    for _ in range(20):
        container = own_box.container()
        container.run("open('x', 'w').write('x')")
        container.close()
    assert soon(lambda: own_box.ask("about")["fds"] <= before["fds"] + 1)
    assert soon(lambda: len(family(own_box.process.pid)) <= count + 1)
    assert folders_on_disk(before["directory"]) == []


def test_closing_ends_everything(own_box: Box) -> None:
    """A sandbox that is closed with containers alive leaves no process, folder or group."""
    own_box.container().run("import time")
    own_box.container()
    directory = own_box.ask("about")["directory"]
    everyone = family(own_box.process.pid)
    own_box.close()
    assert soon(lambda: not alive(everyone))
    assert not Path(directory).exists()
    assert _cgroups(directory) == []


@pytest.mark.parametrize("tier", ["root", "disk"])
def test_callers_who_leave_leave_nothing(make_box: Any, tier: str) -> None:
    """Spawns and cells that are cancelled at any moment end what they had begun."""
    box = make_box(tier, reserve=0)
    box.container().close()
    time.sleep(0.3)
    before, count = box.ask("about"), len(family(box.process.pid))
    for milliseconds in range(0, 30, 2):
        box.ask("abandon", milliseconds=milliseconds, on_disk=box.on_disk)
    assert soon(lambda: len(family(box.process.pid)) <= count)
    assert soon(lambda: box.ask("about")["fds"] <= before["fds"])
    after = box.ask("about")
    assert (after["counts"]["live"], after["counts"]["memory_bytes"]) == (0, 0)
    assert folders_on_disk(before["directory"]) == []
    assert len({group.name for group in _groups_of_containers(before["directory"])}) <= 1  # the next container's


def test_admission_ends_at_the_budget(make_box: Any) -> None:
    """The sum of the memory promised stays within the budget: at the limit yes, one byte past it no."""
    box = make_box("root", budget_bytes=(1 << 30) + (64 << 20))
    first = box.container(memory_bytes=1 << 30)
    second = box.container(memory_bytes=64 << 20)
    with pytest.raises(Failed, match="SandboxFull"):
        box.container(memory_bytes=1)
    second.close()
    assert box.container(memory_bytes=64 << 20).run("1").logs == "1\n"
    first.close()


def test_a_rotated_zygote_lives_until_its_last_container(make_box: Any) -> None:
    """New containers come from the new zygote, the old ones keep their state."""
    box = make_box("root", rotate_spawns=3, reserve=0)
    old = box.container()
    old.run("x = 42")
    for _ in range(4):
        box.container().close()
    assert soon(lambda: len(box.ask("zygotes")) == 2)
    assert old.run("x").logs == "42\n"
    old.close()
    assert soon(lambda: len(box.ask("zygotes")) == 1)


@pytest.mark.parametrize("tier", _EVERY_TIER)
def test_a_container_of_a_rotated_zygote_can_be_restarted(make_box: Any, tier: str) -> None:
    """Its files stay, and the zygote is ended neither before its last container nor never."""
    box = make_box(tier, rotate_spawns=3, reserve=0)
    old, other = box.container(), box.container()
    old.run("open('kept', 'w').write('here')")
    other.run("x = 42")
    for _ in range(3):
        box.container().close()
    assert soon(lambda: len(box.ask("zygotes")) == 2)
    old.do("restart")
    assert old.run("print(open('kept').read())").logs == "here\n"
    old.close()
    assert other.run("x").logs == "42\n"
    other.close()
    assert soon(lambda: len(box.ask("zygotes")) == 1)


@pytest.mark.parametrize("tier", ["disk", "masked disk", "uids", "landlock"])
def test_files_on_disk_outlive_the_zygote(make_box: Any, tier: str) -> None:
    """A container whose zygote was killed is restarted by the next one; its files are what they were."""
    box = make_box(tier)
    container = box.container()
    container.run("open('kept', 'w').write('here')")
    box.send("zygotes")
    for pid in family(box.receive()[0]):
        if is_zygote(pid):
            os.kill(pid, signal.SIGKILL)
    assert soon(lambda: not container.do("alive"))
    assert container.read("kept") == b"here"
    container.do("restart")
    assert container.run("print(open('kept').read()); open('kept', 'w').close()").logs == "here\n"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_more_containers_live_than_one_may_have_files_open(make_box: Any) -> None:
    """What a zygote holds for each of its containers does not count against the next."""
    box = make_box("root", reserve=0, budget_bytes=1 << 45)
    containers = [box.container(processes=10) for _ in range(1100)]
    assert [containers[number].run("1").logs for number in (0, -1)] == ["1\n", "1\n"]
    code = "import os\nfiles = []\ntry:\n    while True: files.append(open('/dev/null'))\nexcept OSError: print(len(files) < 1024)"
    assert containers[-1].run(code).logs == "True\n"
