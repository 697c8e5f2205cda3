"""What one conversion cost and how it ended: its log line, its metrics, its spans.

A `Record` is filled while the conversion runs and written once at its end. Never content; a file name only as a hash.
"""

import hashlib
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import structlog
from msgspec import Struct, field
from opentelemetry import trace
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from service.conversion.plan import Attempt, Plan
from service.conversion.transcript import Transcript
from service.spool import SpooledFile

SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)


class Record(Struct):
    """One conversion, as far as it got."""

    input_bytes: int
    filename: str | None
    started: float = field(default_factory=time.monotonic)
    plan: Plan | None = None
    attempts: list[Attempt] = []
    container_ids: list[str] = []
    input_tokens: int = 0
    output_tokens: int = 0
    output_bytes: int = 0
    seconds: dict[str, float] = {}

    @classmethod
    def of(cls, file: SpooledFile, *, receive_seconds: float) -> "Record":
        """Begin the record of a file that took so long to arrive."""
        return cls(
            input_bytes=file.bytes,
            filename=file.filename,
            started=time.monotonic() - receive_seconds,
            seconds={"receive": receive_seconds},
        )

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Measure a phase and give it a span; a phase entered again adds up."""
        started = time.monotonic()
        with trace.get_tracer("recast").start_as_current_span(name, record_exception=False):
            try:
                yield
            finally:
                self.seconds[name] = self.seconds.get(name, 0.0) + time.monotonic() - started

    def attempted(self, attempt: Attempt, transcript: Transcript) -> None:
        """Count an attempt that came to its end."""
        self.attempts.append(attempt)
        self.container_ids += transcript.container_ids
        self.input_tokens += transcript.input_tokens
        self.output_tokens += transcript.output_tokens


class Recorder:
    """Writes records.

    Args:
        registry: Where the metrics are kept.
        outcome: Names an exception: the ``code`` of its problem.
    """

    def __init__(self, registry: CollectorRegistry, outcome: Callable[[BaseException], str]) -> None:
        pair = ["recipe", "input_type", "output_format"]
        self._outcome = outcome
        self._log = structlog.get_logger("recast.conversion")
        self._count = Counter(
            "recast_conversions", "Conversions by how they ended", [*pair, "outcome"], registry=registry
        )
        self._attempts = Counter("recast_attempts", "Attempts by who made them", ["recipe", "kind"], registry=registry)
        self._seconds = Histogram(
            "recast_conversion_seconds",
            "Seconds by phase: receive, identify, queue, upload, engine, fetch, total",
            ["phase"],
            buckets=SECONDS,
            registry=registry,
        )
        self._bytes = Counter("recast_bytes", "Bytes of files in and out", ["direction"], registry=registry)
        self._tokens = Counter(
            "recast_model_tokens", "Tokens that models took and gave", ["direction"], registry=registry
        )
        self._alive = Gauge("recast_conversions_in_flight", "Conversions begun and not ended", registry=registry)

    @asynccontextmanager
    async def recorded(self, record: Record) -> AsyncIterator[None]:
        """Write the record at the end of the ``async with``, whatever the end is."""
        outcome, failure = "ok", None
        self._alive.inc()
        try:
            yield
        except BaseException as error:  # a caller who left is an outcome too
            outcome, failure = self._outcome(error), error
            raise
        finally:
            self._alive.dec()
            record.seconds["total"] = time.monotonic() - record.started
            self._count_all(record, outcome)
            self._write(record, outcome, getattr(failure, "error", None))

    def _count_all(self, record: Record, outcome: str) -> None:
        plan = record.plan
        recipe, input_type, output_format = (
            (plan.recipe.name, plan.input_type, plan.target.name) if plan else ("", "", "")
        )
        self._count.labels(recipe, input_type, output_format, outcome).inc()
        for attempt in record.attempts:
            self._attempts.labels(recipe, attempt.kind).inc()
        for phase, seconds in record.seconds.items():
            self._seconds.labels(phase).observe(seconds)
        self._bytes.labels("in").inc(record.input_bytes)
        self._bytes.labels("out").inc(record.output_bytes)
        self._tokens.labels("in").inc(record.input_tokens)
        self._tokens.labels("out").inc(record.output_tokens)

    def _write(self, record: Record, outcome: str, error: str | None) -> None:
        plan = record.plan
        self._log.info(
            "conversion",
            outcome=outcome,
            error=error,
            recipe=f"{plan.recipe.name}/{plan.recipe.version}" if plan else None,
            input_type=plan.input_type if plan else None,
            output_format=plan.target.name if plan else None,
            attempts=[attempt.kind for attempt in record.attempts],
            containers=record.container_ids,
            input_bytes=record.input_bytes,
            output_bytes=record.output_bytes,
            tokens=record.input_tokens + record.output_tokens,
            name_hash=hashlib.sha256(record.filename.encode()).hexdigest()[:12] if record.filename else None,
            seconds={phase: round(seconds, 4) for phase, seconds in record.seconds.items()},
        )
