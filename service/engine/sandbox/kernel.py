"""The kernel: what runs cells inside a container.

Notebook behaviour comes from IPython's InteractiveShell, made once in the zygote by `prepare`. Standard output and error
are the container's pipe; pictures and the ends of cells go over the control socket. Foreign code shares this process and
may break anything here, which is why the engine believes none of it.
"""

import ast
import base64
import gc
import os
import random
import resource
import signal
import socket
import sys
import warnings
from types import CodeType, FrameType

from IPython.core.compilerop import CachingCompiler
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import ExecutionResult, InteractiveShell
from traitlets.config import Config

from service.engine.sandbox import cells, frames
from service.engine.sandbox import isolation as iso

_RECEIVE_BYTES = 256 * 1024
_MOUNT_POINT = "/mnt/data"


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


class Compiler(CachingCompiler):  # type: ignore[misc]
    """Names cells by their number alone, and does not parse the one that is compiled already."""

    parses = True

    def ast_parse(self, *source: str, **named: str) -> ast.Module:
        """Called by IPython."""
        return super().ast_parse(*source, **named) if self.parses else ast.Module([], [])

    def get_code_name(self, raw_code: str, transformed_code: str, number: int) -> str:  # noqa: ARG002 - IPython's signature
        """Called by IPython."""
        return cells.name_of(number)


class Shell(InteractiveShell):  # type: ignore[misc]
    """IPython without a terminal, a history or colours. `failure` is how the last cell ended, if it did not end well.

    While `pieces` are set, a cell is what they say: IPython's own rewriting, parsing and compiling (most of the time of a
    long program) are passed over.
    """

    failure: tuple[str, str] | None = None
    pieces: list[CodeType] | None = None

    def run_pieces(self, source: str, pieces: list[CodeType]) -> ExecutionResult:
        """As `run_cell`, of a cell that is compiled."""
        self.pieces, self.compile.parses = pieces, False
        return self.run_cell(source, store_history=True)

    def transform_cell(self, raw_cell: str) -> str:
        """Called by IPython."""
        return raw_cell if self.pieces else super().transform_cell(raw_cell)

    def should_run_async(self, raw_cell: str, **others: object) -> bool:
        """Called by IPython."""
        return not self.pieces and super().should_run_async(raw_cell, **others)

    async def run_ast_nodes(self, nodelist: list[ast.stmt], *others: object, **named: object) -> bool:
        """Called by IPython; True when the cell raised."""
        if not self.pieces:
            return bool(await super().run_ast_nodes(nodelist, *others, **named))
        pieces, self.pieces, self.compile.parses = self.pieces, None, True  # what the cell itself runs is parsed
        for piece in pieces:
            if await self.run_code(piece, named["result"]):
                return True
        return False

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
    shell = Shell.instance(
        config=config, compiler_class=Compiler, display_pub_class=Publisher, displayhook_class=Values
    )
    shell.system = shell.system_raw  # the other one wants a terminal
    warnings.filterwarnings("ignore", message="To exit: use")


def warm() -> None:
    """Run what every first cell would pay for: compilation, the display of a value, a traceback."""
    rehearse("1 + 1;\n", "1 / 0")
    Shell.instance().reset(new_session=True)


def rehearse(*sources: str) -> None:
    """Run cells that leave no trace."""
    shell = Shell.instance()
    for code in sources or ("None\n",):
        shell.run_cell(code, store_history=False)
        shell.run_pieces(code, cells.compile_cell(code, shell.execution_count) or [])
    shell.failure = None
    shell.history_manager.input_hist_parsed[:] = shell.history_manager.input_hist_raw[:] = [""]
    shell.execution_count = 1


def serve(control: socket.socket, private_bytes: int) -> None:
    """Run cells until the engine closes its end."""
    shell = Shell.instance()
    shell.display_pub.control = control
    # One stream keeps the order of writing; by lines, so that a kill loses little.
    sys.stdout = sys.stderr = open(  # noqa: SIM115 - lives as long as the process
        1, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False
    )
    gc.enable()
    _reseed()
    interrupts = Interrupts()
    decoder: frames.Decoder[frames.Assign | frames.Rehearse | frames.Run] = frames.Decoder(frames.ToKernel)
    while received := control.recv(_RECEIVE_BYTES):
        for frame in decoder.feed(received):
            if isinstance(frame, frames.Assign):
                iso.limit(resource.RLIMIT_DATA, private_bytes + frame.memory_bytes)
                if frame.processes:
                    iso.limit(resource.RLIMIT_NPROC, frame.processes)
            elif isinstance(frame, frames.Rehearse):
                rehearse()
            else:
                control.sendall(frames.pack(_compile(frame) if frame.compile_only else _run(shell, interrupts, frame)))
    os._exit(0)


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
        pieces: list[CodeType] | None
        if frame.packed and shell.execution_count == 1:
            pieces = cells.unpack(frame.packed, place=_MOUNT_POINT, moved_to=frame.directory)
        else:
            pieces = cells.compile_cell(source, shell.execution_count)
        result = shell.run_pieces(source, pieces) if pieces else shell.run_cell(source, store_history=True)
        interrupts.armed = False
        sys.stdout.flush()
        error = result.error_before_exec or result.error_in_exec
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
        numpy.random.seed()
