"""Hostile programs in containers whose files are on the machine's disk, as those of the large memory tiers are."""

import os
import shutil
import stat
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.boxes import SECRET, Box, Container, Failed, folders_on_disk
from tests.sandbox.processes import soon

_MIB = 1 << 20


def _own_folder(box: Box, container: Container) -> Path:
    """The container's folder as the host sees it."""
    mark = f"mark-{time.time_ns()}"
    container.run(f"open({mark!r}, 'w').close()")
    (folder,) = (path for path in folders_on_disk(box.ask("about")["directory"]) if (path / "data" / mark).exists())
    return folder / "data"


@pytest.fixture
def disk(box: Box) -> Any:
    """A container with its files on disk."""
    container = box.container(on_disk=True, disk_bytes=8 * _MIB, files=50)
    yield container
    container.close()


def test_files_on_disk_are_no_memory(box: Box) -> None:
    """A container writes and reads far more than its memory, and none of it counts."""
    container = box.container(on_disk=True, memory_bytes=64 * _MIB, disk_bytes=512 * _MIB)
    code = """
with open("big", "wb") as file:
    for _ in range(320): file.write(bytes(1 << 20))
time.sleep(0.5)
with open("big", "rb") as file: print(sum(len(part) for part in iter(lambda: file.read(1 << 20), b"")) >> 20)
"""
    result = container.attack(code)
    assert (result.outcome, result.logs) == ("ok", "320\n")
    container.close()


def test_bytes_on_disk_at_the_limit(disk: Container) -> None:
    """All that was granted can be used, by one file or by many, and again after some were deleted."""
    code = """
def write(name, size):
    with open(name, "wb") as file: file.write(bytes(size))
write("a", 8 << 20); time.sleep(1.5); os.unlink("a")
for n in range(8): write(f"b{n}", 1 << 20)
time.sleep(1.5); print(len(os.listdir()))
"""
    assert disk.attack(code).logs == "8\n"


@pytest.mark.parametrize(
    "hide",
    [
        "pass",
        "for _ in range(40): os.mkdir('d'); os.chdir('d')",
        "for _ in range(40): os.mkdir('d' * 200); os.chdir('d' * 200)",
        "os.mkdir('d'); os.chdir('d'); attempt(os.chmod, '.', 0o300)",
        "os.open = lambda *a, o=os.open: (f := o(*a), os.unlink(a[0]))[0]",
    ],
)
def test_bytes_on_disk_cannot_be_hidden(disk: Container, hide: str) -> None:
    """More than the limit ends the container: in the open, deep down, behind a mode, in files without a name."""
    code = f"""
{hide}
kept = []
for n in range(4):
    kept.append(os.open(f"f{{n}}", os.O_WRONLY | os.O_CREAT))
    os.write(kept[-1], bytes(3 << 20))
attempt(os.chmod, ".", 0); time.sleep(15)
"""
    result = disk.attack(code)
    assert result.outcome == "killed", result
    assert "wrote" in str(result.traceback) or "cannot be looked into" in str(result.traceback)


@pytest.mark.parametrize("make", ["open(name, 'w').close()", "os.mkdir(name)", "os.symlink('x', name)"])
def test_names_on_disk_end_at_the_limit(disk: Container, make: str) -> None:
    """As many as granted may be made, of whatever kind; one more ends the container."""
    code = f"for n in range(50):\n    name = f'n{{n}}'; {make}\ntime.sleep(1.5); print('fine')"
    assert disk.attack(code).logs == "fine\n"
    result = disk.run(f"name = 'n50'; {make}; time.sleep(15)")
    assert (result.outcome, result.traceback) == ("killed", "the kernel was killed: it made more than 50 files")


def test_what_a_cell_leaves_running_is_looked_at(disk: Container) -> None:
    """A thread that writes when no cell runs is stopped, and the next cell is told."""
    code = """
def fill():
    time.sleep(1)
    for n in range(4): open(f"f{n}", "wb").write(bytes(3 << 20))
    time.sleep(80)
threading.Thread(target=fill).start()
"""
    assert disk.attack(code).outcome == "ok"
    assert soon(lambda: not disk.do("alive"))
    assert "bytes of files" in str(disk.run("1").traceback)


