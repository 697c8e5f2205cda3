"""How much memory the engine may use, and how much is free now: the machine's, or its control groups' where that is less (cgroups(7))."""

import os
from collections.abc import Iterator
from pathlib import Path

_MEMINFO = Path("/proc/meminfo")
# By version: where its hierarchy of memory is, a group's limit, use, and the part of it that is given back when asked for.
_V2 = Path("/sys/fs/cgroup"), "memory.max", "memory.current", "inactive_file"
_V1 = Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"

_ENDLESS = 1 << 60  # v1 says the largest number of whole pages where v2 says "max"


def total_bytes() -> int:
    """All memory there is for this process and its containers."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([machine, *(limit for limit, _ in _groups())])


def available_bytes() -> int:
    """What can still be used without swapping; read from procfs and cgroupfs, which never wait for a disk."""
    machine = int(_fields(_MEMINFO)["MemAvailable:"]) * 1024
    return min([machine, *(limit - used for limit, used in _groups())])


def _groups() -> Iterator[tuple[int, int]]:
    """Limit and use of each limited group around this process, as far as they can be seen from here; see _V2."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        mount, limit, use, cache = _V1 if controllers else _V2
        own = mount / path.strip("/")
        for group in (own, *own.parents):
            if group.is_relative_to(mount) and (group / limit).exists():
                text = (group / limit).read_text(encoding="ascii").strip()
                if text.isdecimal() and int(text) < _ENDLESS:
                    idle = int(_fields(group / "memory.stat").get(cache, "0"))
                    yield int(text), int((group / use).read_text(encoding="ascii")) - idle


def _fields(file: Path) -> dict[str, str]:
    lines = [line.split() for line in file.read_text(encoding="ascii").splitlines()]
    return {line[0]: line[1] for line in lines}
