"""What the README says is what the code does: its tables are generated, its programs run."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from service.settings import described
from tests.serving import Served

README = Path(__file__).parents[1] / "README.md"


def _between(marker: str) -> str:
    found = re.search(
        rf"<!-- {re.escape(marker)}[^>]*-->\n(.*?)<!-- end -->", README.read_text(encoding="utf-8"), re.DOTALL
    )
    assert found, f"no {marker} in the README"
    return found[1].strip()


def _block(language: str, containing: str, service: Served) -> str:
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", README.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    block = next(str(block) for block in blocks if containing in block)
    return block.replace("http://localhost:8000", service.url).replace("http://127.0.0.1:8001", service.engine_url)


def _settings_table() -> str:
    """Return the settings as the README shows them."""
    rows = [f"| `{name}` | {f'`{default}`' if default else ''} | {about} |" for _, name, default, about in described()]
    return "\n".join(["| setting | default | what |", "|---|---|---|", *rows])


def test_the_formats_are_those_of_the_recipes() -> None:
    """`recast formats --markdown` made the table, with what needs no LibreOffice."""
    made = subprocess.run(
        [sys.executable, "-m", "service", "formats", "--markdown"],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"RECAST_OFFICE": "false"},  # the table is the same with LibreOffice and without
    )
    assert _between("formats") == made.stdout.strip()


def test_the_settings_are_those_of_the_code() -> None:
    """Every setting is there with its default and meaning."""
    assert _between("settings") == _settings_table()


@pytest.mark.parametrize(
    ("language", "containing", "command"),
    [
        ("python", "httpx.post", f"{sys.executable} example.py"),
        ("python", "ai.containers.files.list", f"{sys.executable} example.py"),
        ("js", "FormData", "node example.mjs"),
        ("go", "package main", "go run example.go"),
    ],
)
def test_the_examples_run(service: Served, tmp_path: Path, language: str, containing: str, command: str) -> None:
    """Each block runs as it stands, but for the address."""
    words = command.split()
    if shutil.which(words[0]) is None:
        pytest.skip(f"no {words[0]} here")
    (tmp_path / words[-1]).write_text(_block(language, containing, service), encoding="utf-8")
    (tmp_path / "report.csv").write_text("id,name\n007,Zoë\n", encoding="utf-8")
    (tmp_path / "sales.csv").write_text("amount\n1\n2\n", encoding="utf-8")
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "report.xlsx").exists() or "/mnt/data/sales.csv" in done.stdout
