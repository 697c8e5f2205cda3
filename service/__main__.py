"""The `recast` command: its verbs, their flags and exit codes. What a verb does is in `service.command`.

Exit codes: 0 done, 1 a conversion or a start failed, 2 usage or an unsupported pair.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from service import settings as settings_module
from service.settings import SettingInvalid, Settings

_PANEL = ("host", "port", "engine_port", "engine_url")


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


if __name__ == "__main__":
    main()
