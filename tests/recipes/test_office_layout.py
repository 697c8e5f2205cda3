"""Office documents to PDF by LibreOffice, where it is on the machine and the directory of its recipe is laid over the built-in ones."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pypdf
import pytest

from tests.recipes import programs
from tests.recipes.converting import run
from tests.recipes.programs import ROOT, SAMPLES
from tests.serving import Served

OFFICE = ROOT / "recipes" / "office"


@pytest.mark.skipif(shutil.which("loimpress") is None, reason="LibreOffice with Impress is not on this machine")
def test_office_documents_keep_their_layout(serve: Callable[..., Served], tmp_path: Path) -> None:
    """The recipe wins over the built-in one, says so, gives a page for each slide, and names damage."""
    with serve(recipes=str(OFFICE)).client() as client:
        offered = {each["output_format"]: each for each in client.get("/formats/docx").json()["outputs"]}
        done = run(client, tmp_path, SAMPLES / "talk.odp", "odp", "pdf")
        picture = run(client, tmp_path, SAMPLES / "talk.odp", "odp", "tiff")
        damaged = run(client, tmp_path, (SAMPLES / "talk.odp").read_bytes()[:3000], "odp", "pdf")
    assert (offered["pdf"]["fidelity"], offered["pdf"]["recipe"]) == ("layout", "office_layout")
    assert len(pypdf.PdfReader(done.output).pages) == 2
    assert picture.facts["pages"] == 2
    assert damaged.refused == "damaged"


@pytest.mark.parametrize(("installed", "code"), [("libswlo.so", "unsupported"), ("libsdlo.so", "damaged")])
def test_a_part_of_libreoffice_that_is_missing_is_no_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, installed: str, code: str
) -> None:
    """A program that opens nothing: because its part for slides is not there, or because of the document."""
    program = tmp_path / "office" / "soffice"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho 'Error: source file could not be loaded' >&2\n")
    program.chmod(0o755)
    (program.parent / installed).touch()
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    assert programs.run(tmp_path, SAMPLES / "talk.odp", "odp", "pdf", above=(OFFICE,)).refused == code
