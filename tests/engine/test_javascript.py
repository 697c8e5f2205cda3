"""The official JavaScript client against the engine; skipped aloud where Node or the package cannot be had."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.engine.conftest import Served

SCRIPT = Path(__file__).parent / "js"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The script beside the client, installed from the lock."""
    if not shutil.which("npm"):
        pytest.skip("npm is not on this machine")
    directory = tmp_path_factory.mktemp("js")
    for name in ("package.json", "package-lock.json", "quickstart.mjs"):
        shutil.copy(SCRIPT / name, directory)
    done = subprocess.run(
        ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"],
        cwd=directory,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"npm ci failed: {done.stderr[-300:]}")
    return directory


def test_the_quick_starts_run_unchanged(engine: Served, installed: Path) -> None:
    """Rows 1, 2, 3, 6, 7 and 11, and errors, as a JavaScript program writes them."""
    done = subprocess.run(
        ["node", "quickstart.mjs", f"{engine.url}/v1"],
        cwd=installed,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("ok ") == 5
