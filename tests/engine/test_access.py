"""Keys and budgets without a web server."""

import pytest

from service.access import Access, RateExceeded, Unauthorized

HOME = "127.0.0.1"


def test_every_key_of_the_list_opens() -> None:
    """A caller is named by its key's hash, never by the key."""
    access = Access(["one", "two"])
    callers = {access.admit(authorization=f"Bearer {key}", address=HOME, now=0).caller for key in ("one", "two")}
    assert len(callers) == 2
    assert not callers & {"one", "two"}


@pytest.mark.parametrize(
    ("authorization", "presented"),
    [
        (None, False),
        ("", False),
        ("Basic b25l", False),
        ("Bearer ", False),
        ("Bearer one ", True),
        ("bearer three", True),
    ],
)
def test_what_does_not_open(authorization: str | None, presented: object) -> None:
    """No key and a wrong key are told apart."""
    access = Access(["two"])
    with pytest.raises(Unauthorized) as caught:
        access.admit(authorization=authorization, address=HOME, now=0)
    assert caught.value.presented is presented


def test_the_window_slides() -> None:
    """Exactly the budget in any 60 seconds; a place is free when its call is 60 seconds old."""
    access = Access(requests_per_minute=3)
    remaining = [access.admit(authorization=None, address=HOME, now=now).remaining for now in (0, 10, 20)]
    assert remaining == [2, 1, 0]
    with pytest.raises(RateExceeded) as caught:
        access.admit(authorization=None, address=HOME, now=59.5)
    assert (caught.value.retry_seconds, caught.value.headers()["retry-after"]) == (0.5, "1")
    assert access.admit(authorization=None, address=HOME, now=60.0).remaining == 0


def test_a_refused_call_costs_nothing() -> None:
    """Hammering does not lengthen the wait."""
    access = Access(requests_per_minute=1)
    access.admit(authorization=None, address=HOME, now=0)
    for now in (1, 30, 59):
        with pytest.raises(RateExceeded):
            access.admit(authorization=None, address=HOME, now=now)
    access.admit(authorization=None, address=HOME, now=60)


def test_the_internal_key_counts_only_from_loopback() -> None:
    """From elsewhere it is no key at all."""
    access = Access(["one"], requests_per_minute=1, internal_key="inner")
    for _ in range(3):
        assert access.admit(authorization="Bearer inner", address=HOME, now=0).limit is None
    with pytest.raises(Unauthorized):
        access.admit(authorization="Bearer inner", address="10.0.0.9", now=0)
