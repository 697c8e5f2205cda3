"""The walls that cgroups put around containers, and where an engine makes them."""

from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.boxes import Box, Container

_FILLS = """
import mmap
memory = mmap.mmap(-1, 400 << 20, flags=mmap.MAP_SHARED)  # which RLIMIT_DATA does not count
for place in range(0, 400 << 20, 4096): memory[place] = 1
"""


def _group(container: Container) -> Path:
    """A container's group with the memory controller."""
    found: dict[str, str] = {}
    for line in Path(f"/proc/{container.do('pids')[0]}/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        found |= dict.fromkeys(controllers.split(","), path[1:])
    root = Path("/sys/fs/cgroup")
    group = root / "memory" / found["memory"] if "memory" in found else root / found.get("", "")
    if not group.parent.name.startswith("recast-") or not any(group.glob("memory.*")):
        pytest.skip("no memory controller of cgroups that this tier's user may write to")
    return group


@pytest.fixture(params=["root", "user", "uids", "landlock"])
def own_box(request: pytest.FixtureRequest, make_box: Any) -> Box:
    """A sandbox of one's own."""
    return make_box(request.param, reserve=0)  # type: ignore[no-any-return] # a fixture's


def test_the_wall_stands_a_quarter_above_the_limit(own_box: Box) -> None:
    """A MemoryError comes first where it can."""
    group = _group(own_box.container(memory_bytes=200 << 20))
    name = "memory.max" if (group / "memory.max").exists() else "memory.limit_in_bytes"
    assert int((group / name).read_text()) == 250 << 20


def test_the_wall_is_named(own_box: Box) -> None:
    """Who runs into it is told that it was the memory, however long the kernel takes to free that."""
    container = own_box.container(memory_bytes=200 << 20)
    _group(container)
    result = container.run(_FILLS, seconds=120)
    assert (result.outcome, result.error_name) == ("memory", "MemoryError")


def test_a_second_engine_stands_beside_the_first(make_box: Any) -> None:
    """The first moved whoever started both to a leaf; groups do not become deeper with each start."""
    places = [_group(make_box("root", reserve=0).container()).parent.parent for _ in range(2)]
    assert places[0] == places[1]
