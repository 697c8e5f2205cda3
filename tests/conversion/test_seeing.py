"""What an operator sees: one line a conversion, numbers, a trace that goes on; and never what a file says."""

import json
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.conversion.vendor import Run, Vendor, vendor
from tests.serving import Served, serving

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
CONTENT = b"name,amount\nsecret-name,4711\n"


@pytest.fixture(scope="module")
def engine() -> Iterator[Vendor]:
    """An engine that keeps the headers it was sent."""
    with vendor("program") as running:
        yield running


@pytest.fixture(scope="module")
def watched(engine: Vendor, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service on that engine."""
    with serving(
        tmp_path_factory.mktemp("watched"), {"engine_url": engine.url, "openai_api_key": "key-to-hide"}
    ) as served:
        yield served


def _convert(service: Served, **headers: str) -> httpx.Response:
    with service.client(headers=headers) as client:
        return client.post("/convert/json", files={"file": ("secret-title.csv", CONTENT)})


def _lines(log: Path, request_id: str) -> list[dict[str, Any]]:
    """Return what was logged of a request; its line follows the answer."""
    deadline = time.monotonic() + 5
    while request_id not in log.read_text() and time.monotonic() < deadline:
        time.sleep(0.01)
    return [each for each in map(json.loads, log.read_text().splitlines()) if each.get("request_id") == request_id]


def test_a_conversion_is_one_line(engine: Vendor, watched: Served) -> None:
    """The line names recipe, container, sizes, seconds and outcome."""
    engine.play(Run())
    _convert(watched, **{"X-Request-ID": "one-line"})
    (line,) = _lines(watched.log, "one-line")
    assert (line["event"], line["outcome"], line["recipe"], line["output_format"]) == (
        "conversion",
        "ok",
        "table/1",
        "json",
    )
    assert (line["containers"], line["input_bytes"], line["tokens"]) == (["cntr_1"], len(CONTENT), 15)
    assert {"receive", "queue", "upload", "engine", "fetch", "total"} <= line["seconds"].keys()


def test_no_line_holds_what_is_not_its_business(engine: Vendor, watched: Served) -> None:
    """No content, no file name, no key, whatever went wrong."""
    engine.play(Run(logs="Traceback\nKeyError: 'secret-name'\n", cited=(), text="secret-name"))
    assert _convert(watched).status_code == 422
    engine.play(Run(ends="cut"))
    assert _convert(watched, **{"X-Request-ID": "the-last"}).status_code == 503
    assert len(_lines(watched.log, "the-last")) == 1
    log = watched.log.read_text()
    assert not [word for word in ("secret-name", "4711", "secret-title", "key-to-hide") if word in log]
    assert '"error": "KeyError"' in log


def test_a_trace_goes_on_to_the_engine(engine: Vendor, watched: Served) -> None:
    """The caller's trace and request id reach the engine."""
    engine.play(Run())
    _convert(watched, traceparent=TRACE, **{"X-Request-ID": "trace-me"})
    assert engine.headers[0]["traceparent"].split("-")[1] == TRACE.split("-")[1]
    assert engine.headers[0]["x-request-id"] == "trace-me"


def test_what_is_counted(engine: Vendor, watched: Served) -> None:
    """Conversions by recipe, pair and outcome; seconds by phase; bytes, attempts and tokens."""
    engine.play(Run())
    _convert(watched)
    metrics = httpx.get(f"{watched.url}/metrics").text
    labels = 'input_type="text/csv",outcome="ok",output_format="json",recipe="table"'
    assert f"recast_conversions_total{{{labels}}}" in metrics
    for name in ("recast_conversion_seconds_bucket", "recast_bytes_total", "recast_attempts_total", "recast_model_tokens_total",
                 "recast_queue_depth", "recast_places", "recast_http_requests_total"):  # fmt: skip
        assert f"\n{name}" in metrics


def test_the_engines_tier_is_shown(service: Served) -> None:
    """Readiness says how containers are held, and so do the metrics."""
    ready = httpx.get(f"{service.url}/readyz").json()
    assert ready["engine"]["isolation"] in {"namespaces", "uids", "landlock"}
    assert (
        f'recast_engine_isolation{{tier="{ready["engine"]["isolation"]}"}} 1.0'
        in httpx.get(f"{service.url}/metrics").text
    )


def test_spans_of_both_halves_are_exported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a collector set, one conversion is one trace: the request, its phases, the engine's part; no name, no option."""
    taken: list[bytes] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            taken.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    wanted = {
        "POST /convert/{output_format}/{name}",
        "identify",
        "queue",
        "engine",
        "fetch",
        "POST /v1/responses",
    }
    with HTTPServer(("127.0.0.1", 0), Collector) as server:
        Thread(target=server.serve_forever).start()
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
        with serving(tmp_path, {}) as service:
            url = f"{service.url}/convert/json/secret-title.csv?delimiter=comma"
            assert httpx.post(url, content=CONTENT, headers={"traceparent": TRACE}).status_code == 200
        server.shutdown()
    requests = [ExportTraceServiceRequest.FromString(each) for each in taken]
    scopes = [scope for request in requests for part in request.resource_spans for scope in part.scope_spans]
    names = {span.name for scope in scopes for span in scope.spans if span.trace_id.hex() == TRACE.split("-")[1]}
    assert names >= wanted
    assert not any(b"secret-" in each or b"delimiter" in each for each in taken)
