"""Hostile programs against files: the host's, the engine's, another container's, and the quota of their own."""

import os
import time
from pathlib import Path

import pytest

import service
from tests.sandbox.boxes import SECRET, Box, Container, Failed, folders_on_disk

_REFUSED = {"ENOENT", "EACCES", "EPERM", "EROFS", "FileNotFoundError", "PermissionError"}


@pytest.mark.parametrize(
    "path",
    [
        "/etc/shadow",
        "/etc/machine-id",
        "/root",
        "/etc/ssl/private",
        "/var/log",
        "/home",
        "/boot",
        str(Path(service.__file__).parent),
    ],
)
def test_the_hosts_files_cannot_be_read(box: Box, container: Container, path: str) -> None:
    """They are not in the view, or Landlock refuses them."""
    code = f"import os\nprint(json.dumps(attempt(lambda: os.listdir({path!r}) if os.path.isdir({path!r}) else open({path!r}).read())))"
    said = container.attack(code).said
    shown = box.namespaces and path in ("/home", "/root")  # the view's own: a link to /tmp, the way to the interpreter
    assert said in _REFUSED or shown


def test_a_secret_of_the_engine_cannot_be_read(box: Box, container: Container, readable_path: Path) -> None:
    """A world-readable file outside the view stays unread, also by way of a link."""
    secret = readable_path / "secret"
    secret.write_text(SECRET)
    code = (
        f"os.symlink({str(secret)!r}, 'link')\nprint(json.dumps([attempt(open, p) for p in ({str(secret)!r}, 'link')]))"
    )
    assert set(container.attack(code).said) <= _REFUSED


def test_nothing_of_the_system_can_be_written(container: Container) -> None:
    """Every place but the container's own is read-only or closed."""
    places = ["/usr/x", "/etc/x", "/x", "/dev/x", "/proc/x", "/lib/x", "/opt/x", "/var/x", "/home/x", "/run/x"]
    said = container.attack(
        f"import sys\nprint(json.dumps([attempt(open, p, 'w') for p in {places!r} + [sys.prefix + '/x']]))"
    ).said
    assert [answer for answer, place in zip(said, places, strict=False) if answer == "ok" and place != "/home/x"] == []
    assert not Path("/home/x").exists()


def test_a_library_cannot_be_changed_for_the_next(box: Box, container: Container) -> None:
    """Patches stay in the process, and the installed files cannot be opened for writing."""
    code = "import json.decoder as d, builtins\nd.loads = None\njson.loads = None\nbuiltins.len = lambda x: 666\n"
    container.attack(code + "print(attempt(open, d.__file__, 'a'))")
    following = box.container()
    assert following.run("import json; print(len([1]), json.loads('2'))").logs == "1 2\n"
    following.close()


@pytest.mark.parametrize("target", ["/etc/passwd", "/etc/hostname", "/proc/self/environ", "../../etc/passwd"])
def test_a_link_is_never_followed_out(box: Box, container: Container, target: str) -> None:
    """Downloads through symbolic links, of files and of folders, are refused."""
    container.attack(
        f"os.symlink({target!r}, 'link'); os.symlink('/etc', 'folder'); os.mkdir('d'); os.symlink('..', 'd/up')"
    )
    for path in ("link", "folder/passwd", "d/up/link", "../etc/passwd", "/etc/passwd", "d/../../x"):
        with pytest.raises(Failed, match="FileRefused"):
            container.read(path)
    assert container.do("scan") == []


def test_a_file_swapped_for_a_link_is_never_followed(box: Box, container: Container, readable_path: Path) -> None:
    """A race of renames against downloads gives the file or a refusal, never the link's target."""
    secret = readable_path / "secret"
    secret.write_text("stolen")
    container.attack(f"open('a', 'w').write('mine'); os.symlink({str(secret)!r}, 'b')")
    box.send(
        "run", kernel=container.number, seconds=1.0, code="while True: call('renameat2', -100, b'a', -100, b'b', 2)"
    )
    answers = []
    for _ in range(300):
        box.send("read", kernel=container.number, path="a")
    for _ in range(301):
        try:
            answers.append(box.receive())
        except Failed:
            answers.append("refused")
    assert "c3RvbGVu" not in answers
    assert {answer for answer in answers if isinstance(answer, str)} <= {"bWluZQ==", "refused", ""}


