"""The image as it is run: without a flag, as Docker runs it, and as a restricted pod does; and the chart, played."""

import json
import os
import subprocess
import sys
import threading
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.deploy.pods import (
    DOCKER,
    RESTRICTED,
    Manifest,
    Running,
    container,
    played,
    podman,
    podman_result,
    strict_seccomp,
)

REPOSITORY = Path(__file__).parents[2]
TABLE = "city,code\nZürich,007\n東京,010\n".encode()
RECORDS = [{"city": "Zürich", "code": "007"}, {"city": "東京", "code": "010"}]

KEY = "not-a-real-key-0123456789"

pytestmark = pytest.mark.skipif(
    "RECAST_TEST_PODMAN" not in os.environ, reason="no podman: .ci/deploy builds and runs the image"
)


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The flag for a node's strict seccomp profile."""
    return strict_seccomp(tmp_path_factory.mktemp("seccomp"))


@pytest.fixture(scope="module")
def restricted(strict: str) -> Iterator[Running]:
    """The image as a restricted pod runs it: uid 65532, no capabilities, read-only root, no namespaces."""
    with container("localhost/recast", *RESTRICTED, strict) as running:
        yield running


def converts(running: Running) -> None:
    """Assert that a table comes back as JSON, value for value."""
    with running.client() as client:
        answer = client.post("/convert/json", content=TABLE, headers={"content-type": "text/csv"})
    assert (answer.status_code, answer.json()) == (200, RECORDS), answer.text


def tier(running: Running) -> str:
    """Return the confinement that the engine found."""
    with running.client() as client:
        return str(client.get("/readyz").json()["engine"]["isolation"])


def test_no_flag_is_needed() -> None:
    """`run -p 8000:8000 recast` serves and converts."""
    with container("localhost/recast") as running:
        converts(running)


def test_under_dockers_defaults_every_container_has_its_own_uid(strict: str) -> None:
    """Root with Docker's capabilities and no namespaces gives the second tier, where programs may start others."""
    with container("localhost/recast", *DOCKER, strict) as running:
        assert tier(running) == "uids"
        converts(running)


def test_restricted(restricted: Running) -> None:
    """With no privilege at all the engine runs its weakest tier, and converts."""
    assert tier(restricted) == "landlock"
    converts(restricted)


def test_restricted_runs_pandoc(restricted: Running) -> None:
    """There too a program of its own reads and writes documents."""
    with restricted.client() as client:
        answer = client.post(
            "/convert/epub", content=b"# A book\n\nwith words", headers={"content-type": "text/markdown"}
        )
    assert (answer.status_code, answer.content[:2]) == (200, b"PK"), answer.text


def test_below_the_floor_it_refuses_to_start(strict: str) -> None:
    """Where the demanded confinement cannot be had, nothing is served, and what to change is said."""
    floor = "--env=RECAST_MIN_ISOLATION=namespaces"
    run = podman_result("run", "--rm", *RESTRICTED, strict, floor, "localhost/recast")
    assert run.returncode == 1
    assert "this machine can give only 'landlock': allow unprivileged user namespaces" in run.stderr


def test_restricted_has_nothing(restricted: Running) -> None:
    """Inside: an ordinary user without capabilities, under seccomp, on a root that cannot be written."""
    status = dict(line.split(":\t") for line in restricted.python("print(open('/proc/1/status').read())").splitlines())
    assert {status[name].strip() for name in ("CapEff", "CapPrm", "CapBnd")} == {"0" * 16}
    assert (status["NoNewPrivs"], status["Seccomp"], status["Uid"].split()[0]) == ("1", "2", "65532")
    writable = "import os; print([d for d in ('/', '/opt/recast', '/usr', '/etc', '/root') if os.access(d, os.W_OK)])"
    assert restricted.python(writable) == "[]"


def test_no_tools_for_an_attacker(restricted: Running) -> None:
    """No compiler, no package installer, no downloader, nothing that raises privileges."""
    tools = "gcc cc c++ clang make pip pip3 curl wget git ssh nc"
    assert restricted.python(f"import shutil; print([t for t in '{tools}'.split() if shutil.which(t)])") == "[]"
    find = "import os, stat; print([p for d, _, names in os.walk('/usr') for p in (os.path.join(d, n) for n in names)"
    assert restricted.python(f"{find} if os.lstat(p).st_mode & 0o6000 and stat.S_ISREG(os.lstat(p).st_mode)])") == "[]"


