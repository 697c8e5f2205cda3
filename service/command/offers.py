"""What `recast formats` and `recast recipes` print: the catalogue as text or Markdown. Pure."""

from collections.abc import Iterable, Sequence
from itertools import groupby

import click

from service.conversion.media import UnknownFormat, format_named
from service.conversion.media import formats as all_formats
from service.conversion.options import Option, takes
from service.conversion.recipe import Recipe, applicable_options
from service.conversion.recipes import Catalogue, Pair


def formats(catalogue: Catalogue, name: str | None, *, markdown: bool) -> str:
    """Return the conversions of one input, or of all.

    Args:
        catalogue: The recipes.
        name: Extension, format or media type of an input.
        markdown: As a Markdown table.

    Raises:
        UnknownFormat: No format is called so, or nothing can be made of it.
    """
    if name is None:
        return _all(catalogue.pairs(), markdown=markdown)
    input_type = format_named(name).media_type
    pairs = catalogue.outputs_of(input_type)
    if not pairs:
        raise UnknownFormat(name)
    heads = ("to", "fidelity", "recipe", "options")
    rows = []
    for pair in pairs:
        recipe = catalogue.recipe_for(input_type, pair.output_format)
        options = applicable_options(recipe, input_type, pair.output_format) if recipe else {}
        rows.append((pair.output_format, pair.fidelity, _recipe_name(pair), ", ".join(options)))
    return _table(heads, rows, markdown=markdown)


def recipes(catalogue: Catalogue) -> str:
    """Return one line a recipe."""
    rows = [(each.name, each.version, str(_pairs(each)), each.title) for each in catalogue.recipes()]
    return _table(("recipe", "version", "pairs", "title"), rows, markdown=False)


def recipe(catalogue: Catalogue, name: str) -> str:
    """Return everything a recipe file says, but its program.

    Raises:
        UnknownFormat: No recipe is called so.
    """
    found = catalogue.recipe(name)
    if found is None:
        raise click.UsageError(
            f"No recipe is called {name!r}; there are {', '.join(r.name for r in catalogue.recipes())}."
        )
    lines = [f"{found.title} ({found.name}/{found.version})", "", found.description, ""]
    for each in found.converts:
        sources = ", ".join(format_named(source).name for source in each.inputs)
        lines.append(f"  {sources} → {', '.join(each.outputs)}  [{each.fidelity or found.fidelity}]")
    lines += [
        "",
        f"Drops: {found.drops or 'nothing'}",
        f"Program: {' + '.join(found.program) or 'none: needs a model'}",
    ]
    lines += ["", "Options:", *_options(found.options)] if found.options else []
    return "\n".join([*lines, "", "Prompt:", "", found.prompt.strip()])


def _all(pairs: Sequence[Pair], *, markdown: bool) -> str:
    titles = {row.media_type: row for row in all_formats()}
    rows = []
    for source, group in groupby(pairs, key=lambda pair: pair.input_type):
        outputs = list(group)
        row = titles.get(source)
        shown = f"{row.title} (`{row.name}`)" if row and markdown else row.name if row else source
        rows.append((shown, ", ".join(f"`{o.output_format}`" if markdown else o.output_format for o in outputs)))
    rows.sort(key=lambda row: row[0].lower())
    table = _table(("from", "to"), rows, markdown=markdown)
    return table if markdown else f"{table}\n\n{len(pairs)} conversions. `recast formats NAME` shows one input."


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], *, markdown: bool) -> str:
    if markdown:
        lines = [heads, ["---"] * len(heads), *rows]
        return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
    widths = [max(len(row[column]) for row in (heads, *rows)) for column in range(len(heads))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in (heads, *rows)
    )


def _options(options: dict[str, Option]) -> Iterable[str]:
    for name, option in options.items():
        only = [format_named(word).name for word in option.inputs], list(option.outputs)
        narrowed = "".join(
            f"; only {side} {', '.join(words)}" for side, words in zip(("from", "to"), only, strict=True) if words
        )
        yield f"  {name} ({takes(option)}; default {option.default!r}{narrowed})\n      {option.description}"


def _recipe_name(pair: Pair) -> str:
    return f"{pair.recipe} (needs a model)" if pair.requires_model else pair.recipe


def _pairs(recipe: Recipe) -> int:
    return sum(len(each.inputs) * len(each.outputs) for each in recipe.converts)
