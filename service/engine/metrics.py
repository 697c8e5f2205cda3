"""The engine's numbers for Prometheus: requests, containers, runs. Counting happens here; what happens is told from outside."""

import time

import structlog
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from service.engine.assembly import Engine
from service.engine.response import Ended

_log = structlog.get_logger("recast.engine")


class Metrics:
    """One registry for one application."""

    media_type = "text/plain; version=0.0.4"

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "recast_engine_requests_total", "Requests.", ("method", "route", "status"), registry=self._registry
        )
        self._seconds = Histogram(
            "recast_engine_request_seconds", "Time to the first byte.", ("method", "route"), registry=self._registry
        )
        self._containers = Gauge("recast_engine_containers", "Containers.", ("state",), registry=self._registry)
        self._memory = Gauge(
            "recast_engine_containers_memory_bytes",
            "Sum of the live containers' memory limits.",
            registry=self._registry,
        )
        self._spawned = Gauge(
            "recast_engine_containers_spawned", "Containers made since the start.", registry=self._registry
        )
        self._killed = Gauge(
            "recast_engine_containers_killed", "Kernels killed since the start.", registry=self._registry
        )
        self._responses = Counter(
            "recast_engine_responses_total", "Responses.", ("model", "status"), registry=self._registry
        )
        self._run_seconds = Histogram(
            "recast_engine_response_seconds", "From the request to the last event.", ("model",), registry=self._registry
        )
        self._calls = Counter("recast_engine_calls_total", "Executions of code.", ("model",), registry=self._registry)
        self._tokens = Counter(
            "recast_engine_tokens_total", "Tokens of language models.", ("model", "kind"), registry=self._registry
        )
        self._runs = Gauge("recast_engine_runs", "Responses being made.", registry=self._registry)

    def count(self, *, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answered request; ``route`` is the path's template."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)

    def ended(self, run: Ended) -> None:
        """Count a run that has ended, and log its one line."""
        self._responses.labels(run.model, run.status).inc()
        self._run_seconds.labels(run.model).observe(run.seconds)
        self._calls.labels(run.model).inc(run.calls)
        self._tokens.labels(run.model, "input").inc(run.usage.input_tokens)
        self._tokens.labels(run.model, "output").inc(run.usage.output_tokens)
        _log.info(
            "response",
            response=run.response_id,
            container=run.container_id,
            model=run.model,
            status=run.status,
            calls=run.calls,
            seconds=run.seconds,
            input_tokens=run.usage.input_tokens,
            output_tokens=run.usage.output_tokens,
        )

    def text(self, engine: Engine) -> bytes:
        """All numbers as of now."""
        counts = engine.sandbox.counts()
        self._containers.labels("live").set(counts.live)
        self._containers.labels("parked").set(counts.parked)
        self._memory.set(counts.memory_bytes)
        self._spawned.set(counts.spawned)
        self._killed.set(counts.killed)
        self._runs.set(engine.responses.count())
        return generate_latest(self._registry)


class MetricsMiddleware(ASGIMiddleware):
    """Counts every request that has a route."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Note when the answer starts."""
        started = time.perf_counter()

        async def send_counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._metrics.count(
                    method=str(scope["method"]),  # type: ignore[typeddict-item] # HTTP alone comes here
                    route=scope["path_template"],
                    status=message["status"],
                    seconds=time.perf_counter() - started,
                )
            await send(message)

        await next_app(scope, receive, send_counted)
