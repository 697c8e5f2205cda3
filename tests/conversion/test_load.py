"""Overload, drains and deaths: what is promised when things do not go well."""

import io
import shutil
import signal
import socket
import subprocess
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import httpx
import psutil
import pytest

from tests.serving import Served, serving

RECIPES = Path(__file__).parent / "recipes"
NOTHING = {"containers": 0, "uploads": 0, "spooled": 0}


@pytest.fixture(scope="module")
def trial(service: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service with the trial recipe, one place, one in the queue, and a short wait."""
    settings = {
        "recipes": str(RECIPES),
        "concurrency": "1",
        "queue_places": "1",
        "queue_seconds": "1",
    }
    with serving(tmp_path_factory.mktemp("trial"), settings, engine_of=service) as served:
        yield served


def _trial(service: Served, does: str, seconds: float = 0) -> httpx.Response:
    with service.client() as client:
        return client.post(f"/convert/ics?does={does}&seconds={seconds}", files={"file": ("a.csv", b"a\n1\n")})


@pytest.mark.parametrize(
    ("does", "status", "code", "detail"),
    [
        ("crash", 422, "conversion_failed", "(KeyError)"),
        ("exit", 422, "conversion_failed", "(Exit3)"),
        ("die", 422, "conversion_failed", "(SIGKILL)"),
        ("eat", 422, "too_large", "more memory than a container has"),
        ("nothing", 502, "no_output", ""),
        ("empty", 502, "wrong_output", ""),
        ("wrong", 502, "wrong_output", ""),
    ],
)
def test_a_program_that_fails(trial: Served, does: str, status: int, code: str, detail: str) -> None:
    """Whatever a program does, its caller hears the right thing, no content of the file, and nothing is left."""
    answer = _trial(trial, does)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert detail in answer.json()["detail"]
    assert "secret" not in answer.text
    assert trial.settled() == NOTHING


def test_a_program_that_takes_too_long(service: Served, tmp_path: Path) -> None:
    """The run budget ends it with 504 and takes its container away."""
    with serving(tmp_path, {"recipes": str(RECIPES), "run_seconds": "2"}, engine_of=service) as hasty:
        started = time.monotonic()
        answer = _trial(hasty, "sleep", 50)
        assert (answer.status_code, answer.json()["code"]) == (504, "run_timeout")
        assert time.monotonic() - started < 45
        assert hasty.settled() == NOTHING


def test_a_report_cannot_break_out_of_its_headers(trial: Served) -> None:
    """What a program reports is encoded, whatever it holds."""
    headers = _trial(trial, "warn").headers
    assert "Set-Cookie" not in headers
    assert headers["Recast-Warnings"] == '%"na%c3%afve %22quotes%22%0d%0aSet-Cookie: a=b"'


def test_busy_is_told_with_the_time_to_come_back(trial: Served) -> None:
    """With one running and one waiting the third hears so at once, and the second when its wait is over."""
    with ThreadPoolExecutor() as pool:
        running = pool.submit(_trial, trial, "sleep", 5)
        _until(lambda: _metric(trial, "recast_conversions_in_flight") == 1)
        waiting = pool.submit(_trial, trial, "write")
        _until(lambda: _metric(trial, "recast_conversions_in_flight") == 2)
        turned_away = _trial(trial, "write")
    assert (turned_away.status_code, turned_away.json()["code"]) == (429, "busy")
    assert int(turned_away.headers["Retry-After"]) >= 1
    assert (waiting.result().status_code, running.result().status_code) == (429, 200)


def test_a_client_that_goes_while_it_waits(serve: Callable[..., Served]) -> None:
    """Its place in the queue is free soon, and not when its wait is over or its turn comes."""
    patient = serve(recipes=str(RECIPES), concurrency="1", queue_places="1", queue_seconds="300")
    host, port = patient.url.removeprefix("http://").split(":")
    head = "PUT /convert/ics/a.csv?does=sleep&seconds=100 HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\na\n1\n"
    with socket.create_connection((host, int(port))) as running:
        running.sendall(head.encode())
        _until(lambda: _metric(patient, "recast_conversions_in_flight") == 1)
        with socket.create_connection((host, int(port))) as waiting:
            waiting.sendall(head.encode())
            _until(lambda: _metric(patient, "recast_queue_depth") == 1)
        _until(lambda: _metric(patient, "recast_queue_depth") == 0)
        assert _metric(patient, "recast_conversions_in_flight") == 1
    _until(lambda: _metric(patient, "recast_conversions_in_flight") == 0)


def test_an_archive_is_sent_while_later_files_run(trial: Served) -> None:
    """With one place, three files of a second each: the first is on its way long before the last is done."""
    parts = [("file", (f"{name}.csv", b"a\n1\n")) for name in "abc"]
    with trial.client() as client, client.stream("POST", "/convert/ics?does=sleep&seconds=1", files=parts) as answer:
        started, arrivals, content = time.monotonic(), list[float](), b""
        for chunk in answer.iter_raw():
            arrivals.append(time.monotonic() - started)
            content += chunk
    assert sorted(zipfile.ZipFile(io.BytesIO(content)).namelist()) == ["a.ics", "b.ics", "c.ics"]
    assert arrivals[-1] - arrivals[0] > 1.5
    assert trial.settled() == NOTHING


def test_the_places_are_free_again(trial: Served) -> None:
    """After all of the above the service converts as before."""
    assert _trial(trial, "write").status_code == 200
    _until(lambda: _metric(trial, "recast_conversions_in_flight") == 0)


def test_a_drain_finishes_what_runs(serve: Callable[..., Served]) -> None:
    """After SIGTERM the service is unready at once, takes nothing new, finishes what runs, and exits with 0."""
    service = serve(recipes=str(RECIPES))
    with ThreadPoolExecutor() as pool:
        running = pool.submit(_trial, service, "sleep", 2)
        _until(lambda: _metric(service, "recast_conversions_in_flight") == 1)
        service.process.send_signal(signal.SIGTERM)
        _until(lambda: httpx.get(f"{service.url}/readyz").status_code == 503)
        refused = _trial(service, "write")
        assert (refused.status_code, refused.json()["code"]) == (503, "draining")
        assert running.result().status_code == 200
        assert service.process.wait(90) == 0


def test_an_engine_that_is_killed_comes_back(tmp_path: Path) -> None:
    """Its conversions fail with 503, which can be tried again; a new engine is started by itself."""
    with serving(tmp_path, {"recipes": str(RECIPES)}) as service, ThreadPoolExecutor() as pool:
        running = pool.submit(_trial, service, "sleep", 5)
        _until(lambda: _metric(service, "recast_conversions_in_flight") == 1)
        time.sleep(0.3)
        engine = psutil.Process(service.process.pid).children()[0]
        engine.kill()
        answer = running.result()
        assert (answer.status_code, answer.json()["code"]) == (503, "engine_down")
        _until(lambda: httpx.get(f"{service.url}/readyz").status_code == 200)
        assert _trial(service, "write").status_code == 200
        assert service.settled() == NOTHING


@pytest.mark.parametrize(("victim", "outcomes"), [("kernel", {422}), ("zygote", {200, 502})])
def test_a_process_that_is_killed_loses_no_more_than_its_conversion(
    tmp_path: Path, victim: str, outcomes: set[int]
) -> None:
    """A kernel takes its conversion along, a zygote need not; the next conversion is as good as the first, and nothing is left."""
    with serving(tmp_path, {"recipes": str(RECIPES)}) as service, ThreadPoolExecutor() as pool:
        running = pool.submit(_trial, service, "sleep", 6)
        _until(lambda: _metric(service, "recast_conversions_in_flight") == 1)
        time.sleep(1)
        for each in psutil.Process(service.process.pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                if each.name() == victim:
                    each.kill()
        answer = running.result(timeout=300)
        assert answer.status_code in outcomes, answer.text
        assert _trial(service, "write").status_code == 200
        assert service.settled() == NOTHING


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 24 MiB; the test is skipped, aloud, where none can be mounted."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", disk], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("only root can mount a small disk: a full one is not tested")
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)


@pytest.mark.parametrize(
    ("megabytes", "expected"), [(30, (503, "storage_full")), (15, (502, "engine_error"))], ids=["spool", "engine"]
)
def test_a_full_disk(tmp_path: Path, small_disk: Path, megabytes: int, expected: tuple[int, str]) -> None:
    """An upload that does not fit, here or as the engine's copy, is a problem that can be tried again; small ones go on."""
    rows = b"a,b\n" + b"1,2\n" * (megabytes << 18)
    with serving(tmp_path, {"data_dir": str(small_disk)}) as service, service.client() as client:
        answer = client.put("/convert/ndjson/a.csv", content=rows)
        assert (answer.status_code, answer.json()["code"]) == expected, answer.text
        assert answer.headers["Retry-After"]
        assert client.put("/convert/json/a.csv", content=b"a\n1\n").status_code == 200
        _until(lambda: shutil.disk_usage(small_disk).used < 1 << 20)
        _until(lambda: not any(each.is_file() for each in (small_disk / "spool").rglob("*")))


@pytest.mark.slow
def test_a_large_upload_does_not_grow_the_service(service: Served) -> None:
    """200 MB in move the service's resident memory by less than 64 MiB."""
    process = psutil.Process(service.process.pid)
    with service.client() as client:
        client.post("/convert/mp3", content=b"a,b\n" * 1000, headers={"Content-Type": "text/csv"})
        before = process.memory_info().rss
        chunks = (b"1,2\n" * 16384 for _ in range(200 * 16))
        answer = client.post("/convert/mp3", content=chunks, headers={"Content-Type": "text/csv"})
        after = process.memory_info().rss
    assert answer.json()["code"] == "unsupported_pair"
    assert after - before < 64 << 20


def _until(true: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _metric(service: Served, name: str) -> float:
    lines = httpx.get(f"{service.url}/metrics").text.splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith(f"{name} ")))
