"""`recast recipes check`: each recipe's program reads well, and each of its pairs turns a sample into what it promises.

The programs run as they do for callers: through the conversion API, in containers of a real engine.
"""

import ast
import asyncio
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import click
from msgspec import Struct

from service.command import serve
from service.command.client import Client, ConversionFailed, ServiceUnreachable
from service.conversion.media import MediaError, format_named, identify, lineage
from service.conversion.prompt import program
from service.conversion.recipe import Recipe, makers_of, pairs_of
from service.conversion.recipes import Catalogue
from service.settings import Settings

_LITERALS = 3  # the assignments that `prompt.program` puts before a recipe's own


class Trial(Struct, frozen=True):
    """One pair to be tried; without a sample it cannot be."""

    recipe: Recipe
    input_type: str
    output_format: str
    sample: Path | None

    @property
    def name(self) -> str:
        """As people say it."""
        return f"{self.recipe.name}: {format_named(self.input_type).name} → {self.output_format}"


def check(settings: Settings, catalogue: Catalogue, names: Sequence[str], *, samples: Path | None, static: bool) -> int:
    """Check recipes, say what is wrong, and return the exit code.

    Args:
        settings: For the engine that is started.
        catalogue: Loaded, which checked the files themselves.
        names: The recipes; none means all.
        samples: Directory of inputs; None: ``samples`` beside the recipes.
        static: Run nothing.
    """
    chosen = [recipe for recipe in catalogue.recipes() if not names or recipe.name in names]
    faults = [f"{recipe.name}: {fault}" for recipe in chosen for fault in faults_of(recipe)]
    missing = set(names) - {recipe.name for recipe in chosen}
    faults += [f"{name}: no such recipe" for name in sorted(missing)]
    trials: list[Trial] = []
    if not static:
        places = [samples] if samples else [place / "samples" for place in serve.recipe_directories(settings)]
        trials = trials_of(chosen, catalogue, by_type(places))
        if not settings.model:
            trials = [trial for trial in trials if not trial.recipe.requires_model]
        serve.run(_try(settings, [trial for trial in trials if trial.sample], faults))
    untried = [trial.name for trial in trials if trial.sample is None]
    for line in faults:
        click.secho(line, fg="red", err=True)
    for name in untried:
        click.echo(f"{name}: no sample", err=True)
    tried = sum(trial.sample is not None for trial in trials)
    click.echo(f"{len(chosen)} recipes, {tried} pairs run, {len(untried)} without a sample, {len(faults)} faults")
    return 1 if faults else 0


def faults_of(recipe: Recipe) -> Iterable[str]:
    """Yield what is wrong with a recipe's programs as a whole; each of their files parses already."""
    variants = {
        maker.source(target=target, source_type=source_type): (source_type, target, maker)
        for (source_type, target), maker in makers_of(recipe)
        if maker.program
    }
    read: set[object] = set()
    for source_type, target, maker in variants.values():
        yield from _faults_of(maker, source_type, target, read)
    yield from (f"no program reads the option {name}" for name in recipe.options if variants and name not in read)


def _faults_of(recipe: Recipe, source_type: str, target: str, read: set[object]) -> Iterable[str]:
    """Yield why a joined program does not compile; add the words it has to ``read``."""
    defaults = {name: option.default for name, option in recipe.options.items()}
    try:
        tree = ast.parse(program(recipe, source_type=source_type, target=target, options=defaults))
        compile(tree, recipe.name, "exec")
    except SyntaxError as error:
        yield f"the joined program does not compile: {error}"
        return
    body = tree.body[_LITERALS:]
    read |= {node.value for statement in body for node in ast.walk(statement) if isinstance(node, ast.Constant)}


def by_type(places: Iterable[Path]) -> dict[str, Path]:
    """Return one sample of each media type, by its identification."""
    found: dict[str, Path] = {}
    for place in places:
        for sample in sorted(place.glob("[!.]*")) if place.is_dir() else ():
            try:
                found.setdefault(identify(sample, filename=sample.name, declared=None).media_type, sample)
            except MediaError:
                continue
    return found


def trials_of(chosen: Sequence[Recipe], catalogue: Catalogue, samples: dict[str, Path]) -> list[Trial]:
    """Return each pair that these recipes really do, with its sample; a special case stands in for what it is a case of."""
    kinds = {kind: sample for media_type, sample in reversed(samples.items()) for kind in lineage(media_type)} | samples
    return [
        Trial(recipe, source, target, kinds.get(source))
        for recipe in chosen
        for source, target in pairs_of(recipe)
        if (maker := catalogue.recipe_for(source, target)) and maker.name == recipe.name
    ]


async def _try(settings: Settings, trials: Sequence[Trial], faults: list[str]) -> None:
    turn = asyncio.Semaphore(settings.places)
    with tempfile.TemporaryDirectory(prefix="recast-check-") as directory:
        async with serve.for_one_run(settings) as url, Client(url) as client:

            async def one(number: int, trial: Trial) -> str | None:
                async with turn:
                    return await _fault(client, trial, Path(directory, f"{number}.{trial.output_format}"))

            results = await asyncio.gather(*(one(number, trial) for number, trial in enumerate(trials)))
    faults += [f"{trial.name}: {fault}" for trial, fault in zip(trials, results, strict=True) if fault]


async def _fault(client: Client, trial: Trial, target: Path) -> str | None:
    assert trial.sample is not None  # noqa: S101 - only those are tried
    try:
        await client.convert(
            trial.sample,
            target,
            trial.output_format,
            filename=trial.sample.name,
            options={"from": trial.input_type},
        )
        made = await asyncio.to_thread(identify, target, filename=target.name, declared=None)
    except (ConversionFailed, ServiceUnreachable) as failure:
        return str(failure)
    except MediaError as failure:
        return f"the output is not a {trial.output_format} file ({type(failure).__name__})"
    finally:
        target.unlink(missing_ok=True)
    promised = format_named(trial.output_format).media_type
    return None if promised in lineage(made.media_type) else f"the output is {made.media_type}"