@pytest.mark.parametrize(
    "make",
    ["os.mkfifo('odd')", "os.mkdir('odd')", "socket.socket(socket.AF_UNIX).bind('odd')", "os.symlink('odd', 'odd')"],
)
def test_what_is_no_regular_file_is_refused(box: Box, container: Container, make: str) -> None:
    """A FIFO would block a reader for ever, a device could do worse."""
    container.attack(f"attempt(lambda: {make})")
    started = time.monotonic()
    with pytest.raises(Failed, match="FileRefused"):
        container.read("odd")
    assert time.monotonic() - started < 60  # and not for ever
    assert container.do("scan") == []


def test_device_nodes_cannot_be_made(container: Container) -> None:
    """Neither block nor character."""
    code = "print(json.dumps([attempt(os.mknod, 'd', t | 0o666, os.makedev(1, 1)) for t in (0o020000, 0o060000)]))"
    assert set(container.attack(code).said) <= {"EPERM", "EACCES"}


@pytest.mark.parametrize(
    "device",
    [
        "/dev/vda",
        "/dev/mem",
        "/dev/kmsg",
        "/dev/kvm",
        "/dev/fuse",
        "/dev/net/tun",
        "/dev/loop-control",
        "/dev/ptmx",
        "/dev/tty",
    ],
)
def test_devices_are_absent_or_closed(container: Container, device: str) -> None:
    """Five harmless nodes is all there is."""
    assert container.attack(f"print(json.dumps(attempt(os.open, {device!r}, os.O_RDWR)))").said in {
        *_REFUSED,
        "ENXIO",
        "ENODEV",
    }


@pytest.mark.parametrize(
    "path",
    [
        "/sys/kernel",
        "/sys/fs/cgroup",
        "/proc/sysrq-trigger",
        "/proc/sys/kernel/core_pattern",
        "/proc/kcore",
        "/proc/kallsyms",
        "/proc/1/root/etc/hostname",  # a way from any process to the files of another, and no place of one machine
        "/proc/1/environ",
        "/proc/1/mem",
    ],
)
def test_kernel_files_are_closed(container: Container, path: str) -> None:
    """Whatever controls the machine can neither be read nor written."""
    code = f"print(json.dumps([attempt(os.open, {path!r}, os.O_WRONLY), attempt(lambda: os.listdir({path!r}) if os.path.isdir({path!r}) else open({path!r}, 'rb').read(1))]))"
    write, read = container.attack(code).said
    assert write in {*_REFUSED, "EISDIR", "EIO"}
    assert read in {*_REFUSED, "EIO"} or path.endswith(("kallsyms", "core_pattern"))  # both tell nothing worth having


def test_the_engine_cannot_be_looked_at(box: Box, container: Container) -> None:
    """Its environment, memory, files and command line stay its own."""
    engine = box.ask("about")["pid"]
    names = ["environ", "mem", "maps", "root", "cwd", "fd", "cmdline", "status"]
    code = f"print(json.dumps([attempt(lambda: os.listdir(p) if os.path.isdir(p) else open(p, 'rb').read(1)) for p in [f'/proc/{engine}/{{n}}' for n in {names!r}]]))"
    assert set(container.attack(code).said) <= {*_REFUSED, "ESRCH"}


def test_only_the_containers_processes_are_listed(box: Box, container: Container) -> None:
    """With namespaces there is pid 1 and the kernel; without, /proc is closed."""
    said = container.attack(
        "print(json.dumps(sorted(int(n) for n in os.listdir('/proc') if n.isdigit()) if attempt(os.listdir, '/proc') == 'ok' else None))"
    ).said
    assert said == ([1, 2] if box.namespaces else None)


