"""The kernel: what runs cells inside a container.

What a cell does is the shell's matter (`shell`). Standard output and error are the container's pipe; pictures and the ends
of cells go over the control socket. Foreign code shares this process and may break anything here, which is why the engine
believes none of it.
"""

import functools
import gc
import os
import random
import resource
import signal
import socket
import sys
from types import CodeType, FrameType

from service.engine.sandbox import cells, frames
from service.engine.sandbox import isolation as iso
from service.engine.sandbox.shell import Shell, prepare, rehearse, warm

_RECEIVE_BYTES = 256 * 1024
_MOUNT_POINT = "/mnt/data"


class Kernel:
    """Made in the zygote, with all that need not be made anew in every container."""

    def __init__(self) -> None:
        self._shell = prepare()
        self._interrupts = Interrupts()
        self._decoder: frames.Decoder[frames.Assign | frames.Rehearse | frames.Run] = frames.Decoder(frames.ToKernel)
        # One stream keeps the order of writing; by lines, so that a kill loses little.
        self._output = open(  # noqa: SIM115 - lives as long as the process
            1, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False
        )

    def warm(self) -> None:
        """Run what every first cell would pay for; the last thing before the first fork."""
        warm()
        frames.pack(_run(self._shell, self._interrupts, frames.Run(0, "pass", _MOUNT_POINT)))
        rehearse()

    def serve(self, control: socket.socket, private_bytes: int) -> None:
        """In a container: run cells until the engine closes its end."""
        shell = self._shell
        shell.display_pub.send = functools.partial(_show, control)
        sys.stdout = sys.stderr = self._output
        gc.enable()
        _reseed()
        while received := control.recv(_RECEIVE_BYTES):
            for frame in self._decoder.feed(received):
                if isinstance(frame, frames.Run):
                    answer = _compile(frame) if frame.compile_only else _run(shell, self._interrupts, frame)
                    control.sendall(frames.pack(answer))
                elif isinstance(frame, frames.Rehearse):
                    rehearse()
                else:
                    iso.limit(resource.RLIMIT_DATA, private_bytes + frame.memory_bytes)
                    if frame.processes:
                        iso.limit(resource.RLIMIT_NPROC, frame.processes)
        os._exit(0)


def _show(control: socket.socket, png: bytes) -> bool:
    if len(png) > frames.MAX_FRAME_BYTES - 64:
        return False
    sys.stdout.flush()
    control.sendall(frames.pack(frames.Shown(png)))
    return True


class Interrupts:
    """SIGINT means something only while a cell runs."""

    def __init__(self) -> None:
        self.armed = False
        signal.signal(signal.SIGINT, self._handle)

    def _handle(self, _signal: int, _frame: FrameType | None) -> None:
        if self.armed:
            raise KeyboardInterrupt


def _compile(frame: frames.Run) -> frames.Done:
    pieces = cells.compile_cell(frame.code, 1)
    return frames.Done(frame.cell, packed=cells.pack(pieces) if pieces else b"")


def _run(shell: Shell, interrupts: Interrupts, frame: frames.Run) -> frames.Done:
    shell.failure = None
    source = frame.code.replace(_MOUNT_POINT, frame.directory)
    try:
        interrupts.armed = True
        pieces: list[CodeType] | None = None
        if not shell.takes_pieces():
            pass
        elif frame.packed and shell.execution_count == 1:
            pieces = cells.unpack(frame.packed, place=_MOUNT_POINT, moved_to=frame.directory)
        else:
            pieces = cells.compile_cell(source, shell.execution_count)
        error = shell.run_pieces(source, pieces) if pieces else shell.run_whole(source)
        interrupts.armed = False
        sys.stdout.flush()
        if error is None or (isinstance(error, SystemExit) and not error.code):
            return frames.Done(frame.cell)
        failure = shell.failure or (type(error).__name__, f"{type(error).__name__}: {error}")
    except BaseException as error:  # noqa: BLE001 - an interrupt, or an exception that cannot even be shown
        failure = (type(error).__name__, type(error).__name__)
    finally:
        interrupts.armed = False
    return frames.Done(frame.cell, *failure)


def _reseed() -> None:
    """Children of one zygote would draw the same "random" numbers."""
    random.seed()
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed(int.from_bytes(os.urandom(4), "little"))  # more bits cost half a millisecond
