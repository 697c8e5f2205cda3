"""Recipes: which (input media type, output format) pairs are offered, by which prose and program, with which options.

Owns the recipe file (`recipes/<family>.toml`, decoded strictly), the catalogue made of them and the prompt a recipe makes.
Knows the table of formats; knows nothing of HTTP, of engines, or of how a program is run.

Exceptions: `RecipeInvalid` stops the start; `OptionInvalid` ← `OptionUnknown` is the caller's fault.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from msgspec import Struct

Fidelity = Literal["exact", "content", "layout"]
OptionValue = str | int | float | bool


class Option(Struct, frozen=True, forbid_unknown_fields=True, rename={"inputs": "from", "outputs": "to"}):
    """One typed, bounded, documented option. ``inputs``/``outputs`` (``from``/``to`` in the file) narrow where it applies."""

    type: Literal["string", "integer", "number", "boolean", "choice"]
    default: OptionValue
    description: str
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    max_length: int | None = None
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()


class Converts(Struct, frozen=True, forbid_unknown_fields=True, rename={"inputs": "from", "outputs": "to"}):
    """Input media types (``from``) × output formats (``to``) that a recipe offers."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    fidelity: Fidelity | None = None


class Recipe(Struct, frozen=True, forbid_unknown_fields=True):
    """One recipe file; ``name`` is the file's stem and ``source`` its programs joined (empty: prose only, needs a model)."""

    name: str
    version: str
    title: str
    description: str
    kernel: Literal["light", "table", "document", "image", "general"]
    fidelity: Fidelity
    prompt: str
    converts: tuple[Converts, ...]
    program: tuple[str, ...] = ()
    drops: str = ""
    options: dict[str, Option] = {}
    source: str = ""

    @property
    def requires_model(self) -> bool:
        """Whether only a model can follow this recipe, for it has no program."""
        return not self.program


class Pair(Struct, frozen=True):
    """One offered conversion; the rows of ``GET /formats``."""

    input_type: str
    output_format: str
    output_type: str
    recipe: str
    requires_model: bool
    fidelity: Fidelity


class RecipeInvalid(Exception):
    """A recipe file that start-up refuses: which file, which key in it (or empty), and why; ``str()`` is the one line."""

    def __init__(self, file: Path, key: str, reason: str) -> None:
        super().__init__(f"{file}: {key}: {reason}" if key else f"{file}: {reason}")
        self.file = file
        self.key = key
        self.reason = reason


class OptionInvalid(Exception):
    """The value given for the option ``name`` is not what it ``takes`` (a phrase: "an integer from 1 to 10")."""

    def __init__(self, name: str, takes: str) -> None:
        super().__init__(name, takes)
        self.name = name
        self.takes = takes


class OptionUnknown(OptionInvalid):
    """No option ``name`` applies to this pair; ``offered`` are those that do (then ``takes`` is empty)."""

    def __init__(self, name: str, offered: tuple[str, ...]) -> None:
        super().__init__(name, "")
        self.offered = offered


class Catalogue:
    """All recipes, and which of them does a pair. Immutable; load another to see changed files."""

    @classmethod
    def load(cls, directories: Sequence[Path]) -> "Catalogue":
        """Read every ``*.toml`` of the directories; a later directory overrides an earlier one, pair by pair.

        Raises:
            RecipeInvalid: The first fault found, in one line.
        """
        raise NotImplementedError

    def recipe_for(self, input_type: str, output_format: str) -> Recipe | None:
        """Return the recipe that makes this pair, also by what the type is a special case of (RSS is XML)."""
        raise NotImplementedError

    def outputs_of(self, input_type: str) -> tuple[Pair, ...]:
        """Return what this input can become, by output format."""
        raise NotImplementedError

    def pairs(self) -> tuple[Pair, ...]:
        """Return every offered pair, by input type and output format."""
        raise NotImplementedError

    def recipe(self, name: str) -> Recipe | None:
        """Return the recipe of this name."""
        raise NotImplementedError

    def recipes(self) -> tuple[Recipe, ...]:
        """Return all recipes by name."""
        raise NotImplementedError


def builtin_directory() -> Path:
    """Return where the built-in recipes are: beside the package in a checkout, inside it in an installed wheel."""
    raise NotImplementedError


def applicable_options(recipe: Recipe, input_type: str, output_format: str) -> dict[str, Option]:
    """Return the recipe's options that apply to this pair."""
    raise NotImplementedError


def options_for(
    recipe: Recipe, input_type: str, output_format: str, given: Mapping[str, str]
) -> dict[str, OptionValue]:
    """Return every option that applies to the pair, typed, with defaults filled in.

    Raises:
        OptionInvalid: A value is not what its option takes; `OptionUnknown` if there is no such option here.
    """
    raise NotImplementedError


def render(
    recipe: Recipe,
    *,
    source_type: str,
    target: str,
    options: Mapping[str, OptionValue],
    instructions: str | None = None,
    earlier_failure: str | None = None,
) -> str:
    """Return the prompt: prose, then options and program in one fenced Python block that runs as it stands.

    Args:
        recipe: The recipe, from `Catalogue.recipe_for`.
        source_type: The identified media type of the input.
        target: The output format's name.
        options: From `options_for`.
        instructions: The caller's free words; they appear as a JSON string, as data.
        earlier_failure: The logs of a run of the program that failed on this document; likewise.
    """
    raise NotImplementedError
