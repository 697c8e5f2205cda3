"""What containers see of the machine, wherever the checkout is."""

import sys
import tempfile
import venv
from pathlib import Path

import pytest

from service.engine.sandbox import Isolation, Logs, Sandbox


def _interpreter(folder: str) -> Path:
    """Make an environment in the folder that has the kernel's packages."""
    inside = Path("lib", f"python{sys.version_info[0]}.{sys.version_info[1]}", "site-packages")
    venv.create(folder, symlinks=True)
    Path(folder, inside).rmdir()
    Path(folder, inside).symlink_to(Path(sys.prefix, "kernel", inside))
    return Path(folder, "bin", "python")


@pytest.mark.anyio
async def test_an_interpreter_below_tmp_can_be_used() -> None:
    """Containers have a /tmp of their own; a checkout may be below the machine's."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        sandbox = await Sandbox.start(python=_interpreter(folder), min_isolation=Isolation.LANDLOCK, reserve=0)
        try:
            container = await sandbox.spawn(family="light")
            ran = await container.run("import lxml.etree, os; print(os.listdir('/tmp'))", seconds=10)
            await container.close()
        finally:
            await sandbox.close()
    assert ran.outputs == [Logs("[]\n")]
