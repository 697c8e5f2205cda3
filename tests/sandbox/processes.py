"""What the host's /proc says of the processes of a sandbox."""

import time
from collections.abc import Callable
from pathlib import Path


def soon(what: Callable[[], bool], seconds: float = 30) -> bool:
    """Whether something becomes true within so many seconds."""
    deadline = time.monotonic() + seconds
    while not what():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def family(root: int) -> set[int]:
    """`root` and all its descendants on the host."""
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        children.setdefault(int(fields[1]), []).append(int(path.parent.name))
    found, todo = set(), [root]
    while todo:
        pid = todo.pop()
        found.add(pid)
        todo += children.get(pid, [])
    return found


def is_zygote(pid: int) -> bool:
    """Whether a process is one, or was just forked by one."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip() == "zygote"
    except FileNotFoundError:  # it has ended since
        return False


def alive(pids: set[int]) -> set[int]:
    """Those that run."""
    found = set()
    for pid in pids:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if state not in "ZX":
            found.add(pid)
    return found


def parent(pid: int) -> int:
    """Its parent's pid."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
