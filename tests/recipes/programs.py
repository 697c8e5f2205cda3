"""Runs the program of a recipe as a container would, without a server: the same text, with another folder for /mnt/data."""

import functools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from msgspec import Struct

from service.conversion.media import format_named
from service.conversion.prompt import program
from service.conversion.recipe import options_for
from service.conversion.recipes import Catalogue

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "recipes" / "samples"


class Run(Struct, frozen=True):
    """How a program ended: its facts and warnings, or the code of its refusal; and the output, if any."""

    output: Path
    facts: dict[str, int]
    warnings: list[str]
    refused: str | None = None


@functools.cache
def catalogue(*above: Path) -> Catalogue:
    """Return the built-in recipes, with those of other directories laid over them."""
    return Catalogue.load([ROOT / "recipes", *above])


def kernel_python() -> str:
    """Return the interpreter that containers are made of."""
    beside = Path(sys.prefix, "kernel", "bin", "python")
    return os.environ.get("RECAST_KERNEL_PYTHON") or (str(beside) if beside.exists() else sys.executable)


def run(
    folder: Path, source: Path | bytes, named: str, target: str, *, above: tuple[Path, ...] = (), **options: str
) -> Run:
    """Convert in a folder of its own.

    Args:
        folder: An existing folder; a new one is made inside.
        source: The input, or its bytes.
        named: Format of the input, as in a file's extension.
        target: Output format.
        above: Directories of recipes that are laid over the built-in ones.
        options: As a caller would write them.
    """
    input_type = format_named(named).media_type
    recipe = catalogue(*above).recipe_for(input_type, target)
    assert recipe is not None, f"no recipe makes {target} of {input_type}"
    place = folder / f"run-{len(list(folder.iterdir()))}"
    data = place / "data"
    data.mkdir(parents=True)
    if isinstance(source, bytes):
        (data / "file-0").write_bytes(source)
    else:
        shutil.copyfile(source, data / "file-0")
    text = program(
        recipe, source_type=input_type, target=target, options=options_for(recipe, input_type, target, options)
    )
    (place / "program.py").write_text(text.replace('"/mnt/data"', repr(str(data))), encoding="utf-8")
    environment = {"PATH": os.environ["PATH"], "HOME": str(place), "LANG": "C.UTF-8", "OPENBLAS_NUM_THREADS": "1"}
    command = [kernel_python(), str(place / "program.py")]
    done = subprocess.run(command, cwd=data, env=environment, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout.splitlines()[-1])["recast"]
    refused = report.get("refused", {}).get("code")
    return Run(data / f"output.{target}", report.get("facts", {}), report["warnings"], refused)
