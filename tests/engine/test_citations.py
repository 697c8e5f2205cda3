"""Citations: which files a text names, and exactly where."""

import hypothesis.strategies as st
import pytest
from hypothesis import given

from service.engine.citations import cite, link, uncited
from service.engine.wire import ContainerFile


def file(path: str) -> ContainerFile:
    """A file of a container whose id is its path."""
    return ContainerFile(id=path, bytes=1, container_id="cntr_1", created_at=0, path=path, source="assistant")


def cited(text: str, *paths: str) -> list[tuple[str, str]]:
    """What is cited, and the text under each citation."""
    found = cite(text, {path: file(path) for path in paths})
    return [(citation.file_id, text[citation.start_index : citation.end_index]) for citation in found]


def test_the_recorded_example() -> None:
    """Wire contract 6.3: 30..71, end exclusive."""
    text = "Done: [Download the CSV file](sandbox:/mnt/data/numbers_and_squares.csv)"
    found = cite(text, {"/mnt/data/numbers_and_squares.csv": file("/mnt/data/numbers_and_squares.csv")})
    assert [(each.start_index, each.end_index, each.filename) for each in found] == [
        (30, 71, "numbers_and_squares.csv")
    ]


@pytest.mark.parametrize(
    ("text", "path", "under"),
    [
        ("[a](sandbox:/mnt/data/a%20b.txt)", "/mnt/data/a b.txt", "sandbox:/mnt/data/a%20b.txt"),
        ("[a](sandbox:/mnt/data/a b.txt)", "/mnt/data/a b.txt", "sandbox:/mnt/data/a b.txt"),
        ("[a](</mnt/data/a b.txt>)", "/mnt/data/a b.txt", "/mnt/data/a b.txt"),
        ("[a](sandbox:/mnt/data/a(1).txt)", "/mnt/data/a(1).txt", "sandbox:/mnt/data/a(1).txt"),
        (r"[a](sandbox:/mnt/data/a\(1\).txt)", "/mnt/data/a(1).txt", r"sandbox:/mnt/data/a\(1\).txt"),
        ("[a](/mnt/data/sub/a.txt)", "/mnt/data/sub/a.txt", "/mnt/data/sub/a.txt"),
        ("![plot](sandbox:/mnt/data/ä.png)", "/mnt/data/ä.png", "sandbox:/mnt/data/ä.png"),
        ("See sandbox:/mnt/data/a.txt.", "/mnt/data/a.txt", "sandbox:/mnt/data/a.txt"),
        ("😀 [a](sandbox:/mnt/data/a.txt)", "/mnt/data/a.txt", "sandbox:/mnt/data/a.txt"),
        ("[a](sandbox:/mnt/data/100%.txt)", "/mnt/data/100%.txt", "sandbox:/mnt/data/100%.txt"),
    ],
)
def test_spellings_of_a_target(text: str, path: str, under: str) -> None:
    """Percent-encoded, escaped, spaced, angled, bare: the citation covers what is written."""
    assert cited(text, path) == [(path, under)]


@pytest.mark.parametrize(
    "text",
    ["/mnt/data/a.txt", "`/mnt/data/a.txt`", "[a](sandbox:/mnt/data/b.txt)", "[a](https://x/mnt/data/a.txt)", ""],
)
def test_what_is_no_citation(text: str) -> None:
    """A bare path, a file that is not there and a foreign address cite nothing."""
    assert cited(text, "/mnt/data/a.txt") == []


def test_files_never_named_are_cited_at_0() -> None:
    """Nothing made is lost."""
    made = [file("/mnt/data/a"), file("/mnt/data/b")]
    found = cite("[a](sandbox:/mnt/data/a)", {each.path: each for each in made})
    assert [(each.file_id, each.start_index, each.end_index) for each in uncited(made, found)] == [
        ("/mnt/data/b", 0, 0)
    ]


NAMES = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40)


@given(NAMES.filter(lambda name: name.strip(".")))
def test_every_link_is_found_again(name: str) -> None:
    """Whatever a file is called, the link that ``program`` writes cites it, and covers the target alone."""
    path = f"/mnt/data/{name}"
    text = f"Made {link(path)}, done."
    assert [each for each, _ in cited(text, path)] == [path]
    assert cited(text, path)[0][1] == link(path).rpartition("](")[2][:-1]