def test_nothing_is_left_of_a_conversion(restricted: Running) -> None:
    """After conversions no file of theirs is anywhere that can be written."""
    files = "import os; print(sum(len(names) for d in ('/var/lib/recast', '/tmp', '/dev/shm') for _, _, names in os.walk(d)))"
    converts(restricted)
    before = restricted.python(files)
    converts(restricted)
    assert restricted.python(files) == before


def test_healthcheck_asks_the_service(restricted: Running) -> None:
    """The image's own health check passes while it serves, and fails where nothing listens."""
    check = json.loads(podman("image", "inspect", "localhost/recast"))[0]["Healthcheck"]["Test"][1:]
    exits = [podman_result("exec", *at, restricted.name, *check).returncode for at in ([], ["--env=RECAST_PORT=1"])]
    assert exits == [0, 1]


def test_sigterm_finishes_what_runs(strict: str, tmp_path: Path) -> None:
    """A conversion that runs when the container is told to stop is finished, new ones are not taken, and the exit is clean."""
    rows = b"number,text\n" + b"".join(b"%d,some words of a row\n" % number for number in range(400_000))
    answers = []
    with container("localhost/recast", *RESTRICTED, strict) as running, running.client() as client:
        converts(running)
        running_one = threading.Thread(target=lambda: answers.append(client.post("/convert/xlsx", content=rows)))
        running_one.start()
        time.sleep(0.7)
        podman("stop", "--time=40", running.name)
        running_one.join()
        assert podman("wait", running.name).strip() == "0"
    assert [answer.status_code for answer in answers] == [200]


def test_the_converter_alone_has_no_kernel() -> None:
    """The small image lists its recipes, runs as an ordinary user and has none of the engine's libraries."""
    script = "import os, pathlib; print(os.getuid(), pathlib.Path('/opt/recast/kernel').exists())"
    assert (
        podman("run", "--rm", "--entrypoint=python", "localhost/recast-service", "-c", script).strip() == "65532 False"
    )
    assert "xlsx" in podman("run", "--rm", "localhost/recast-service", "formats")


def test_labels() -> None:
    """The image says what it is: version, revision, licence."""
    labels = json.loads(podman("image", "inspect", "localhost/recast"))[0]["Labels"]
    version = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["version"]
    assert labels["org.opencontainers.image.version"] == version
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"
    assert len(labels["org.opencontainers.image.revision"]) == 40


@pytest.fixture(scope="module")
def chart() -> list[Manifest]:
    """What Helm renders for one pod with a key and a recipe of its own."""
    values = Path(__file__).parent / "values" / "own.yaml"
    command = [
        f"{os.environ['RECAST_TEST_HELM']}/helm4",
        "template",
        "recast",
        f"{REPOSITORY}/helm/recast",
        f"--values={values}",
    ]
    rendered = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [manifest for manifest in yaml.safe_load_all(rendered) if manifest]


@pytest.fixture(scope="module")
def pod(chart: list[Manifest], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The chart, played."""
    with played(chart, tmp_path_factory.mktemp("chart")) as running:
        yield running


def test_the_charts_probes_answer(chart: list[Manifest], pod: Running) -> None:
    """What the kubelet would ask says yes: the converter's paths over the network, the engine's from inside its container."""
    (workload,) = (manifest for manifest in chart if manifest["kind"] == "Deployment")
    service, engine = workload["spec"]["template"]["spec"]["containers"]
    with pod.client() as client:
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            assert client.get(service[probe]["httpGet"]["path"]).status_code == 200
    command = engine["livenessProbe"]["exec"]["command"]
    assert podman_result("exec", pod.name.replace("-service", "-engine"), *command).returncode == 0
    assert tier(pod) == "landlock"


def test_the_charts_own_test_passes(chart: list[Manifest], pod: Running) -> None:
    """What `helm test` runs converts a file through the pod with the chart's key; without the key it fails."""
    (test,) = next(manifest for manifest in chart if manifest["kind"] == "Pod")["spec"]["containers"]
    exits = [
        subprocess.run([sys.executable, *test["command"][1:]], env=given, capture_output=True, check=False).returncode
        for given in ({"URL": pod.url, "KEYS": KEY}, {"URL": pod.url})
    ]
    assert exits == [0, 1]


def test_a_recipe_of_the_charts_values_converts(pod: Running) -> None:
    """A recipe that stands in the values is offered and run."""
    with pod.client() as client:
        headers = {"content-type": "text/plain", "authorization": f"Bearer {KEY}"}
        answer = client.post("/convert/json", content=b"one\ntwo\n", headers=headers)
    assert (answer.status_code, answer.json()) == (200, {"lines": 2}), answer.text
    assert answer.headers["recast-recipe"].startswith("count")
