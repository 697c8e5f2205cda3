"""What the service adds: POST to last byte, less the program's own time, by size of the body; and its memory."""

import shutil
from pathlib import Path

from tests.bench import inputs
from tests.bench.measure import Row, alternate, median, milliseconds, spread
from tests.bench.rig import Rig

COPY_TOML = """
version = "1"
title = "Copy"
description = "The bench's program: the input, byte for byte."
kernel = "light"
program = ["base.py", "copy.py"]
fidelity = "exact"
drops = ""
prompt = "Copy the file."
[[converts]]
from = ["text/plain"]
to = ["txt"]
"""
COPY_PY = """
import shutil

def convert():
    shutil.copyfile(SOURCE, OUTPUT)
    return {"bytes": OUTPUT.stat().st_size}

run(convert)
"""


def copy_recipe(directory: Path, built_in: Path) -> Path:
    """Write a recipe that copies its input, so that nothing but the service is measured."""
    directory.mkdir(exist_ok=True)
    (directory / "copy.toml").write_text(COPY_TOML, encoding="utf-8")
    (directory / "copy.py").write_text(COPY_PY, encoding="utf-8")
    shutil.copy(built_in / "base.py", directory / "base.py")
    return directory


def rows(directory: Path, recipes: Path, *, smoke: bool) -> list[Row]:
    """Measure bodies of 10 KB to 1 GB against copying the same bytes twice on the same disk."""
    sizes = {"10 KB": 10_000, "1 MB": 1_000_000} if smoke else SIZES
    found: list[Row] = []
    with (
        Rig(
            directory, recipes=copy_recipe(directory / "recipes", recipes), max_input_bytes=2 << 30, run_seconds=600
        ) as rig,
        rig.connection() as connection,
    ):
        for name, size in sizes.items():
            source = inputs.text(directory / "body.txt", size)
            idle = rig.service_rss()
            peak = idle
            own: list[float] = []

            def convert() -> None:
                nonlocal peak
                answer = rig.convert(connection, source, "txt", directory / "out.txt")
                if answer.status != 200 or answer.bytes != size:
                    raise RuntimeError(f"{answer} for {size} bytes")
                own.append(answer.timing.get("program", 0.0))
                peak = max(peak, rig.service_rss())

            def copy_twice() -> None:
                shutil.copyfile(source, directory / "a.txt")
                shutil.copyfile(directory / "a.txt", directory / "b.txt")

            few = size > 50_000_000
            seconds = alternate({"ours": convert, "copy": copy_twice}, rounds=3 if few or smoke else 40)
            section = "Overhead of the service (a program that copies its input)"
            net = [total - program for total, program in zip(seconds["ours"], own[1:], strict=True)]
            found.append(
                milliseconds(
                    section,
                    f"{name}: POST to last byte, less the program",
                    net,
                    against=("copying the bytes twice", seconds["copy"]),
                    goal="≤ 10 ms" if not few else "within 10 % of two copies",
                )
            )
            found.append(
                Row(
                    section=section,
                    figure=f"{name}: resident memory of the service above idle",
                    value=round((peak - idle) / 2**20, 1),
                    unit="MiB",
                    goal="≤ 64 MiB",
                    note=f"program {median(own) * 1000:.3g} ms ({spread(own, 1000)})",
                )
            )
    return found


SIZES = {"10 KB": 10_000, "1 MB": 1_000_000, "100 MB": 100_000_000, "1 GB": 1_000_000_000}
