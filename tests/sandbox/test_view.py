"""What containers see of the machine, wherever the checkout is."""

import sys
import tempfile
import venv
from pathlib import Path

import pytest

from service.engine.sandbox import Isolation, Logs, Sandbox


@pytest.mark.anyio
async def test_an_interpreter_below_tmp_can_be_used() -> None:
    """Containers have a /tmp of their own; a checkout may be below the machine's."""
    inside = Path("lib", f"python{sys.version_info[0]}.{sys.version_info[1]}", "site-packages")
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        venv.create(folder, symlinks=True)
        packages = Path(folder, inside)
        packages.rmdir()
        packages.symlink_to(Path(sys.prefix, "kernel", inside))
        sandbox = await Sandbox.start(python=Path(folder, "bin/python"), min_isolation=Isolation.LANDLOCK, reserve=0)
        try:
            container = await sandbox.spawn(family="light")
            ran = await container.run("import lxml.etree, os; print(os.listdir('/tmp'))", seconds=10)
            await container.close()
        finally:
            await sandbox.close()
    assert ran.outputs == [Logs("[]\n")]
