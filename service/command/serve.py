"""`recast serve` and `recast engine`: the settings become plain keywords of the two applications, and these are listened to."""

import asyncio
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec
import structlog
import uvloop
from litestar import Litestar
from msgspec import Struct

from service.access import Access
from service.command.child import Engine, EngineFailed
from service.command.listen import AddressUnusable, address_of, bind, listen
from service.command.preflight import StartRefused, require_usable, without_libraries
from service.conversion.recipe import RecipeInvalid
from service.conversion.recipes import LiveCatalogue, builtin_directory
from service.settings import Settings, environment
from service.telemetry import configure_logging, configure_tracing

if TYPE_CHECKING:
    from service.engine.models import Model

T = TypeVar("T")

LONGEST_RESPONSE_SECONDS = 600.0  # of a model that writes and mends code, call by call

_OFFICE = builtin_directory() / "office"
_STARTS_NO_OFFICE = "landlock"  # the tier in which containers start no program that starts others
# What a child engine needs of the settings. Its address and key are the parent's to give.
_CHILD_SETTINGS = (
    "api_keys",
    "data_dir",
    "engine_port",
    "grace_seconds",
    "kernel_python",
    "log",
    "max_input_bytes",
    "memory_overcommit",
    "min_isolation",
    "warm",
    "model_api_key",
    "model_dialect",
    "model_name",
    "model_url",
    "model_vision",
    "requests_per_minute",
    "run_seconds",
)


def run(serving: Coroutine[None, None, T]) -> T:
    """Run one of the services below to its end, on uvloop; what stops its start is one line and exit code 1."""
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(serving)
    except (AddressUnusable, EngineFailed, RecipeInvalid, StartRefused) as error:
        sys.stderr.write(f"recast: {error}\n")
        sys.exit(1)


async def conversion(settings: Settings) -> None:
    """Serve the conversion API until a signal, with an engine of its own unless one is named.

    Raises:
        AddressUnusable: The port is taken.
        EngineFailed: The engine cannot start here.
        RecipeInvalid: A recipe is wrong.
        StartRefused: The data directory cannot be used.
    """
    configure_logging(settings.log)
    configure_tracing("recast")
    bound = bind(settings.host, settings.port)
    require_usable(settings)
    catalogue = LiveCatalogue(recipe_directories(settings))
    async with _engine(settings) as engine:
        app = _application(settings, catalogue, engine)
        if await engine.ready() == _STARTS_NO_OFFICE:
            catalogue.leave_out(_OFFICE)
        await listen(
            app,
            bound,
            grace_seconds=settings.grace_seconds,
            drains=app.state.conversions,
            started=lambda: _say(f"recast serves on {address_of(bound)}"),
        )


async def engine(settings: Settings, *, internal_key: str | None) -> None:
    """Serve the OpenAI API of the engine until a signal.

    Raises:
        AddressUnusable: The port is taken.
        StartRefused: This machine cannot confine containers as the settings demand, or the data directory cannot be used.
    """
    from service.engine.app import create_app  # noqa: PLC0415 - the converter's process has no use for this half
    from service.engine.sandbox import SandboxError  # noqa: PLC0415 - likewise

    configure_logging(settings.log)
    configure_tracing("recast-engine")
    bound = bind(settings.host, settings.engine_port)
    if settings.data_dir:
        require_usable(settings)
    refusal: BaseException | None = None
    app = create_app(
        python=settings.kernel_interpreter,
        min_isolation=settings.min_isolation,
        warm=settings.warm,
        data_dir=Path(settings.data_dir, "engine") if settings.data_dir else None,
        api_keys=settings.api_keys,
        internal_key=internal_key,
        requests_per_minute=settings.requests_per_minute or None,
        models=_models(settings),
        memory_overcommit=settings.memory_overcommit,
        max_file_bytes=settings.max_input_bytes,
        run_seconds=max(LONGEST_RESPONSE_SECONDS, settings.run_seconds),
        call_seconds=settings.run_seconds,
    )
    try:
        await listen(
            app,
            bound,
            grace_seconds=settings.grace_seconds,
            started=lambda: _say(f"the engine serves on {address_of(bound)}/v1"),
        )
    except* SandboxError as refused:
        refusal = _innermost(refused)
    if refusal is not None:  # raised out here: in Python 3.11.2 `except*` wraps what is raised inside it
        raise StartRefused(await without_libraries(settings.kernel_interpreter) or refusal)


