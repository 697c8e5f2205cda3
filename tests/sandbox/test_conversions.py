"""The whole service with no privilege at all, as in a restricted pod: tier `landlock`, where a broker starts pandoc."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.sandbox.boxes import TIERS, pythons
from tests.serving import serving

_REPOSITORY = Path(__file__).parents[2]
_SAMPLES = _REPOSITORY / "recipes" / "samples"
_USER = 3000


@pytest.fixture(scope="module")
def unprivileged(interpreters: Path) -> tuple[list[str], dict[str, str]]:
    """How to run `recast` so, and in which environment; there LibreOffice seems to be installed."""
    if os.geteuid() != 0:
        pytest.skip("only root can become the user that this needs")
    python, kernel = pythons(interpreters, "landlock")
    office = interpreters / "office"
    office.mkdir(exist_ok=True)
    shutil.copy("/bin/true", office / "soffice")
    site = f"{_REPOSITORY}/.venv/lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"
    command = [*TIERS["landlock"][0], python, str(Path(__file__).with_name("unprivileged.py"))]
    return command, {
        "PYTHONPATH": f"{_REPOSITORY}:{site}",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PATH": f"{office}:{os.environ['PATH']}",
        "RECAST_KERNEL_PYTHON": kernel,
    }


@pytest.fixture(scope="module")
def pod(unprivileged: tuple[list[str], dict[str, str]], interpreters: Path) -> Iterator[httpx.Client]:
    """A client of such a service."""
    command, environment = unprivileged
    directory = interpreters / "pod"
    directory.mkdir()
    os.chown(directory, _USER, _USER)
    with (
        serving(directory, {"office": "true"}, command=command, environment=environment) as served,
        served.client() as client,
    ):
        assert client.get("/readyz").json()["engine"]["isolation"] == "landlock"
        yield client


@pytest.mark.parametrize(
    ("sample", "target"),
    [
        ("letter.md", "epub"),
        ("letter.md", "odt"),
        ("letter.docx", "rtf"),
        ("letter.odt", "docx"),
        ("letter.rtf", "html"),
        ("book.epub", "md"),
        ("paper.tex", "pdf"),
        ("plan.org", "pptx"),
        ("guide.rst", "ipynb"),
    ],
)
def test_what_pandoc_makes_is_offered_and_made(pod: httpx.Client, sample: str, target: str) -> None:
    """Reading and writing, in a pod as elsewhere."""
    source = _SAMPLES / sample
    offered = [each["output_format"] for each in pod.get(f"/formats/{source.suffix[1:]}").json()["outputs"]]
    answer = pod.post(f"/convert/{target}", files={"file": (sample, source.read_bytes())})
    assert target in offered
    assert answer.status_code == 200, answer.text
    assert answer.headers["recast-attempt"].startswith("program")


def test_what_libreoffice_would_make_is_not_offered(pod: httpx.Client) -> None:
    """It starts programs of its own, which this tier refuses: the own writer makes PDFs, and what has none is not offered."""
    offered = {each["output_format"]: each["recipe"] for each in pod.get("/formats/docx").json()["outputs"]}
    answer = pod.post("/convert/pdf", files={"file": ("talk.odp", (_SAMPLES / "talk.odp").read_bytes())})
    assert offered["pdf"] == "word"
    assert answer.status_code in (415, 422)
    assert answer.json()["code"] in ("unsupported_type", "unsupported_pair")
    assert (
        pod.post("/convert/pdf", files={"file": ("a.docx", (_SAMPLES / "letter.docx").read_bytes())}).status_code == 200
    )


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_pair_of_the_recipes_that_use_pandoc(unprivileged: tuple[list[str], dict[str, str]]) -> None:
    """`recast recipes check` of each, in containers of that tier."""
    command, environment = unprivileged
    names = [file.stem for file in (_REPOSITORY / "recipes").glob("*.toml") if '"pandoc.py"' in file.read_text()]
    done = subprocess.run(
        [*command, "recipes", "check", *names],
        env={**environment, "RECAST_OFFICE": "false"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert ", 0 without a sample, 0 faults" in done.stdout
