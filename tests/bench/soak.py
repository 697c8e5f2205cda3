"""Ten thousand mixed conversions with faults: what is left behind, and whether memory stays flat."""

import os
import random
import socket
from pathlib import Path

import psutil

from tests.bench import inputs
from tests.bench.measure import Row
from tests.bench.rig import Rig


def rows(directory: Path, *, smoke: bool) -> list[Row]:
    """Count memory, descriptors, processes, mounts, cgroups and files before and after."""
    count = 60 if smoke else 10_000
    noise = random.Random(11)
    cases = [
        (inputs.csv(directory / "soak.csv", 5_000), "xlsx"),
        (inputs.csv(directory / "soak2.csv", 20_000), "json"),
        (inputs.markdown(directory / "soak.md", 2_000), "html"),
        (inputs.png(directory / "soak.png", 64, 64), "jpg"),
    ]
    broken = directory / "broken.png"
    broken.write_bytes(cases[3][0].read_bytes()[:200])
    outcomes: dict[str, int] = {}
    with Rig(directory) as rig, rig.connection() as connection:
        for source, target in cases * 10:  # warm: every family's zygote is up, every buffer has its size
            rig.convert(connection, source, target)
        warm = _state(rig)
        for _ in range(count):
            source, target = noise.choice(cases)
            chance = noise.random()
            if chance < 0.02:
                outcome = f"damaged input: {rig.convert(connection, broken, 'jpg').status}"
            elif chance < 0.05:
                outcome = _hang_up(rig, source, target, noise)
            else:
                outcome = str(rig.convert(connection, source, target).status)
            outcomes[outcome] = outcomes.get(outcome, 0) + 1
        for source, target in cases * 3:
            rig.convert(connection, source, target)
        after = _state(rig)
    note = ", ".join(f"{name} × {times}" for name, times in sorted(outcomes.items()))
    found = [
        Row(section="Soak", figure=f"{name} after {count} conversions", value=after[name] - warm[name], unit="more",
            spread=f"{warm[name]:g} → {after[name]:g}", goal="0" if "MiB" not in name else "flat within 5 %")
        for name in warm
    ]  # fmt: skip
    return [*found, Row(section="Soak", figure="conversions", value=count, unit="", note=note)]


def _state(rig: Rig) -> dict[str, float]:
    tree = rig.tree()
    return {
        "service MiB": round(rig.service_rss() / 2**20, 1),
        "engine MiB": round(tree[1].memory_info().rss / 2**20, 1),  # the service's first child
        "descriptors": sum(process.num_fds() for process in tree if _alive(process)),
        "processes": len(tree),
        "mounts": len(Path("/proc/self/mountinfo").read_text().splitlines()),
        "cgroups": sum("recast" in folder for folder, _, _ in os.walk("/sys/fs/cgroup")),  # bears folders that vanish
        "files in flight": sum(1 for found in (rig.directory / "inflight").rglob("*") if found.is_file()),
    }


def _alive(process: psutil.Process) -> bool:
    return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)


def _hang_up(rig: Rig, source: Path, target: str, noise: random.Random) -> str:
    """Send the request whole or in part, and leave at once or a little later."""
    body = source.read_bytes()
    head = f"POST /convert/{target} HTTP/1.1\r\nHost: bench\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", rig.port)) as client:
        client.sendall((head + body)[: noise.choice((40, len(head) + 100, len(head) + len(body)))])
        client.settimeout(noise.choice((0.001, 0.01, 0.03)))
        try:
            client.recv(1)
        except TimeoutError:
            return "hung up"
    return "hung up late"
