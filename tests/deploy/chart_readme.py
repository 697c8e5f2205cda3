"""The chart's README has its table of values made from the comments in values.yaml: `python tests/deploy/chart_readme.py`."""

import re
from collections.abc import Iterator
from pathlib import Path

CHART = Path(__file__).parents[2] / "helm" / "recast"
README = CHART / "README.md"
BEGIN, END = "<!-- values -->\n", "<!-- /values -->\n"

_LINE = re.compile(r"^(?P<indent> *)(?P<name>[\w]+):(?P<value>[^#]*?)(?:\s*# (?P<about>.*))?$")


def rows(values: str) -> Iterator[tuple[str, str, str]]:
    """Yield ``(dotted name, default, what it is)`` of every value that has a comment.

    Args:
        values: The text of values.yaml: two spaces an indent, a value's comment on its own line.
    """
    path: list[str] = []
    for line in values.splitlines():
        found = _LINE.match(line)
        if found is None:
            continue
        path[len(found["indent"]) // 2 :] = [found["name"]]
        if found["about"] or found["value"].strip():
            yield ".".join(path), found["value"].strip(), found["about"] or ""


def readme() -> str:
    """Return the README with its table as values.yaml has it now."""
    table = ["| value | default | what it is |", "|---|---|---|"]
    for name, default, about in rows((CHART / "values.yaml").read_text()):
        table.append(f"| `{name}` | {f'`{default}`' if default else ''} | {about.replace('|', '&#124;')} |")
    before, _, rest = README.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    return before + BEGIN + "\n".join(table) + "\n" + END + after


if __name__ == "__main__":
    README.write_text(readme())
