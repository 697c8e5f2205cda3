"""The same files through what people use today, alternated with ours in one run.

Peers are commands and are optional: what is not installed is named. `make bench-peers` installs them into an environment of
their own (and, as root on Debian, through apt).
"""

import contextlib
import functools
import http.client
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench import inputs
from tests.bench.measure import Action, Row, alternate, milliseconds
from tests.bench.rig import Rig

PEERS = Path(__file__).parents[2] / ".venv" / "peers" / "bin"
UNO = PEERS.parents[1] / "uno" / "bin"
PATH = f"{PEERS}:{UNO}:/usr/bin:/bin"
LONGEST_SECONDS = 90  # a peer that takes longer is ended
PANDAS = "import sys, pandas as p; "

# conversion → peer → command; {0} is the input, {1} the output, {2} a scratch directory
COMMANDS: dict[tuple[str, str], dict[str, list[str]]] = {
    ("csv", "xlsx"): {
        "pandas": ["python", "-c", PANDAS + "p.read_csv(sys.argv[1]).to_excel(sys.argv[2], index=False)", "{0}", "{1}"],
        "LibreOffice": ["soffice", "--headless", "--convert-to", "xlsx", "--outdir", "{2}", "{0}"],
        "unoserver (warm)": ["unoconvert", "{0}", "{1}"],
    },
    ("csv", "json"): {
        "csvjson": ["csvjson", "-I", "{0}"],
        "duckdb": ["python", "-c", "import sys, duckdb; duckdb.sql(f\"copy (from '{sys.argv[1]}') to '{sys.argv[2]}' (array true)\")", "{0}", "{1}"],
        "pandas": ["python", "-c", PANDAS + "p.read_csv(sys.argv[1]).to_json(sys.argv[2], orient='records')", "{0}", "{1}"],
    },
    ("csv", "parquet"): {
        "duckdb": ["python", "-c", "import sys, duckdb; duckdb.sql(f\"copy (from '{sys.argv[1]}') to '{sys.argv[2]}'\")", "{0}", "{1}"],
        "pandas": ["python", "-c", PANDAS + "p.read_csv(sys.argv[1]).to_parquet(sys.argv[2])", "{0}", "{1}"],
    },
    ("xlsx", "csv"): {
        "in2csv": ["in2csv", "{0}"],
        "pandas": ["python", "-c", PANDAS + "p.read_excel(sys.argv[1]).to_csv(sys.argv[2], index=False)", "{0}", "{1}"],
        "markitdown": ["markitdown", "{0}"],
    },
    ("md", "html"): {"pandoc": ["pandoc", "-f", "gfm", "-t", "html", "-o", "{1}", "{0}"]},
    ("md", "docx"): {"pandoc": ["pandoc", "-f", "gfm", "-o", "{1}", "{0}"]},
    ("md", "pdf"): {
        "weasyprint": ["python", "-c", "import sys, markdown_it as m, weasyprint as w; w.HTML(string=m.MarkdownIt('commonmark').enable('table').render(open(sys.argv[1]).read())).write_pdf(sys.argv[2])", "{0}", "{1}"],
    },
    ("html", "md"): {"pandoc": ["pandoc", "-f", "html", "-t", "gfm", "-o", "{1}", "{0}"], "markitdown": ["markitdown", "{0}"]},
    ("docx", "pdf"): {
        "LibreOffice": ["soffice", "--headless", "--convert-to", "pdf", "--outdir", "{2}", "{0}"],
        "unoserver (warm)": ["unoconvert", "{0}", "{1}"],
    },
    ("docx", "md"): {"pandoc": ["pandoc", "-t", "gfm", "-o", "{1}", "{0}"], "markitdown": ["markitdown", "{0}"]},
    ("pdf", "txt"): {"pdftotext": ["pdftotext", "{0}", "{1}"], "markitdown": ["markitdown", "{0}"]},
    ("pdf", "png"): {"pdftoppm": ["pdftoppm", "-png", "-r", "150", "-f", "1", "-l", "1", "{0}", "{2}/page"]},
    ("png", "jpg"): {"ImageMagick": ["convert", "{0}", "{1}"], "libvips": ["vips", "copy", "{0}", "{1}"]},
    ("png", "webp"): {"ImageMagick": ["convert", "{0}", "{1}"], "libvips": ["vips", "copy", "{0}", "{1}"]},
    ("ipynb", "html"): {"nbconvert": ["jupyter-nbconvert", "--to", "html", "--output", "{1}", "{0}"]},
}  # fmt: skip


