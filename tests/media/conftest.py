"""Identifying bytes as an upload."""

from collections.abc import Callable
from pathlib import Path

import pytest

from service.conversion.media import Identified, identify

Identify = Callable[..., Identified]


@pytest.fixture
def named(tmp_path: Path) -> Identify:
    """Identify these bytes under a name (or none) and a declared type."""

    def call(content: bytes, filename: str | None = None, declared: str | None = None) -> Identified:
        path = tmp_path / "upload"
        path.write_bytes(content)
        return identify(path, filename=filename, declared=declared)

    return call
