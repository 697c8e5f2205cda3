"""`recast serve` as an operator sees it: starts, ends, and what it does about an engine that dies."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.serving import Served, free_port, serving

SAMPLES = Path(__file__).parents[2] / "recipes" / "samples"
CSV = (SAMPLES / "table.csv").read_bytes()

Serve = Callable[..., Served]


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Served]:
    """A service with an engine of its own, for tests that end either."""
    with serving(tmp_path, {}) as served:
        yield served


def _engine(served: Served) -> psutil.Process:
    return next(each for each in psutil.Process(served.process.pid).children() if "--child" in each.cmdline())


def _until(condition: Callable[[], bool], seconds: float = 60.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _converts(served: Served) -> bool:
    try:
        return (
            httpx.post(f"{served.url}/convert/json", content=CSV, params={"from": "csv"}, timeout=120).status_code
            == 200
        )
    except httpx.TransportError:
        return False


def _recast(*arguments: str, variables: Mapping[str, str] = {}, **settings: str) -> "subprocess.CompletedProcess[str]":
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("RECAST_", "OPENAI_"))}
    given = {f"RECAST_{name.upper()}": value for name, value in settings.items()}
    return subprocess.run(
        [sys.executable, "-m", "service", *arguments],
        env=environment | given | dict(variables),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def test_a_terminated_service_ends_with_nothing_left(alone: Served) -> None:
    """SIGTERM: exit code 0, and the engine is gone too."""
    engine = _engine(alone)
    alone.process.send_signal(signal.SIGTERM)
    assert alone.process.wait(90) == 0
    assert _until(lambda: not engine.is_running())


def test_a_killed_service_takes_its_engine_along(alone: Served) -> None:
    """Even SIGKILL leaves no engine behind."""
    engine = _engine(alone)
    alone.process.kill()
    alone.process.wait()
    assert _until(lambda: not engine.is_running() or engine.status() == psutil.STATUS_ZOMBIE)


def test_a_service_killed_while_it_starts_leaves_no_engine(tmp_path: Path) -> None:
    """The engine may still be importing when its parent goes, and not have asked to be told of that yet."""
    environment = {
        "RECAST_PORT": str(free_port()),
        "RECAST_ENGINE_PORT": str(free_port()),
        "RECAST_DATA_DIR": str(tmp_path),
    }
    with subprocess.Popen([sys.executable, "-m", "service", "serve"], env=os.environ | environment) as service:
        parent = psutil.Process(service.pid)
        assert _until(lambda: bool(parent.children()))
        (engine,) = parent.children()
        service.kill()
    assert _until(lambda: not engine.is_running() or engine.status() == psutil.STATUS_ZOMBIE)


def test_an_engine_that_dies_is_started_again(alone: Served) -> None:
    """The service says 503 meanwhile, and then converts as before."""
    assert _converts(alone)
    engine = _engine(alone)
    engine.kill()
    assert _until(lambda: _converts(alone))
    assert _engine(alone).pid != engine.pid


def test_a_running_conversion_outlives_the_signal(serve: Serve) -> None:
    """A request that was under way gets its file; new ones are refused; then the service ends."""
    served = serve()
    with socket.create_connection(("127.0.0.1", int(served.url.rpartition(":")[2]))) as slow:
        head = f"POST /convert/json?from=csv HTTP/1.1\r\nHost: x\r\nContent-Length: {len(CSV)}\r\n\r\n"
        slow.sendall(head.encode() + CSV[:10])
        spool = served.data_directory / "spool"
        assert _until(lambda: any(path.is_dir() for path in spool.glob("*/*")))  # the body is being read
        served.process.send_signal(signal.SIGTERM)
        assert _until(lambda: httpx.get(f"{served.url}/readyz").status_code == 503)
        assert httpx.post(f"{served.url}/convert/json", content=CSV).status_code == 503
        slow.sendall(CSV[10:])
        slow.settimeout(120)
        assert slow.recv(15).startswith(b"HTTP/1.1 200")
    assert served.process.wait(90) == 0


def test_the_key_of_the_engine_is_not_in_any_environment(service: Served) -> None:
    """A container could come to read it there."""
    processes = [psutil.Process(service.process.pid), *psutil.Process(service.process.pid).children(recursive=True)]
    assert all("KEY" not in name for each in processes for name in each.environ())


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"prot": "1"}, "RECAST_PROT: no such setting"),
        ({"host": "192.0.2.1"}, "RECAST_API_KEYS"),
        ({"port": "-1"}, "RECAST_PORT"),
        ({"engine_url": "127.0.0.1:8001/v1"}, "RECAST_ENGINE_URL"),
        ({"model_url": "localhost"}, "RECAST_MODEL_URL"),
    ],
)
def test_a_wrong_setting_stops_the_start(settings: dict[str, Any], said: str) -> None:
    """With usage and one line that names it."""
    done = _recast("serve", **settings)
    assert done.returncode == 2
    assert said in done.stderr.splitlines()[-1]


def test_a_taken_port_is_said_in_one_line() -> None:
    """Before an engine is started."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = _recast("serve", port=str(taken.getsockname()[1]))
    assert done.returncode == 1
    assert done.stderr.splitlines() == [line for line in done.stderr.splitlines() if "cannot listen" in line]


