"""Notebook behaviour: IPython's InteractiveShell without a terminal, a history file or colours.

IPython itself runs what only it understands (magics, top-level await). A cell that is plain Python is run here, around
IPython's own parts: the same namespace, events, display and tracebacks at a fifth of the time, and at a third of the pages
that a first cell would otherwise make its own. It must not know of frames or of how a container is confined.
"""

import base64
import os
import sys
import warnings
from types import CodeType, TracebackType

from IPython.core.compilerop import CachingCompiler
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.history import HistoryManager
from IPython.core.interactiveshell import ExecutionInfo, ExecutionResult, InteractiveShell
from IPython.lib.pretty import _type_pprinters
from traitlets.config import Config

from service.engine.sandbox import cells

_PLAIN = {kind: _type_pprinters[kind] for kind in (int, str)}
_SHOWN = ["text/plain", "image/png"]
_CALLS_SHOWN = 50  # at either end of a traceback
_RESULTS_KEPT = 16  # in Out[] and _1, _2, ...; each keeps what it refers to alive


class Publisher(DisplayPublisher):  # type: ignore[misc] # IPython has no types, here and below
    """Hands pictures to `send`, which says whether it took them, and prints the rest."""

    @staticmethod
    def send(_png: bytes) -> bool:
        """Replaced by the kernel."""
        return False

    def publish(self, data: dict[str, object], *_: object, **__: object) -> None:
        """Called by IPython for `display` and for figures; `data` maps media types to representations."""
        png = data.get("image/png")
        if isinstance(png, str):
            png = base64.b64decode(png)
        if isinstance(png, bytes) and self.send(png):
            return
        if "text/plain" in data:
            print(data["text/plain"])  # noqa: T201 - what a notebook does


class Values(DisplayHook):  # type: ignore[misc]
    """Shows the value of a last expression: as a picture if it can be one, as a notebook does."""

    def quiet(self) -> bool:
        """Called by IPython: whether a semicolon ends the cell. Tokenizing tells; without any there is no need to."""
        last = self.shell.history_manager.input_hist_parsed[-1]
        return ";" in last and bool(self.semicolon_at_end_of_expression(last))

    def __call__(self, result: object = None) -> None:
        """Called by Python with the value of an expression."""
        if self._is_plain(type(result)) and not self.quiet():
            print(repr(result))  # noqa: T201 - what a notebook does
            self.check_for_underscore()
            self.update_user_ns(result)
            self.fill_exec_result(result)
        else:
            super().__call__(result)

    def _is_plain(self, kind: type) -> bool:
        """Whether all there is to show is the repr, so that asking every formatter is of no use."""
        return (
            kind in _PLAIN and self.shell.display_formatter.formatters["text/plain"].type_printers[kind] is _PLAIN[kind]
        )

    def write_output_prompt(self) -> None:
        """Called by IPython for the Out[1]: of a terminal."""

    def cull_cache(self) -> None:
        """Called by IPython when Out[] is full; it would say so in the cell's output."""
        kept = self.shell.user_ns["_oh"]
        self._forget([*kept][: len(kept) - self.cache_size + 1])

    def forget_all(self) -> None:
        """As if nothing had ever been shown."""
        self._forget([*self.shell.user_ns["_oh"]])
        self._ = self.__ = self.___ = ""
        self.shell.push({"_": "", "__": "", "___": ""}, interactive=False)

    def _forget(self, numbers: list[int]) -> None:
        for number in numbers:
            self.shell.user_ns["_oh"].pop(number)
            for names in (self.shell.user_ns, self.shell.user_ns_hidden):
                names.pop(f"_{number}", None)

    def log_output(self, format_dict: dict[str, object]) -> None:
        """Called by IPython, to keep what was shown; nobody would ever read it."""

    def write_format_data(self, format_dict: dict[str, object], md_dict: dict[str, object] | None = None) -> None:
        """Called by IPython with the value's representations."""
        if "image/png" in format_dict:
            self.shell.display_pub.publish(format_dict)
        else:
            super().write_format_data(format_dict, md_dict)


class Compiler(CachingCompiler):  # type: ignore[misc]
    """Names cells by their number alone."""

    def get_code_name(self, raw_code: str, transformed_code: str, number: int) -> str:  # noqa: ARG002 - IPython's signature
        """Called by IPython."""
        return cells.name_of(number)


class Inputs(HistoryManager):  # type: ignore[misc]
    """In[], _i and the like. As plain attributes: IPython's observed ones cost more than all the rest of a short cell."""

    _i = _ii = _iii = _i00 = ""


