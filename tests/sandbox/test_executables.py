"""Programs that recipes run inside a container."""

import pytest

from tests.sandbox.boxes import Box, Container

_PANDOC = """
import os, pypandoc, subprocess, sys
pandoc = os.path.join(os.path.dirname(pypandoc.__file__), "files", "pandoc")
def run(*arguments, **options):
    return subprocess.run([pandoc, *arguments], capture_output=True, text=True, **options)
"""


@pytest.fixture(scope="module")
def runner(shared_box: Box) -> Container:
    """A container with `pandoc`, its path, and `run`, which runs it."""
    container = shared_box.container("document")
    container.run(_PANDOC)
    return container


def test_a_shell_runs_where_programs_may(box: Box) -> None:
    """`!command` of notebooks works; it needs no terminal."""
    if not box.forks:
        pytest.skip("no programs in this tier but pandoc")
    container = box.container()
    assert container.run("!echo hello").logs == "hello\n"
    container.close()


def test_only_pandoc_runs_where_a_broker_starts_it(box: Box, runner: Container) -> None:
    """The refusal is Python's PermissionError, and says what may be started."""
    if box.forks:
        pytest.skip("programs may be started here")
    for command in (
        "['sh', '-c', '']",
        "'pandoc --version', shell=True",
        "[sys.executable, '-V']",
        "['/nowhere/pandoc']",
    ):
        result = runner.run(f"subprocess.run({command})")
        assert result.error_name == "PermissionError"
        assert "starts no program but pandoc" in (result.traceback or "")


@pytest.mark.parametrize(
    ("code", "printed"),
    [
        ("run('-f', 'markdown', input='*a*').stdout", "<p><em>a</em></p>\n"),
        ("pypandoc.convert_text('*a*', 'html', format='md').strip()", "<p><em>a</em></p>"),
        ("subprocess.check_output([pandoc], input=b'a')", "b'<p>a</p>\\n'"),
        ("run('--no-such-option').returncode", "6"),
        ("'--no-such-option' in run('--no-such-option').stderr", "True"),
        ("len(run('-t', 'plain', '--wrap=none', input='word ' * 200_000).stdout)", "1000000"),
        ("open('x.md', 'w').write('x') and run('x.md').stdout", "<p>x</p>\n"),
        ("os.makedirs('deep', exist_ok=True) or open('deep/y.md', 'w').write('y') and run('y.md', cwd='deep').stdout", "<p>y</p>\n"),
        ("run('-o', 'made.html', input='z').stdout + open('made.html').read()", "<p>z</p>\n"),
        ("subprocess.run([pandoc], input=b'q', stdout=open('q.html', 'wb')).returncode or open('q.html').read()", "<p>q</p>\n"),
        ("subprocess.run([pandoc, '-v'], stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout[:6]", "b'pandoc'"),
    ],
)  # fmt: skip
def test_pandoc_is_run_as_everywhere(box: Box, runner: Container, code: str, printed: str) -> None:
    """Input, output, errors, files and folders, in every tier alike."""
    assert runner.run(f"print({code}, end='')").logs == printed


def test_a_program_that_waits_is_stopped(box: Box, runner: Container) -> None:
    """By a time limit, by a signal, by an end of its input; it tells how it ended."""
    result = runner.run("""
from subprocess import PIPE, Popen, TimeoutExpired
said = []
try: subprocess.run([pandoc], stdin=Popen([pandoc], stdin=PIPE, stdout=PIPE).stdout, timeout=0.3)
except TimeoutExpired: said.append("too long")
for stop in (Popen.kill, Popen.terminate, lambda waits: waits.stdin.close()):
    waits = Popen([pandoc], stdin=PIPE, stdout=subprocess.DEVNULL)
    said.append(waits.poll())
    stop(waits)
    said.append(waits.wait(10))
print(said)
""")
    assert result.logs == "['too long', None, -9, None, -15, None, 0]\n"


def test_a_folder_that_is_missing_is_named(box: Box, runner: Container) -> None:
    """What keeps a program from starting is the exception that it is everywhere."""
    assert runner.run("run(cwd='/nowhere')").error_name == "FileNotFoundError"
    assert runner.run("run(*['--version'] * 40_000)").error_name in ("OSError", None)
