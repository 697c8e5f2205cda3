"""The kernel: what runs cells inside a container.

Notebook behaviour comes from IPython's InteractiveShell, made once in the zygote by `prepare`. Standard output and error
are the container's pipe; pictures and the ends of cells go over the control socket. Foreign code shares this process and
may break anything here, which is why the engine believes none of it.
"""

import base64
import gc
import os
import random
import resource
import signal
import socket
import sys
import warnings
from types import FrameType

from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from service.engine.sandbox import frames
from service.engine.sandbox import isolation as iso

_RECEIVE_BYTES = 256 * 1024


class Publisher(DisplayPublisher):  # type: ignore[misc]
    """Sends pictures to the engine and prints the rest."""

    control: socket.socket | None = None

    def publish(self, data: dict[str, object], *_: object, **__: object) -> None:
        """Called by IPython for `display` and for figures; `data` maps media types to representations."""
        png = data.get("image/png")
        if isinstance(png, str):
            png = base64.b64decode(png)
        if isinstance(png, bytes) and self.control is not None and len(png) < frames.MAX_FRAME_BYTES - 64:
            sys.stdout.flush()
            self.control.sendall(frames.pack(frames.Shown(png)))
        elif "text/plain" in data:
            print(data["text/plain"])  # noqa: T201 - what a notebook does


class Values(DisplayHook):  # type: ignore[misc]
    """Shows the value of a last expression: as a picture if it can be one, as a notebook does."""

    def write_format_data(self, format_dict: dict[str, object], md_dict: dict[str, object] | None = None) -> None:
        """Called by IPython with the value's representations."""
        if "image/png" in format_dict:
            self.shell.display_pub.publish(format_dict)
        else:
            super().write_format_data(format_dict, md_dict)


class Shell(InteractiveShell):  # type: ignore[misc]
    """IPython without a terminal, a history or colours. `failure` is how the last cell ended, if it did not end well."""

    failure: tuple[str, str] | None = None

    def _showtraceback(self, etype: type, evalue: BaseException, stb: list[str]) -> None:  # noqa: ARG002
        self.failure = (etype.__name__, "\n".join(stb))

    def showtraceback(self, *args: object, **kwargs: object) -> None:
        """As IPython does, but an interrupt is an exception like any other."""
        etype, evalue, _ = sys.exc_info()
        if etype is not None and issubclass(etype, (KeyboardInterrupt, SystemExit)):
            self.failure = (etype.__name__, f"{etype.__name__}: {evalue}" if str(evalue) else etype.__name__)
        else:
            super().showtraceback(*args, **kwargs)


def prepare() -> None:
    """Make the shell, in the zygote."""
    config = Config()
    config.HistoryManager.enabled = False  # it would start a thread
    config.InteractiveShell.colors = "nocolor"
    config.InteractiveShell.cache_size = 0  # Out[] would keep every result alive
    config.InteractiveShell.display_pub_class = Publisher
    config.InteractiveShell.displayhook_class = Values
    config.InteractiveShell.enable_tip = False
    shell = Shell.instance(config=config, display_pub_class=Publisher, displayhook_class=Values)
    shell.system = shell.system_raw  # the other one wants a terminal
    warnings.filterwarnings("ignore", message="To exit: use")


def warm() -> None:
    """Run what every first cell would pay for: compilation, the display of a value, a traceback."""
    shell = Shell.instance()
    for code in ("1 + 1;\n", "1 / 0"):
        shell.run_cell(code, store_history=False)
    shell.failure = None
    shell.reset(new_session=True)


def serve(control: socket.socket, private_bytes: int) -> None:
    """Run cells until the engine closes its end."""
    shell = Shell.instance()
    shell.display_pub.control = control
    # One stream keeps the order of writing; by lines, so that a kill loses little.
    sys.stdout = sys.stderr = sys.__stdout__ = sys.__stderr__ = open(  # noqa: PTH123, SIM115 - lives as long as the process
        1, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False
    )
    gc.enable()
    _reseed()
    interrupts = Interrupts()
    decoder: frames.Decoder[frames.Assign | frames.Run] = frames.Decoder(frames.ToKernel)
    while received := control.recv(_RECEIVE_BYTES):
        for frame in decoder.feed(received):
            if isinstance(frame, frames.Assign):
                iso.limit(resource.RLIMIT_DATA, private_bytes + frame.memory_bytes)
                if frame.processes:
                    iso.limit(resource.RLIMIT_NPROC, frame.processes)
            else:
                control.sendall(frames.pack(_run(shell, interrupts, frame)))
    os._exit(0)


class Interrupts:
    """SIGINT means something only while a cell runs."""

    def __init__(self) -> None:
        self.armed = False
        signal.signal(signal.SIGINT, self._handle)

    def _handle(self, _signal: int, _frame: FrameType | None) -> None:
        if self.armed:
            raise KeyboardInterrupt


def _run(shell: Shell, interrupts: Interrupts, frame: frames.Run) -> frames.Done:
    shell.failure = None
    try:
        interrupts.armed = True
        result = shell.run_cell(frame.code, store_history=True)
        interrupts.armed = False
        sys.stdout.flush()
    except KeyboardInterrupt:
        return frames.Done(frame.cell, "KeyboardInterrupt", "KeyboardInterrupt")
    finally:
        interrupts.armed = False
    failure = shell.failure
    error = result.error_before_exec or result.error_in_exec
    if isinstance(error, SystemExit) and not error.code:
        return frames.Done(frame.cell)
    if failure is None and error is not None:
        failure = (type(error).__name__, f"{type(error).__name__}: {error}")
    return frames.Done(frame.cell, *(failure or (None, None)))


def _reseed() -> None:
    """Children of one zygote would draw the same "random" numbers."""
    random.seed()
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed()