def _innermost(error: BaseException) -> BaseException:
    """Return the first that a group of exceptions holds; a task group wraps even a single one."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


@asynccontextmanager
async def for_one_run(settings: Settings) -> AsyncIterator[str]:
    """Serve the conversion API on a loopback port of its own while the block runs; gives its address.

    Raises:
        As `conversion` does.
    """
    configure_logging("error")
    data = Path(tempfile.mkdtemp(prefix="recast-"))
    settings = msgspec.structs.replace(
        settings,
        host="127.0.0.1",
        port=0,
        engine_port=_free_port(),
        data_dir=str(data),
        open=True,
        warm=(),
        api_keys=(),
        log="error",
    )
    bound = bind(settings.host, settings.port)
    catalogue = LiveCatalogue(recipe_directories(settings))
    try:
        async with _engine(settings) as engine:
            app = _application(settings, catalogue, engine)
            if await engine.ready() == _STARTS_NO_OFFICE:
                catalogue.leave_out(_OFFICE)
            started, end = asyncio.Event(), asyncio.Event()
            serving = asyncio.create_task(
                listen(app, bound, grace_seconds=1.0, drains=app.state.conversions, started=started.set, end=end)
            )
            while not (started.is_set() or serving.done()):
                await asyncio.sleep(0.01)
            try:
                yield address_of(bound)
            finally:
                end.set()
                await serving
    finally:
        shutil.rmtree(data, ignore_errors=True)


def recipe_directories(settings: Settings) -> Sequence[Path]:
    """Return the built-in recipes' directory, then those laid over it: LibreOffice's where it is, and the user's."""
    office = settings.office and settings.upstream_url is None and shutil.which("soffice") is not None
    over = [_OFFICE] if office else []
    return [builtin_directory(), *over, *([Path(settings.recipes)] if settings.recipes else [])]


class _Elsewhere(Struct, frozen=True):
    """An engine or vendor that is not ours to start."""

    url: str
    key: str

    async def ready(self) -> str | None:
        """Nothing to wait for: while it is away, the service says 503. Its tier is its own affair."""


@asynccontextmanager
async def _engine(settings: Settings) -> AsyncIterator[Engine | _Elsewhere]:
    """Give the engine to use: the one that is named, or a child for as long as the block runs."""
    if settings.upstream_url:
        yield _Elsewhere(settings.upstream_url, settings.openai_api_key or "none")
        return
    child = Engine(port=settings.engine_port, environment=environment(settings, _CHILD_SETTINGS, os.environ))
    await child.start()
    try:
        yield child
    finally:
        await child.stop()


def _models(settings: Settings) -> "list[Model]":
    if not settings.model_names:
        return []
    from service.engine.upstream import Upstream  # noqa: PLC0415 - its client takes a second to import

    return [
        Upstream(
            name=name,
            url=settings.model_url,
            api_key=settings.model_api_key or None,
            dialect=settings.model_dialect,
            sees_images=settings.model_vision,
        )
        for name in settings.model_names
    ]


def _application(settings: Settings, catalogue: LiveCatalogue, engine: Engine | _Elsewhere) -> Litestar:
    from service.conversion.app import create_app  # noqa: PLC0415 - the engine's process has no use for this half
    from service.conversion.plan import Budget  # noqa: PLC0415 - likewise

    return create_app(
        catalogue=catalogue,
        engine_url=engine.url,
        engine_key=engine.key,
        model=settings.model or next(iter(settings.model_names), None),
        budget=Budget(calls=settings.model_calls, tokens=settings.model_tokens or None),
        access=Access(settings.api_keys, requests_per_minute=settings.conversions_per_minute or None),
        data_directory=settings.data_directory,
        max_input_bytes=settings.max_input_bytes,
        max_files=settings.max_files,
        concurrency=settings.places,
        queue_places=settings.queue_places,
        queue_seconds=settings.queue_seconds,
        run_seconds=settings.run_seconds,
        cors_origins=settings.cors_origins,
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _say(line: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"{line}\n")
    else:
        structlog.get_logger("recast").info(line)
