"""One recipe file: `recipes/<family>.toml`, decoded strictly and checked, with the programs it names.

Owns the file's shape. Knows the table of formats; knows nothing of other recipes, HTTP, engines, or how a program is run.
"""

import functools
import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from service.conversion.linking import File, cut, linked
from service.conversion.media import UnknownFormat, format_named, lineage
from service.conversion.options import Option, OptionValue, fault_of, typed

Fidelity = Literal["exact", "content", "layout"]
Family = Literal["light", "table", "document", "image", "general"]
_FENCE = re.compile(r"^\s*(?:```|~~~)", re.MULTILINE)
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


class Converts(Struct, frozen=True, forbid_unknown_fields=True, rename={"inputs": "from", "outputs": "to"}):
    """Input media types (``from``) and output formats (``to``) that a recipe offers, and in what they differ from the rest of it."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    fidelity: Fidelity | None = None
    program: tuple[str, ...] = ()
    kernel: Family | None = None


class Recipe(Struct, frozen=True, forbid_unknown_fields=True):
    """One recipe file; ``name`` is the file's stem and ``files`` are its programs by their names."""

    name: str
    version: str
    title: str
    description: str
    kernel: Family
    fidelity: Fidelity
    prompt: str
    converts: tuple[Converts, ...]
    program: tuple[str, ...] = ()
    drops: str = ""
    options: dict[str, Option] = {}
    files: dict[str, File] = {}

    def source(self, *, target: str, source_type: str) -> str:
        """Return the programs joined, in order, with what this pair needs of them; empty for prose only."""
        return linked(tuple(self.files[name] for name in self.program), target=target, source_type=source_type)

    @property
    def requires_model(self) -> bool:
        """Whether only a model can follow this recipe, for it has no program at all."""
        return not self.program and not any(each.program for each in self.converts)


class RecipeInvalid(Exception):
    """A recipe file that start-up refuses: which file, which key in it (or empty), and why; ``str()`` is the one line."""

    def __init__(self, file: Path, key: str, reason: str) -> None:
        super().__init__(f"{file}: {key}: {reason}" if key else f"{file}: {reason}")
        self.file = file
        self.key = key
        self.reason = reason


def read_recipe(file: Path, programs: Mapping[str, Path]) -> Recipe:
    """Read and check one recipe.

    Args:
        file: The ``.toml``.
        programs: Where the programs are that it may name.

    Raises:
        RecipeInvalid: Any fault in it.
    """
    try:
        raw = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RecipeInvalid(file, "", str(error)) from None
    for key in ("name", "files"):
        if key in raw:
            raise RecipeInvalid(file, key, "unknown key")
    try:
        recipe = msgspec.convert({**raw, "name": file.stem}, Recipe)
    except msgspec.ValidationError as error:
        reason, _, where = str(error).partition(" - at ")
        raise RecipeInvalid(file, where.strip("`").removeprefix("$."), reason) from None
    _check(recipe, file)
    names = {name for program in (recipe.program, *(each.program for each in recipe.converts)) for name in program}
    return msgspec.structs.replace(recipe, files={name: _program(file, name, programs) for name in sorted(names)})


def makers_of(recipe: Recipe) -> Iterable[tuple[tuple[str, str], Recipe]]:
    """Yield each pair that a recipe states, with the recipe as it is for that pair: its program and kernel."""
    for each in recipe.converts:
        made = msgspec.structs.replace(
            recipe, converts=(each,), program=each.program or recipe.program, kernel=each.kernel or recipe.kernel
        )
        yield from (((source, output), made) for source in each.inputs for output in each.outputs)


def applicable_options(recipe: Recipe, input_type: str, output_format: str) -> dict[str, Option]:
    """Return the recipe's options that apply to this pair."""
    source = source_type_of(recipe, input_type, output_format)
    return {
        name: option
        for name, option in recipe.options.items()
        if (not option.inputs or source in option.inputs) and (not option.outputs or output_format in option.outputs)
    }


def source_type_of(recipe: Recipe, input_type: str, output_format: str) -> str:
    """Return the type as which the recipe takes this input: its own, or what it is a special case of."""
    taken = {pair[0] for pair in pairs_of(recipe) if pair[1] == output_format}
    return next((each for each in lineage(input_type) if each in taken), input_type)


def options_for(
    recipe: Recipe, input_type: str, output_format: str, given: Mapping[str, str]
) -> dict[str, OptionValue]:
    """Return every option that applies to the pair, typed, with defaults filled in.

    Raises:
        OptionInvalid: A value is not what its option takes; `OptionUnknown` if there is no such option here.
    """
    return typed(applicable_options(recipe, input_type, output_format), given)


def pairs_of(recipe: Recipe) -> Iterable[tuple[str, str]]:
    """Yield the (input media type, output format) pairs that a recipe states."""
    return ((source, output) for each in recipe.converts for source in each.inputs for output in each.outputs)


def _check(recipe: Recipe, file: Path) -> None:
    for index, each in enumerate(recipe.converts):
        _check_words(each.inputs, each.outputs, file, f"converts[{index}]")
    pairs = list(pairs_of(recipe))
    for pair, count in Counter(pairs).items():
        if count > 1:
            raise RecipeInvalid(file, "converts", f"{pair[0]} to {pair[1]} stands twice")
    if not recipe.requires_model and _FENCE.search(recipe.prompt):
        raise RecipeInvalid(file, "prompt", "has a fenced block; the only one is the program's")
    for word in _PLACEHOLDER.findall(recipe.prompt):
        if word not in {"source_type", "target"}:
            raise RecipeInvalid(file, "prompt", f"{{{word}}} is neither {{source_type}} nor {{target}}")
    for name, option in recipe.options.items():
        key = f"options.{name}"
        _check_words(option.inputs, option.outputs, file, key)
        if fault := fault_of(option):
            raise RecipeInvalid(file, key, fault)


def _check_words(inputs: Iterable[str], outputs: Iterable[str], file: Path, key: str) -> None:
    for word in inputs:
        _check_word(word, is_type=True, file=file, key=f"{key}.from")
    for word in outputs:
        _check_word(word, is_type=False, file=file, key=f"{key}.to")


def _check_word(word: str, *, is_type: bool, file: Path, key: str) -> None:
    try:
        row = format_named(word)
    except UnknownFormat:
        raise RecipeInvalid(file, key, f"unknown {'media type' if is_type else 'format'} {word!r}") from None
    proper = row.media_type if is_type else row.name
    if word != proper:
        raise RecipeInvalid(file, key, f"{word!r} is written {proper!r}")


def _program(file: Path, name: str, programs: Mapping[str, Path]) -> File:
    if Path(name).name != name or not name.endswith(".py"):
        raise RecipeInvalid(file, "program", f"{name!r} is not the name of a Python file")
    found = programs.get(name)
    if found is None:
        raise RecipeInvalid(file, "program", f"{name} is not there")
    try:
        stat = found.stat()
        return _cut(found, stat.st_mtime_ns, stat.st_size)
    except SyntaxError as error:
        raise RecipeInvalid(file, "program", f"{name}, line {error.lineno}: {error.msg}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeInvalid(file, "program", f"{name}: {error}") from None


@functools.lru_cache(maxsize=4096)  # recipes share their readers: each is read once, until it changes
def _cut(file: Path, _mtime_ns: int, _size: int) -> File:
    return cut(file.read_text(encoding="utf-8"))
