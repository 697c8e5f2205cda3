"""The processes behind a program that a broker started, killed one by one, in tier `landlock`."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.processes import alive, family, parent, soon


@pytest.mark.parametrize("killed", ["program", "broker", "kernel", "zygote", "engine"])
def test_a_program_outlives_nobody(make_box: Any, killed: str) -> None:
    """Whoever of those behind it is killed, the program that a broker started ends too."""
    box = make_box("landlock", reserve=0)
    container = box.container()
    container.run("from subprocess import PIPE, Popen\nwaits = Popen(['pandoc'], stdin=PIPE)")
    kernel, broker = container.do("pids")
    (program,) = family(broker) - {broker}
    zygote = parent(broker)
    if killed == "engine":
        box.kill()
    else:
        os.kill({"program": program, "broker": broker, "kernel": kernel, "zygote": zygote}[killed], signal.SIGKILL)
    assert soon(lambda: not alive({program} if killed == "program" else {program, broker}))


def test_what_a_broker_leaves_is_reaped_by_the_zygote(make_box: Any) -> None:
    """In a pod nobody else would: its pid 1 is the service."""
    box = make_box("landlock", reserve=0)
    container = box.container()
    container.run("from subprocess import PIPE, Popen\nwaits = Popen(['pandoc'], stdin=PIPE)")
    broker = container.do("pids")[1]
    (program,) = family(broker) - {broker}
    zygote = parent(broker)
    os.kill(zygote, signal.SIGSTOP)
    os.kill(broker, signal.SIGKILL)
    assert soon(lambda: not alive({program}))
    assert parent(program) == zygote
    os.kill(zygote, signal.SIGCONT)
    assert soon(lambda: not Path(f"/proc/{program}").exists())


def test_a_broker_killed_is_told_and_comes_back_with_a_restart(make_box: Any) -> None:
    """Code that waits for a program gets an exception that says why; the rest of the container goes on."""
    container = make_box("landlock", reserve=0).container()
    container.run("from subprocess import PIPE, Popen, check_output\nwaits = Popen(['pandoc'], stdin=PIPE)")
    os.kill(container.do("pids")[1], signal.SIGKILL)
    for code in ("waits.wait()", "check_output(['pandoc'], input=b'x')"):
        result = container.run(code)
        assert result.error_name == "ChildProcessError"
        assert "the broker that starts programs in this tier of isolation is gone" in (result.traceback or "")
    assert container.run("1").logs == "1\n"
    container.do("restart")
    code = "import subprocess\nprint(subprocess.check_output(['pandoc'], input=b'x', text=False))"
    assert container.run(code).logs == "b'<p>x</p>\\n'\n"
