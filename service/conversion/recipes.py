"""The catalogue of recipes: which (input media type, output format) pairs are offered, and by which recipe.

Owns how directories of recipes are laid over each other. Knows nothing of HTTP, of engines, or of how a program is run.
"""

import itertools
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import structlog
from msgspec import Struct

from service.conversion.media import format_named, formats, lineage
from service.conversion.recipe import (
    Fidelity,
    Recipe,
    RecipeInvalid,
    makers_of,
    read_recipe,
    source_type_of,
)

_LOOK_SECONDS = 2.0


class Pair(Struct, frozen=True):
    """One offered conversion; the rows of ``GET /formats``."""

    input_type: str
    output_format: str
    output_type: str
    recipe: str
    requires_model: bool
    fidelity: Fidelity


class Catalogue:
    """All recipes, and which of them does a pair. Immutable; load another to see changed files."""

    def __init__(self, recipes: Iterable[Recipe], makers: Mapping[tuple[str, str], Recipe]) -> None:
        self._recipes = {recipe.name: recipe for recipe in recipes}
        self._makers = dict(makers)
        self._outputs: dict[str, tuple[Pair, ...]] = {}

    @classmethod
    def load(cls, directories: Sequence[Path]) -> "Catalogue":
        """Read every ``*.toml`` of the directories, but those whose name starts with a dot.

        A recipe of a later directory replaces an earlier one of its name, and its pairs win over other recipes'. Its
        programs are looked up in its directory first, beside it and in folders there, then in the directories before.

        Raises:
            RecipeInvalid: The first fault found, in one line.
        """
        recipes: dict[str, Recipe] = {}
        makers: dict[tuple[str, str], Recipe] = {}
        programs: dict[str, Path] = {}
        for directory in directories:
            if not directory.is_dir():
                raise RecipeInvalid(directory, "", "no such directory")
            if not os.access(directory, os.R_OK | os.X_OK):  # `glob` would find nothing in it, and say nothing
                raise RecipeInvalid(directory, "", "cannot be read")
            programs |= _programs(directory)
            here: dict[tuple[str, str], Recipe] = {}
            for file in sorted(directory.glob("[!.]*.toml")):
                recipe = read_recipe(file, programs)
                if recipe.name in recipes:
                    makers = {pair: maker for pair, maker in makers.items() if maker.name != recipe.name}
                recipes[recipe.name] = recipe
                for pair, maker in makers_of(recipe):
                    if pair in here:
                        raise RecipeInvalid(file, "converts", f"{pair[0]} to {pair[1]} is already in {here[pair].name}")
                    here[pair] = maker
            makers |= here
        return cls(recipes.values(), makers)

    def recipe_for(self, input_type: str, output_format: str) -> Recipe | None:
        """Return the recipe that makes this pair, also by what the type is a special case of (RSS is XML)."""
        makers = (self._makers.get((each, output_format)) for each in lineage(input_type))
        return next((recipe for recipe in makers if recipe), None)

    def outputs_of(self, input_type: str) -> tuple[Pair, ...]:
        """Return what this input can become, by output format."""
        if input_type not in self._outputs:
            outputs = self._outputs_of(input_type)
            if not outputs:  # a word of a caller's, of which there is no end
                return ()
            self._outputs[input_type] = outputs
        return self._outputs[input_type]

    def _outputs_of(self, input_type: str) -> tuple[Pair, ...]:
        line = lineage(input_type)
        names = sorted({output for source, output in self._makers if source in line})
        return tuple(
            _pair(recipe, line[0], name)
            for name in names
            if (recipe := self.recipe_for(line[0], name))
            # its own format only where a recipe says so (a picture made smaller), not by what it is a special case of
            and (format_named(name).media_type != line[0] or (line[0], name) in self._makers)
        )

    def pairs(self) -> tuple[Pair, ...]:
        """Return every offered pair, by input type and output format."""
        sources = sorted({row.media_type for row in formats()} | {source for source, _ in self._makers})
        return tuple(pair for source in sources for pair in self.outputs_of(source))

    def recipe(self, name: str) -> Recipe | None:
        """Return the recipe of this name."""
        return self._recipes.get(name)

    def recipes(self) -> tuple[Recipe, ...]:
        """Return all recipes by name."""
        return tuple(self._recipes[name] for name in sorted(self._recipes))


def builtin_directory() -> Path:
    """Return where the built-in recipes are: beside the package in a checkout, inside it in an installed wheel."""
    package = Path(__file__).parents[1]
    inside = package / "recipes"
    return inside if inside.is_dir() else package.parent / "recipes"


class LiveCatalogue:
    """The catalogue of some directories, read again when their files change (a mounted ConfigMap).

    A change that does not load keeps the catalogue as it was; the log and ``fault`` then say why, until it is put right.
    """

    def __init__(self, directories: Sequence[Path]) -> None:
        """Load; raises `RecipeInvalid` as `Catalogue.load` does."""
        self._directories = tuple(directories)
        self._stamp = _stamp(self._directories)
        self._looked_at = float("-inf")
        self._catalogue = Catalogue.load(self._directories)
        self.fault: RecipeInvalid | None = None

    def leave_out(self, directory: Path) -> None:
        """Go on without one of the directories, if it is one; raises `RecipeInvalid` as loading does."""
        self._directories = tuple(each for each in self._directories if each != directory)
        self._stamp = _stamp(self._directories)
        self._catalogue = Catalogue.load(self._directories)

    def current(self, now: float) -> Catalogue:
        """Return the catalogue, after a look at the files if the last look was more than two seconds ago.

        Args:
            now: Monotonic seconds.
        """
        if now - self._looked_at >= _LOOK_SECONDS:
            self._looked_at = now
            stamp = _stamp(self._directories)
            if stamp != self._stamp:
                self._stamp = stamp
                try:
                    self._catalogue, self.fault = Catalogue.load(self._directories), None
                except RecipeInvalid as fault:
                    self.fault = fault
                    structlog.get_logger("recast").warning("recipes_refused", reason=str(fault))
        return self._catalogue


def _programs(directory: Path) -> dict[str, Path]:
    """Return every program of a directory by its name, which is enough to say which is meant; what stands beside the recipes wins."""
    return {file.name: file for file in (*sorted(directory.glob("[!.]*/*.py")), *directory.glob("*.py"))}


def _stamp(directories: Sequence[Path]) -> tuple[tuple[str, int, int], ...]:
    patterns = ("[!.]*.*", "[!.]*/[!.]*.py")
    files = itertools.chain.from_iterable(directory.glob(each) for directory in directories for each in patterns)
    stamps = []
    for file in sorted(files):
        if file.suffix in {".toml", ".py"}:
            with suppress(FileNotFoundError):  # a link to nothing, or gone since it was listed
                stat = file.stat()
                stamps.append((str(file), stat.st_mtime_ns, stat.st_size))
    return tuple(stamps)


def _pair(recipe: Recipe, input_type: str, output_format: str) -> Pair:
    source = source_type_of(recipe, input_type, output_format)
    stated = next(each for each in recipe.converts if source in each.inputs and output_format in each.outputs)
    return Pair(
        input_type=input_type,
        output_format=output_format,
        output_type=format_named(output_format).media_type,
        recipe=recipe.name,
        requires_model=recipe.requires_model,
        fidelity=stated.fidelity or recipe.fidelity,
    )
