"""`make bench`: measure Recast beside what people use today, on this machine, in this minute.

Sections: fresh overhead throughput peers growth soak. `--smoke` runs each for seconds, so that the bench itself does not rot.
"""

import argparse
import logging
import os
import platform
import sys
import tempfile
from pathlib import Path

import msgspec

from tests.bench import fresh, growth, overhead, peers, soak, throughput
from tests.bench.measure import Row, table

REPOSITORY = Path(__file__).parents[2]
RECIPES = REPOSITORY / "recipes"


def main() -> None:
    """Run the chosen sections; print a table, write JSON when asked."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("sections", nargs="*", help="fresh overhead throughput peers growth soak (default: all)")
    parser.add_argument("--smoke", action="store_true", help="seconds instead of minutes; the figures mean nothing")
    parser.add_argument("--json", type=Path, help="write the rows to this file too")
    given = parser.parse_args()
    logging.disable(logging.INFO)
    python = Path(sys.prefix, "kernel", "bin", "python")
    with tempfile.TemporaryDirectory(prefix="recast-bench-") as name:
        directory = Path(name)
        sections = {
            "fresh": lambda: fresh.rows(directory, python, smoke=given.smoke),
            "overhead": lambda: overhead.rows(directory, RECIPES, smoke=given.smoke),
            "throughput": lambda: throughput.rows(directory, RECIPES, python, smoke=given.smoke),
            "peers": lambda: peers.rows(directory, smoke=given.smoke),
            "growth": lambda: growth.rows(directory, RECIPES, python, smoke=given.smoke),
            "soak": lambda: soak.rows(directory, smoke=given.smoke),
        }
        rows: list[Row] = []
        for section in given.sections or sections:
            print(f"… {section}", file=sys.stderr, flush=True)
            found = sections[section]()
            print(table(found), flush=True)
            rows += found
    if given.json:
        machine = {
            "cpus": os.cpu_count(),
            "machine": platform.machine(),
            "kernel": platform.release(),
            "python": platform.python_version(),
        }
        given.json.write_bytes(msgspec.json.format(msgspec.json.encode({"machine": machine, "rows": rows}), indent=1))


main()
