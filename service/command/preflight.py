"""What must hold on this machine before a server starts, and what to change where it does not."""

import asyncio
import os
import stat
import sys
import tempfile
from pathlib import Path

from service.settings import Settings


class StartRefused(Exception):
    """A half of the service cannot work here; ``str()`` is what to change, in one line."""


def require_usable(settings: Settings) -> None:
    """Make the data directory. Raises StartRefused when it cannot be written to, or when others may write to it."""
    directory = settings.data_directory
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        tempfile.TemporaryFile(dir=directory).close()
    except OSError as error:
        raise StartRefused(f"RECAST_DATA_DIR: {directory} cannot be written: {error.strerror}") from None
    found = directory.lstat()
    # Anyone on this machine could have made it first, for its name can be foreseen, with links in it to what a start removes.
    if not settings.data_dir and (stat.S_ISLNK(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o022):
        raise StartRefused(
            f"RECAST_DATA_DIR: {directory} is not this user's alone; remove it, or name another directory"
        )


async def without_libraries(python: Path) -> str | None:
    """Say what to do when the containers' interpreter is there but has nothing to import, as after ``pip install`` of a wheel."""
    if not python.exists():
        return None
    found = "import importlib.util, sys; sys.exit(importlib.util.find_spec('IPython') is None)"
    asking = await asyncio.create_subprocess_exec(python, "-c", found)
    if not await asking.wait():
        return None
    kernel = Path(sys.prefix, "kernel")
    return (
        f"containers run {python}, which has no IPython: make them an environment of their own with `{sys.executable} -m venv {kernel}` and "
        f"`{kernel}/bin/pip install -r requirements-kernel.lock` (in a checkout: `make install`), or name one in RECAST_KERNEL_PYTHON"
    )
