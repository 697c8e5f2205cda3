"""What is left of runs that ended: nothing that grows with their number."""

import gc
import time
from collections import Counter
from collections.abc import Callable

from tests.engine.conftest import Served
from tests.engine.test_streaming import request, streamed

RUNS = 15
SETTLE_SECONDS = (
    4.0  # less than an unread stream is waited for, and much more than it takes to let go of one that was read
)


def census() -> Counter[str]:
    """Count the engine's own objects by class."""
    gc.collect()
    kinds = (type(each) for each in gc.get_objects())
    return Counter(kind.__qualname__ for kind in kinds if str(kind.__module__).startswith("service.engine"))


def convert(served: Served, times: int) -> None:
    """Do what the converter does with its engine: stream a run, and delete its container."""
    code = f"text = {'x' * 4096!r}\nopen('made.txt', 'w').write(text); None"
    for _ in range(times):
        with streamed(served, request(code)) as answer:
            assert b"response.completed" in answer.read()
        with served.client() as ai:
            for container in ai.containers.list():
                ai.containers.delete(container.id)


def test_runs_leave_no_objects(start: Callable[..., Served]) -> None:
    """After twice as many runs the engine holds as many objects as before, at once and not after some time-out."""
    served = start(reserve=0)
    convert(served, RUNS)
    deadline = time.monotonic() + SETTLE_SECONDS
    while (before := census())["Run"] and time.monotonic() < deadline:
        time.sleep(0.05)
    convert(served, RUNS)
    deadline = time.monotonic() + SETTLE_SECONDS
    while (after := census()) != before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert (before["Run"], after - before) == (0, Counter())