def test_no_secret_is_in_the_environment_or_the_memory(box: Box, container: Container) -> None:
    """The zygote was started with an environment of its own and never saw the engine's."""
    result = container.attack("""
needle = ("the-engine-" + "knows-").encode()
found = any(needle in f"{k}={v}".encode() for k, v in os.environ.items())
import gc
found = found or any(isinstance(o, (str, bytes)) and needle.decode() in str(o) for o in gc.get_objects() if o is not needle and isinstance(o, str))
hits = 0
if attempt(open, "/proc/self/maps") == "ok":
    memory = open("/proc/self/mem", "rb", 0)
    for line in open("/proc/self/maps"):
        span, rights = line.split()[:2]
        start, end = (int(x, 16) for x in span.split("-"))
        if "r" in rights and end - start < 1 << 28 and "[v" not in line:
            try: memory.seek(start); hits += memory.read(end - start).count(needle + b"0")
            except (OSError, OverflowError, ValueError): pass
print(json.dumps([found, sorted(os.environ)]))
""")
    found, names = result.said
    assert found is False
    assert [name for name in names if "RECAST" in name or "KEY" in name or "SECRET" in name] == []


def _until_looked_at(box: Box) -> str:
    """Code that waits for the engine to look at the files, where that is what limits them."""
    return "time.sleep(15)" if box.polls_disk else ""


def test_the_disk_ends_at_its_limit(box: Box) -> None:
    """One byte past the quota there is ENOSPC, or the engine ends the container."""
    container = box.container(disk_bytes=8 << 20)
    code = """
fits = attempt(lambda: open("a", "wb").write(b"x" * (7 << 20)))
more = attempt(lambda: [open(f"b{n}", "wb").write(b"x" * (4 << 20)) for n in range(4)])
print(json.dumps([fits, more]))
"""
    result = container.attack(code + _until_looked_at(box))
    assert result.outcome == "killed" or result.said == ["ok", "ENOSPC"]
    assert (result.outcome == "killed") == box.polls_disk
    container.close()


def test_a_file_ends_at_the_limit(box: Box) -> None:
    """A sparse terabyte is refused at once, in every tier."""
    container = box.container(disk_bytes=8 << 20)
    said = container.attack("""
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
f = open("sparse", "wb")
print(json.dumps([attempt(f.truncate, 1 << 40), attempt(os.posix_fallocate, f.fileno(), 0, 1 << 40), attempt(f.truncate, 8 << 20)]))
""").said
    assert said[0] == "EFBIG"
    assert said[1] in ("EFBIG", "ENOSPC")
    assert said[2] == "ok"
    container.close()


def test_the_number_of_files_is_limited(box: Box) -> None:
    """Files at the limit are made, one more is not."""
    container = box.container(files=50)
    code = """
made = 0
try:
    while made < 1000: open(f"f{made}", "w").close(); made += 1
except OSError as error: print(errno.errorcode[error.errno])
print(json.dumps(made))
"""
    result = container.attack(code + _until_looked_at(box))
    assert result.outcome == "killed" if box.polls_disk else (result.said == 50 and "ENOSPC" in result.logs)
    container.close()


def test_temporary_places_are_limited(box: Box, container: Container) -> None:
    """/tmp and /dev/shm have an end of their own."""
    if not box.namespaces:
        pytest.skip("both are inside the quota of the container's folder or closed")
    code = "print(json.dumps([attempt(lambda: open(p + '/x', 'wb').write(bytes(300 << 20))) for p in ('/tmp', '/dev/shm')]))"
    assert container.attack(code).said == ["ENOSPC", "ENOSPC"]


