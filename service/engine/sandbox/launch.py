"""Becomes a zygote: enters its namespaces, builds the read-only view and executes Python inside it.

Run as a program by the engine, `python -I -S launch.py {json}`, with the control socket as descriptor 3 and before any
library is loaded. Standard library and `isolation` only. What the view shows is decided by the engine; nothing of the
caller's environment is passed on.
"""

import json
import os
import stat
import sys
from pathlib import Path

if __name__ == "__main__":  # -I keeps the script's folder off the path
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from service.engine.sandbox import isolation as iso

CONTROL = 3
CODE = "/opt/kernel"
UIDS = 65536
_BOOT = "import sys; sys.path[:] = sys.argv[1:] if sys.argv[2:] else [sys.argv[1], *sys.path]; from service.engine.sandbox.zygote import main; main()"
_DEVICES = ("null", "zero", "full", "random", "urandom")
_ETC = {
    "passwd": "root:x:0:0:root:/:/bin/false\nuser:x:1000:1000:user:/home/user:/bin/sh\n",
    "group": "root:x:0:\nuser:x:1000:\n",
    "hosts": "127.0.0.1 localhost\n::1 localhost\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
}


def environment(python: str, home: str, temporary: str) -> dict[str, str]:
    """All that a kernel inherits."""
    return {
        "PATH": f"{Path(python).parent}:/usr/local/bin:/usr/bin:/bin",
        "HOME": home,
        "TMPDIR": temporary,
        "LANG": "C.UTF-8",
        "USER": "user",
        "LOGNAME": "user",
        "TZ": "UTC",
        "IPYTHONDIR": f"{temporary}/.ipython",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "MPLCONFIGDIR": f"{temporary}/.matplotlib",
        "XDG_CACHE_HOME": f"{temporary}/.cache",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "ARROW_DEFAULT_MEMORY_POOL": "system",  # mimalloc reserves 1 GiB of what RLIMIT_DATA counts
        "JE_ARROW_MALLOC_CONF": "background_thread:false",
    }


def enter(config: dict[str, object], shown: dict[str, str], uid_base: int | None) -> None:
    """Namespaces, then the view; returns as pid 1 of the new pid namespace, as root of the new user namespace."""
    uid, gid = os.geteuid(), os.getegid()
    all_new = iso.NEWUSER | iso.NEWNS | iso.NEWPID | iso.NEWNET | iso.NEWIPC | iso.NEWUTS | iso.NEWCGROUP
    if uid_base is None:
        iso.unshare(all_new)
        iso.map_ids("self", f"0 {uid} 1", f"0 {gid} 1", deny_setgroups=True)
    else:
        _unshare_with_range(all_new, uid_base)
    # Opened while this process still is the caller: its own uid may be the only one that can walk to them (/root is 0700).
    read_only = iso.MOUNT_ATTR_RDONLY | iso.MOUNT_ATTR_NOSUID
    trees = {place: iso.clone_tree(path, read_only | iso.MOUNT_ATTR_NODEV) for path, place in shown.items()}
    trees |= {f"/dev/{name}": iso.clone_tree(f"/dev/{name}", read_only) for name in _DEVICES}
    # The folders of containers whose files are on disk, for the zygote alone: see `inits.mounts` and `confinement`.
    trees["/mnt/data"] = iso.clone_tree(f"{config['directory']}/disk", iso.MOUNT_ATTR_NOSUID | iso.MOUNT_ATTR_NODEV)
    code = {path.name: path.read_bytes() for path in Path(str(config["code"])).iterdir()}
    if uid_base is not None:
        os.setgroups([])
        os.setresgid(0, 0, 0)
        os.setresuid(0, 0, 0)
    iso.prctl(iso.PR_SET_PDEATHSIG, 9)
    if child := os.fork():
        os.close(CONTROL)
        for fd in trees.values():
            os.close(fd)
        iso.name_process("zygote-parent")
        os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) & 0x7F)
    iso.die_with_parent(0)
    _build(trees, code, links=dict(config["links"]), with_proc=not config["empty_proc"])  # type: ignore[call-overload] # decoded JSON


def _unshare_with_range(flags: int, base: int) -> None:
    """A range of ids that nobody else has is mapped by a process that stayed outside (user_namespaces(7))."""
    parent = os.getpid()
    reads, writes = os.pipe()
    helper = os.fork()
    if not helper:
        os.close(writes)
        os.read(reads, 1)
        line = f"0 {base} {UIDS}"
        iso.map_ids(parent, line, line, deny_setgroups=False)
        os._exit(0)
    os.close(reads)
    iso.unshare(flags)
    os.write(writes, b"1")
    os.close(writes)
    if os.waitpid(helper, 0)[1]:
        raise PermissionError("the id maps of the user namespace cannot be written")


def _build(trees: dict[str, int], code: dict[str, bytes], *, links: dict[str, str], with_proc: bool) -> None:
    root = Path("/tmp")
    iso.remount("/", iso.MS_REC | iso.MS_PRIVATE)
    iso.mount("tmpfs", str(root), iso.MS_NOSUID | iso.MS_NODEV, "mode=0755,size=16m")
    for name in ("proc", "etc", "dev/shm", "mnt/data", "tmp", "home", "run", "var/tmp", CODE[1:]):
        (root / name).mkdir(parents=True, exist_ok=True)
    if with_proc:  # while a complete /proc is still in sight: the kernel wants to see one (mount_too_revealing)
        iso.mount("proc", str(root / "proc"), iso.MS_NOSUID | iso.MS_NODEV | iso.MS_NOEXEC)
    for path, fd in sorted(trees.items()):
        target = root / path[1:]
        if stat.S_ISDIR(os.fstat(fd).st_mode):
            target.mkdir(parents=True, exist_ok=True)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.touch()
        iso.attach_tree(fd, str(target))
        os.close(fd)
    for path, to in links.items():
        link = root / path[1:]
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(to)
    for name, text in _ETC.items():
        (root / "etc" / name).write_text(text)
    package = (
        root / CODE[1:] / "service/engine/sandbox"
    )  # a namespace package: the service's own __init__ stays outside
    package.mkdir(parents=True)
    for name, source in code.items():
        (package / name).write_bytes(source)
    (root / "home/user").symlink_to("/tmp")
    for name, to in (("fd", "fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")):
        (root / "dev" / name).symlink_to(f"/proc/self/{to}")
    iso.pivot(str(root))
    iso.mount("tmpfs", "/tmp", iso.MS_NOSUID | iso.MS_NODEV, "mode=0755,size=64m")
    iso.remount("/", iso.MS_REMOUNT | iso.MS_BIND | iso.MS_RDONLY | iso.MS_NOSUID | iso.MS_NODEV)


def main() -> None:
    """See the module."""
    config = json.loads(sys.argv[1])
    python: str = config["python"]
    iso.die_with_parent(config["engine_pid"])
    os.dup2(config["control"], CONTROL)
    if config["control"] != CONTROL:
        os.close(config["control"])
    code, path = f"{config['directory']}/code", []
    home = f"{config['directory']}/home"
    if config["namespaces"]:
        enter(config | {"code": f"{code}/service/engine/sandbox"}, config["shown"], config["uid_base"])
        code, home, (python, *path) = CODE, "/tmp", config["placed_python"]
    else:
        os.chdir("/")
    arguments = [python, "-I", "-B", "-X", "utf8", "-c", _BOOT, code, *path]
    os.execve(python, arguments, environment(python, "/home/user" if config["namespaces"] else home, home))  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main()