def rows(directory: Path, *, smoke: bool, sizes: str = "SML") -> list[Row]:
    """Measure every pair on a small, a middling and a large file (the last once); ours over HTTP, peers as cold commands."""
    found: list[Row] = []
    missing: set[str] = set()
    with _unoserver(directory), Rig(directory, run_seconds=600) as rig, rig.connection() as connection:
        for size in "S" if smoke else sizes:
            for (source_format, target), commands in COMMANDS.items():
                source = _input(rig, directory, source_format, size)
                present = {name: _resolved(command) for name, command in commands.items()}
                missing |= {f"{name} ({commands[name][0]})" for name, command in present.items() if command is None}
                actions: dict[str, Action] = {"ours": functools.partial(_ours, rig, connection, source, target)}
                for name, command in present.items():
                    if command is not None:
                        actions[name] = functools.partial(_peer, command, source, target, directory)
                rounds, warm = {"S": (5, 1), "M": (3, 1), "L": (1, 0)}[size]
                seconds = alternate(actions, rounds=1 if smoke else rounds, warm=warm)
                best = min(
                    (name for name in seconds if name != "ours"), key=lambda name: min(seconds[name]), default=""
                )
                others = [name for name in seconds if name not in ("ours", best)]
                found.append(
                    milliseconds(
                        f"Against peers, {size}",
                        f"{source_format} → {target} ({source.stat().st_size / 1000:.0f} KB)",
                        seconds["ours"],
                        against=(best, seconds[best]) if best else None,
                        goal={"S": "≥ 5×", "M": "≥ 3×", "L": "never slower"}[size],
                        note=", ".join(
                            f"{name} {sorted(seconds[name])[len(seconds[name]) // 2] * 1000:.0f} ms" for name in others
                        ),
                    )
                )
    if missing:
        found.append(
            Row(
                section="Against peers, S",
                figure="not installed here",
                value=len(missing),
                unit="peers",
                note=", ".join(sorted(missing)),
            )
        )
    return found


@contextlib.contextmanager
def _unoserver(directory: Path) -> Iterator[None]:
    """Keep one LibreOffice warm for `unoconvert`, where it is installed."""
    server = shutil.which("unoserver", path=PATH)
    if server is None:
        yield
        return
    words = [server, "--port", "2003", "--uno-port", "2002", "--user-installation", str(directory / "uno")]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        for _ in range(600):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", 2003), timeout=1):
                break
            time.sleep(0.1)
        try:
            yield
        finally:
            process.terminate()


def _ours(rig: Rig, connection: http.client.HTTPConnection, source: Path, target: str) -> None:
    connection.close()  # a new one each time, as for a command: peers may take longer than an idle one is kept
    answer = rig.convert(connection, source, target)
    if answer.status != 200:
        raise RuntimeError(f"{source.name} to {target}: {answer}")


def _peer(command: list[str], source: Path, target: str, directory: Path) -> None:
    scratch = directory / "scratch"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    words = [
        word.replace("{0}", str(source)).replace("{1}", str(scratch / f"out.{target}")).replace("{2}", str(scratch))
        for word in command
    ]
    environment = {"PATH": PATH, "HOME": str(directory), "LANG": "C.UTF-8"}
    quiet = subprocess.DEVNULL
    with contextlib.suppress(subprocess.TimeoutExpired):  # its time is then the longest there is
        subprocess.run(words, check=True, stdout=quiet, stderr=quiet, env=environment, timeout=LONGEST_SECONDS)


def _resolved(command: list[str]) -> list[str] | None:
    program = shutil.which(command[0], path=PATH)
    if program is None or (command[0] == "python" and not PEERS.exists()):
        return None
    return [program, *command[1:]]


def _input(rig: Rig, directory: Path, source_format: str, size: str) -> Path:
    path = directory / f"{size}.{source_format}"
    if path.exists():
        return path
    at = "SML".index(size)
    if source_format == "csv":
        return inputs.csv(path, (10_000, 2_700_000, 26_000_000)[at])
    if source_format == "md":
        return inputs.markdown(path, (12_000, 300_000, 1_300_000)[at])
    if source_format == "png":
        return inputs.png(path, *((400, 300), (1600, 1200), (4000, 3000))[at])
    if source_format == "ipynb":
        return _made(rig, inputs.text(directory / f"{size}.py", (2_000, 100_000, 1_000_000)[at]), path)
    origin = "csv" if source_format == "xlsx" else "md"
    return _made(rig, _input(rig, directory, origin, size), path)


def _made(rig: Rig, source: Path, path: Path) -> Path:
    with rig.connection() as connection:
        answer = rig.convert(connection, source, path.suffix[1:], path)
    if answer.status != 200:
        raise RuntimeError(f"{source.name} to {path.name}: {answer}")
    return path
