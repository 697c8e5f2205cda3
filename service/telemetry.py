"""Logs, traces and request ids, set up the same way for both halves of the service.

Owns what a log line looks like (one JSON object on standard error) and how a request is named. Knows neither conversions nor containers:
what is logged and counted is decided where it happens.
"""

import logging
import os
import re
import sys
import uuid
from collections.abc import MutableMapping
from typing import Any

import structlog
from litestar.datastructures import MutableScopeHeaders
from litestar.middleware import ASGIMiddleware
from litestar.plugins.opentelemetry import OpenTelemetryConfig, OpenTelemetryPlugin
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from opentelemetry import context, propagate, trace

_REQUEST_ID = re.compile(r"[\w.:@/+=-]{1,128}", re.ASCII)


def configure_logging(level: str) -> None:
    """Send every log line, ours and the libraries', to standard error as one JSON object.

    Args:
        level: The lowest that is written: debug, info, warning or error.
    """
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        # without locals: they hold keys and content of files
        structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False)),
    ]
    threshold = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=threshold, force=True)
    for chatty in ("httpx", "httpx2", "httpcore", "httpcore2", "openai"):  # their lines name every request of the wire
        logging.getLogger(chatty).setLevel(max(threshold, logging.WARNING))


def configure_tracing(service_name: str) -> None:
    """Export spans if ``OTEL_EXPORTER_OTLP_ENDPOINT`` (or ``…_TRACES_ENDPOINT``) is set; else a trace is only passed on.

    Args:
        service_name: The resource's ``service.name``, unless ``OTEL_SERVICE_NAME`` says otherwise.
    """
    if not (os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") or os.environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")):
        return
    # Half a second of imports that only those who export traces should wait for.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - see above
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - see above
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - see above
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 - see above

    name = os.environ.get("OTEL_SERVICE_NAME", service_name)
    provider = TracerProvider(resource=Resource.create({"service.name": name}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)


def tracing_plugins() -> list[OpenTelemetryPlugin]:
    """Return what makes a span of every request, where `configure_tracing` or anyone else has set up who takes them.

    Where nobody takes them, a request would spend a tenth of its time on them; the trace itself is passed on all the same.
    """
    if isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
        return []
    config = OpenTelemetryConfig(
        exclude_spans=["receive", "send"],
        scope_span_details_extractor=lambda scope: (str(scope.get("method", "")), {}),
        server_request_hook_handler=lambda span, _: _describe(span, ""),
    )
    return [OpenTelemetryPlugin(config)]


def _describe(span: trace.Span, route: str) -> None:
    """Say the route instead of path and query: file names and instructions are in these."""
    span.set_attributes(
        {"http.route": route, "http.target": route, "http.url": route, "url.path": route, "url.query": ""}
    )


def continue_trace(headers: MutableMapping[str, str]) -> None:
    """Put the current trace (``traceparent``) and request id into the headers of a request that goes out."""
    propagate.inject(headers)
    if request_id := structlog.contextvars.get_contextvars().get("request_id"):
        headers["X-Request-ID"] = str(request_id)


def request_id_of(scope: Scope) -> str:
    """Return the request's name: the caller's ``X-Request-ID`` if it is a plain word, else a new one, the same every time."""
    if "request_id" not in scope["state"]:
        given = MutableScopeHeaders(scope).get("x-request-id", "")
        scope["state"]["request_id"] = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
    return str(scope["state"]["request_id"])


class RequestIdMiddleware(ASGIMiddleware):
    """Puts the request's name into the answer and every log line, names its span, or goes on with its trace where it has none."""

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Run the rest of the application with the name bound."""
        request_id = request_id_of(scope)

        async def send_named(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableScopeHeaders.from_message(message)["X-Request-ID"] = request_id
            await send(message)

        span, headers = trace.get_current_span(), MutableScopeHeaders(scope)
        if span.is_recording():
            span.update_name(f"{scope.get('method', '')} {scope['path_template']}")
            _describe(span, scope["path_template"])
        elif "traceparent" in headers and not span.get_span_context().is_valid:  # else a span that was not sampled
            context.attach(propagate.extract(headers))
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            await next_app(scope, receive, send_named)
