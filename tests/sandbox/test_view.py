"""What containers see of the machine, wherever the checkout is."""

import sys
import tempfile
import venv
from pathlib import Path

import pytest

from service.engine.sandbox import Image, Isolation, Logs, Sandbox

KERNEL = Path(sys.prefix, "kernel", "bin", "python")


def _interpreter(folder: str) -> Path:
    """Make an environment in the folder that has the kernel's packages."""
    inside = Path("lib", f"python{sys.version_info[0]}.{sys.version_info[1]}", "site-packages")
    venv.create(folder, symlinks=True)
    Path(folder, inside).rmdir()
    Path(folder, inside).symlink_to(Path(sys.prefix, "kernel", inside))
    return Path(folder, "bin", "python")


def _behind_a_link(folder: str) -> Path:
    _interpreter(f"{folder}/real")
    Path(folder, "link").symlink_to("real")
    return Path(folder, "link", "bin", "python")


@pytest.mark.anyio
async def test_an_interpreter_below_tmp_can_be_used() -> None:
    """Containers have a /tmp of their own; a checkout may be below the machine's."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        assert await _seen_by(_interpreter(folder)) == await _seen_by(KERNEL)


@pytest.mark.anyio
async def test_an_interpreter_behind_a_link_can_be_used() -> None:
    """An environment that is reached by a linked folder is as good as one that is not."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        assert await _seen_by(_behind_a_link(folder)) == await _seen_by(KERNEL)


async def _seen_by(python: Path) -> tuple[Isolation, list[Logs | Image]]:
    sandbox = await Sandbox.start(python=python, min_isolation=Isolation.LANDLOCK, reserve=0)
    try:
        container = await sandbox.spawn(family="light")
        ran = await container.run("import lxml.etree, os; print(os.listdir('/tmp'))", seconds=10)
        await container.close()
    finally:
        await sandbox.close()
    return sandbox.isolation, ran.outputs
