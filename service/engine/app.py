"""The engine as an ASGI application, made from plain settings; the sandbox starts and ends with its lifespan."""

import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path

from litestar import Litestar, Router
from litestar.datastructures import State
from litestar.di import Provide

from service.access import Access
from service.engine import documents
from service.engine.assembly import Engine, assembled
from service.engine.container import Clock
from service.engine.faults import MAX_JSON_BYTES, answer
from service.engine.gate import Gate
from service.engine.metrics import Metrics, MetricsMiddleware
from service.engine.models import Model
from service.engine.routes_containers import ContainerFileRoutes, ContainerRoutes
from service.engine.routes_files import FileRoutes
from service.engine.routes_responses import ResponseRoutes
from service.engine.routes_service import ModelRoutes, ServiceRoutes
from service.engine.sandbox import Isolation, Limits
from service.telemetry import RequestIdMiddleware, tracing_plugins


def create_app(
    *,
    python: Path,
    min_isolation: str = "landlock",
    data_dir: Path | None = None,
    api_keys: Iterable[str] = (),
    internal_key: str | None = None,
    requests_per_minute: int | None = 100,
    models: Sequence[Model] = (),
    memory_overcommit: bool = False,
    reserve: int = 2,
    warm: Sequence[str] = (),
    limits: Limits | None = None,
    max_file_bytes: int = 512 << 20,
    max_idle_minutes: int = 20,
    run_seconds: float = 600.0,
    call_seconds: float = 120.0,
    keep_alive_seconds: float = 15.0,
    clock: Clock = time.time,
) -> Litestar:
    """The application. Nothing is started before its lifespan begins.

    Args:
        python: The interpreter whose packages containers see.
        min_isolation: The weakest confinement to start with: namespaces, uids or landlock.
        data_dir: Where rows and uploads survive a restart; None keeps nothing beyond the process.
        api_keys: The bearer keys; none lets everyone in.
        internal_key: A key whose calls from loopback are not counted.
        requests_per_minute: Budget of each key, or address where there are no keys; None or 0 counts nothing.
        models: Beside ``program``.
        memory_overcommit: Grant memory tiers that the machine does not have.
        reserve: How many containers are kept ready.
        warm: Families of libraries that are loaded in the background at start, not at their first use.
        limits: Quotas of a container; its memory is its tier's.
        max_file_bytes: Largest upload.
        max_idle_minutes: The longest ``expires_after``, and the default up to 20.
        run_seconds: Budget of one response.
        call_seconds: Budget of one execution of code.
        keep_alive_seconds: Longest silence of a stream, before a comment is sent.
        clock: Gives unix seconds, by which containers and uploads expire.
    """

    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        async with assembled(
            python=python,
            min_isolation=Isolation(min_isolation),
            data_dir=data_dir,
            models=models,
            memory_overcommit=memory_overcommit,
            reserve=reserve,
            warm=warm,
            limits=limits or Limits(),
            max_file_bytes=max_file_bytes,
            max_idle_minutes=max_idle_minutes,
            run_seconds=run_seconds,
            call_seconds=call_seconds,
            keep_alive_seconds=keep_alive_seconds,
            clock=clock,
            tell=metrics.ended,
        ) as engine:
            app.state.engine = engine
            yield

    access = Access(api_keys, requests_per_minute=requests_per_minute or None, internal_key=internal_key)
    metrics = Metrics()
    api = Router(
        "/",
        route_handlers=[FileRoutes, ContainerRoutes, ContainerFileRoutes, ResponseRoutes, ModelRoutes],
        middleware=[Gate(access)],
    )
    return Litestar(
        route_handlers=[api, ServiceRoutes],
        middleware=[RequestIdMiddleware(), MetricsMiddleware(metrics)],
        dependencies={
            "engine": Provide(_engine, sync_to_thread=False),
            "metrics": Provide(lambda: metrics, sync_to_thread=False),
        },
        exception_handlers={Exception: answer},
        lifespan=[lifespan],
        plugins=tracing_plugins(),
        request_max_body_size=MAX_JSON_BYTES,
        openapi_config=documents.config(version("recast")),
        logging_config=None,
    )


def _engine(state: State) -> Engine:
    engine: Engine = state.engine
    return engine
