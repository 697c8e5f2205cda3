"""How the bench measures: alternated runs, medians with their spread, and ratios to a second thing in the same minutes.

Nothing here asserts: machines are noisy, ratios travel.
"""

import statistics
import time
from collections.abc import Callable, Mapping

from msgspec import Struct

Action = Callable[[], object]


class Row(Struct, frozen=True, kw_only=True):
    """One figure of the bench."""

    section: str
    figure: str
    value: float
    unit: str
    spread: str = ""
    against: str = ""
    ratio: float | None = None
    goal: str = ""
    note: str = ""


def alternate(actions: Mapping[str, Action], *, rounds: int, warm: int = 1) -> dict[str, list[float]]:
    """Run every action once a round, in turn, so that noise hits all alike. Returns seconds by name."""
    seconds: dict[str, list[float]] = {name: [] for name in actions}
    for turn in range(-warm, rounds):
        for name, action in actions.items():
            began = time.perf_counter()
            action()
            if turn >= 0:
                seconds[name].append(time.perf_counter() - began)
    return seconds


def median(values: list[float]) -> float:
    """Return the median."""
    return statistics.median(values)


def percentile(values: list[float], percent: float) -> float:
    """Return the nearest-rank percentile."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(len(ranked) * percent / 100))]


def spread(values: list[float], scale: float = 1.0) -> str:
    """Return the tenth to ninetieth percentile as text."""
    return f"{percentile(values, 10) * scale:.3g} to {percentile(values, 90) * scale:.3g}"


def milliseconds(
    section: str,
    figure: str,
    values: list[float],
    *,
    against: tuple[str, list[float]] | None = None,
    goal: str = "",
    note: str = "",
) -> Row:
    """Make the row of a latency: its median in milliseconds, and how many times longer the other thing took."""
    ratio = median(against[1]) / median(values) if against else None
    return Row(
        section=section,
        figure=figure,
        value=round(median(values) * 1000, 2),
        unit="ms",
        spread=spread(values, 1000),
        against=f"{against[0]} {median(against[1]) * 1000:.3g} ms" if against else "",
        ratio=round(ratio, 2) if ratio else None,
        goal=goal,
        note=note,
    )


def table(rows: list[Row]) -> str:
    """Return the rows as a Markdown table, one section after the other."""
    lines: list[str] = []
    section = None
    for row in rows:
        if row.section != section:
            section = row.section
            lines += ["", f"**{section}**", "", "| figure | median | p10 to p90 | goal | against | times | |"]
            lines += ["|---|---:|---|---|---|---:|---|"]
        ratio = "" if row.ratio is None else f"{row.ratio:g}×"
        lines.append(
            f"| {row.figure} | {row.value:g} {row.unit} | {row.spread} | {row.goal} | {row.against} | {ratio} | {row.note} |"
        )
    return "\n".join(lines).strip() + "\n"
