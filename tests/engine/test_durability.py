"""What survives a restart and a ``kill -9``, and what must not: an engine as a process of its own."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import openai
import psutil
import pytest
from openai import OpenAI

from tests.engine.test_responses import logs, run

START_SECONDS = 180


@contextmanager
def process(data_directory: Path | None) -> Iterator[tuple[OpenAI, "subprocess.Popen[bytes]"]]:
    """`recast engine` on a free port; killed at the end if it still runs."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("RECAST_", "OPENAI_"))}
    arguments = [f"--data-dir={data_directory}"] if data_directory else []
    started = subprocess.Popen(
        [sys.executable, "-m", "service", "engine", f"--engine-port={port}", *arguments], env=environment
    )
    try:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and started.poll() is None:
            try:
                httpx.get(f"http://127.0.0.1:{port}/readyz").raise_for_status()
                break
            except httpx.HTTPError:
                time.sleep(0.1)
        with OpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key="test", max_retries=0) as ai:
            yield ai, started
    finally:
        if started.poll() is None:
            started.kill()
        started.wait()


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGKILL])
def test_rows_and_uploads_survive_and_containers_expire(tmp_path: Path, ending: signal.Signals) -> None:
    """Uploads and responses are there again; a container that was running is expired, as its memory is gone."""
    with process(tmp_path) as (ai, engine):
        file = ai.files.create(file=("a.txt", b"kept"), purpose="user_data")
        container = ai.containers.create(name="running")
        response = run(ai, "print('kept')")
        engine.send_signal(ending)
        engine.wait(90)
    with process(tmp_path) as (ai, _):
        assert ai.files.content(file.id).read() == b"kept"
        assert ai.responses.retrieve(response.id).output_text == response.output_text
        assert ai.containers.retrieve(container.id).status == "expired"
        with pytest.raises(openai.BadRequestError, match=r"Container is expired\."):
            run(ai, "1", previous_response_id=response.id)


def test_a_run_that_was_killed_with_its_engine_has_failed(tmp_path: Path) -> None:
    """A background response is not left in progress for ever."""
    with process(tmp_path) as (ai, engine):
        response = run(ai, "import time; time.sleep(60)", background=True)
        engine.kill()
        engine.wait(90)
    with process(tmp_path) as (ai, _):
        stored = ai.responses.retrieve(response.id)
        assert (stored.status, stored.error and stored.error.code) == ("failed", "server_error")


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGKILL])
def test_no_process_outlives_the_engine(ending: signal.Signals) -> None:
    """Zygotes and kernels, busy ones too, are gone when the engine is, however it ended."""
    with process(None) as (ai, engine):
        logs(run(ai, "import subprocess; subprocess.Popen(['sleep', '600'])"))
        run(ai, "import time; time.sleep(600)", background=True)
        children = psutil.Process(engine.pid).children(recursive=True)
        assert children
        engine.send_signal(ending)
        engine.wait(90)
        _, alive = psutil.wait_procs(children, timeout=60)
        assert [child for child in alive if child.status() != psutil.STATUS_ZOMBIE] == []
