"""Programs that come again are compiled once, and nothing of one reaches another."""

import time

import pytest

from tests.sandbox.boxes import Box, Container

PADDING = "# padding\n" * 300


def again(box: Box, code: str) -> str:
    """Run a program in fresh containers until it was surely compiled ahead; return what the last one printed."""
    for _ in range(3):
        container = box.container()
        logs = container.run(code).logs
        container.close()
        time.sleep(0.3)
    return logs


def test_a_program_that_comes_again_runs_the_same(box: Box) -> None:
    """Values, the last expression and the place of files are as in the first run."""
    code = f"{PADDING}import os\nopen('/mnt/data/x', 'w').write('1')\nprint(os.listdir('/mnt/data'))\n6 * 7"
    assert again(box, code) == "['x']\n42\n"


def test_its_traceback_still_shows_the_line(box: Box) -> None:
    """The source is known to tracebacks although it was not compiled here."""
    code = f"{PADDING}def fail():\n    raise ValueError('here')\n\nfail()\n"
    again(box, code)
    container = box.container()
    traceback = container.run(code).traceback or ""
    container.close()
    assert "raise ValueError('here')" in traceback


def test_a_program_cannot_change_what_another_compiles_to(box: Box) -> None:
    """The compiler of a hostile session is broken; what later sessions run is not."""
    poison = (
        f"{PADDING}import builtins, marshal\nmarshal.dumps = lambda *_: b'x'\nbuiltins.compile = None\nprint('done')"
    )
    assert again(box, poison) == "done\n"
    assert again(box, f"{PADDING}print(1 + 1)") == "2\n"


@pytest.mark.parametrize(
    "code", ["%time 1\n", "!echo shell\n", "await __import__('asyncio').sleep(0); print('awaited')\n"]
)
def test_notebook_syntax_works_in_long_cells_too(box: Box, container: Container, code: str) -> None:
    """What only IPython understands is left to IPython."""
    first = container.run(PADDING + code)
    assert (first.outcome, first.error_name) == ("ok", None) or box.tier == "landlock"
