"""`recast serve` and `recast engine`: the settings become plain keywords of the two applications, and these are listened to."""

import asyncio
import sys
from collections.abc import Coroutine, Sequence

import uvloop

from service.command.child import Engine
from service.command.listen import address_of, bind, listen
from service.settings import Settings

_CHILD_SETTINGS = (  # what the engine needs of the settings, handed on as flags so that both halves agree
    "data_dir", "kernel_python", "log", "memory_overcommit", "min_isolation", "model_name", "model_url",
)  # fmt: skip


def run(serving: Coroutine[None, None, None]) -> None:
    """Run one of the services below to its end, on uvloop."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serving)


async def conversion(settings: Settings) -> None:
    """Serve the conversion API until a signal, with an engine of its own unless one is named.

    Raises:
        AddressUnusable: The port is taken.
        EngineFailed: The engine cannot start here.
        RecipeInvalid: A recipe is wrong.
    """
    from service.conversion.app import create_app  # noqa: PLC0415 - the engine's process has no use for this half

    bound = bind(settings.host, settings.port)
    engine = None if settings.upstream_url else Engine(port=settings.engine_port, arguments=engine_arguments(settings))
    try:
        app = create_app()
        if engine is not None:
            await engine.start()
        await listen(
            app,
            bound,
            grace_seconds=settings.grace_seconds,
            started=lambda: _say(f"recast serves on {address_of(bound)}"),
        )
    finally:
        bound.close()
        if engine is not None:
            await engine.stop()


async def engine(settings: Settings, *, internal_key: str | None) -> None:
    """Serve the OpenAI API of the engine until a signal.

    Raises:
        AddressUnusable: The port is taken.
        IsolationTooWeak: This machine cannot confine containers as the settings demand.
    """
    from service.engine.app import create_app  # noqa: PLC0415 - likewise

    bound = bind(settings.host, settings.engine_port)
    app = create_app()
    await listen(
        app, bound, grace_seconds=settings.grace_seconds, started=lambda: _say(f"engine on {address_of(bound)}/v1")
    )


def engine_arguments(settings: Settings) -> Sequence[str]:
    """Return the flags that give a child engine these settings."""
    given = ((name, getattr(settings, name)) for name in _CHILD_SETTINGS)
    return [f"--{name.replace('_', '-')}={value}" for name, value in given if value not in ("", False)]


def _say(line: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"{line}\n")
