"""What callers of the sandbox see: limits, results, files, counts and errors.

Plain frozen values without behaviour. This module knows nothing of processes, tiers or the wire.

    SandboxError
    ├── IsolationTooWeak   the machine cannot give the isolation asked for (at start)
    ├── SandboxFull        the memory budget is spent (429)
    ├── SandboxDown        no zygote can be started, or it died during the call (503)
    └── FileRefused        a path in a container does not name a regular file below /mnt/data
"""

import enum
from dataclasses import dataclass

from msgspec import Struct

MIB = 1024 * 1024
GIB = 1024 * MIB


class Isolation(enum.StrEnum):
    """How a container is held, strongest first."""

    NAMESPACES = "namespaces"
    UIDS = "uids"
    LANDLOCK = "landlock"

    @property
    def rank(self) -> int:
        """0 is the strongest."""
        return list(Isolation).index(self)


class Limits(Struct, frozen=True):
    """What one container may use. Sizes are bytes."""

    memory_bytes: int = GIB
    disk_bytes: int = GIB
    files: int = 10_000
    processes: int = 128
    output_bytes: int = MIB
    on_disk: bool = False
    """Whether files are on the machine's disk, where they could as well be in the container's own memory."""


class Outcome(enum.StrEnum):
    """How a cell ended."""

    OK = "ok"
    ERROR = "error"
    """A Python exception, or `sys.exit`; the state is kept."""
    INTERRUPTED = "interrupted"
    """The time budget was spent (or the caller interrupted); the state is kept."""
    KILLED = "killed"
    """The time budget was spent and the kernel did not yield, or it broke the protocol: it is dead."""
    MEMORY = "memory"
    """The memory wall was hit from outside the interpreter: it is dead."""
    DIED = "died"
    """The kernel ended by itself (`os._exit`, a crash in C): it is dead."""


class Logs(Struct, frozen=True, tag="logs"):
    """Text the cell printed, standard output and error in the order of writing."""

    text: str


class Image(Struct, frozen=True, tag="image"):
    """A picture the cell displayed."""

    png: bytes


class CellResult(Struct, frozen=True):
    """What running one cell gave. `outputs` does not repeat the traceback."""

    outputs: list[Logs | Image]
    outcome: Outcome
    error_name: str | None = None
    """Class of the exception, e.g. `ValueError`; for a dead kernel a word such as `SIGSEGV`."""
    traceback: str | None = None
    """As a notebook prints it, without colours; for a dead kernel one sentence that says why."""
    seconds: float = 0.0


class Entry(Struct, frozen=True):
    """A regular file below /mnt/data."""

    path: str
    """Relative to /mnt/data, with `/` between folders; undecodable bytes appear as surrogates."""
    bytes: int
    fingerprint: str
    """Changes whenever the file is written or replaced."""


class Package(Struct, frozen=True):
    """A library that kernels can import."""

    name: str
    version: str


class Counts(Struct, frozen=True):
    """The sandbox in numbers, for metrics."""

    live: int
    parked: int
    zygotes: int
    spawned: int
    killed: int
    memory_bytes: int
    """Sum of the memory limits of the live containers."""


class SandboxError(Exception):
    """Any failure of the sandbox itself, never of the code it runs."""


@dataclass
class IsolationTooWeak(SandboxError):
    """This machine cannot hold containers as strongly as asked."""

    wanted: Isolation
    found: Isolation | None
    advice: str

    def __str__(self) -> str:
        found = f"only {self.found.value!r}" if self.found else "nothing that is safe"
        return f"isolation {self.wanted.value!r} was asked for and this machine can give {found}: {self.advice}"


@dataclass
class SandboxFull(SandboxError):
    """A container of this size does not fit into the memory budget now."""

    asked_bytes: int
    free_bytes: int

    def __str__(self) -> str:
        return f"a container of {self.asked_bytes} bytes does not fit into the {self.free_bytes} bytes that are free"


@dataclass
class SandboxDown(SandboxError):
    """No container can be made."""

    detail: str

    def __str__(self) -> str:
        return self.detail


@dataclass
class FileRefused(SandboxError):
    """`path` is missing, leaves /mnt/data, or is no regular file."""

    path: str
    reason: str

    def __str__(self) -> str:
        return f"{self.path!r}: {self.reason}"
