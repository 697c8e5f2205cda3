"""The `recast` command: its verbs, their flags and exit codes. What a verb does is in `service.command`.

Exit codes: 0 done, 1 a conversion or a start failed, 2 usage or an unsupported pair.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from service import settings as settings_module
from service.settings import SettingInvalid, Settings

if TYPE_CHECKING:
    from service.conversion.recipes import Catalogue


def main() -> None:
    """Run the command."""
    cli(prog_name="recast")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(package_name="recast")
def cli() -> None:
    """POST a file, get it back in another format."""


def _with_settings(verb: Callable[..., None]) -> Callable[..., None]:
    """Give a verb one flag for each setting."""
    for field, environment_name, default, about in reversed(settings_module.described()):
        flag = f"--{field.replace('_', '-')}"
        shown = f"{about} [{environment_name}{f'; default {default}' if default not in {'', 'False'} else ''}]"
        is_bool = default in {"True", "False"}
        declaration = f"{flag}/--no-{field.replace('_', '-')}" if is_bool else flag
        verb = click.option(declaration, field, default=None, help=shown, metavar=None if is_bool else "VALUE")(verb)
    return verb


def _settings(flags: dict[str, Any]) -> Settings:
    try:
        return settings_module.read(os.environ, flags)
    except SettingInvalid as error:
        raise click.UsageError(str(error)) from None


@cli.command()
@_with_settings
def serve(**flags: Any) -> None:
    """Serve the conversion API and, unless one is named, an engine of its own on loopback."""
    from service.command import serve as command

    command.run(command.conversion(_settings(flags)))


@cli.command()
@click.option("--child", is_flag=True, hidden=True, help="Started by `recast serve`: the key comes on stdin.")
@_with_settings
def engine(*, child: bool, **flags: Any) -> None:
    """Serve the engine alone: Responses, containers and files of the OpenAI API."""
    from service.command import serve as command
    from service.command.child import adopt

    settings = _settings(flags)
    command.run(command.engine(settings, internal_key=adopt() if child else settings.internal_key or None))


@cli.command()
@click.argument("files", nargs=-1, required=True, metavar="IN... [OUT]")
@click.option("--to", "output_format", metavar="FORMAT", help="Output format; every argument is then an input.")
@click.option(
    "--into", type=click.Path(path_type=Path), metavar="DIRECTORY", help="Where outputs go; else beside inputs."
)
@click.option("--from", "input_type", metavar="TYPE", help="What the input is, by extension or media type.")
@click.option(
    "--option", "-o", "options", multiple=True, metavar="KEY=VALUE", help="An option of the recipe; repeatable."
)
@click.option("--instructions", metavar="WORDS", help="Free words for a model: what the result should be like.")
@click.option(
    "--url", envvar="RECAST_URL", metavar="URL", help="A running service [RECAST_URL]; else one for this run."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a file on standard output.")
def convert(
    *,
    files: tuple[str, ...],
    output_format: str | None,
    into: Path | None,
    input_type: str | None,
    options: tuple[str, ...],
    instructions: str | None,
    url: str | None,
    as_json: bool,
) -> None:
    """Convert files: IN OUT, or IN... --to FORMAT.

    An input is a file, a directory (all files in it), a pattern, or - for standard input; OUT may be - for standard
    output.
    """
    from service.command import convert as command

    given = dict(_pair(each) for each in options)
    given |= {"from": input_type} if input_type else {}
    given |= {"instructions": instructions} if instructions else {}
    try:
        works = command.planned(files, output_format=output_format, into=into)
    except command.Unusable as error:
        raise click.UsageError(str(error)) from None
    sys.exit(command.run_all(works, options=given, url=url, settings=_settings({}), as_json=as_json))


@cli.command()
@click.argument("name", required=False, metavar="[NAME]")
@click.option("--markdown", is_flag=True, help="As a Markdown table.")
def formats(*, name: str | None, markdown: bool) -> None:
    """Show what can become what; of one format, also the options."""
    from service.command import offers

    with _reading():
        click.echo(offers.formats(_catalogue(), name, markdown=markdown))


@cli.group(invoke_without_command=True)
@click.pass_context
def recipes(context: click.Context) -> None:
    """List, show or check the recipes."""
    from service.command import offers

    if context.invoked_subcommand is None:
        with _reading():
            click.echo(offers.recipes(_catalogue()))


@recipes.command()
@click.argument("name")
def show(*, name: str) -> None:
    """Show a recipe: what it accepts and produces, its options and its prompt."""
    from service.command import offers

    with _reading():
        click.echo(offers.recipe(_catalogue(), name))


@recipes.command()
@click.argument("names", nargs=-1, metavar="[NAME...]")
@click.option("--samples", type=click.Path(exists=True, path_type=Path), help="Directory of inputs; else the built-in.")
@click.option("--static", is_flag=True, help="Only read the recipes and their programs; run nothing.")
def check(*, names: tuple[str, ...], samples: Path | None, static: bool) -> None:
    """Check recipes: their files, their programs, then every pair on a tiny input in a real container."""
    from service.command import check as command

    with _reading():
        sys.exit(command.check(_settings({}), _catalogue(), names, samples=samples, static=static))


@cli.command()
@click.option("--into", type=click.Path(path_type=Path), default=Path("openapi"), show_default=True)
def openapi(*, into: Path) -> None:
    """Write both API descriptions, as the code serves them."""
    from service.command import apis

    for path in apis.write(into):
        click.echo(path)


@cli.command()
@click.option("--url", envvar="RECAST_URL", metavar="URL", help="A running service [RECAST_URL]; else one of its own.")
def mcp(*, url: str | None) -> None:
    """Offer conversions as tools of the Model Context Protocol, on standard input and output."""
    from service.command import tools

    tools.run(url, _settings({}))


@cli.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(*, shell: str) -> None:
    """Print the completion script of a shell: eval "$(recast completion bash)"."""
    from click.shell_completion import get_completion_class

    script = get_completion_class(shell)
    if script is not None:
        click.echo(script(cli, {}, "recast", "_RECAST_COMPLETE").source())


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not (key and equals):
        raise click.UsageError(f"{text!r} is not KEY=VALUE.")
    return key, value


def _catalogue() -> "Catalogue":
    from service.command.serve import recipe_directories
    from service.conversion.recipes import Catalogue

    return Catalogue.load(recipe_directories(_settings({})))


@contextmanager
def _reading() -> Iterator[None]:
    """Turn what a wrong recipe or name raises into one line and an exit code."""
    from service.conversion.media import UnknownFormat
    from service.conversion.recipe import RecipeInvalid

    try:
        yield
    except RecipeInvalid as error:
        raise click.ClickException(str(error)) from None
    except UnknownFormat as error:
        raise click.UsageError(f"No format is called {error.name!r}.") from None


if __name__ == "__main__":
    main()
