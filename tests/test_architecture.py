"""How the code may hang together: who may import whom, and that importing does nothing."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.engine.sandbox.view import KERNEL_SIDE

SERVICE = Path(__file__).parents[1] / "service"
MODULES = sorted(SERVICE.rglob("*.py"))


def _imported(module: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: relative import"
            yield from (f"{node.module}.{name.name}" for name in node.names)


@pytest.mark.parametrize(("half", "other"), [("conversion", "engine"), ("engine", "conversion")])
def test_the_halves_meet_only_on_the_wire(half: str, other: str) -> None:
    """Neither imports the other, so that the vendor can take the engine's place."""
    modules = sorted((SERVICE / half).rglob("*.py"))
    assert modules
    assert [str(m) for m in modules for name in _imported(m) if name.startswith(f"service.{other}")] == []


def test_only_the_command_knows_the_settings() -> None:
    """Everything else is made from plain keyword values."""
    knowing = {m for m in MODULES if any(name.startswith("service.settings") for name in _imported(m))}
    assert {"service/__main__.py", "service/command"} >= {
        str(m.relative_to(SERVICE.parent)) if m.parent == SERVICE else str(m.parent.relative_to(SERVICE.parent))
        for m in knowing
    }


def test_the_kernel_side_imports_nothing_of_the_service_but_its_frames() -> None:
    """What runs beside callers' code carries no secrets and no server."""
    package = SERVICE / "engine" / "sandbox"
    names = {name for module in KERNEL_SIDE for name in _imported(package / module) if name.startswith("service")}
    assert {name.removeprefix("service.engine.sandbox.").split(".")[0] + ".py" for name in names} <= set(KERNEL_SIDE)


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(SERVICE)))
def test_a_module_is_short(module: Path) -> None:
    """Under 300 lines each: past that it is two things."""
    assert len(module.read_text(encoding="utf-8").splitlines()) < 300


def test_the_package_is_imported_without_any_effect() -> None:
    """``import service`` loads nothing of the service, and no web framework."""
    code = (
        "import service, sys; print(sorted(name for name in sys.modules if name.startswith(('service.', 'litestar'))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
