"""Cost against size, recipes loaded and live containers, each with the exponent it shows."""

import asyncio
import functools
import math
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from service.conversion.formats import formats
from service.conversion.recipes import Catalogue
from service.engine.sandbox import Isolation, Kernel, Limits, Sandbox
from tests.bench import inputs
from tests.bench.measure import Row, alternate, median, percentile
from tests.bench.rig import Rig


def rows(directory: Path, recipes: Path, kernel_python: Path, *, smoke: bool) -> list[Row]:
    """Measure all three."""
    found = _sizes(directory, smoke=smoke)
    found += _recipes(directory, recipes, smoke=smoke)
    found += asyncio.run(_containers(kernel_python, smoke=smoke))
    return found


def _exponent(points: list[tuple[float, float]]) -> float:
    (first_x, first_y), (last_x, last_y) = points[0], points[-1]
    return math.log(last_y / first_y) / math.log(last_x / first_x)


def _sizes(directory: Path, *, smoke: bool) -> list[Row]:
    sizes = (10_000, 100_000) if smoke else (10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000)
    found = []
    for target in ("parquet",) if smoke else ("parquet", "xlsx"):
        points: list[tuple[float, float]] = []
        cells = []
        with Rig(directory, max_input_bytes=2 << 30, run_seconds=900) as rig, rig.connection() as connection:
            for size in sizes:
                if target == "xlsx" and size > 100_000_000:
                    continue  # a workbook of ten million rows is ten sheets that nobody opens
                source = inputs.csv(directory / "growth.csv", size)
                answers = [rig.convert(connection, source, target) for _ in range(2 if size > 10**7 else 5)]
                if answers[-1].status != 200:
                    cells.append(f"{size:.0e} B: {answers[-1].status}")
                    break
                seconds = median([answer.seconds for answer in answers])
                points.append((size, seconds))
                cells.append(f"{size:.0e} B: {seconds * 1000:.0f} ms")
        found.append(
            Row(
                section="Growth",
                figure=f"csv → {target} by size",
                value=round(_exponent(points[-3:]), 2),
                unit="exponent",
                note=", ".join(cells),
                goal="≤ 1 + noise",
            )
        )
    return found


def _recipes(directory: Path, built_in: Path, *, smoke: bool) -> list[Row]:
    found = []
    load_points: list[tuple[float, float]] = []
    look_points: list[tuple[float, float]] = []
    for count in (10, 100) if smoke else (10, 100, 1000):
        folder = directory / f"recipes-{count}"
        folder.mkdir(exist_ok=True)
        (folder / "nothing.py").write_text("print('nothing')\n", encoding="utf-8")
        for number, (media_type, name) in zip(range(count), _known_pairs(), strict=False):
            (folder / f"made{number}.toml").write_text(
                'version = "1"\ntitle = "Made"\ndescription = "Made by the bench."\nkernel = "light"\nprogram = ["nothing.py"]\n'
                f'fidelity = "exact"\ndrops = ""\nprompt = "Nothing."\n[[converts]]\nfrom = ["{media_type}"]\nto = ["{name}"]\n',
                encoding="utf-8",
            )
        seconds = alternate({"load": functools.partial(Catalogue.load, [built_in, folder])}, rounds=5)["load"]
        load_points.append((count, median(seconds)))
        catalogue = Catalogue.load([built_in, folder])
        began = time.perf_counter()
        for _ in range(10_000):
            catalogue.recipe_for("text/csv", "xlsx")
        look_points.append((count, (time.perf_counter() - began) / 10_000))
    for figure, points, unit, scale in (("start-up", load_points, "ms", 1e3), ("look-up", look_points, "µs", 1e6)):
        found.append(
            Row(
                section="Growth",
                figure=f"{figure} by number of added recipes",
                value=round(points[-1][1] * scale, 2),
                unit=unit,
                note=", ".join(f"{int(x)}: {y * scale:.3g} {unit}" for x, y in points)
                + f"; exponent {_exponent(points):.2f}",
            )
        )
    return found


def _known_pairs() -> Iterator[tuple[str, str]]:
    known = formats()
    return ((source.media_type, target.name) for source in known for target in known if source is not target)


async def _containers(python: Path, *, smoke: bool) -> list[Row]:
    """Wall time, and beside it the engine's own CPU, which is what is ours of it.

    Past a thousand the rest is the kernel's: every page that containers share has all of them in its reverse map, which fork and exit
    extend and whoever ages pages walks (with DAMON, a third of a CPU at two thousand idle ones), and workers take namespaces and
    groups down. The pidfds that a zygote holds of its containers cost a fork 0.2 ms a thousand.
    """
    steps = (1, 20) if smoke else (1, 100, 500, 1000, 2000)
    sandbox = await Sandbox.start(python=python, min_isolation=Isolation.LANDLOCK, reserve=0, budget_bytes=1 << 45)
    live: list[Kernel] = []
    cells = []
    points: list[tuple[float, float]] = []
    own: list[float] = []
    before = psutil.virtual_memory().available
    try:
        for step in steps:
            while len(live) < step:
                live.append(await sandbox.spawn(limits=Limits()))
            seconds = []
            cpu = time.process_time()
            for _ in range(10 if smoke else 30):
                began = time.perf_counter()
                one = await sandbox.spawn(limits=Limits())
                seconds.append(time.perf_counter() - began)
                await one.close()
            own.append((time.process_time() - cpu) / len(seconds))
            points.append((step, median(seconds)))
            cells.append(f"{step}: {median(seconds) * 1000:.2f} ms (p99 {percentile(seconds, 99) * 1000:.1f})")
        each = (before - psutil.virtual_memory().available) / len(live) / 2**20
    finally:
        for kernel in live:
            await kernel.close()
        await sandbox.close()
    return [
        Row(
            section="Growth",
            figure=f"a fresh container beside {steps[-1]} idle ones",
            value=round(points[-1][1] / points[0][1], 2),
            unit="× the first",
            goal="≤ 1.5 at 1,000",
            note=", ".join(cells),
        ),
        Row(
            section="Growth",
            figure=f"the engine's own CPU for it beside {steps[-1]} idle ones",
            value=round(own[-1] / own[0], 2),
            unit="× the first",
            goal="≤ 1.5",
            note=", ".join(f"{step}: {each * 1000:.2f} ms" for step, each in zip(steps, own, strict=True)),
        ),
        Row(section="Growth", figure="memory of one idle container", value=round(each, 1), unit="MiB", goal="≤ 5 MiB"),
    ]
