"""What every program begins and ends with: the input, the output, warnings, named refusals and the report.

The lines above this file in the joined program set TARGET, SOURCE_TYPE and OPTIONS.
"""

import json
import os
import sys
import time
from pathlib import Path

DIRECTORY = Path("/mnt/data")
OUTPUT = DIRECTORY / f"output.{TARGET}"
SOURCE = next(  # the only file there, but for the output of an earlier try
    Path(entry.path)
    for entry in os.scandir(DIRECTORY)
    if entry.name != OUTPUT.name and entry.is_file(follow_symlinks=False)
)

MAX_INFLATED_BYTES = 1 << 30  # what a compressed input may unpack to, in total
HARMLESS_BYTES = 32 << 20  # up to which blank pictures and pages may pack a thousandfold
MAX_INFLATION = 200  # and past that, how many times its own size
MAX_PIXELS = 200_000_000
MAX_DEPTH = 500  # nesting of JSON, YAML, XML and the like

warnings = []
started = time.perf_counter()


class Refusal(Exception):
    """This document cannot be converted, and why: damaged, encrypted, too_large, unsupported or empty."""

    def __init__(self, code, detail):
        super().__init__(detail)
        self.code, self.detail = code, detail


def refuse(code, detail):
    raise Refusal(code, detail)


def warn(text):
    """Tell the caller what was dropped or guessed; once each, a short sentence."""
    if text not in warnings:
        warnings.append(text)


def report(**fields):
    """The last line of the logs, which the service reads."""
    fields["warnings"] = warnings[:20]
    fields["seconds"] = round(time.perf_counter() - started, 4)
    sys.stdout.flush()
    print(json.dumps({"recast": fields}))


def finish(**facts):
    """Report the output, after it was verified. Facts are counts a reader can compare: rows, columns, pages, pixels."""
    if not OUTPUT.is_file() or not OUTPUT.stat().st_size:
        raise RuntimeError(f"{OUTPUT.name} was not written")
    report(output=str(OUTPUT), facts=facts)


def run(convert):
    """Call ``convert()``; it returns the facts. A refusal is a result, not a traceback; memory running out is one too."""
    try:
        facts = convert() or {}
    except Refusal as refusal:
        OUTPUT.unlink(missing_ok=True)
        report(refused={"code": refusal.code, "detail": refusal.detail[:500]})
    except MemoryError:
        OUTPUT.unlink(missing_ok=True)
        report(refused={"code": "too_large", "detail": "the document needs more memory than a container has"})
    else:
        finish(**facts)
