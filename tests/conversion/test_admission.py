"""Places for conversions: bounded, fair, and honest about when to come back."""

import anyio
import anyio.lowlevel
import pytest

from service.conversion.admission import Admission, Busy, Draining


def _admission(*, places: int = 1, queue_places: int = 10, queue_seconds: float = 5.0) -> Admission:
    return Admission(places=places, queue_places=queue_places, queue_seconds=queue_seconds)


@pytest.mark.anyio
async def test_callers_take_turns() -> None:
    """One caller's batch of three does not keep another's single file waiting behind all of it."""
    admission, served, gate = _admission(), list[str](), anyio.Event()

    async def convert(caller: str) -> None:
        async with admission.place(caller):
            served.append(caller)
            await gate.wait()

    async with anyio.create_task_group() as group:
        for waiting, caller in enumerate(["batch", "batch", "batch", "batch", "single"]):
            group.start_soon(convert, caller)
            while admission.waiting != waiting:
                await anyio.lowlevel.checkpoint()
        gate.set()
    assert served == ["batch", "batch", "single", "batch", "batch"]


@pytest.mark.anyio
async def test_no_more_run_at_once_than_there_are_places() -> None:
    """However many come, so many run."""
    admission, most = _admission(places=3, queue_places=50), 0

    async def convert() -> None:
        nonlocal most
        async with admission.place("caller"):
            most = max(most, admission.running)
            await anyio.sleep(0.001)

    async with anyio.create_task_group() as group:
        for _ in range(30):
            group.start_soon(convert)
    assert (most, admission.running, admission.waiting) == (3, 0, 0)


@pytest.mark.anyio
async def test_a_full_queue_turns_away_at_once() -> None:
    """With every waiting place taken the next caller hears so before its body is read."""
    admission = _admission(queue_places=1)
    async with admission.place("first"), anyio.create_task_group() as group:
        group.start_soon(_hold, admission)
        while not admission.waiting:
            await anyio.lowlevel.checkpoint()
        with pytest.raises(Busy) as busy:
            admission.check()
        group.cancel_scope.cancel()
    assert busy.value.retry_seconds >= 1


@pytest.mark.anyio
async def test_a_wait_has_its_own_budget() -> None:
    """Who waits longer than the queue's budget is turned away, and leaves no trace in the queue."""
    admission = _admission(queue_seconds=0.01)
    async with admission.place("first"):
        with pytest.raises(Busy):
            async with admission.place("second"):
                pass
        assert (admission.running, admission.waiting) == (1, 0)


@pytest.mark.anyio
async def test_a_caller_that_leaves_gives_its_turn_away() -> None:
    """A wait that is cancelled, at any moment, loses no place."""
    admission = _admission()
    for leave_after in (0.0, 0.005, 0.01, 0.02):
        async with anyio.create_task_group() as group:
            group.start_soon(_hold, admission, 0.01)
            await anyio.sleep(0.001)
            with anyio.move_on_after(leave_after):
                await _hold(admission, 0.01)
    assert (admission.running, admission.waiting) == (0, 0)


@pytest.mark.anyio
async def test_the_time_to_come_back_follows_the_observed_pace() -> None:
    """Slower conversions make for a later return."""
    admission = _admission()
    for _ in range(20):
        async with admission.place("caller"):
            await anyio.sleep(0.0)
    quick = admission.retry_seconds
    admission.observe(40.0)
    assert quick == 1 < admission.retry_seconds


def test_draining_takes_no_one_in() -> None:
    """After the end is announced there are no places."""
    admission = _admission()
    admission.drain()
    with pytest.raises(Draining):
        admission.check()


async def _hold(admission: Admission, seconds: float = 1.0) -> None:
    async with admission.place("other"):
        await anyio.sleep(seconds)
