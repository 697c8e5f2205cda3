"""How much memory there is, seen by a process in a control group of its own."""

import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

LIMIT = 256 << 20
_TOLD = "from service.engine import machine; print(machine.total_bytes(), machine.available_bytes())"


@pytest.fixture
def group() -> Iterator[Path]:
    """A new group below this process's, with a limit."""
    own = {line.split(":")[1]: line.split(":", 2)[2][1:] for line in Path("/proc/self/cgroup").read_text().splitlines()}
    root = Path("/sys/fs/cgroup")
    above = root / "memory" / own["memory"] if "memory" in own else (root / own.get("", "")).parent
    made = above / f"recast-test-{uuid.uuid4().hex}"
    try:
        made.mkdir()
        (made / ("memory.limit_in_bytes" if "memory" in own else "memory.max")).write_text(str(LIMIT))
    except OSError:
        pytest.skip("no memory controller of cgroups that this user may write to")
    yield made
    made.rmdir()


def _run_in(group: Path, program: str) -> list[int]:
    joins = f"open({str(group / 'cgroup.procs')!r}, 'w').write('0')\n"
    done = subprocess.run([sys.executable, "-c", joins + program], check=True, capture_output=True, text=True)
    return [int(part) for part in done.stdout.split()]


def test_a_group_limits_what_there_is(group: Path) -> None:
    """Wherever in the hierarchy this process is: only in a container of Docker's is that the top."""
    total, available = _run_in(group, _TOLD)
    assert total == LIMIT
    assert LIMIT // 2 < available < LIMIT


def test_files_that_the_kernel_keeps_in_memory_are_available(group: Path, tmp_path: Path) -> None:
    """They count as used until something else asks for their place."""
    file = tmp_path / "file"
    write = f"import os; f = open({str(file)!r}, 'wb'); [f.write(bytes(1 << 20)) for _ in range(300)]; os.fsync(f.fileno())\n"
    total, available = _run_in(group, write + _TOLD)
    assert total == LIMIT
    assert available > LIMIT // 2
