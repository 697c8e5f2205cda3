"""What a container sees of the machine's file system, and the files that the kernel side is made of.

The interpreter is asked where it lives; everything else is a short list. Paths only: nothing here mounts or confines.
"""

import asyncio
import json
import os
import shutil
import struct
from pathlib import Path

from msgspec import Struct

from service.engine.sandbox.contract import Package, SandboxDown

KERNEL_SIDE = (
    "broker.py",
    "cells.py",
    "confinement.py",
    "frames.py",
    "inits.py",
    "isolation.py",
    "kernel.py",
    "launch.py",
    "pages.py",
    "popen.py",
    "shell.py",
    "zygote.py",
)
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64")
_ETC = ("alternatives", "fonts", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime", "mime.types", "libreoffice")
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
_OUTSIDE = "/opt/outside"
_COVERED = ("/tmp/", "/mnt/data/", "/proc/", "/dev/shm/")
_PROBE_SECONDS = 30
_ELF_HEADER_BYTES, _PT_INTERP = 64, 3
_PROBE = """
import json, os, sys
from importlib.metadata import distributions
from importlib.util import find_spec
found = {d.metadata["Name"]: d.version for d in distributions() if d.metadata["Name"]}
bundled = find_spec("pypandoc")
pandoc = os.path.join(os.path.dirname(bundled.origin), "files", "pandoc") if bundled and bundled.origin else ""
programs = {"pandoc": pandoc} if os.access(pandoc, os.X_OK) else {}
print(json.dumps([sys.executable, [sys.prefix, sys.base_prefix, sys.exec_prefix], list(map(os.path.realpath, sys.path)), found, programs]))
"""


class View(Struct, frozen=True):
    """The interpreter of kernels and all that they may read."""

    python: str
    path: list[str]
    """Its ``sys.path``, as real paths."""
    shown: list[str]
    """Real paths, none below another."""
    links: dict[str, str]
    """Symbolic links to make, where a path in use is not the real one."""
    packages: list[Package]
    programs: dict[str, str]
    """What may be started where containers may not start programs at will: paths by name."""

    @property
    def places(self) -> dict[str, str]:
        """Where containers with a view of their own see each shown path."""
        return {path: _place(path) for path in self.shown}

    @property
    def placed_python(self) -> list[str]:
        """Where they see the interpreter, then the entries of its ``sys.path``."""
        return [_place(self.python), *map(_place, self.path)]

    @property
    def executable(self) -> list[str]:
        """The programs, and what the system executes first for one that is not static (the bundled pandoc is)."""
        return [*self.programs.values(), *filter(None, map(loader_of, self.programs.values()))]

    @property
    def readable(self) -> list[str]:
        """The same for Landlock without a view of its own: the machine's devices come on top."""
        return [*self.shown, *_DEVICES]


async def survey(python: Path) -> View:
    """Ask `python` where it lives and what it has. Raises SandboxDown when it does not run."""
    try:
        process = await asyncio.create_subprocess_exec(
            python, "-I", "-c", _PROBE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env={}
        )
        async with asyncio.timeout(_PROBE_SECONDS):
            output, errors = await process.communicate()
        executable, prefixes, paths, found, programs = json.loads(output)
    except (OSError, ValueError, TimeoutError) as error:
        raise SandboxDown(f"the kernel's Python, {python}, does not run: {error}") from error
    if process.returncode:
        raise SandboxDown(f"the kernel's Python, {python}, does not run: {errors.decode(errors='replace')[-500:]}")
    packages = sorted(
        (Package(name, version) for name, version in found.items()), key=lambda package: package.name.lower()
    )
    shown, links = await asyncio.to_thread(_lay_out, executable, [*prefixes, *filter(None, paths)])
    return View(executable, paths, shown, {_place(path): _place(to) for path, to in links.items()}, packages, programs)


def _place(path: str) -> str:
    """The same path, unless containers have a directory of their own there: a checkout may well be below /tmp."""
    return _OUTSIDE + path if path.startswith(_COVERED) else path


def _lay_out(executable: str, paths: list[str]) -> tuple[list[str], dict[str, str]]:
    links = {path: os.readlink(path) for path in _SYSTEM if os.path.islink(path)}
    wanted = [path for path in _SYSTEM if path not in links] + [f"/etc/{name}" for name in _ETC]
    for path in paths:
        real = os.path.realpath(path)
        wanted.append(real)
        if real != path:
            links[path] = real
    hop = executable
    while os.path.islink(hop):  # bin/python -> python3 -> /somewhere/bin/python3 -> python3.11
        target = os.path.join(os.path.dirname(hop), os.readlink(hop))
        links[hop], hop = target, os.path.normpath(target)
    wanted.append(os.path.realpath(hop))
    shown: list[str] = []
    for path in sorted({path for path in wanted if os.path.exists(path)}):
        if not any(path == above or path.startswith(f"{above}/") for above in shown):
            shown.append(path)
    inside = (*shown, *links)  # what is below a link is there already
    kept = {
        path: to for path, to in links.items() if path in _SYSTEM or not path.startswith(tuple(f"{p}/" for p in inside))
    }
    return shown, kept


def loader_of(program: str) -> str | None:
    """What a program of 64 bits names as its interpreter, if it does; see elf(5), PT_INTERP. Raises OSError."""
    with open(program, "rb") as file:
        head = file.read(_ELF_HEADER_BYTES)
        if not head.startswith(b"\x7fELF\x02"):
            return None
        (start,), (size, count) = struct.unpack_from("<Q", head, 32), struct.unpack_from("<HH", head, 54)
        file.seek(start)
        table = file.read(size * count)
        for at in range(0, len(table), size):
            kind, _, place, _, _, length = struct.unpack_from("<IIQQQQ", table, at)
            if kind == _PT_INTERP:
                file.seek(place)
                return file.read(length).rstrip(b"\0").decode()
    return None


def lay_down_code(directory: Path) -> None:
    """Copy the modules of the kernel's side to `directory`, as the package they are imported as."""
    package = directory / "service/engine/sandbox"
    package.mkdir(parents=True)
    for name in KERNEL_SIDE:
        shutil.copyfile(Path(__file__).with_name(name), package / name)
        (package / name).chmod(0o644)
