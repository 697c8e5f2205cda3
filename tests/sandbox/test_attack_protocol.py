"""Hostile programs against the engine through what connects them: the control socket and the output pipe."""

import time

import pytest

from tests.sandbox.boxes import Box, Container

_FORGE = """
import struct
control = socket.socket(fileno=3)
def send(body, length=None): control.sendall(struct.pack(">I", len(body) if length is None else length) + body)
"""


@pytest.mark.parametrize(
    "code",
    [
        "control.sendall(b'\\xff' * 4)",
        "send(b'', 0xffffffff)",
        "send(b'', 0)",
        "send(os.urandom(1000))",
        "send(b'\\x91' * 100000)",
        "send(b'\\xdd\\xff\\xff\\xff\\xff')",
        "send(b'\\x82\\xa4type\\xa4done\\xa4cell\\xcf' + b'\\xff' * 8)",
        "send(b'\\x82\\xa4type\\xa4done\\xa4cell\\xa1x')",
        "send(b'\\x81\\xa4type\\xa5ready')",
        "send(b'\\x82\\xa4type\\xa7refused\\xa6detail\\xa1x')",
        "send(b'\\x82\\xa4type\\xa4plan\\xa4cell\\x01')",
        "send(b'\\x82\\xa4type\\xa4done\\xa4cell\\x00')",
        "os.close(3)",
        "control.shutdown(socket.SHUT_RDWR)",
    ],
)
def test_a_kernel_that_breaks_the_protocol_is_killed(container: Container, code: str) -> None:
    """Garbage, lengths of gigabytes, depth, wrong types, frames out of order: the container ends, nobody else."""
    result = container.attack(_FORGE + code + "\ntime.sleep(80)", seconds=90)
    assert result.outcome == "killed"
    assert result.seconds < 60


def test_a_forged_end_is_only_a_lie_about_itself(container: Container) -> None:
    """A cell may claim that it is done; what it then sends outside of a cell ends it."""
    forged = "import msgspec\nsend(msgspec.msgpack.encode({'type': 'done', 'cell': 2, 'error_name': 'Forged', 'traceback': 'x'}))"
    result = container.attack(_FORGE + forged)
    assert (result.outcome, result.error_name) == ("error", "Forged")
    time.sleep(0.1)  # the true end comes after the forged one
    assert container.run("1").outcome == "killed"


def test_descriptors_are_not_accepted(box: Box, container: Container) -> None:
    """The engine passes no buffer for them once foreign code runs, so the kernel drops them."""
    before = box.ask("about")["fds"]
    container.attack(
        _FORGE
        + """
for _ in range(50):
    socket.send_fds(control, [b"\\x00"], [0, 1, 2])
time.sleep(1)
""",
        seconds=5,
    )
    container.close()
    deadline = time.monotonic() + 30
    while box.ask("about")["fds"] > before:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_flood_of_frames_is_counted(container: Container) -> None:
    """Pictures beyond the cap of a cell end the container."""
    result = container.attack(
        _FORGE
        + """
import msgspec
frame = msgspec.msgpack.encode({"type": "shown", "png": bytes(8 << 20)})
while True: send(frame)
""",
        seconds=90,
    )
    assert result.outcome == "killed"
    assert len(result.images) <= 6


def test_a_flood_of_empty_pictures_is_counted(container: Container) -> None:
    """Each would become a file; a thousand are enough."""
    flood = (
        _FORGE
        + "import msgspec\nframe = msgspec.msgpack.encode({'type': 'shown', 'png': b''})\n"
        + ("control.sendall((struct.pack('>I', len(frame)) + frame) * 5000)\nprint('end')")
    )
    result = container.attack(flood)
    assert (result.outcome, len(result.images), result.logs) == ("ok", 1000, "end\n")


def test_a_flood_of_output_is_counted(container: Container) -> None:
    """A gigabyte printed is cut off at 64 MiB; what is kept stays within the limit."""
    result = container.attack("chunk = b'x' * 65536\nwhile True: os.write(1, chunk)", seconds=90)
    assert result.outcome == "killed"
    assert "output" in (result.traceback or "")
    assert len(result.logs) <= (1 << 20) + 100


def test_output_keeps_its_head_and_its_tail(box: Box) -> None:
    """At the limit nothing is cut; one byte past it the middle is, and the text says how much."""
    container = box.container(output_bytes=1000)
    assert container.run("print('a' * 999)").logs == "a" * 999 + "\n"
    logs = container.run("print('head', 'b' * 990, 'tail')").logs
    assert logs.startswith("head b")
    assert logs.endswith("tail\n")
    assert "[1 bytes of output are left out here]" in logs
    container.close()


def test_bytes_that_are_no_text(container: Container) -> None:
    """Invalid UTF-8, NUL and terminal codes arrive as characters."""
    assert container.attack("os.write(1, b'\\xff\\x00\\x1b[31m\\n');").logs == "\ufffd\x00\x1b[31m\n"


def test_output_after_the_cell_waits_for_the_next(container: Container) -> None:
    """A thread that goes on printing is not read between cells: the pipe fills and it waits."""
    code = "def work():\n    while True: os.write(1, b'y' * 4096)\nthreading.Thread(target=work, daemon=True).start()"
    assert container.attack(code).outcome == "ok"
    time.sleep(0.3)
    assert container.run("print('end')").outcome in ("ok", "killed")


def test_a_broken_interpreter_is_killed_by_time(container: Container) -> None:
    """Code may break the machinery it shares a process with; the clock is outside."""
    result = container.attack("import builtins\nbuiltins.len = builtins.isinstance = None", seconds=2)
    assert result.outcome in ("killed", "died", "error", "ok")
    assert container.run("1 + 1", seconds=1).outcome in ("killed", "died", "error", "ok")


def test_a_deep_result_does_not_hurt(container: Container) -> None:
    """A repr that never ends and an exception that cannot be printed are this container's problem."""
    code = "class Bad(Exception):\n    def __str__(self): raise Bad\n    __repr__ = __str__\nraise Bad"
    assert container.run(code).outcome == "error"
    assert container.run("class R:\n    def __repr__(self): raise KeyError\nR()").outcome in ("error", "ok")
    assert container.run("2").logs == "2\n"
