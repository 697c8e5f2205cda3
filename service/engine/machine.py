"""How much memory the engine may use, and how much is free now: the machine's, or its control group's where that is less (cgroups(7))."""

import os
from pathlib import Path

_MEMINFO = Path("/proc/meminfo")
_LIMITS = (
    (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")),
    (Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"), Path("/sys/fs/cgroup/memory/memory.usage_in_bytes")),
)


def total_bytes() -> int:
    """All memory there is for this process and its containers."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([machine, *(limit for limit, _ in _groups())])


def available_bytes() -> int:
    """What can still be used without swapping; read from procfs and cgroupfs, which never wait for a disk."""
    lines = dict(line.split(":", 1) for line in _MEMINFO.read_text(encoding="ascii").splitlines())
    machine = int(lines["MemAvailable"].split()[0]) * 1024
    return min([machine, *(limit - used for limit, used in _groups())])


def _groups() -> list[tuple[int, int]]:
    found = []
    for limit, used in _LIMITS:
        text = limit.read_text(encoding="ascii").strip() if limit.exists() else "max"
        if text.isdecimal() and used.exists():
            found.append((int(text), int(used.read_text(encoding="ascii"))))
    return found