def test_strange_names_are_listed_and_read(container: Container) -> None:
    """Newlines, invalid UTF-8, 255 bytes and right-to-left marks are only names."""
    container.attack("for n in (b'a\\nb', b'\\xff\\xfe', b'x' * 255, '\\u202ea'.encode()): open(n, 'wb').write(b'1')")
    entries = container.do("scan")
    assert sorted(os.fsencode(entry["path"]) for entry in entries) == sorted(
        [b"a\nb", b"\xff\xfe", b"x" * 255, "\u202ea".encode()]
    )
    assert {container.read(entry["path"]) for entry in entries} == {b"1"}


def test_a_deep_tree_costs_the_engine_nothing(box: Box) -> None:
    """Thousands of nested folders are neither followed for ever nor left behind."""
    container = box.container()
    container.attack("for _ in range(500):\n    os.mkdir('d', 0o700); os.chdir('d')\nopen('end', 'w').close()")
    started = time.monotonic()
    assert container.do("scan") == []
    container.close()
    assert time.monotonic() - started < 60
    about = box.ask("about")
    folders = folders_on_disk(about["directory"])
    assert len(folders) <= about["counts"]["live"] + about["counts"]["parked"] + 1  # one may be in the making


@pytest.mark.parametrize("name", ["../../x", "/etc/x", "a/b/c", "x" * 300, "..", ""])
def test_an_uploads_name_is_only_a_name(box: Box, container: Container, name: str, readable_path: Path) -> None:
    """Whatever the uploader calls it, the file lands in /mnt/data itself or is refused."""
    source = readable_path / "source"
    source.write_text("x")
    source.chmod(0o644)
    try:
        path = container.do("put", name=name, source=str(source))["path"]
    except Failed as refused:
        assert (refused.args[0], name) in (("FileRefused", ".."), ("FileRefused", ""))  # noqa: PT017 - either may be refused
    else:
        assert "/" not in path
        assert [entry["path"] for entry in container.do("scan")] == [path]


def test_an_upload_never_follows_a_planted_link(box: Box, container: Container, readable_path: Path) -> None:
    """A link of the upload's name is a taken name, not a way out."""
    source, target = readable_path / "source", readable_path / "target"
    source.write_text("x")
    target.write_text("host")
    source.chmod(0o644)
    container.attack(f"os.symlink({str(target)!r}, 'name.txt')")
    assert container.do("put", name="name.txt", source=str(source))["path"] == "name (1).txt"
    assert target.read_text() == "host"


def test_a_removed_file_is_gone_and_a_links_target_stays(container: Container) -> None:
    """Removal is for regular files below /mnt/data."""
    container.attack("open('a', 'w').close(); os.mkdir('d'); open('d/b', 'w').close(); os.symlink('a', 'l')")
    container.do("remove", path="d/b")
    with pytest.raises(Failed, match="FileRefused"):
        container.do("remove", path="l")
    assert [entry["path"] for entry in container.do("scan")] == ["a"]


def test_hard_links_to_the_hosts_files(container: Container) -> None:
    """No name for a file of the system can be made in the container."""
    said = container.attack(
        "print(json.dumps([attempt(os.link, p, 'l') for p in ('/etc/passwd', '/usr/bin/env')]))"
    ).said
    assert set(said) <= {"EXDEV", "EACCES", "EPERM", "ENOENT"}


def test_other_containers_folders_cannot_be_found(box: Box, container: Container) -> None:
    """The neighbour's folder cannot be listed, opened or renamed; with namespaces it does not exist."""
    directory = box.ask("about")["directory"]
    folders = folders_on_disk(directory)
    paths = [directory, *(f"{folder}/data{file}" for folder in folders for file in ("", "/kept.txt"))]
    code = f"own = os.path.realpath('.')\nprint(json.dumps([attempt(lambda: os.listdir(p) if os.path.isdir(p) else open(p).read()) for p in {paths!r} if not own.startswith(os.path.dirname(p) + '/') and p != own]))"
    said = container.attack(code).said
    assert set(said) <= _REFUSED
