"""The table that remembers: order, pages, and what is forgotten."""

import sqlite3

import pytest

from service.engine.state import Table, UnknownCursor


def table(count: int) -> Table[str]:
    """A table of ``count`` rows, r0 the oldest, with labels e and o."""
    rows = Table(sqlite3.connect(":memory:", isolation_level=None), "rows", str)
    for number in range(count):
        rows.put(f"r{number}", f"r{number}", label="eo"[number % 2])
    return rows


@pytest.mark.parametrize(
    ("after", "order", "label", "expected", "more"),
    [
        (None, "desc", None, ["r4", "r3"], True),
        (None, "asc", None, ["r0", "r1"], True),
        ("r3", "desc", None, ["r2", "r1"], True),
        ("r1", "desc", None, ["r0"], False),
        ("r2", "asc", None, ["r3", "r4"], False),
        ("r0", "asc", "e", ["r2", "r4"], False),
        ("r4", "asc", None, [], False),
    ],
)
def test_pages(after: str | None, order: str, label: str | None, expected: list[str], more: object) -> None:
    """``after`` is exclusive in both orders, and ``more`` is exact."""
    assert table(5).page(after=after, limit=2, order=order, label=label) == (expected, more)


def test_a_deleted_row_keeps_only_its_place() -> None:
    """It is not found, not listed, and still a cursor; an id that never was is none."""
    rows = table(3)
    assert rows.delete("r1")
    assert not rows.delete("r1")
    assert rows.get("r1") is None
    assert rows.page(after="r1", limit=5, order="asc") == (["r2"], False)
    with pytest.raises(UnknownCursor):
        rows.page(after="r9", limit=5, order="asc")


@pytest.mark.parametrize(
    ("count", "max_bytes", "left"), [(2, None, 2), (9, None, 5), (9, 8, 2), (9, 3, 0), (0, None, 0)]
)
def test_the_oldest_are_forgotten(count: int, max_bytes: int | None, left: int) -> None:
    """Rows past a count, and past a sum of bytes: each body here has four."""
    rows = table(5)
    rows.keep_newest(count, max_bytes=max_bytes)
    assert list(rows.all()) == [f"r{number}" for number in range(5)][5 - left :]


def test_rows_that_are_in_use_are_spared() -> None:
    """However old: what still lives must be found by its id."""
    rows = table(5)
    rows.keep_newest(1, spare=["r0", "r2"])
    assert list(rows.all()) == ["r0", "r2", "r4"]


def test_the_places_of_deleted_rows_are_forgotten_in_the_end() -> None:
    """All but the newest are cursors no more; rows that are there stay, older ones too."""
    rows = table(5)
    for identifier in ("r1", "r2", "r4"):
        rows.delete(identifier)
    rows.forget_deleted(1)
    assert list(rows.all()) == ["r0", "r3"]
    assert rows.page(after="r4", limit=5, order="desc") == (["r3", "r0"], False)
    with pytest.raises(UnknownCursor):
        rows.page(after="r2", limit=5, order="desc")
