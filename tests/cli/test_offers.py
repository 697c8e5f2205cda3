"""What the command says of formats and recipes, and the scripts it prints."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from service.__main__ import cli


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, list(arguments), prog_name="recast")


def test_formats_shows_what_an_input_becomes() -> None:
    """By extension or media type, with the options of each."""
    assert _run("formats", "csv").output == _run("formats", "text/csv").output
    assert any(line.split()[:3] == ["xlsx", "exact", "table"] for line in _run("formats", "csv").output.splitlines())


def test_formats_can_be_a_table_of_the_readme() -> None:
    """Markdown, one row an input."""
    lines = _run("formats", "--markdown").output.splitlines()
    assert lines[:2] == ["| from | to |", "| --- | --- |"]
    assert any(line.startswith("| Comma-separated values (`csv`) | ") for line in lines)


@pytest.mark.parametrize(
    "arguments", [["formats", "nonsense"], ["recipes", "show", "nonsense"], ["recipes", "check", "--nonsense"]]
)
def test_an_unknown_name_is_a_usage_error(arguments: list[str]) -> None:
    """Exit code 2, and the name in the sentence."""
    result = _run(*arguments)
    assert result.exit_code == 2
    assert "nonsense" in result.output


def test_a_recipe_can_be_shown() -> None:
    """What it takes, makes, drops and asks a model."""
    output = _run("recipes", "show", "table").output
    assert all(word in output for word in ("csv", "xlsx", "Drops:", "Options:", "Prompt:", "{target}"))


def test_the_programs_of_all_recipes_hold_together() -> None:
    """They compile when joined, and read every option they declare."""
    result = _run("recipes", "check", "--static")
    assert result.exit_code == 0, result.output


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_pair_of_every_recipe_makes_what_it_promises() -> None:
    """On a tiny input of each type, in containers of a real engine; no pair is without one."""
    command = [sys.executable, "-m", "service", "recipes", "check"]
    done = subprocess.run(
        command, env={**os.environ, "RECAST_OFFICE": "false"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert ", 0 without a sample, 0 faults" in done.stdout


def test_a_program_that_never_reads_an_option_is_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An option that does nothing is a lie."""
    toml = """
    version = "1"
    title = "Mine"
    description = "Mine."
    kernel = "light"
    program = ["mine.py"]
    fidelity = "exact"
    prompt = "Do it."
    converts = [{from = ["text/x-rst"], to = ["csv"]}]
    options.unused = {type = "boolean", default = true, description = "Nothing."}
    """
    (tmp_path / "mine.toml").write_text(toml, encoding="utf-8")
    (tmp_path / "mine.py").write_text("print(OPTIONS)\n", encoding="utf-8")
    monkeypatch.setenv("RECAST_RECIPES", str(tmp_path))
    result = _run("recipes", "check", "mine", "--static")
    assert result.exit_code == 1
    assert "mine: no program reads the option unused" in result.output


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_can_complete(shell: str) -> None:
    """A script for each shell that click knows."""
    assert "_RECAST_COMPLETE" in _run("completion", shell).output
