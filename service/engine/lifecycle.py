"""The life of a container: which states there are, what moves it from one to the next, and when its time is over.

Pure: time comes in as an argument and nothing is done here. Whoever sees a life leave ``RUNNING`` unlinks what the container held.
"""

import enum

import msgspec


class Status(enum.StrEnum):
    """What the wire calls a container's status."""

    RUNNING = "running"
    EXPIRED = "expired"
    DELETED = "deleted"


class Event(enum.Enum):
    """What can happen to a container."""

    USE = "any operation on it or its files"
    BEGIN = "a call starts to run code"
    END = "a call has run"
    LAPSE = "its idle time is over"
    LOSE = "its kernel is gone for good"
    DELETE = "its owner deletes it"


# An operation on an expired container is answered (metadata, or an error) and changes nothing: nothing revives it.
# A call may end after its container was deleted under it.
TRANSITIONS: dict[tuple[Status, Event], Status] = {
    (Status.RUNNING, Event.USE): Status.RUNNING,
    (Status.RUNNING, Event.BEGIN): Status.RUNNING,
    (Status.RUNNING, Event.END): Status.RUNNING,
    (Status.RUNNING, Event.LAPSE): Status.EXPIRED,
    (Status.RUNNING, Event.LOSE): Status.EXPIRED,
    (Status.RUNNING, Event.DELETE): Status.DELETED,
    (Status.EXPIRED, Event.USE): Status.EXPIRED,
    (Status.EXPIRED, Event.END): Status.EXPIRED,
    (Status.EXPIRED, Event.LOSE): Status.EXPIRED,
    (Status.EXPIRED, Event.DELETE): Status.DELETED,
    (Status.DELETED, Event.END): Status.DELETED,
    (Status.DELETED, Event.LOSE): Status.DELETED,
}


class ImpossibleEvent(Exception):
    """The table has no such transition: a bug of the caller."""


class Life(msgspec.Struct, frozen=True, kw_only=True):
    """A container's state in time. Times are unix seconds; ``calls`` counts the code running in it now."""

    status: Status = Status.RUNNING
    last_active_at: float
    idle_seconds: float
    calls: int = 0

    def is_over(self, now: float) -> bool:
        """Whether it is alive by its status and dead by the clock; running code keeps it alive."""
        idle = now - self.last_active_at
        return self.status is Status.RUNNING and not self.calls and idle >= self.idle_seconds


def at(life: Life, now: float) -> Life:
    """The life as it stands at ``now``: lapsed, if its time is over."""
    return _moved(life, Event.LAPSE) if life.is_over(now) else life


def after(life: Life, event: Event, now: float) -> Life:
    """The life once ``event`` has happened at ``now``. A lapse that is due comes first.

    Raises:
        ImpossibleEvent: The table has no transition for this event.
    """
    moved = _moved(at(life, now), event)
    calls = moved.calls + {Event.BEGIN: 1, Event.END: -1}.get(event, 0)
    if moved.status is Status.RUNNING:
        return msgspec.structs.replace(moved, calls=calls, last_active_at=max(now, moved.last_active_at))
    return msgspec.structs.replace(moved, calls=max(0, calls))


def _moved(life: Life, event: Event) -> Life:
    status = TRANSITIONS.get((life.status, event))
    if status is None:
        raise ImpossibleEvent(life.status, event)
    return msgspec.structs.replace(life, status=status)
