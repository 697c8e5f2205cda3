"""Programs that recipes run inside a container."""

import pytest

from tests.sandbox.boxes import Box

_PANDOC = """
import os, pypandoc, subprocess
pandoc = os.path.join(os.path.dirname(pypandoc.__file__), "files", "pandoc")
print(subprocess.run([pandoc, "-f", "markdown", "-t", "html"], input="*a*", capture_output=True, text=True).stdout)
"""


def test_pandoc_runs_where_programs_may(box: Box) -> None:
    """With namespaces or a uid of its own a container runs programs; without, the refusal is Python's PermissionError."""
    container = box.container("document")
    result = container.run(_PANDOC)
    container.close()
    if box.forks:
        assert result.logs == "<p><em>a</em></p>\n\n"
    else:
        assert result.error_name == "PermissionError"


def test_a_shell_runs_where_programs_may(box: Box) -> None:
    """`!command` of notebooks works; it needs no terminal."""
    if not box.forks:
        pytest.skip("no programs in this tier")
    container = box.container()
    assert container.run("!echo hello").logs == "hello\n"
    container.close()
