"""Source code and text as pages: the letters that an independent reader finds in the output are the letters of the source."""

import re
from pathlib import Path

import httpx
import pypdfium2
import pytest
from bs4 import BeautifulSoup
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree
from PIL import Image

from tests.recipes.converting import run
from tests.recipes.programs import SAMPLES

SOURCES = [
    "c",
    "cpp",
    "cs",
    "css",
    "go",
    "java",
    "js",
    "kt",
    "lua",
    "php",
    "pl",
    "py",
    "r",
    "rb",
    "rs",
    "scala",
    "sh",
    "sql",
    "swift",
    "ts",
]
ODD = (
    "# 日本語 “quotes” é עברית 😀 {a_b} ~^ \\textbackslash{} $x$ & #1 % \\u20ac ``` \\par\r\n"
    'def f(x):\r\n\t"""tab\tin  text"""\r\n\treturn f"{x!r:>10} <b>&amp;</b> ,, -- --- \'\'"   \r\n\r\n\r\nlast = 1'
)
LINES = ODD.replace("\r\n", "\n")
# letters of every kind, without the controls that a page shows as symbols
TEXTS = st.text(
    st.characters(blacklist_categories=["Cs", "Cc", "Cn", "Co", "Zl", "Zp"], max_codepoint=0x2FFFF),
    min_size=1,
    max_size=120,
)


def html_text(path: Path) -> str:
    """Return the text of the page's code."""
    code = BeautifulSoup(path.read_bytes(), "html.parser").find("code")
    assert code is not None
    return code.get_text()


def rtf_text(path: Path) -> str:
    """Return the text of an RTF of one group of plain runs."""
    body = path.read_text("ascii").split("\n", 1)[1].replace("\n", "").removesuffix("\\par}")
    units = re.sub(r"\\u(-?\d+)\?", lambda found: chr(int(found[1]) % 65536), body)
    text = re.sub(
        r"\\line ?|\\tab |\\[a-z]+\d* ?|\\([\\{}])|[{}]",
        lambda found: {"\\line": "\n", "\\tab ": "\t"}.get(found[0], found[1] or ""),
        units,
    )
    return text.encode("utf-16", "surrogatepass").decode("utf-16")


def svg_text(path: Path) -> str:
    """Return the lines of the drawing."""
    return "\n".join("".join(line.itertext()) for line in etree.parse(path).iter("{http://www.w3.org/2000/svg}text"))


def pdf_letters(path: Path) -> list[str]:
    """Return the visible letters of all pages, sorted."""
    document = pypdfium2.PdfDocument(path)
    text = "".join(page.get_textpage().get_text_bounded() for page in document)
    document.close()
    return sorted(letter for letter in text if letter > " ")


@pytest.mark.parametrize("named", SOURCES)
def test_every_language_is_coloured(client: httpx.Client, tmp_path: Path, named: str) -> None:
    """The words of the language have colours, and the text is the source."""
    source = SAMPLES / f"hello.{named}"
    done = run(client, tmp_path, source, named, "html")
    assert html_text(done.output) == source.read_text("utf-8")
    assert len(set(re.findall(r'class="k(\d+)"', done.output.read_text("utf-8")))) >= 2
    assert done.warnings == []


@pytest.mark.parametrize(
    ("target", "reader", "expected"),
    [
        ("txt", lambda path: path.read_bytes().decode(), ODD),
        ("html", html_text, LINES),
        ("rtf", rtf_text, LINES),
        ("svg", svg_text, LINES.expandtabs(4)),
    ],
)
def test_the_text_comes_back(client: httpx.Client, tmp_path: Path, target: str, reader: object, expected: str) -> None:
    """What an independent reader finds is the source, letter for letter."""
    assert reader(run(client, tmp_path, ODD.encode(), "py", target).output) == expected  # type: ignore[operator] # a reader by parameter


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lines=st.lists(TEXTS, min_size=1, max_size=5), target=st.sampled_from(["html", "rtf", "svg", "tex", "pdf", "md"])
)
def test_any_text(client: httpx.Client, tmp_path: Path, lines: list[str], target: str) -> None:
    """Any text, taken for code, is written without a letter lost; each program reads its own output back, and so do we."""
    text = "\n".join(lines)
    done = run(client, tmp_path, text.encode(), "js", target)
    assert done.refused is None
    readers = {"html": html_text, "rtf": rtf_text, "svg": svg_text}
    if target in readers:
        assert readers[target](done.output).rstrip() == text.rstrip()


