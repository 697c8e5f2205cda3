"""Lays out a zygote's memory so that forking it is cheap, and forks it.

A fork copies every mapped area and every table entry of private memory; the child then pays about two microseconds for each
page it writes to, and Python writes to whatever it looks at (reference counts). So: few areas, huge pages, and few writes.
Runs on the kernel's side, in a process with one thread. It must not know of containers.
"""

import ctypes
import os
import sys
from collections.abc import Callable
from typing import Any

from msgspec import Struct

_libc = ctypes.CDLL(None, use_errno=True)
_libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
_libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
_fork = ctypes.PyDLL(None).fork  # PyDLL: the interpreter lock stays with the one thread there is

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3
_LOADING = {_M_MMAP_THRESHOLD: 1 << 30, _M_TOP_PAD: 8 << 20}
_RUNNING = {
    _M_MMAP_THRESHOLD: 32 << 20,
    _M_TOP_PAD: 128 << 10,
    _M_TRIM_THRESHOLD: 64 << 20,
}  # where mallopt(3) lets it grow to
_ALIGNMENT = max(16 << 10, os.sysconf("SC_PAGE_SIZE"))  # of a pool, and of what can be unmapped
_HUGE_BYTES = 2 << 20
_MADV_COLLAPSE = 25
_READ_WRITE, _READ_EXECUTE = 3, 5
# They renew locks that another thread might have held, and the seed of `random`, which every kernel renews itself.
_NEEDLESS_HOOKS = ("concurrent.futures.thread", "logging", "random", "threading", "IPython.core.history")


class _Arenas(ctypes.Structure):
    """PyObjectArenaAllocator."""

    _fields_ = (("context", ctypes.c_void_p), ("alloc", ctypes.c_void_p), ("free", ctypes.c_void_p))


class Area(Struct, frozen=True):
    """A line of /proc/self/maps."""

    start: int
    end: int
    rights: str
    path: str


class Layout:
    """Made before the libraries are loaded, and finished after it; `fork` from then on."""

    def __init__(self) -> None:
        """Have all memory come from the one heap: between the libraries that are loaded meanwhile, no huge page fits.

        aligned_alloc(context, size) happens to be what an allocator of arenas is. Whatever is freed during the loading stays
        taken. After `finish` arenas are unmapped as usual, those in the heap too, which nobody will ever free(3).
        """
        self._usual = _Arenas()
        ctypes.pythonapi.PyObject_GetArenaAllocator(ctypes.byref(self._usual))
        if hasattr(_libc, "gnu_get_libc_version"):
            _tell_malloc(_LOADING)
            alloc, nothing = (
                ctypes.cast(function, ctypes.c_void_p).value for function in (_libc.aligned_alloc, _libc.getpid)
            )
            ctypes.pythonapi.PyObject_SetArenaAllocator(ctypes.byref(_Arenas(_ALIGNMENT, alloc, nothing)))
        self._hooks: list[Callable[[], object]] = []
        self._register = os.register_at_fork
        os.register_at_fork = self._registered

    def finish(self) -> None:
        """Everything is loaded. New memory is as usual from here on."""
        os.register_at_fork = self._register
        ctypes.pythonapi.PyObject_SetArenaAllocator(ctypes.byref(self._usual))
        if hasattr(_libc, "gnu_get_libc_version"):
            _tell_malloc(_RUNNING)
        for hook in self._hooks:  # what they throw away in every child is better thrown away once
            hook()
        areas = _areas()
        _join(areas)
        _collapse(areas)

    def fork(self) -> int:
        """As os.fork, without the hooks that a process of one thread does not need. Raises OSError."""
        pid: int = _fork()
        if pid < 0:
            raise OSError(ctypes.get_errno(), "fork")
        if not pid:
            for hook in self._hooks:
                hook()
        return pid

    def _registered(self, **hooks: Any) -> None:
        """Stands in for os.register_at_fork, which cannot be asked for what it was told."""
        if sys._getframe(1).f_globals.get("__name__") not in _NEEDLESS_HOOKS and "after_in_child" in hooks:  # noqa: SLF001 - who registers
            self._hooks.append(hooks["after_in_child"])
        self._register(**hooks)


def _tell_malloc(options: dict[int, int]) -> None:
    for option, value in options.items():
        _libc.mallopt(option, value)


def _areas() -> list[Area]:
    """What is mapped; nothing where /proc is empty: forks are slower then and nothing else."""
    try:
        with open("/proc/self/maps", encoding="utf-8", errors="replace") as file:
            lines = [line.split(maxsplit=5) for line in file]
    except FileNotFoundError:
        return []
    areas = []
    for span, rights, _, _, _, *path in lines:
        start, end = (int(part, 16) for part in span.split("-"))
        areas.append(Area(start, end, rights, path[0].strip() if path else ""))
    return areas


def _join(areas: list[Area]) -> None:
    """Make two areas of the four or five that each library is: what is read with what is executed, and all that is private.

    That costs the protection of constants and of tables of addresses (RELRO), which hinders those who do not run code of
    their own yet. Kernels run nothing else.
    """
    libraries: list[list[Area]] = []
    for area in areas:
        if (
            area.path.startswith("/")
            and libraries
            and libraries[-1][-1].path == area.path
            and libraries[-1][-1].end == area.start
        ):
            libraries[-1].append(area)
        elif area.path.startswith("/"):
            libraries.append([area])
    for parts in libraries:
        rights = [part.rights for part in parts]
        if "r-xp" not in rights or rights[-1] != "rw-p" or rights[-2] != "r--p":
            continue
        _libc.mprotect(parts[0].start, parts[-3].end - parts[0].start, _READ_EXECUTE)
        _libc.mprotect(parts[-2].start, parts[-2].end - parts[-2].start, _READ_WRITE)


def _collapse(areas: list[Area]) -> None:
    """Put private memory on huge pages. A child that writes gets a copy of 4 KiB only, the kernel splits the huge page for it.

    MADV_COLLAPSE came with Linux 6.1; where it is missing or memory is fragmented, forks are slower and nothing else.
    """
    for area in areas:
        start, end = -(-area.start // _HUGE_BYTES) * _HUGE_BYTES, area.end // _HUGE_BYTES * _HUGE_BYTES
        if area.rights == "rw-p" and not area.path.startswith("/") and start < end:
            _libc.madvise(start, end - start, _MADV_COLLAPSE)
