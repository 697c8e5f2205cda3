"""The table of formats (`media.toml`): what each is called and how its bytes are known. Knows no files and no recipes."""

import functools
import re
import tomllib
from pathlib import Path, PurePosixPath
from typing import Literal

import msgspec
from msgspec import Struct


class Format(Struct, frozen=True, forbid_unknown_fields=True):
    """One row of the table; `media.toml` says what each column means."""

    name: str
    media_type: str
    title: str
    proof: Literal["bytes", "text", "name"]
    extensions: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    base: str | None = None
    wears: tuple[str, ...] = ()
    magic: str = ""
    magic_if_named: str = ""
    main_part: str = ""
    folder: str = ""
    streams: tuple[str, ...] = ()


class Table(Struct, frozen=True):
    """`media.toml`, with its words and patterns ready to be looked up."""

    formats: dict[str, Format]
    programs: frozenset[str]
    vague: frozenset[str]
    by_word: dict[str, Format]
    magic: tuple[tuple[re.Pattern[bytes], Format], ...]


class UnknownFormat(Exception):
    """No format goes by this name, extension or media type."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


@functools.cache
def table() -> Table:
    """Return the table, read once."""
    raw = tomllib.loads(Path(__file__).with_name("media.toml").read_text(encoding="utf-8"))
    formats = {name: msgspec.convert({**row, "name": name}, Format) for name, row in raw["formats"].items()}
    return Table(
        formats=formats,
        programs=frozenset(raw["programs"]),
        vague=frozenset(raw["vague"]),
        by_word={
            word: each
            for each in formats.values()
            for word in (each.name, each.media_type, *each.extensions, *each.aliases)
        },
        magic=tuple((pattern(each.magic), each) for each in formats.values() if each.magic),
    )


def formats() -> tuple[Format, ...]:
    """Return the whole table."""
    return tuple(table().formats.values())


def format_named(name: str) -> Format:
    """Return the format with this name, extension (dot or not) or media type (parameters allowed), in any case.

    Raises:
        UnknownFormat: No row of the table has it.
    """
    word = name.partition(";")[0].strip().lower().removeprefix(".")
    try:
        return table().by_word[word]
    except KeyError:
        raise UnknownFormat(name) from None


def lineage(media_type: str) -> tuple[str, ...]:
    """Return the media type in its canonical spelling, then what it is a special case of: ``(rss+xml, xml)``."""
    try:
        row = format_named(media_type)
    except UnknownFormat:
        return (media_type,)
    return (row.media_type, *(lineage(table().formats[row.base].media_type) if row.base else ()))


def format_of_name(filename: str) -> Format | None:
    """Return the format that a file's name claims by its extension, or None."""
    suffixes = [suffix.lower() for suffix in PurePosixPath(filename.replace("\\", "/")).suffixes]
    words = ("".join(suffixes[-2:]), suffixes[-1]) if suffixes else ()
    return next((row for word in words if (row := table().by_word.get(word.removeprefix(".")))), None)


@functools.cache
def pattern(source: str) -> re.Pattern[bytes]:
    """Compile a `magic` of the table."""
    return re.compile(source.encode("latin-1"), re.DOTALL)
