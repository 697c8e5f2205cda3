"""What a run left behind: which of its files is the output, and what the program reported.

Pure decisions over a run's transcript. Nothing here talks to an engine; nothing here believes a run: names, paths and the report are
whatever the code inside the container chose to write.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from urllib.parse import unquote

import msgspec
from msgspec import Struct

from service.conversion.transcript import Citation, ContainerFile, Transcript

Fact = str | int | float | bool | None
MAX_REPORT_BYTES = 64 * 1024

_EXCEPTION = re.compile(r"^(?:\w+\.)*([A-Z]\w{2,60})(?:: |$)", re.MULTILINE)
# Rust's and C++'s last words
_NO_MEMORY = re.compile(r"^(?:memory allocation of \d+ bytes failed|.*std::bad_alloc)$", re.MULTILINE)
_FIGURE = re.compile(r"cfile_\w+\.png")  # the name the vendor gives a figure that was only shown
_MARKDOWN_LINK = re.compile(r"\]\(<?(?:sandbox:)?(/mnt/data/(?:\\.|[^()\\>]|\([^()]*\))+)>?\)")
_BARE_PATH = re.compile(r"(?:sandbox:)?(/mnt/data/[^\s`'\"<>()\]]+)")


class Refused(Struct, frozen=True):
    """The program's named refusal of a document: ``damaged``, ``encrypted``, ``too_large``, ``unsupported`` or ``empty``."""

    code: str
    detail: str = ""


class Report(Struct, frozen=True):
    """The program's last line: counts a reader can compare, what was dropped or guessed, or why it refused."""

    facts: dict[str, Fact] = {}
    warnings: list[str] = []
    seconds: float = 0.0
    refused: Refused | None = None


class _LastLine(Struct, frozen=True):
    recast: Report


def report_of(logs: Sequence[str]) -> Report | None:
    """Return the report that the last line of the logs is, or None: then the program did not reach its end."""
    lines = logs[-1].rstrip().rsplit("\n", 1) if logs else [""]
    try:
        return msgspec.json.decode(lines[-1][:MAX_REPORT_BYTES].encode(errors="replace"), type=_LastLine).recast
    except msgspec.MsgspecError:
        return None


def error_of(logs: Sequence[str]) -> str | None:
    """Return the class name of the exception that the last logs end with, as Python prints it; never its text.

    A library that gets no memory ends the process, with words instead of an exception; it is ``MemoryError`` too.
    """
    if logs and _NO_MEMORY.search(logs[-1]):
        return "MemoryError"
    found = _EXCEPTION.findall(logs[-1]) if logs else []
    return found[-1] if found else None


def choose(
    transcript: Transcript, listing: Sequence[ContainerFile], extensions: Sequence[str]
) -> tuple[str, str] | None:
    """Return the container and file id of the output: by citation, then by link in the text, then by listing.

    A file with one of the wanted extensions wins over any other; then the last one cited does, and its content is judged later.

    Args:
        transcript: The run.
        listing: The files of its containers, all pages; empty is fine when a citation fits.
        extensions: Of the promised format, without dot.
    """
    candidates = [*_cited(transcript), *_linked(transcript, listing), *_made(listing)]
    fitting = (each for name, *each in candidates if PurePosixPath(name).suffix.lower().removeprefix(".") in extensions)
    last_cited = ([each.container_id, each.file_id] for each in reversed(transcript.citations) if not _is_figure(each))
    chosen = next(fitting, None) or next(last_cited, None)
    return (chosen[0], chosen[1]) if chosen else None


def _cited(transcript: Transcript) -> Iterator[tuple[str, str, str]]:
    """Later citations first, figures that were only shown last of all: a picture may be all there is."""
    for wanted in (False, True):
        for each in reversed(transcript.citations):
            if _is_figure(each) is wanted:
                yield each.filename, each.container_id, each.file_id


def _is_figure(citation: Citation) -> bool:
    return citation.start == citation.end == 0 and _FIGURE.fullmatch(citation.filename) is not None


def _linked(transcript: Transcript, listing: Sequence[ContainerFile]) -> Iterator[tuple[str, str, str]]:
    by_path = {each.path: each for each in listing}
    for text in reversed(transcript.texts):
        for found in reversed([*_MARKDOWN_LINK.findall(text), *_BARE_PATH.findall(text)]):
            path = re.sub(r"\\(.)", r"\1", found)
            if file := by_path.get(path) or by_path.get(unquote(path)) or by_path.get(path.rstrip(".,;:")):
                yield file.path, file.container_id, file.file_id


def _made(listing: Sequence[ContainerFile]) -> Iterator[tuple[str, str, str]]:
    for each in sorted(listing, key=lambda file: file.created_at, reverse=True):
        if each.source == "assistant":
            yield each.path, each.container_id, each.file_id
