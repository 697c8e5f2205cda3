"""The conversion API as one ASGI application, put together from plain values.

This is where the parts of the conversion half meet. It reads no environment, and starts nothing before its lifespan begins.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path

import httpx2
from litestar import Litestar
from litestar.config.cors import CORSConfig
from litestar.datastructures import State
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import License
from litestar.plugins.prometheus import PrometheusConfig
from openai import DefaultAioHttpClient
from openai._vendor.httpx_aiohttp.transport import AiohttpResponseStream
from prometheus_client import CollectorRegistry, Gauge

from service.access import Access
from service.conversion import operations, page_routes, routes
from service.conversion.admission import Admission
from service.conversion.conversions import Conversions
from service.conversion.convert import Converter
from service.conversion.documents import ANSWER_HEADERS, COMPONENTS
from service.conversion.headers import secured
from service.conversion.interpreter import Interpreter
from service.conversion.plan import Budget
from service.conversion.problems import answer, code_of
from service.conversion.recipes import LiveCatalogue
from service.conversion.record import Recorder
from service.conversion.reference import Reference
from service.conversion.routes import Parts
from service.spool import Spool
from service.telemetry import RequestIdMiddleware, continue_trace, tracing_plugins

PIECE_BYTES = 256 * 1024  # of a file on its way back


def create_app(
    *,
    catalogue: LiveCatalogue,
    engine_url: str,
    engine_key: str,
    model: str | None,
    budget: Budget,
    access: Access,
    data_directory: Path,
    max_input_bytes: int,
    max_files: int,
    concurrency: int,
    queue_places: int,
    queue_seconds: float,
    run_seconds: float,
    cors_origins: Sequence[str] = (),
) -> Litestar:
    """Return the application; ``app.state.conversions`` can be drained.

    Args:
        catalogue: The recipes, loaded.
        engine_url: Base URL of the OpenAI API that runs prompts; ends with ``/v1``.
        engine_key: Its bearer key.
        model: Model to ask there when a program is not enough; None: none.
        budget: What that model may spend on a file.
        access: Who may convert.
        data_directory: Where bodies are spooled.
        max_input_bytes: Limit of one request's files together.
        max_files: Limit of their number.
        concurrency: Conversions at a time.
        queue_places: Conversions that may wait.
        queue_seconds: Longest wait.
        run_seconds: Longest run.
        cors_origins: Origins whose pages may call; empty: CORS stays off.
    """
    registry = CollectorRegistry()
    interpreter = Interpreter(base_url=engine_url, api_key=engine_key, http=_http(engine_url))
    admission = Admission(places=concurrency, queue_places=queue_places, queue_seconds=queue_seconds)
    converter = Converter(
        catalogue=catalogue,
        interpreter=interpreter,
        admission=admission,
        recorder=Recorder(registry, code_of),
        model=model,
        budget=budget,
        run_seconds=run_seconds,
    )
    spool = Spool(data_directory / "spool")
    conversions = Conversions(
        converter=converter, admission=admission, spool=spool, max_input_bytes=max_input_bytes, max_files=max_files
    )

    Gauge("recast_places", "Conversions that can run at once", registry=registry).set(concurrency)
    Gauge("recast_queue_depth", "Conversions that wait for a place", registry=registry).set_function(
        lambda: admission.waiting
    )
    isolation = Gauge(
        "recast_engine_isolation", "1 for the tier that holds the engine's containers", ["tier"], registry=registry
    )

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await interpreter.close()
            spool.close()

    parts = Parts(
        catalogue=catalogue,
        conversions=conversions,
        interpreter=interpreter,
        access=access,
        registry=registry,
        isolation=isolation,
    )
    return Litestar(
        route_handlers=[*routes.HANDLERS, *operations.HANDLERS, *page_routes.HANDLERS],
        lifespan=[lifespan],
        state=State({"parts": parts, "conversions": conversions}),
        exception_handlers={Exception: answer},
        before_send=[secured],
        middleware=[
            RequestIdMiddleware(),
            PrometheusConfig(app_name="recast", prefix="recast_http", group_path=True).middleware,
        ],
        cors_config=CORSConfig(allow_origins=list(cors_origins), expose_headers=list(ANSWER_HEADERS))
        if cors_origins
        else None,
        openapi_config=OpenAPIConfig(
            title="Recast",
            version=version("recast"),
            path="/docs",
            render_plugins=[Reference(path="/")],
            use_handler_docstrings=True,
            operation_id_creator=_operation_id,
            components=COMPONENTS,
            license=License(name="Apache-2.0", identifier="Apache-2.0"),
            description="POST a file, get it back in another format.",
        ),
        plugins=tracing_plugins(),
        request_max_body_size=None,
        logging_config=None,
    )


def _operation_id(handler: HTTPRouteHandler, *_: object) -> str:
    first, *rest = handler.handler_name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _http(engine_url: str) -> httpx2.AsyncClient:
    """Return the pool for the wire, on aiohttp, which takes half the time; an engine on this machine is asked without a proxy."""
    # There is no setting for it; in pieces of 16 KiB, a large file costs twice as much.
    AiohttpResponseStream.CHUNK_SIZE = PIECE_BYTES
    return DefaultAioHttpClient(
        follow_redirects=False,
        trust_env=not httpx2.URL(engine_url).host.startswith(("127.", "localhost", "::1")),
        event_hooks={"request": [_continue_trace]},
    )


async def _continue_trace(request: httpx2.Request) -> None:
    continue_trace(request.headers)
