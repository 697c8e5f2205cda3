"""`recast convert`: which files become which, and what is said of each.

Owns names of inputs and outputs, progress and the report. The service does the converting: a running one, or one started
for this run.
"""

import asyncio
import contextlib
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from glob import glob
from pathlib import Path

import msgspec
from msgspec import Struct
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from service.command.client import Client, ConversionFailed, Converted, ServiceUnreachable
from service.conversion.formats import UnknownFormat, format_named, format_of_name
from service.settings import Settings

STANDARD = "-"
_AT_A_TIME = 4
_STAGES = {"send": "sending", "convert": "converting", "receive": "receiving"}


class Unusable(Exception):
    """The arguments name no conversion; ``str()`` says why in a sentence."""


class Work(Struct, frozen=True):
    """One file to convert. ``target`` None is standard output; ``filename`` is empty for standard input."""

    source: Path
    target: Path | None
    output_format: str
    filename: str


class Outcome(Struct, frozen=True, omit_defaults=True):
    """What became of one file; a line of ``--json``."""

    input: str
    output: str
    ok: bool
    bytes: int | None = None
    input_type: str | None = None
    recipe: str | None = None
    warnings: tuple[str, ...] = ()
    status: int | None = None
    code: str | None = None
    error: str | None = None
    exit_code: int = 0


def planned(arguments: Sequence[str], *, output_format: str | None, into: Path | None) -> list[Work]:
    """Turn the command's arguments into work: IN OUT, or with a format IN… beside or into a directory.

    Raises:
        Unusable: They make no sense together.
    """
    arguments = list(arguments)
    if output_format is None:
        if len(arguments) != 2:  # noqa: PLR2004 - IN OUT
            raise Unusable("Give IN and OUT, or any number of files with --to FORMAT.")
        source, out = arguments
        named = format_of_name(out)
        if named is None:
            raise Unusable(f"{out} has no extension that names a format: add --to FORMAT.")
        return [_work(source, _writable(out), named.name)]
    try:
        output_format = format_named(output_format).name
    except UnknownFormat:
        raise Unusable(f"No format is called {output_format!r}.") from None
    if len(arguments) > 1 and (arguments[-1] == STANDARD or _is_output(arguments, output_format)):
        *arguments, out = arguments
        if len(arguments) != 1:
            raise Unusable(f"{out} can take one file only; give --into DIRECTORY for several.")
        return [_work(arguments[0], None if out == STANDARD else _writable(out), output_format)]
    sources = [source for argument in arguments for source in _expanded(argument)]
    if not sources:
        raise Unusable("There is no file to convert.")
    works = [_work(source, _beside(source, output_format, into), output_format) for source in sources]
    targets = [work.target for work in works if work.target]
    if twice := {target for target in targets if targets.count(target) > 1}:
        raise Unusable(f"Several files would become {min(twice)}.")
    if into is not None:
        _make(into)
    return works


def run_all(
    works: Sequence[Work], *, options: Mapping[str, str], url: str | None, settings: Settings, as_json: bool
) -> int:
    """Call `run` on a loop of its own; a start that fails is one line and exit code 1."""
    running = run(works, options=options, url=url, settings=settings, as_json=as_json)
    if url:
        return asyncio.run(running)
    from service.command import serve  # noqa: PLC0415 - both halves of the service, which a client does without

    return serve.run(running)


async def run(
    works: Sequence[Work], *, options: Mapping[str, str], url: str | None, settings: Settings, as_json: bool
) -> int:
    """Convert all, report each, and return the exit code: the worst that happened.

    Args:
        works: From `planned`.
        options: The recipe's, and ``from`` and ``instructions``.
        url: A running service; None starts one for this run.
        settings: For that one; its first API key is presented to either.
        as_json: One JSON object a file on standard output, instead of sentences on standard error.
    """
    console = Console(stderr=True)
    with _progress(console) as progress:
        async with _service(url, settings) as address, _client(address, settings) as client:
            turn = asyncio.Semaphore(_AT_A_TIME)

            async def one(work: Work) -> Outcome:
                async with turn:
                    return await _convert(client, work, options, progress)

            tasks = [asyncio.create_task(one(work)) for work in works]
            outcomes = []
            for task in tasks:
                outcome = await task
                outcomes.append(outcome)
                _report(outcome, console, as_json=as_json, quiet=len(works) == 1 and not console.is_terminal)
    codes = {outcome.exit_code for outcome in outcomes}
    return 1 if 1 in codes else max(codes)


