"""What a conversion will do, decided before it does anything: the format, the recipe, its options, and who makes the attempts.

Pure: a wish and a media type in, a `Plan` out, or an exception that says what the caller can change.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

from msgspec import Struct

from service.conversion.errors import (
    DocumentRefused,
    FormatMissing,
    FormatUnacceptable,
    ModelMissing,
    PairUnsupported,
    TypeUnsupported,
)
from service.conversion.media import ENCRYPTED, Format, UnknownFormat, format_named
from service.conversion.options import OptionValue
from service.conversion.recipe import Recipe, options_for
from service.conversion.recipes import Catalogue
from service.conversion.task import MemoryLimit

PROGRAM = "program"  # the engine's built-in model, which runs a prompt's program verbatim

# An input is held in memory several times over while it is converted. (largest input, memory of its container)
_MEMORY: tuple[tuple[int, MemoryLimit], ...] = ((64 << 20, "1g"), (512 << 20, "4g"), (2 << 30, "16g"))


class Wish(Struct, frozen=True):
    """What a caller asks for beside the file. ``output``, in any spelling; None: it is chosen by ``accept``, a header's value."""

    caller: str
    output: str | None
    accept: str = "*/*"
    source_type: str | None = None
    options: Mapping[str, str] = {}
    instructions: str | None = None


class Budget(Struct, frozen=True):
    """What one attempt of a model may spend: executions of code, and tokens written; None is no limit."""

    calls: int | None = None
    tokens: int | None = None


class Attempt(Struct, frozen=True):
    """One way to make the file: by the recipe's program, or by a model that reads it; ``model`` is the name on the wire."""

    kind: Literal["program", "model"]
    model: str


class Plan(Struct, frozen=True):
    """Everything that is decided before the run."""

    input_type: str
    target: Format
    recipe: Recipe
    options: Mapping[str, OptionValue]
    attempts: tuple[Attempt, ...]
    instructions: str | None
    fidelity: str


def planned(catalogue: Catalogue, input_type: str, wish: Wish, *, program: bool, model: str | None) -> Plan:
    """Decide how to fulfil a wish.

    Args:
        catalogue: The recipes.
        input_type: As identified.
        wish: The caller's.
        program: Whether the interpreter has the built-in model that runs programs; the vendor has not.
        model: The model configured for everything else, or None.

    Raises:
        ConversionError: It cannot be fulfilled.
        OptionInvalid: An option is unknown or ill-typed.
    """
    pairs = {pair.output_format: pair for pair in catalogue.outputs_of(input_type)}
    offered = {name: pair.output_type for name, pair in sorted(pairs.items(), key=lambda each: each[1].requires_model)}
    able = {name: media_type for name, media_type in offered.items() if model or not pairs[name].requires_model}
    if not offered and input_type == ENCRYPTED:
        raise DocumentRefused("encrypted", "The document is protected with a password; remove it first.")
    if not offered:
        raise TypeUnsupported(input_type)
    formats = tuple(offered)
    name = _named(wish.output) if wish.output else _negotiated(wish.accept, (able, offered), input_type)
    recipe = catalogue.recipe_for(input_type, name)
    if recipe is None:
        raise PairUnsupported(input_type, name, formats)
    return Plan(
        input_type=input_type,
        target=format_named(name),
        recipe=recipe,
        options=options_for(recipe, input_type, name, wish.options),
        attempts=_attempts(recipe, by_model=bool(wish.instructions), program=program, model=model),
        instructions=wish.instructions,
        fidelity=pairs[name].fidelity if name in pairs else recipe.fidelity,
    )


def memory_for(input_bytes: int) -> MemoryLimit:
    """Return the memory tier of a container that converts so many bytes."""
    return next((tier for largest, tier in _MEMORY if input_bytes <= largest), "64g")


def preferred(accept: str, offered: Sequence[str]) -> str | None:
    """Return the offered media type that an ``Accept`` header likes best (RFC 9110 section 12.5.1), or None.

    The most specific range that matches a type sets its quality; among equals the one named first in the header wins.
    """
    ranges = [_range(part) for part in accept.split(",") if part.strip()]
    ranked = []
    for media_type in offered:
        matching = [
            (_specificity(name), -index, q) for index, (name, q) in enumerate(ranges) if _matches(name, media_type)
        ]
        if matching and (best := max(matching))[2] > 0:
            ranked.append((best[2], best[0], best[1], media_type))
    return max(ranked, key=lambda each: each[:3])[3] if ranked else None


def _named(word: str) -> str:
    """Return the format's own name for any of its spellings; what no format is called stays as it is, and is not offered."""
    try:
        return format_named(word).name
    except UnknownFormat:
        return word


def _negotiated(accept: str, choices: Sequence[Mapping[str, str]], input_type: str) -> str:
    """Return the format that ``Accept`` likes best among the first choices in which it likes any."""
    offered = choices[-1]
    if all(_specificity(_range(part)[0]) == 0 for part in accept.split(",")):
        raise FormatMissing(input_type, tuple(offered))
    for some in choices:
        chosen = preferred(accept, tuple(some.values()))
        if chosen is not None:
            return next(name for name, media_type in some.items() if media_type == chosen)
    raise FormatUnacceptable(input_type, tuple(offered))


def _attempts(recipe: Recipe, *, by_model: bool, program: bool, model: str | None) -> tuple[Attempt, ...]:
    models = (Attempt("model", model),) if model else ()
    if program and not by_model and not recipe.requires_model:
        return (Attempt("program", PROGRAM), *models)
    if not models:
        raise ModelMissing
    return models


def _range(part: str) -> tuple[str, float]:
    name, *parameters = (each.strip().lower() for each in part.split(";"))
    quality = next((each[2:] for each in parameters if each.startswith("q=")), "1")
    try:
        return name, min(1.0, max(0.0, float(quality)))
    except ValueError:
        return name, 0.0


def _specificity(name: str) -> int:
    return 0 if name in {"*/*", "*", ""} else 1 if name.endswith("/*") else 2


def _matches(name: str, media_type: str) -> bool:
    return _specificity(name) == 0 or name == media_type or (name.endswith("/*") and media_type.startswith(name[:-1]))
