"""What a program needs for one pair of formats, told from its text."""

import contextlib
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.conversion.linking import cut, linked

RECIPES = Path(__file__).parents[2] / "recipes"
FORMATS = ("csv", "json", "xml")


def program(*texts: str, target: str = "csv", source_type: str = "text/plain") -> str:
    """Return the linked program."""
    return linked(tuple(cut(text) for text in texts), target=target, source_type=source_type)


def printed(source: str, target: str) -> str:
    """Run a program and return what it printed."""
    with contextlib.redirect_stdout(io.StringIO()) as out:
        exec(source, {"TARGET": target, "SOURCE_TYPE": "text/plain"})  # noqa: S102 - a test's own text
    return out.getvalue()


BRANCHES = """
def rows(): return cells()
def cells(): return 1
class Tree: depth = DEPTH
DEPTH = 500
WIDTH = 80
if TARGET in ("csv", "tsv"):
    rows()
elif not (TARGET == "json" and SOURCE_TYPE != "text/plain"):
    print(WIDTH)
else:
    Tree()
"""


@pytest.mark.parametrize(
    ("target", "source_type", "expected"),
    [
        ("csv", "text/plain", ["def rows", "def cells"]),
        ("json", "text/plain", ["WIDTH = 80"]),
        ("json", "text/html", ["class Tree", "DEPTH = 500"]),
    ],
)
def test_what_only_other_pairs_reach_is_left_out(target: str, source_type: str, expected: list[str]) -> None:
    """Functions, classes and constants, also those that are reached through others."""
    source = program(BRANCHES, target=target, source_type=source_type)
    assert [
        each for each in ("def rows", "def cells", "class Tree", "DEPTH = 500", "WIDTH = 80") if each in source
    ] == expected


@pytest.mark.parametrize(
    "kept",
    [
        "@register\ndef unused(): pass\n",
        "class Unused(metaclass=Registry): pass\n",
        "unused = open_something()\n",
        "import unused\n",
        "for name in ():\n    def unused(): pass\n",
        "UNUSED = 1; start()\n",
    ],
)
def test_what_does_something_when_it_is_defined_stays(kept: str) -> None:
    """Whether anything refers to it or not."""
    assert program(kept) == kept


@pytest.mark.parametrize("look", ["globals()['a']", "eval('a')", "globals()[f'{name}_a']", "TARGET = 'json'", "vars()"])
def test_a_program_that_makes_names_up_stays_whole(look: str) -> None:
    """And one that changes what is known: nothing can be told from its text."""
    text = f"def a(): pass\ndef b(name):\n    {look}\nb(1)\n"
    assert program(text) == text


def test_a_name_made_of_what_is_known_is_known() -> None:
    """So that a writer can be chosen by its name."""
    text = "def write_csv(): pass\ndef write_json(): pass\nglobals()[f'write_{TARGET}']()\n"
    assert program(text) == text.replace("def write_json(): pass\n", "")
    assert program(text, target="json") == text.replace("def write_csv(): pass\n", "")


def test_files_are_cut_without_a_loss() -> None:
    """Comments, blank lines and decorators go with what they stand above."""
    texts = [file.read_text("utf-8") for file in RECIPES.rglob("*.py")]
    assert texts == ["".join(part.text for part in cut(text).parts) for text in texts]


known = st.sampled_from(
    [f"TARGET == {one!r}" for one in FORMATS] + ["TARGET in ('csv', 'xml')", "SOURCE_TYPE != 'text/html'"]
)
tests = st.recursive(
    known | st.sampled_from(["print('asked')", "one is None"]),
    lambda inner: (
        st.builds("not ({})".format, inner)
        | st.builds("({}) and ({})".format, inner, inner)
        | st.builds("({}) or ({})".format, inner, inner)
        | st.builds("(({}) if ({}) else ({}))".format, inner, inner, inner)
    ),
    max_leaves=5,
)


@given(
    st.lists(st.tuples(tests, st.integers(0, 4), st.integers(0, 4)), min_size=5, max_size=5), st.sampled_from(FORMATS)
)
def test_a_linked_program_does_what_the_whole_one_does(bodies: list[tuple[str, int, int]], target: str) -> None:
    """Whatever is tested, and whoever calls whom under it."""
    text = "one = None\n" + "".join(
        f"def f{number}(depth):\n    print({number}, depth)\n    if depth:\n        if {test}:\n            f{yes}(depth - 1)\n"
        f"        else:\n            return f{no}(depth - 1) if {test} else f{yes}(depth - 1)\n"
        for number, (test, yes, no) in enumerate(bodies)
    )
    text += "f0(4)\n"
    assert printed(program(text, target=target), target) == printed(text, target)
