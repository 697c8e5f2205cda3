"""Conversions a second with 1 to 512 clients, against the same programs run back to back in containers, without HTTP."""

import asyncio
import sys
import time
from pathlib import Path

from service.conversion import prompt
from service.conversion.recipe import options_for
from service.conversion.recipes import Catalogue
from service.engine.sandbox import Isolation, Limits, Sandbox
from tests.bench import inputs
from tests.bench.measure import Row, percentile
from tests.bench.rig import Rig

CASES = (("csv", "xlsx", "text/csv"), ("md", "pdf", "text/markdown"), ("png", "webp", "image/png"))


def rows(directory: Path, recipes: Path, kernel_python: Path, *, smoke: bool) -> list[Row]:
    """Measure each case at each number of clients."""
    found: list[Row] = []
    counts = (1, 8) if smoke else (1, 2, 8, 64, 512)
    sources = {
        "csv": inputs.csv(directory / "small.csv", 10_000),
        "md": inputs.markdown(directory / "small.md", 3_000),
        "png": inputs.png(directory / "small.png", 320, 240),
    }
    for source_format, target, media_type in CASES:
        source = sources[source_format]
        bare = asyncio.run(_bare(recipes, kernel_python, source, media_type, target, seconds=1 if smoke else 6))
        for clients in counts:
            with Rig(directory, queue_seconds=20) as rig, rig.connection() as connection:
                rig.convert(connection, source, target)
                wanted = 20 if smoke else max(clients, 300)
                began = time.perf_counter()
                answers = rig.crowd(source, target, clients=clients, each=max(1, wanted // clients))
                took = time.perf_counter() - began
            done = [answer.seconds for answer in answers if answer.status == 200]
            refused = [answer.seconds for answer in answers if answer.status == 429]
            others = len(answers) - len(done) - len(refused)
            found.append(
                Row(
                    section="Throughput",
                    figure=f"{source_format} → {target}, {clients} clients",
                    value=round(len(done) / took, 1),
                    unit="/s",
                    spread=f"p50 {percentile(done, 50) * 1000:.0f} ms, p99 {percentile(done, 99) * 1000:.0f} ms"
                    if done
                    else "",
                    against=f"bare containers {bare:.1f}/s",
                    ratio=round(len(done) / took / bare, 2),
                    goal="≥ 0.8 of bare",
                    note=f"{len(done)} done, {len(refused)} refused (429)"
                    + (f", slowest refusal {max(refused) * 1000:.0f} ms" if refused else "")
                    + (f", {others} others" if others else ""),
                )
            )
    return found


async def _bare(recipes: Path, python: Path, source: Path, media_type: str, target: str, *, seconds: float) -> float:
    """Return conversions a second of two loops over spawn, put, run, read, close."""
    catalogue = Catalogue.load([recipes])
    recipe = catalogue.recipe_for(media_type, target)
    if recipe is None:
        raise LookupError(f"{media_type} to {target} is not offered")
    options = options_for(recipe, media_type, target, {})
    program = prompt.program(recipe, source_type=media_type, target=target, options=options)
    sandbox = await Sandbox.start(python=python, min_isolation=Isolation.LANDLOCK, reserve=2)
    done = 0
    try:
        await _one(sandbox, recipe.kernel, program, source)
        deadline = time.perf_counter() + seconds

        async def loop() -> None:
            nonlocal done
            while time.perf_counter() < deadline:
                await _one(sandbox, recipe.kernel, program, source)
                done += 1

        await asyncio.gather(loop(), loop())
    finally:
        await sandbox.close()
    return done / seconds


async def _one(sandbox: Sandbox, family: str, program: str, source: Path) -> None:
    kernel = await sandbox.spawn(family=family, limits=Limits())
    try:
        await kernel.put(source.name, source)
        result = await kernel.run(program, seconds=60)
        if not any(entry.path.startswith("output.") for entry in await kernel.scan()):
            sys.exit(f"the program wrote no output: {result}")
    finally:
        await kernel.close()
