"""What a cell does when nobody attacks: a notebook."""

import base64
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.boxes import Box, Container


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_the_last_expression_is_shown_and_state_is_kept(container: Container) -> None:
    """Variables live from cell to cell and the last expression is printed as in a notebook."""
    assert container.run("x = 20").logs == ""
    assert container.run("print('a'); x + 1").logs == "a\n21\n"


def test_an_exception_has_a_name_and_a_traceback_without_colours(container: Container) -> None:
    """An error is a result; the state survives it."""
    result = container.run("y = 1\nraise ValueError('nö')")
    assert (result.outcome, result.error_name) == ("error", "ValueError")
    assert "ValueError: nö" in (result.traceback or "")
    assert "\x1b" not in (result.traceback or "")
    assert container.run("y").logs == "1\n"


def test_a_traceback_of_thousands_of_calls_shows_its_ends(container: Container) -> None:
    """Recursion without an end says where it began and where it was; summing up the middle would take seconds."""
    result = container.run("def down(n):\n    return down(n + 1)\ndown(0)")
    assert result.error_name == "RecursionError"
    assert "----> 3 down(0)" in (result.traceback or "")
    assert (result.traceback or "").count("return down(n + 1)") < 10


def test_a_syntax_error_is_an_error(container: Container) -> None:
    """Code that does not compile is reported like code that fails."""
    result = container.run("if True print(1)")
    assert (result.outcome, result.error_name) == ("error", "SyntaxError")


@pytest.mark.parametrize(
    ("code", "outcome"), [("import sys; sys.exit(0)", "ok"), ("import sys; sys.exit(2)", "error"), ("exit()", "ok")]
)
def test_sys_exit_ends_the_cell_only(container: Container, code: str, outcome: str) -> None:
    """`sys.exit` is how scripts end; the kernel lives on."""
    assert container.run(code).outcome == outcome
    assert container.run("1").logs == "1\n"


def test_output_and_error_keep_their_order(box: Box, container: Container) -> None:
    """Standard output, standard error and children write into one stream."""
    code = "import sys, os\nprint('a')\nprint('b', file=sys.stderr)\nos.write(1, b'c\\n')\nprint('d')"
    assert container.run(code).logs == "a\nb\nc\nd\n"


def test_figures_are_captured_in_order(box: Box) -> None:
    """A figure left open at the end of a cell, or shown in it, is a PNG among the outputs."""
    container = box.container("general")
    result = container.run(
        "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nprint('before')\nplt.show()\nplt.plot([3]); None"
    )
    assert result.logs == "before\n"
    assert [base64.b64decode(image)[:4] for image in result.images] == [b"\x89PNG", b"\x89PNG"]
    container.close()


def test_matplotlib_is_left_alone_when_the_code_does_not_use_it(box: Box, container: Container) -> None:
    """The light family never loads it."""
    if box.tier == "wire":
        pytest.skip("a container that is asked for over the wire has the general family")
    assert container.run("import sys; print('matplotlib' in sys.modules)").logs == "False\n"


def test_top_level_await_works(container: Container) -> None:
    """As in a notebook."""
    assert container.run("import asyncio\nawait asyncio.sleep(0)\nprint('done')").logs == "done\n"


def test_files_go_in_and_come_out(container: Container, readable_path: Path) -> None:
    """A file put is read by the code under /mnt/data; what the code writes is found and read back."""
    source = readable_path / "in put.csv"
    source.write_bytes(b"a,b\n" * 1000)
    source.chmod(0o644)
    assert container.do("put", name="in put.csv", source=str(source))["path"] == "in put.csv"
    assert container.do("put", name="in put.csv", source=str(source))["path"] == "in put (1).csv"
    result = container.run("t = open('/mnt/data/in put.csv').read(); open('/mnt/data/out.txt', 'w').write(t.upper())")
    assert result.outcome == "ok", result.traceback
    assert container.read("out.txt") == b"A,B\n" * 1000
    assert [entry["path"] for entry in container.do("scan")] == ["in put (1).csv", "in put.csv", "out.txt"]


