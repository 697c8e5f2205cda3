"""The code's map: which part may import which."""

import ast
from pathlib import Path

import pytest

SERVICE = Path(__file__).parents[2] / "service"


def imported(folder: Path) -> set[str]:
    """Names of all modules that the modules of a folder import, inside functions too."""
    names: set[str] = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


@pytest.mark.parametrize(
    ("part", "forbidden"),
    [
        ("engine", "service.conversion"),
        ("conversion", "service.engine"),
        ("engine/sandbox", "litestar"),
        ("engine/sandbox", "service.engine.wire"),
        ("engine", "pydantic"),
    ],
)
def test_what_a_part_never_imports(part: str, forbidden: str) -> None:
    """The halves meet only on the wire; the sandbox knows no HTTP; the server builds no pydantic models."""
    assert not [name for name in imported(SERVICE / part) if name == forbidden or name.startswith(f"{forbidden}.")]
