"""`recast convert` as people type it: real processes, against a running service."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.serving import Served

SAMPLES = Path(__file__).parents[2] / "recipes" / "samples"

Recast = Callable[..., "subprocess.CompletedProcess[bytes]"]


@pytest.fixture
def recast(service: Served, tmp_path: Path) -> Recast:
    """Run the command in an empty directory, against the shared service."""

    def run(*arguments: str | Path, stdin: bytes = b"", url: str = service.url) -> "subprocess.CompletedProcess[bytes]":
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("RECAST_", "OPENAI_"))}
        environment |= {"RECAST_URL": url} if url else {}
        command = [sys.executable, "-m", "service", *map(str, arguments)]
        return subprocess.run(command, input=stdin, capture_output=True, cwd=tmp_path, env=environment, check=False)

    return run


def test_one_file_becomes_another(recast: Recast, tmp_path: Path) -> None:
    """IN OUT: the format is the output's extension."""
    done = recast("convert", SAMPLES / "table.csv", "out.json")
    assert (done.returncode, done.stdout) == (0, b"")
    assert next(row["id"] for row in json.loads((tmp_path / "out.json").read_text("utf-8"))) == "00123"


def test_many_files_go_into_a_directory(recast: Recast, tmp_path: Path) -> None:
    """With --to every argument is an input: files, directories and patterns; --json says what became of each."""
    (tmp_path / "in" / "deeper").mkdir(parents=True)
    for name in ("a.csv", "deeper/b.csv", ".hidden.csv"):
        (tmp_path / "in" / name).write_bytes(b"x,y\n1,2\n")
    done = recast("convert", "in", SAMPLES / "table.ts*", "--to", "json", "--into", "new/out", "--json")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["output"] for line in lines] == ["new/out/a.json", "new/out/b.json", "new/out/table.json"]
    assert all(line["ok"] and (tmp_path / line["output"]).stat().st_size == line["bytes"] for line in lines)


def test_standard_input_becomes_standard_output(recast: Recast) -> None:
    """In a pipe nothing but the file is written."""
    done = recast("convert", "-", "--to", "json", "--from", "csv", stdin=b"a;b\n1;2\n")
    assert json.loads(done.stdout) == [{"a": 1, "b": 2}]
    assert done.stderr == b""


def test_what_is_lost_is_said(recast: Recast, tmp_path: Path) -> None:
    """A program's warnings come as notes, and in --json as a list."""
    (tmp_path / "ragged.csv").write_bytes(b"a,b\n1,2\n3\n")
    done = recast("convert", "ragged.csv", "out.json")
    told = recast("convert", "ragged.csv", "out.json", "--json")
    assert done.returncode == 0
    assert [line.partition(": note: ")[2] for line in done.stderr.decode().splitlines()] == json.loads(told.stdout)[
        "warnings"
    ]
    assert done.stderr


def test_options_reach_the_recipe(recast: Recast, tmp_path: Path) -> None:
    """Key=value, checked by the service."""
    done = recast("convert", SAMPLES / "table.csv", "out.json", "-o", "header=false")
    assert len(json.loads((tmp_path / "out.json").read_text("utf-8"))) == 5
    wrong = recast("convert", SAMPLES / "table.csv", "out.json", "-o", "heading=false")
    assert (done.returncode, wrong.returncode) == (0, 2)
    assert b"heading" in wrong.stderr


@pytest.mark.parametrize(
    ("name", "content", "output", "code"),
    [
        ("broken.docx", b"PK\x03\x04word/document.xml", "out.html", 1),
        ("picture.png", (SAMPLES / "picture.png").read_bytes(), "out.xlsx", 2),
        ("noise.bin", bytes(range(256)), "out.pdf", 2),
        ("script.png", b"#!/bin/sh\n", "out.jpg", 2),
    ],
)
def test_a_refusal_is_one_sentence_and_an_exit_code(
    recast: Recast, tmp_path: Path, name: str, content: bytes, *, output: str, code: int
) -> None:
    """1: this document cannot be converted; 2: this is not offered. No output is left half-made."""
    (tmp_path / name).write_bytes(content)
    done = recast("convert", name, output)
    assert done.returncode == code, done.stderr
    assert len(done.stderr.decode().strip().splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(
    "arguments",
    [
        ["in.csv"],
        ["missing.csv", "out.json"],
        ["in.csv", "out"],
        ["in.csv", "in.csv"],
        ["in.csv", "sub/in.csv", "--to", "json", "--into", "out"],
        ["in.csv", "out.json", "-o", "header"],
        ["in.csv", "nowhere/out.json"],
        ["*.none", "--to", "json"],
    ],
)
def test_arguments_that_make_no_sense_are_usage_errors(recast: Recast, tmp_path: Path, arguments: list[str]) -> None:
    """Said before anything is sent."""
    (tmp_path / "sub").mkdir()
    for name in ("in.csv", "sub/in.csv"):
        (tmp_path / name).write_bytes(b"a\n1\n")
    done = recast("convert", *arguments, url="http://127.0.0.1:9")
    assert done.returncode == 2
    assert done.stderr.startswith(b"Usage:") or b"no such file" in done.stderr


def test_a_service_that_is_not_there_is_said(recast: Recast) -> None:
    """One line with its address."""
    done = recast("convert", SAMPLES / "table.csv", "out.json", url="http://127.0.0.1:9")
    assert done.returncode == 1
    assert b"http://127.0.0.1:9" in done.stderr


def test_without_a_service_one_is_started_for_the_run(recast: Recast, tmp_path: Path) -> None:
    """And nothing of it is left: no process, no file."""
    before = {each.pid for each in psutil.process_iter()}
    done = recast("convert", SAMPLES / "table.csv", "out.md", url="")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out.md").read_text("utf-8").startswith("|")
    left = [each.cmdline() for each in psutil.process_iter() if each.pid not in before and _is_child_engine(each)]
    assert left == []


def _is_child_engine(process: psutil.Process) -> bool:
    try:
        return "--child" in process.cmdline() and process.ppid() == 1
    except psutil.Error:
        return False
