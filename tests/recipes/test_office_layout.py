"""Office documents to PDF by LibreOffice, where it is on the machine and the directory of its recipe is laid over the built-in ones."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pypdf
import pytest

from tests.recipes.converting import run
from tests.recipes.programs import ROOT, SAMPLES
from tests.serving import Served

pytestmark = pytest.mark.skipif(
    shutil.which("loimpress") is None, reason="LibreOffice with Impress is not on this machine"
)


def test_office_documents_keep_their_layout(serve: Callable[..., Served], tmp_path: Path) -> None:
    """The recipe wins over the built-in one, says so, gives a page for each slide, and names damage."""
    with serve(recipes=str(ROOT / "recipes" / "office")).client() as client:
        offered = {each["output_format"]: each for each in client.get("/formats/docx").json()["outputs"]}
        done = run(client, tmp_path, SAMPLES / "talk.odp", "odp", "pdf")
        damaged = run(client, tmp_path, (SAMPLES / "talk.odp").read_bytes()[:3000], "odp", "pdf")
    assert (offered["pdf"]["fidelity"], offered["pdf"]["recipe"]) == ("layout", "office_layout")
    assert len(pypdf.PdfReader(done.output).pages) == 2
    assert damaged.refused == "damaged"
