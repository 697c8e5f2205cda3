"""The life of a container as a state machine, against a model that is a few sentences long."""

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from service.engine.lifecycle import TRANSITIONS, Event, ImpossibleEvent, Life, Status, after, at

IDLE_SECONDS = 60.0


class ContainerLife(RuleBasedStateMachine):
    """Uses, calls, waits, losses and deletes in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0
        self.life = Life(last_active_at=self.now, idle_seconds=IDLE_SECONDS)
        self.used_at = self.now
        self.ended: Status | None = None

    def _see(self) -> None:
        """The model: unused and idle for long enough is expired."""
        if self.ended is None and self.life.calls == 0 and self.now - self.used_at >= IDLE_SECONDS:
            self.ended = Status.EXPIRED

    def _happen(self, event: Event) -> None:
        self._see()
        self.life = after(self.life, event, self.now)
        if self.ended is None:
            self.used_at = self.now

    @rule(seconds=st.floats(0, 2 * IDLE_SECONDS))
    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.now += seconds

    @precondition(lambda self: self.ended is not Status.DELETED)
    @rule()
    def use(self) -> None:
        """An operation on it."""
        self._happen(Event.USE)

    @precondition(lambda self: self.ended is None and not self.life.is_over(self.now))
    @rule()
    def begin(self) -> None:
        """A call starts."""
        self._happen(Event.BEGIN)

    @precondition(lambda self: self.life.calls > 0)
    @rule()
    def end(self) -> None:
        """A call ends."""
        self._happen(Event.END)

    @rule()
    def lose(self) -> None:
        """Its kernel is gone."""
        self._see()
        self.life = after(self.life, Event.LOSE, self.now)
        self.ended = self.ended or Status.EXPIRED

    @precondition(lambda self: self.ended is not Status.DELETED)
    @rule()
    def delete(self) -> None:
        """Its owner deletes it."""
        self._happen(Event.DELETE)
        self.ended = Status.DELETED

    @invariant()
    def status_is_the_models(self) -> None:
        """Nothing revives it, nothing ends it early, and a sweep would say the same as a use."""
        self._see()
        assert at(self.life, self.now).status is (self.ended or Status.RUNNING)
        assert self.life.calls >= 0


ContainerLife.TestCase.settings = settings(max_examples=500, stateful_step_count=30, deadline=None)
TestContainerLife = ContainerLife.TestCase


def test_what_the_table_does_not_name_is_impossible() -> None:
    """A deleted container takes no use: whoever asks has a bug."""
    for status in Status:
        for event in Event:
            life = Life(status=status, last_active_at=0, idle_seconds=IDLE_SECONDS)
            if (status, event) not in TRANSITIONS:
                with pytest.raises(ImpossibleEvent):
                    after(life, event, 1)


def test_running_code_keeps_a_container_alive() -> None:
    """A call longer than the idle time does not expire under itself."""
    life = after(Life(last_active_at=0, idle_seconds=IDLE_SECONDS), Event.BEGIN, 1)
    assert at(life, 1e6).status is Status.RUNNING
    assert at(after(life, Event.END, 1e6), 1e6 + IDLE_SECONDS - 1).status is Status.RUNNING