def test_markdown_fence_is_longer_than_any_inside(client: httpx.Client, tmp_path: Path) -> None:
    """Code that holds a fence of Markdown does not end its own block."""
    done = run(client, tmp_path, b"s = '''\n````\n'''\n", "py", "md")
    first, *body, last = done.output.read_text().splitlines()
    assert (first, last) == ("`````python", "`````")
    assert body == ["s = '''", "````", "'''"]


def test_pdf_of_latin_text(client: httpx.Client, tmp_path: Path) -> None:
    """A PDF has every letter, long lines folded, as many pages as they need, and line numbers only when asked for."""
    text = "".join(f"value_{number} = ({number}, 'é\u2013€', \"{'x' * (number % 150)}\")\n" for number in range(300))
    done = run(client, tmp_path, text.encode(), "py", "pdf")
    assert done.facts["lines"] == 300
    assert pdf_letters(done.output) == sorted(letter for letter in text if letter > " ")
    numbered = run(client, tmp_path, text.encode(), "py", "pdf", line_numbers="true")
    assert len(pdf_letters(numbered.output)) == len(pdf_letters(done.output)) + sum(
        len(str(number)) for number in range(1, 301)
    )


def test_pdf_of_other_scripts(client: httpx.Client, tmp_path: Path) -> None:
    """Text that Courier lacks is set in fonts that travel with the file."""
    done = run(client, tmp_path, "x = '日本語 Привет Ελλάδα'  # ω\n".encode(), "py", "pdf")
    assert "日" in pdf_letters(done.output)
    assert b"/FontFile" in done.output.read_bytes()


def test_picture(client: httpx.Client, tmp_path: Path) -> None:
    """A picture has the style's background and is taller for more lines."""
    short, tall = (run(client, tmp_path, b"a = 1\n" * count, "py", "png", style="monokai") for count in (3, 30))
    with Image.open(short.output) as one, Image.open(tall.output) as two:
        assert two.height > 5 * one.height
        assert one.convert("RGB").getpixel((1, 1)) == (0x27, 0x28, 0x22)


def test_latex_compiles_in_principle(client: httpx.Client, tmp_path: Path) -> None:
    """Braces balance, and what TeX would read as its own commands is spelled out."""
    made = run(client, tmp_path, rb"a = '\input{x} $y$ 100% #1 {' # ~^_&" + b"\n", "py", "tex").output.read_text()
    body = made.split("\\begin{document}")[1]
    assert "\\input" not in body
    bare = re.sub(r"\\[{}]", "", body)
    assert bare.count("{") == bare.count("}")


def test_encodings_and_controls(client: httpx.Client, tmp_path: Path) -> None:
    """Text in an old encoding is read as such, and says so; controls are shown, not passed on."""
    done = run(client, tmp_path, b"/* caf\xe9 \x0c \x1b[1m */\n", "c", "svg")
    assert svg_text(done.output) == "/* café ␌ ␛[1m */"
    assert len(done.warnings) == 2


def test_a_very_long_line_is_folded(client: httpx.Client, tmp_path: Path) -> None:
    """A line as long as a minified script is folded in a picture, with a warning, and nothing of it is lost."""
    done = run(client, tmp_path, b"a{b:c}" * 500, "css", "svg")
    assert svg_text(done.output).replace("\n", "") == "a{b:c}" * 500
    assert any("folded" in warning for warning in done.warnings)


@pytest.mark.parametrize("named", ["settings.yaml", "settings.toml", "catalog.xml"])
def test_data_as_it_stands(client: httpx.Client, tmp_path: Path, named: str) -> None:
    """Text of a data format is coloured like code, and every line of it is there."""
    source = SAMPLES / named
    done = run(client, tmp_path, source, named.split(".")[1], "svg")
    assert svg_text(done.output) == source.read_text("utf-8").rstrip("\n").expandtabs(4)


def test_too_much_for_a_picture(client: httpx.Client, tmp_path: Path) -> None:
    """A picture of five thousand lines is refused by name; the PDF of the same text is not."""
    text = b"x\n" * 5000
    assert run(client, tmp_path, text, "sh", "png").refused == "too_large"
    assert run(client, tmp_path, text, "sh", "pdf").facts["lines"] == 5000
    assert run(client, tmp_path, b"", "sh", "html").refused == "empty"
