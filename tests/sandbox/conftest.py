"""Sandboxes to attack: one process per tier that this machine can give, shared by a session, checked after every test."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.boxes import SECRET, TIERS, Box, Container, pythons


@pytest.fixture(scope="session")
def interpreters() -> Iterator[Path]:
    """A folder outside /tmp, which containers cover, for interpreters that everybody can run."""
    folder = Path(tempfile.mkdtemp(prefix="recast-test-", dir="/var/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def readable_path(interpreters: Path) -> Iterator[Path]:
    """A folder that every user can read; pytest's own are private to one."""
    folder = Path(tempfile.mkdtemp(dir=interpreters))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def _skip_unless_root() -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can become all the users that this suite needs")


_NOT_SHARED = {"masked", "user disk", "masked disk"}
_SHARED = [
    pytest.param(tier, marks=[pytest.mark.slow] if tier in ("wire", "disk") else [])
    for tier in TIERS
    if tier not in _NOT_SHARED
]


@pytest.fixture(scope="session", params=_SHARED)
def shared_box(request: pytest.FixtureRequest, interpreters: Path) -> Iterator[Box]:
    """A sandbox of every tier."""
    _skip_unless_root()
    box = Box(request.param, *pythons(interpreters, request.param))
    yield box
    box.close()


@pytest.fixture(scope="session")
def neighbour(shared_box: Box) -> Container:
    """A container that lives as long as the sandbox, with a secret of its own."""
    container = shared_box.container()
    container.run("secret = 'neighbour'; open('kept.txt', 'w').write(secret)")
    return container


@pytest.fixture
def box(shared_box: Box, neighbour: Container, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    """The shared sandbox; whatever a test did, engine, neighbour and host are as before."""
    before = shared_box.ask("about")
    priority = os.getpriority(os.PRIO_PROCESS, before["pid"])
    yield shared_box
    assert neighbour.run("print(secret, open('kept.txt').read())").logs == "neighbour neighbour\n"
    assert [entry["path"] for entry in neighbour.do("scan")] == ["kept.txt"]
    after = shared_box.ask("about")
    assert shared_box.process.poll() is None
    assert after["counts"]["live"] == before["counts"]["live"]
    assert os.getpriority(os.PRIO_PROCESS, before["pid"]) == priority


@pytest.fixture
def container(box: Box) -> Iterator[Container]:
    """A fresh container of the `light` family."""
    container = box.container()
    yield container
    container.close()


@pytest.fixture
def make_box(interpreters: Path) -> Iterator[Any]:
    """Sandboxes of a test's own, for what would disturb the shared one."""
    _skip_unless_root()
    boxes: list[Box] = []

    def make(tier: str = "root", **options: Any) -> Box:
        if tier not in TIERS:
            pytest.skip(f"no tier {tier} in this box")
        boxes.append(Box(tier, *pythons(interpreters, tier), **options))
        return boxes[-1]

    yield make
    for box in boxes:
        if box.process.poll() is None:
            box.close()


@pytest.fixture(scope="session")
def engine_secret() -> str:
    """Stands in the engine's environment."""
    return SECRET
