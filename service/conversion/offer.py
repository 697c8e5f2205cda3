"""What is offered, as callers see it: the bodies of `/formats` and `/recipes`."""

from typing import Literal

import msgspec
from msgspec import Struct

from service.conversion.options import Option
from service.conversion.recipe import Converts, Recipe, applicable_options
from service.conversion.recipes import Catalogue, Pair


class OptionView(Struct, frozen=True, omit_defaults=True, rename={"inputs": "from", "outputs": "to"}):
    """An option; bounds that do not apply are left out. ``from`` and ``to`` narrow where it applies."""

    type: Literal["string", "integer", "number", "boolean", "choice"]
    default: str | float | bool  # an integer is a number to a schema
    description: str
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    max_length: int | None = None
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()


class Pairs(Struct, frozen=True):
    """Everything that is offered."""

    pairs: tuple[Pair, ...]


class Become(Struct, frozen=True):
    """One format that an input can become, with the options that apply."""

    output_format: str
    output_type: str
    recipe: str
    requires_model: bool
    fidelity: str
    options: dict[str, OptionView]


class Outputs(Struct, frozen=True):
    """What one input can become."""

    input_type: str
    outputs: tuple[Become, ...]


class RecipeView(Struct, frozen=True):
    """A recipe as callers see it: what it accepts and produces, its options, its prompt."""

    name: str
    version: str
    title: str
    description: str
    fidelity: str
    drops: str
    requires_model: bool
    accepts: tuple[str, ...]
    produces: tuple[str, ...]
    converts: tuple[Converts, ...]
    options: dict[str, OptionView]
    prompt: str


class RecipeViews(Struct, frozen=True):
    """All recipes."""

    recipes: tuple[RecipeView, ...]


def outputs_of(catalogue: Catalogue, input_type: str) -> Outputs:
    """Return what this input can become."""
    return Outputs(input_type, tuple(_become(catalogue, pair) for pair in catalogue.outputs_of(input_type)))


def _become(catalogue: Catalogue, pair: Pair) -> Become:
    maker = catalogue.recipe_for(pair.input_type, pair.output_format)
    return Become(
        output_format=pair.output_format,
        output_type=pair.output_type,
        recipe=pair.recipe,
        requires_model=pair.requires_model,
        fidelity=pair.fidelity,
        options=_options(applicable_options(maker, pair.input_type, pair.output_format)) if maker else {},
    )


def view_of(recipe: Recipe) -> RecipeView:
    """Return a recipe without its program."""
    return RecipeView(
        name=recipe.name,
        version=recipe.version,
        title=recipe.title,
        description=recipe.description,
        fidelity=recipe.fidelity,
        drops=recipe.drops,
        requires_model=recipe.requires_model,
        accepts=tuple(sorted({each for converts in recipe.converts for each in converts.inputs})),
        produces=tuple(sorted({each for converts in recipe.converts for each in converts.outputs})),
        converts=recipe.converts,
        options=_options(recipe.options),
        prompt=recipe.prompt,
    )


def _options(options: dict[str, Option]) -> dict[str, OptionView]:
    return {name: OptionView(**msgspec.structs.asdict(option)) for name, option in options.items()}