def test_a_fingerprint_changes_with_the_file(container: Container) -> None:
    """Rewriting a file, even to the same size, is seen."""
    container.run("open('a', 'w').write('1'); open('b', 'w').write('1')")
    before = {entry["path"]: entry["fingerprint"] for entry in container.do("scan")}
    container.run("import time; time.sleep(0.01); open('a', 'w').write('2')")
    after = {entry["path"]: entry["fingerprint"] for entry in container.do("scan")}
    assert (before["a"] != after["a"], before["b"] == after["b"]) == (True, True)


def test_restart_forgets_variables_and_keeps_files(box: Box, container: Container) -> None:
    """A new interpreter in the same container."""
    container.run("x = 1; open('kept', 'w').write('here')")
    container.do("restart")
    assert container.run("x").error_name == "NameError"
    assert container.run("print(open('/mnt/data/kept').read())").logs == "here\n"
    container.run("open('kept', 'a').write('!')")
    assert container.read("kept") == b"here!"


def test_files_can_be_read_after_the_kernel_died(box: Box, container: Container) -> None:
    """A crash loses the state and not the files."""
    result = container.run("open('kept', 'w').write('here')\nimport os\nos._exit(3)")
    assert (result.outcome, result.error_name) == ("died", "Exit3")
    assert container.read("kept") == b"here"
    assert container.run("1").outcome == ("ok" if box.renews else "died")


def test_an_interrupt_keeps_the_state(container: Container) -> None:
    """A spent budget is a KeyboardInterrupt first."""
    result = container.run("x = 5\nwhile True: pass", seconds=0.3)
    assert (result.outcome, container.run("x").logs) == ("interrupted", "5\n")


def test_ping_makes_a_container(box: Box) -> None:
    """Readiness is a fork and an answer, not a flag."""
    assert box.ask("ping") is None


def test_a_masked_proc_is_left_empty(make_box: Any) -> None:
    """Where parts of /proc are covered, as in Docker, containers have none; notebooks, files and restarts work the same."""
    if not Path("/proc/acpi").is_dir():
        pytest.skip("nothing of /proc here that could be covered without harm")
    box = make_box("masked")
    assert box.ask("about")["empty_proc"] is True
    container = box.container()
    assert container.run("import os; os.listdir('/proc'), os.getuid() != 0 or os.getuid()").logs == "([], 0)\n"
    container.run("open('kept', 'w').write('here')")
    container.do("restart")
    assert container.run("print(open('kept').read())").logs == "here\n"


def test_a_parked_container_shows_no_trace_of_its_rehearsal(make_box: Any) -> None:
    """What a container did while it waited is not in its history, its output or the number of its first cell."""
    box = make_box("root", reserve=2)
    box.container().close()
    _until(lambda: box.ask("about")["counts"]["parked"] == 2)
    result = box.container().run("print(In[:-1], Out, [_, __, ___], '_1' in globals())\n1 / 0")
    assert result.logs == "[''] {} ['', '', ''] False\n"
    assert "Cell In[1], line 2" in (result.traceback or "")


def test_a_semicolon_hides_the_value(container: Container) -> None:
    """As in a notebook: one at the end of the cell does, one inside a string does not."""
    assert container.run("1 + 1;").logs == ""
    assert container.run("1 + 1;  # a comment").logs == ""
    assert container.run("'a;b'").logs == "'a;b'\n"


def test_what_ipython_was_told_holds_for_cells_that_need_it_not(container: Container) -> None:
    """Which values are shown, how numbers look, and what runs around a cell are a program's to change."""
    container.run("shell = get_ipython()\nshell.ast_node_interactivity = 'all'")
    assert container.run("1\n2").logs == "1\n2\n"
    container.run("shell.ast_node_interactivity = 'last_expr'")
    container.run(
        "shell.display_formatter.formatters['text/plain'].for_type(int, lambda n, p, cycle: p.text(f'<{n}>'))"
    )
    assert container.run("3").logs == "<3>\n"
    container.run(
        "shell.events.register('post_run_cell', lambda result: print(result.info.raw_cell.strip(), result.success))"
    )
    assert container.run("x = 4").logs == "x = 4 True\n"
    assert container.run("1 / 0").logs == "1 / 0 False\n"


