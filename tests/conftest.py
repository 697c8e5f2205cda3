"""Fixtures for every test that talks to a running service."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from hypothesis import settings

from tests.serving import Served, serving

settings.register_profile("untimed", deadline=None)  # a busy machine is no failure
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One service for all tests that change nothing about it."""
    with serving(tmp_path_factory.mktemp("service"), {"max_input_bytes": str(300 << 20)}) as served:
        yield served


@pytest.fixture
def client(service: Served) -> Iterator[httpx.Client]:
    """A client of the shared service."""
    with service.client() as connected:
        yield connected


@pytest.fixture
def serve(service: Served, tmp_path: Path) -> Iterator[Callable[..., Served]]:
    """A factory of services with settings of their own, on the shared one's engine: ``serve(concurrency="1")``."""
    with ExitStack() as running:
        count = iter(range(100))

        def start(**settings: str) -> Served:
            directory = tmp_path / str(next(count))
            directory.mkdir()
            return running.enter_context(serving(directory, settings, engine_of=service))

        yield start


@pytest.fixture
def anyio_backend() -> str:
    """Async tests run where the service runs."""
    return "asyncio"
