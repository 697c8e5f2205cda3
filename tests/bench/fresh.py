"""A fresh confined container: until it has its libraries and has answered ``1+1``, in the engine and over the wire."""

import asyncio
import json
import os
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil

from service.engine.sandbox import Isolation, Kernel, Limits, Sandbox
from tests.bench.measure import Action, Row, alternate, median, milliseconds, percentile
from tests.bench.rig import Rig

SECTION = "A fresh container, ready and having answered 1+1"
IMPORTS = "import numpy, pandas, matplotlib.pyplot, openpyxl, PIL.Image"
PROMPT = "```python\n1+1\n```"
# The goals were set where `python -c pass` took 8.8 ms, and two at a time 224 a second; what travels is the ratio to it.
ON_DEMAND, FROM_RESERVE, OVER_THE_WIRE, A_SECOND = "≥ 1.8× (5 ms)", "≥ 8.8× (1 ms)", "≥ 1× (9 ms)", "≥ 0.67× (150)"


def rows(directory: Path, python: Path, *, smoke: bool) -> list[Row]:
    """Measure on demand, from the reserve and over the wire, beside what else starts a Python."""
    rounds = 5 if smoke else 100
    others = alternate(_others(python), rounds=2 if smoke else 10)
    plain = ("python -c pass", others["python -c pass"])
    found: list[Row] = []
    for family in ("general", "table", "light"):
        seconds = asyncio.run(_cells(python, family, reserve=0, rounds=rounds))
        found.append(_row(f"{family} libraries, on demand", seconds, plain, ON_DEMAND))
    found.append(
        _row(
            "general libraries, from the reserve",
            asyncio.run(_cells(python, "general", reserve=4, rounds=rounds)),
            plain,
            FROM_RESERVE,
        )
    )
    found.append(_row("over the wire: POST /v1/responses", _wire(directory, rounds), plain, OVER_THE_WIRE))
    found += [milliseconds(SECTION, name, seconds) for name, seconds in others.items()]
    starts = _starts_a_second(_others(python)["python -c pass"], seconds=1 if smoke else 5)
    found += asyncio.run(_rate_and_memory(python, starts, smoke=smoke))
    return found


def _row(figure: str, seconds: list[float], plain: tuple[str, list[float]], goal: str) -> Row:
    return milliseconds(
        SECTION, figure, seconds, against=plain, goal=goal, note=f"p99 {percentile(seconds, 99) * 1000:.1f} ms"
    )


async def _cells(python: Path, family: str, *, reserve: int, rounds: int) -> list[float]:
    sandbox = await Sandbox.start(python=python, min_isolation=Isolation.LANDLOCK, reserve=reserve)
    try:
        for _ in range(5):
            await (await _first_cell(sandbox, family)).close()
        await asyncio.sleep(0.5)
        seconds = []
        for _ in range(rounds):
            began = time.perf_counter()
            kernel = await _first_cell(sandbox, family)
            seconds.append(time.perf_counter() - began)
            await kernel.close()
            await asyncio.sleep(
                0.05 if reserve else 0
            )  # the reserve refills; a burst is the throughput section's matter
        return seconds
    finally:
        await sandbox.close()


async def _first_cell(sandbox: Sandbox, family: str) -> Kernel:
    kernel = await sandbox.spawn(family=family, limits=Limits())
    result = await kernel.run("1+1", seconds=10)
    if [getattr(output, "text", "").strip() for output in result.outputs] != ["2"]:
        raise RuntimeError(f"1+1 answered {result}")
    return kernel