def test_other_folders_on_disk_cannot_be_reached(box: Box, disk: Container) -> None:
    """Not by going up, not by their names, not through links, and mounts do not tell their names."""
    other = box.container(on_disk=True)
    folder = _own_folder(box, other)
    token = folder.parent.name
    ways = [f"{folder}", f"../{token}/data", f"/mnt/data/{token}/data", f"/mnt/{token}/data", "/mnt/data/../../disk"]
    code = f"""
mark = os.listdir("/mnt/data/..") if attempt(os.listdir, "/mnt/data/..") == "ok" else ["data"]
said = [attempt(os.listdir, way) for way in {ways!r}] + [attempt(os.link, way + "/kept", "l") for way in {ways!r}]
for n, way in enumerate({ways!r}): os.symlink(way, f"s{{n}}"); said.append(attempt(os.listdir, f"s{{n}}"))
mounts = open("/proc/self/mountinfo").read() if attempt(open, "/proc/self/mountinfo") == "ok" else ""
print(json.dumps([mark, said, {token!r} in mounts]))
"""
    mark, said, told = disk.attack(code).said
    assert mark == ["data"]
    assert set(said) <= {"ENOENT", "EACCES", "EPERM", "EXDEV"}
    assert told is False
    other.close()


def test_the_mount_of_all_folders_is_gone(box: Box, disk: Container) -> None:
    """It is neither below a container's /mnt/data nor in its table of mounts, and nothing can be taken away there."""
    directory = box.ask("about")["directory"]
    plain = box.container(on_disk=False)
    for container in (plain, disk):
        code = """
gone = [call("umount2", b"/mnt/data", flags) for flags in (0, 2)]
mounts = open("/proc/self/mountinfo").read() if attempt(open, "/proc/self/mountinfo") == "ok" else ""
print(json.dumps([gone, [line.split()[3] for line in mounts.splitlines()]]))
"""
        gone, roots = container.attack(code).said
        assert set(gone) == {"EPERM"}
        assert f"{directory}/disk" not in roots
        assert [root for root in roots if directory in root] == (
            [] if container is plain or not box.namespaces else [str(_own_folder(box, disk))]
        )
    plain.close()


def test_a_set_user_id_bit_on_disk_is_nothing(box: Box, disk: Container) -> None:
    """Not inside, even were the file root's own, and no other user of the machine gets at one that a container made."""
    if not box.forks:
        pytest.skip("no program can be started there")
    folder = _own_folder(box, disk)
    shutil.copy("/usr/bin/id", folder / "id")
    os.chown(folder / "id", 0, 0)
    (folder / "id").chmod(stat.S_ISUID | 0o755)
    code = "import subprocess; os.chmod('.', 0o777)\nprint(json.dumps([os.getuid(), int(subprocess.run(['./id', '-u'], capture_output=True).stdout)]))"
    own, became = disk.attack(code).said
    assert became == own
    if box.namespaces:
        outside = subprocess.run(
            ["setpriv", "--reuid=4000", "--regid=4000", "--clear-groups", "sh", "-c", f"{folder}/id"],
            check=False,
            capture_output=True,
        )
        assert b"Permission denied" in outside.stderr


def test_device_nodes_on_disk_are_nothing(box: Box, disk: Container) -> None:
    """None can be made, and one that is there cannot be opened where a container has mounts of its own."""
    os.mknod(_own_folder(box, disk) / "zero", stat.S_IFCHR | 0o666, os.makedev(1, 5))
    (_own_folder(box, disk) / "zero").chmod(0o666)
    code = "print(json.dumps([attempt(os.mknod, 'd', 0o020666, os.makedev(1, 5)), attempt(os.mknod, 'b', 0o060666, 0), attempt(open, 'zero', 'rb')]))"
    made, block, opened = disk.attack(code).said
    assert {made, block} <= {"EPERM", "EACCES"}
    assert opened == "EACCES" or not box.namespaces
    with pytest.raises(Failed, match="FileRefused"):
        disk.read("zero")


def test_files_on_disk_can_be_had_after_the_end(disk: Container, readable_path: Path) -> None:
    """Downloads, uploads and removals work on the folder of a kernel that died; closing leaves no folder."""
    (readable_path / "source").write_text(SECRET)
    disk.attack("open('a', 'w').write('mine'); os._exit(0)")
    assert disk.do("put", name="b", source=str(readable_path / "source"))["path"] == "b"
    disk.do("remove", path="b")
    assert ([entry["path"] for entry in disk.do("scan")], disk.read("a")) == (["a"], b"mine")
