"""LaTeX that pandoc cannot read: what is wrong becomes plain words, the rest keeps its structure, and the answer says so."""

from pathlib import Path

import httpx
import pytest

from tests.recipes.converting import run

GOOD = rb"\section{Eins} Guter \emph{Text} mit $x^2$."


@pytest.mark.parametrize(
    "bad",
    [
        rb"\begin{itemize} \item kaputt {",
        rb"\end{quote} kaputt",
        b"kaputt {\\bf",
        b"\\begin{tabular}{ll} kaputt & 50\\% \\\\",
    ],
)
@pytest.mark.parametrize("target", ["md", "docx", "odt"])
def test_words_that_cannot_be_parsed_are_kept(client: httpx.Client, tmp_path: Path, bad: bytes, target: str) -> None:
    """One broken paragraph costs that paragraph its form, not the document."""
    document = rb"\documentclass{article}\begin{document}" + GOOD + b"\n\n" + bad + b"\n\nSchluss.\n\\end{document}"
    done = run(client, tmp_path, document, "tex", target)
    assert done.refused is None
    assert any("plain text" in warning for warning in done.warnings)
    if target == "md":
        found = done.output.read_text("utf-8")
        assert found.startswith("# Eins\n\nGuter *Text* mit $x^2$.")
        assert found.index("kaputt") < found.index("Schluss.")


def test_a_preamble_that_cannot_be_parsed_is_left_out(client: httpx.Client, tmp_path: Path) -> None:
    """The body stays as it is, and so does the title."""
    document = (
        b"\\documentclass{article}\n\\title{Titel}\n\\newcommand{\\x}{\n\\begin{document}\\maketitle "
        + GOOD
        + b"\\end{document}"
    )
    done = run(client, tmp_path, document, "tex", "md")
    assert "Guter *Text*" in done.output.read_text("utf-8")
    assert any("preamble" in warning for warning in done.warnings)