def _wire(directory: Path, rounds: int) -> list[float]:
    body = json.dumps(
        {
            "model": "program",
            "input": PROMPT,
            "store": False,
            "tool_choice": "required",
            "tools": [{"type": "code_interpreter", "container": {"type": "auto"}}],
        }
    )
    seconds = []
    with Rig(directory, requests_per_minute=0) as rig, rig.engine_connection() as connection:
        for turn in range(-3, rounds):
            began = time.perf_counter()
            connection.request("POST", "/v1/responses", body, {"Content-Type": "application/json"})
            answer = json.load(connection.getresponse())
            if turn >= 0:
                seconds.append(time.perf_counter() - began)
            if answer.get("status") != "completed":
                raise RuntimeError(answer)
            call = next(item for item in answer["output"] if item["type"] == "code_interpreter_call")
            connection.request("DELETE", f"/v1/containers/{call['container_id']}")
            connection.getresponse().read()
    return seconds


def _others(python: Path) -> dict[str, Action]:
    environment = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "MPLCONFIGDIR": "/tmp", "OPENBLAS_NUM_THREADS": "1"}

    def command(*words: str) -> Action:
        return lambda: subprocess.run(words, check=True, env=environment, stdout=subprocess.DEVNULL)

    found: dict[str, Action] = {
        "bare fork and exit": _fork,
        "python -c pass": command(str(python), "-c", "pass"),
        f'python -c "{IMPORTS}"': command(str(python), "-c", IMPORTS),
    }
    if shutil.which("bwrap"):
        found["bwrap … python -c the same imports"] = command(
            "bwrap", "--unshare-all", "--ro-bind", "/", "/", "--tmpfs", "/tmp", str(python), "-c", IMPORTS
        )  # fmt: skip
    jupyter = python.parents[2] / "peers" / "bin" / "python"
    if jupyter.exists():
        found["a Jupyter kernel answers 1+1"] = command(str(jupyter), "-c", JUPYTER)
    return found


JUPYTER = """
from jupyter_client.manager import start_new_kernel
manager, client = start_new_kernel()
client.execute_interactive("1+1", output_hook=lambda message: None)
manager.shutdown_kernel(now=True)
"""


def _fork() -> None:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)


def _starts_a_second(start: Action, *, seconds: float) -> float:
    """Return how many of these a second end, two at a time."""
    began = time.perf_counter()

    def loop(_number: int) -> int:
        done = 0
        while time.perf_counter() - began < seconds:
            start()
            done += 1
        return done

    with ThreadPoolExecutor(2) as threads:
        return sum(threads.map(loop, range(2))) / (time.perf_counter() - began)


async def _rate_and_memory(python: Path, starts: float, *, smoke: bool) -> list[Row]:
    sandbox = await Sandbox.start(python=python, min_isolation=Isolation.LANDLOCK, reserve=0, budget_bytes=1 << 40)
    try:
        await (await _first_cell(sandbox, "general")).close()
        deadline = time.perf_counter() + (1 if smoke else 5)
        done = 0

        async def loop() -> None:
            nonlocal done
            while time.perf_counter() < deadline:
                await (await _first_cell(sandbox, "general")).close()
                done += 1

        began = time.perf_counter()
        await asyncio.gather(loop(), loop(), loop())
        rate = done / (time.perf_counter() - began)
        live = [await _first_cell(sandbox, "general") for _ in range(5 if smoke else 20)]
        private = [_private_mib(process) for process in _kernels()]
        for kernel in live:
            await kernel.close()
    finally:
        await sandbox.close()
    return [
        Row(
            section=SECTION,
            figure="fresh containers a second",
            value=round(rate, 1),
            unit="/s",
            against=f"python -c pass, two at a time {starts:.0f}/s",
            ratio=round(rate / starts, 2),
            goal=A_SECOND,
        ),
        Row(
            section=SECTION,
            figure="private memory of one idle container",
            value=round(median(private), 2),
            unit="MiB",
            goal="≤ 5 MiB",
        ),
    ]


def _kernels() -> list[psutil.Process]:
    """Return the kernels: the youngest generation below this process that has libraries, so not their pid 1."""
    tree = psutil.Process().children(recursive=True)
    return [process for process in tree if not process.children() and process.memory_info().rss > 20 << 20]


def _private_mib(process: psutil.Process) -> float:
    return float(process.memory_full_info().uss) / 2**20