def _work(source: str, target: Path | None, output_format: str) -> Work:
    if source == STANDARD:
        return Work(Path(STANDARD), target, output_format, "")
    if target is not None and Path(source).resolve() == target.resolve():
        raise Unusable(f"{source} would be overwritten by itself.")
    if not Path(source).is_file():
        raise Unusable(f"{source}: no such file.")
    return Work(Path(source), target, output_format, Path(source).name)


def _writable(out: str) -> Path:
    if not Path(out).parent.is_dir():
        raise Unusable(f"{Path(out).parent}: no such directory.")
    return Path(out)


def _make(directory: Path) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Unusable(f"{directory} cannot be made: {error.strerror}.") from None


def _is_output(arguments: Sequence[str], output_format: str) -> bool:
    """Whether two arguments with a format are still IN OUT: the second alone has the format's extension."""
    named = [format_of_name(argument) for argument in arguments]
    return [each is not None and each.name == output_format for each in named] == [False, True]


def _beside(source: str, output_format: str, into: Path | None) -> Path | None:
    if source == STANDARD:
        return None
    stem = Path(source).stem.removesuffix(".tar")
    return (into or Path(source).parent) / f"{stem}.{output_format}"


def _expanded(argument: str) -> Iterable[str]:
    """Yield the files an argument means: itself, a directory's visible files, or a pattern's matches."""
    path = Path(argument)
    if argument == STANDARD or path.is_file():
        return [argument]
    if path.is_dir():
        return [str(each) for each in sorted(path.rglob("*")) if each.is_file() and not _is_hidden(each, path)]
    found = sorted(match for match in glob(argument, recursive=True) if Path(match).is_file())  # noqa: PTH207 - a pattern may be absolute
    if not found:
        raise Unusable(f"{argument}: no such file.")
    return found


def _is_hidden(path: Path, top: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(top).parts)


async def _convert(client: Client, work: Work, options: Mapping[str, str], progress: Progress) -> Outcome:
    shown = str(work.source), str(work.target or STANDARD)
    task = progress.add_task(work.filename or "standard input", total=None, stage="waiting")
    try:
        with _readable(work.source) as source:
            done = await client.convert(
                source,
                work.target,
                work.output_format,
                filename=work.filename,
                options=options,
                progress=lambda stage, count, total: _advance(progress, task, stage, count, total),
            )
    except ConversionFailed as failure:
        problem = failure.problem
        return Outcome(
            *shown,
            ok=False,
            status=problem.status,
            code=problem.code,
            error=problem.sentence,
            exit_code=problem.exit_code,
        )
    except ServiceUnreachable as failure:
        return Outcome(*shown, ok=False, error=str(failure), exit_code=1)
    except OSError as failure:
        return Outcome(*shown, ok=False, error=f"{failure.strerror}: {failure.filename}", exit_code=2)
    finally:
        progress.remove_task(task)
    return _succeeded(shown, done)


def _succeeded(shown: tuple[str, str], done: Converted) -> Outcome:
    return Outcome(
        *shown,
        ok=True,
        bytes=done.bytes,
        input_type=done.input_type,
        recipe=done.recipe,
        warnings=done.warnings,
    )


def _advance(progress: Progress, task: TaskID, stage: str, count: int, total: int | None) -> None:
    progress.update(task, completed=count, total=total, stage=_STAGES[stage])


@contextlib.contextmanager
def _readable(source: Path) -> Iterator[Path]:
    """Give standard input as a file, for its size must be known; other sources as they are."""
    if str(source) != STANDARD:
        yield source
        return
    with tempfile.NamedTemporaryFile(prefix="recast-") as spool:
        shutil.copyfileobj(sys.stdin.buffer, spool)
        spool.flush()
        yield Path(spool.name)


def _report(outcome: Outcome, console: Console, *, as_json: bool, quiet: bool) -> None:
    if as_json:
        sys.stdout.write(msgspec.json.encode(outcome).decode() + "\n")
        return
    lines = [f"{outcome.input}: {outcome.error}"] if not outcome.ok else []
    if outcome.ok and not quiet:
        lines = [f"{outcome.input} → {outcome.output}"]
    lines += [f"{outcome.input}: note: {warning}" for warning in outcome.warnings]
    for line in lines:
        console.print(line, style="red" if not outcome.ok else None, markup=False, highlight=False, soft_wrap=True)


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[stage]}"),
        DownloadColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def _client(address: str, settings: Settings) -> Client:
    return Client(address, key=settings.api_keys[0] if settings.api_keys else None)


@contextlib.asynccontextmanager
async def _service(url: str | None, settings: Settings) -> AsyncIterator[str]:
    if url:
        yield url
        return
    from service.command import serve  # noqa: PLC0415 - likewise

    async with serve.for_one_run(settings) as address:
        yield address