def test_an_engine_that_cannot_work_here_stops_the_start() -> None:
    """It says why in one line, and the service ends too."""
    done = _recast("serve", port=str(free_port()), engine_port="0", kernel_python="/nowhere/python")
    assert done.returncode == 1
    assert [line.partition(":")[0] for line in done.stderr.splitlines()] == ["recast", "recast"]
    assert "/nowhere/python" in done.stderr


@pytest.mark.parametrize("directory", ["/proc/nowhere", __file__])
def test_a_directory_that_cannot_be_written_stops_the_start(directory: str) -> None:
    """Before the first upload finds out."""
    done = _recast("serve", port=str(free_port()), engine_port="0", data_dir=directory)
    assert done.returncode == 1
    assert done.stderr.startswith(f"recast: RECAST_DATA_DIR: {directory} cannot be written: ")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("made", ["link", "writable"])
def test_a_directory_that_another_user_made_first_stops_the_start(tmp_path: Path, made: str) -> None:
    """The default one's name can be foreseen; what links in it lead to would be removed as left over."""
    directory, elsewhere = tmp_path / f"recast-{os.getuid()}", tmp_path / "elsewhere"
    left = elsewhere / "spool" / "spool-mine"
    left.mkdir(parents=True)
    if made == "link":
        directory.symlink_to(elsewhere)
    else:
        elsewhere.rename(directory)
        directory.chmod(0o777)
    done = _recast("serve", port=str(free_port()), engine_port="0", variables={"TMPDIR": str(tmp_path)})
    assert (done.returncode, done.stderr.count("\n"), "RECAST_DATA_DIR" in done.stderr) == (1, 1, True)
    assert (directory / "spool" / "spool-mine").exists()


def test_recipes_that_cannot_be_read_stop_the_start(tmp_path: Path) -> None:
    """A directory without permission is not one without recipes."""
    if os.geteuid() == 0:
        pytest.skip("root reads everything: recipes that cannot be read are not tested")
    tmp_path.chmod(0o000)
    done = _recast("serve", port=str(free_port()), engine_port="0", recipes=str(tmp_path))
    tmp_path.chmod(0o700)
    assert done.stderr == f"recast: {tmp_path}: cannot be read\n"


def test_an_interpreter_without_libraries_is_said_in_one_line() -> None:
    """What a wheel alone starts with: the way to the missing environment, not six ways to fail without it."""
    done = _recast("serve", port=str(free_port()), engine_port="0", kernel_python=sys.executable)
    assert done.returncode == 1
    assert [line.partition(":")[0] for line in done.stderr.splitlines()] == ["recast", "recast"]
    assert "requirements-kernel.lock" in done.stderr


def test_a_wrong_recipe_stops_the_start(tmp_path: Path) -> None:
    """One line that names the file."""
    (tmp_path / "mine.toml").write_text("titel = 1", encoding="utf-8")
    done = _recast("serve", port=str(free_port()), recipes=str(tmp_path))
    assert done.returncode == 1
    assert f"{tmp_path}/mine.toml: " in done.stderr


@pytest.mark.slow
def test_a_head_that_never_ends_is_cut_off(service: Served) -> None:
    """A byte every now and then does not hold a connection for ever."""
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", int(service.url.rpartition(":")[2]))) as slow:
        slow.sendall(b"GET / HTTP/1.1\r\n")
        slow.settimeout(1)
        while time.monotonic() - began < 120:
            try:
                slow.sendall(b"a")
                if slow.recv(1) == b"":
                    break
            except TimeoutError:
                continue
            except ConnectionError:
                break
    assert time.monotonic() - began < 100