def test_earlier_cells_are_remembered(container: Container) -> None:
    """`In`, `_i` and the numbers of cells, across those that IPython runs itself."""
    container.run("a = 1")
    container.run("%time 1")
    asked = "print(In[1], In[-1][:5], _i1, _ii, get_ipython().execution_count)"
    assert container.run(asked).logs == "a = 1 print a = 1 a = 1 4\n"


def test_what_was_shown_has_names(container: Container) -> None:
    """`_`, `__`, `_2` and `Out`, as in a notebook; a value that a semicolon hides is not among them."""
    assert container.run("print(repr(_), Out)").logs == "'' {}\n"
    assert container.run("20 + 1").logs == "21\n"
    assert container.run("_ * 2").logs == "42\n"
    assert container.run("[_, __]").logs == "[42, 21]\n"
    assert container.run("99;").logs == ""
    assert container.run("print(_, __, ___, _2, Out[3], sorted(Out))").logs == "[42, 21] 42 21 21 42 [2, 3, 4]\n"


def test_the_underscore_of_a_program_stays_its_own(container: Container) -> None:
    """A loop over `_` is not undone by what a later cell shows."""
    assert container.run("for _ in range(3): pass\n7").logs == "7\n"
    assert container.run("print(_, Out[1])").logs == "2 7\n"


def test_results_are_not_kept_for_ever(container: Container) -> None:
    """`Out` keeps the newest few, so that a session that shows much does not hold all of it in memory."""
    container.run("class Mark: pass\nimport weakref\nseen = []")
    for _ in range(40):
        container.run("mark = Mark(); seen.append(weakref.ref(mark)); mark")
    result = container.run("print(sum(each() is not None for each in seen), len(Out), max(Out))")
    assert result.logs == "16 16 41\n"


def test_a_traceback_shows_the_lines_of_earlier_cells(container: Container) -> None:
    """A function that fails is shown where it was written."""
    container.run("def broken():\n    return missing")
    traceback = container.run("broken()").traceback or ""
    assert ("Cell In[2], line 1" in traceback, "----> 2     return missing" in traceback) == (True, True)


def test_a_container_draws_with_fonts_of_its_own(box: Box) -> None:
    """What libraries ask to be done after a fork is done for containers as well: no font of the zygote's is used."""
    container = box.container("general")
    code = (
        "import matplotlib.pyplot as plt\nplt.title('Größe'); plt.savefig('a.png'); print(open('a.png', 'rb').read(4))"
    )
    assert container.run(code).logs == "b'\\x89PNG'\n"
    container.close()


def test_the_reserve_follows_demand(make_box: Any) -> None:
    """It grows to what was asked for of late."""
    box = make_box("root", reserve=2)
    for _ in range(6):
        box.container().close()
    _until(lambda: box.ask("about")["counts"]["parked"] > 2)


def test_the_reserve_is_not_refilled_while_cells_have_every_cpu(make_box: Any) -> None:
    """Whoever runs comes first; the reserve is full again when they are done."""
    box = make_box("root", reserve=2)
    cells = [box.container() for _ in os.sched_getaffinity(0)]
    _until(lambda: box.ask("about")["counts"]["parked"] == 2)
    for cell in cells:
        box.send("run", kernel=cell.number, code="import time; time.sleep(0.9)", seconds=10)
    box.container()
    time.sleep(0.1)
    assert box.ask("about")["counts"]["parked"] < len(cells)
    assert [box.receive()["outcome"] for _ in cells] == ["ok" for _ in cells]
    _until(lambda: box.ask("about")["counts"]["parked"] >= len(cells))
