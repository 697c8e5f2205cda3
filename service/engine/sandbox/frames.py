"""The frames between engine, zygote, kernel and broker: their shapes, their length limit, their coding.

The only module that both sides import besides `isolation`. A frame on a stream is a 4-byte big-endian length and that
many bytes of msgpack. The engine treats every frame from a kernel as hostile: `Decoder.feed` never holds more than one
limit's worth of bytes and raises BrokenFrame for anything else than a frame of the expected union.
"""

import struct
from collections.abc import Iterator
from typing import Annotated, Generic, TypeVar

import msgspec
from msgspec import Meta, Struct

MAX_FRAME_BYTES = 16 * 1024 * 1024
MAX_PACKET_BYTES = 128 * 1024  # below the kernel's default socket buffer (net.core.wmem_default, 208 KiB)
MAX_ARGUMENTS = 1000
_LENGTH = struct.Struct(">I")

T = TypeVar("T")


class BrokenFrame(Exception):
    """The peer sent something that is not a frame of this protocol."""


# engine -> zygote


class Plan(Struct, tag="plan"):
    """What a zygote is to become, sent once."""

    isolation: str
    modules: list[str]
    prime: str
    filter: bytes
    landlock_abi: int
    readable: list[str]
    uid_base: int | None = None
    empty_proc: bool = False
    programs: dict[str, str] = {}
    """What brokers may start, by name; the filters are theirs and of what they start."""
    executable: list[str] = []
    broker_filter: bytes = b""
    program_filter: bytes = b""


class Spawn(Struct, tag="spawn"):
    """Make a container. Descriptors beside it: control socket, output pipe[, mount namespace][, cgroup.procs...]."""

    id: int
    slot: int
    disk_bytes: int
    files: int
    directory: str = ""
    """Where the zygote sees the container's folder on disk; with namespaces most have none."""
    joins_mounts: bool = False
    cgroups: int = 0


class Sweep(Struct, tag="sweep"):
    """Kill every process of a slot's uid (tier B)."""

    slot: int


# zygote -> engine


class Primed(Struct, tag="primed"):
    """The libraries are loaded; `missing` could not be imported."""

    missing: list[str]
    private_bytes: int


class Spawned(Struct, tag="spawned"):
    """The container's processes exist. Descriptors beside it: pidfds of the kernel[, of its pid 1]."""

    id: int
    pid: int


class Failed(Struct, tag="failed"):
    """The zygote could not do what was asked (`id` 0: it cannot work at all)."""

    id: int
    detail: str


class Exited(Struct, tag="exited"):
    """A kernel ended: its exit code, or a signal's number below zero."""

    id: int
    status: int


class Brokered(Struct, tag="brokered"):
    """A container got a broker. The descriptor beside it: its pidfd."""

    id: int


# engine -> kernel


class Assign(Struct, tag="assign"):
    """The limits of the container; comes once, before any cell. `processes` 0: not by RLIMIT_NPROC."""

    memory_bytes: int
    processes: int


class Rehearse(Struct, tag="rehearse"):
    """Do what a first cell would, so that its pages are the container's own before anyone waits. No answer."""


class Run(Struct, tag="run"):
    """Run one cell; `packed` is what it compiles to, if that is known, and `directory` where /mnt/data really is.

    With `compile_only` it is compiled and not run, and Done carries the result.
    """

    cell: int
    code: str
    directory: str
    packed: bytes = b""
    compile_only: bool = False


# kernel -> engine


class Ready(Struct, tag="ready"):
    """Confined and waiting; sent before any foreign code ran. Descriptors beside it: /mnt/data[, mount namespace]."""


class Refused(Struct, tag="refused"):
    """The confinement failed; the kernel ends after this."""

    detail: str


class Shown(Struct, tag="shown"):
    """A picture to display."""

    png: bytes


class Done(Struct, tag="done"):
    """A cell ended."""

    cell: int
    error_name: str | None = None
    traceback: str | None = None
    packed: bytes = b""


# kernel -> broker, one packet each


class Start(Struct, tag="start"):
    """Start a program. Descriptors beside it: a socket for what is said about it, its standard input, output and error.

    On that socket the kernel sends a signal's number as one byte, and hangs up to have the program killed.
    """

    program: str
    arguments: Annotated[list[bytes], Meta(max_length=MAX_ARGUMENTS)]
    directory: bytes
    environment: dict[str, bytes]


# broker -> kernel


class Started(Struct, tag="started"):
    """The program runs."""

    pid: int


class NotStarted(Struct, tag="not started"):
    """It does not, for this reason."""

    errno: int


class Ended(Struct, tag="ended"):
    """Its exit code, or a signal's number below zero."""

    status: int


ToZygote = Plan | Spawn | Sweep
FromZygote = Primed | Spawned | Brokered | Failed | Exited
ToKernel = Assign | Rehearse | Run
FromKernel = Ready | Refused | Shown | Done
FromBroker = Started | NotStarted | Ended

encode = msgspec.msgpack.Encoder().encode


def pack(frame: Struct) -> bytes:
    """One frame for a stream. Raises ValueError when it is over the limit."""
    body = encode(frame)
    if len(body) > MAX_FRAME_BYTES:
        raise ValueError(f"a frame of {len(body)} bytes is over the limit")
    return _LENGTH.pack(len(body)) + body


class Decoder(Generic[T]):
    """Cuts a byte stream into frames of one union, e.g. `Decoder(FromKernel)`."""

    def __init__(self, union: type[T] | object) -> None:
        self._decode = msgspec.msgpack.Decoder(union).decode
        self._buffer = bytearray()

    def feed(self, received: bytes) -> Iterator[T]:
        """The frames that `received` completes. Raises BrokenFrame; the stream is of no use after that."""
        self._buffer += received
        while len(self._buffer) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._buffer)
            if length > MAX_FRAME_BYTES:
                raise BrokenFrame(f"a frame of {length} bytes was announced")
            end = _LENGTH.size + length
            if len(self._buffer) < end:
                return
            with memoryview(self._buffer) as whole, whole[_LENGTH.size : end] as body:
                try:
                    frame = self._decode(body)
                except (
                    msgspec.MsgspecError,
                    ValueError,
                    RecursionError,
                ) as error:  # ValueError: invalid UTF-8 in a str
                    raise BrokenFrame(str(error)) from error
            del self._buffer[:end]
            yield frame