class Shell(InteractiveShell):  # type: ignore[misc]
    """The shell of a kernel. `failure` is how the last cell ended, if it did not end well."""

    execution_count: int = 1  # a plain one, as in Inputs
    failure: tuple[str, str] | None = None

    def init_history(self) -> None:
        """Called by IPython."""
        self.history_manager = Inputs(shell=self, parent=self)
        self.configurables.append(self.history_manager)

    def run_whole(self, source: str) -> BaseException | None:
        """Run a cell by IPython alone. Returns what it raised."""
        result = self.run_cell(source, store_history=True)
        error: BaseException | None = result.error_before_exec or result.error_in_exec
        return error

    def run_pieces(self, source: str, pieces: list[CodeType]) -> BaseException | None:
        """Run a cell that is compiled, as `InteractiveShell.run_cell` does. Returns what it raised."""
        callbacks = self.events.callbacks
        result = self._result(source) if callbacks["pre_run_cell"] or callbacks["post_run_cell"] else None
        self.displayhook.exec_result = result
        self.events.trigger("pre_execute")
        if result is not None:
            self.events.trigger("pre_run_cell", result.info)
        number = self.execution_count
        self.execution_count = number + 1
        self.history_manager.store_inputs(number, source)
        self.compile.cache(source, number)
        sys.displayhook = self.displayhook
        error = self._execute(pieces)
        self.events.trigger("post_execute")
        if callbacks["post_run_cell"]:
            result = result or self._result(source)
            result.error_in_exec = error
            self.events.trigger("post_run_cell", result)
        return error

    def _result(self, source: str) -> ExecutionResult:
        info = ExecutionInfo(source, True, False, True, None, transformed_cell=source)
        result = ExecutionResult(info)
        result.execution_count = self.execution_count
        return result

    def takes_pieces(self) -> bool:
        """Whether cells mean what plain Python says: foreign code may have told IPython otherwise."""
        return self.ast_node_interactivity == "last_expr" and not self.ast_transformers and not self.custom_exceptions

    def _execute(self, pieces: list[CodeType]) -> BaseException | None:
        __tracebackhide__ = "__ipython_bottom__"  # IPython's mark: the frames above are nobody's business
        try:
            for piece in pieces:
                exec(piece, self.user_global_ns, self.user_ns)  # noqa: S102 - what a kernel is for
        except SystemExit as error:
            self.showtraceback(exception_only=True)
            return error
        except BaseException as error:  # noqa: BLE001 - whatever foreign code raises is a result
            self.showtraceback(running_compiled_code=True)
            return error
        return None

    def ask_exit(self) -> None:
        """Called by IPython for `exit()`: the cell ends, the container stays."""
        raise SystemExit

    def _showtraceback(self, etype: type, evalue: BaseException, stb: list[str]) -> None:  # noqa: ARG002 - IPython's signature
        self.failure = (etype.__name__, "\n".join(stb))

    def showtraceback(self, *args: object, **kwargs: object) -> None:
        """As IPython does, but an interrupt is an exception like any other."""
        etype, evalue, trace = sys.exc_info()
        _shorten(trace)
        if etype is not None and issubclass(etype, (KeyboardInterrupt, SystemExit)):
            self.failure = (etype.__name__, f"{etype.__name__}: {evalue}" if str(evalue) else etype.__name__)
        else:
            super().showtraceback(*args, **kwargs)


def _shorten(trace: TracebackType | None) -> None:
    """Take the middle out of a traceback of thousands of calls, which IPython would take seconds to sum up."""
    calls = []
    while trace is not None:
        calls.append(trace)
        trace = trace.tb_next
    if len(calls) > 2 * _CALLS_SHOWN:
        calls[_CALLS_SHOWN - 1].tb_next = calls[-_CALLS_SHOWN]


def prepare() -> Shell:
    """Make the shell, in the zygote."""
    config = Config()
    config.HistoryManager.enabled = False  # it would start a thread
    config.InteractiveShell.colors = "nocolor"
    config.InteractiveShell.cache_size = _RESULTS_KEPT
    config.InteractiveShell.display_pub_class = Publisher
    config.InteractiveShell.displayhook_class = Values
    config.InteractiveShell.enable_tip = False
    config.DisplayFormatter.active_types = _SHOWN
    shell: Shell = Shell.instance(
        config=config, compiler_class=Compiler, display_pub_class=Publisher, displayhook_class=Values
    )
    shell.system = shell.system_raw  # the other one wants a terminal
    shell.builtin_trap.__enter__()  # for good: `display` and the like are there for every cell
    shell.display_trap.__enter__()
    warnings.filterwarnings("ignore", message="To exit: use")
    return shell


def warm() -> None:
    """Run what every first cell would pay for, in the zygote: compilation, the display of a value, a traceback."""
    rehearse("1 + 1;\n", "[1, '2', None]", "1 / 0")
    Shell.instance().reset(new_session=True)


def rehearse(*sources: str) -> None:
    """Run cells that leave no trace."""
    shell: Shell = Shell.instance()
    history, output = shell.history_manager, sys.stdout
    with open(os.devnull, "w", buffering=1, encoding="utf-8") as sys.stdout:
        for code in sources or ("0\n",):
            shell.execution_count = 1
            if sources:
                shell.run_whole(code)
            shell.run_pieces(code, cells.compile_cell(code, 1) or [])
    sys.stdout, shell.execution_count, shell.failure = output, 1, None
    history.input_hist_parsed[:] = history.input_hist_raw[:] = [""]
    history.db_input_cache.clear()
    history._i = history._ii = history._iii = history._i00 = ""  # noqa: SLF001 - where IPython keeps them
    shell.displayhook.forget_all()
    for name in [name for name in shell.user_ns if name.startswith("_i") and name[2:].isdigit()]:
        del shell.user_ns[name]
