"""The decisions of a conversion, made without doing anything: which format, which attempts, which file."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.conversion.headers import dictionary, text_item
from service.conversion.output import choose, error_of, report_of
from service.conversion.plan import memory_for, preferred
from service.conversion.transcript import Citation, ContainerFile, Transcript

OFFERED = ("application/json", "image/png", "text/csv", "text/html")


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("text/csv", "text/csv"),
        ("text/*", "text/csv"),
        ("text/*;q=0.5, text/html", "text/html"),
        ("text/csv;q=0, text/*", "text/html"),
        ("image/webp, image/png;q=0.1", "image/png"),
        ("application/json;q=0.9, text/csv;q=0.91", "text/csv"),
        ("application/json, */*;q=0.8", "application/json"),
        ("video/mp4", None),
        ("text/csv;q=nonsense", None),
        ("", None),
    ],
)
def test_accept_is_read_as_http_means_it(accept: str, expected: str | None) -> None:
    """Quality first, then how specific the range is, then the order in the header (RFC 9110 section 12.5.1)."""
    assert preferred(accept, OFFERED) == expected


@given(st.text(max_size=200))
def test_any_accept_is_an_offer_or_nothing(accept: str) -> None:
    """Whatever the header holds."""
    assert preferred(accept, OFFERED) in {*OFFERED, None}


def _made(*paths: str, source: str = "assistant") -> list[ContainerFile]:
    return [ContainerFile("cntr", f"id-{path}", path, source, index) for index, path in enumerate(paths)]


def _cited(*names: str, end: int = 9) -> list[Citation]:
    return [Citation("cntr", f"id-{name}", name, 0, end) for name in names]


@pytest.mark.parametrize(
    ("transcript", "listing", "expected"),
    [
        (Transcript(citations=_cited("a.json", "b.json")), [], "id-b.json"),
        (Transcript(citations=_cited("a.json", "notes.txt")), [], "id-a.json"),
        (Transcript(citations=_cited("cfile_1.png", end=0)), _made("/mnt/data/x.json"), "id-/mnt/data/x.json"),
        (Transcript(texts=["[x](sandbox:/mnt/data/a%20b.json)"]), _made("/mnt/data/a b.json", "/mnt/data/z.json"), "id-/mnt/data/a b.json"),
        (Transcript(texts=[r"[x](sandbox:/mnt/data/a\(1\).json)"]), _made("/mnt/data/a(1).json", "/mnt/data/z.json"), "id-/mnt/data/a(1).json"),
        (Transcript(texts=["see /mnt/data/a.json."]), _made("/mnt/data/a.json", "/mnt/data/z.json"), "id-/mnt/data/a.json"),
        (Transcript(), _made("/mnt/data/a.json", "/mnt/data/sub/z.JSON"), "id-/mnt/data/sub/z.JSON"),
        (Transcript(), _made("/mnt/data/in.json", source="user"), None),
        (Transcript(citations=_cited("odd.dat")), _made("/mnt/data/odd.dat"), "id-odd.dat"),
        (Transcript(), [], None),
    ],
)  # fmt: skip
def test_the_output_is_chosen(transcript: Transcript, listing: list[ContainerFile], expected: str | None) -> None:
    """By citation, link, listing; the right extension first; never an input or a picture that was only shown."""
    assert choose(transcript, listing, ("json",)) == (("cntr", expected) if expected else None)


@given(st.text(max_size=300))
def test_a_report_is_the_last_line_or_nothing(printed: str) -> None:
    """A program may print anything before its report; what is not a report is none."""
    line = '{"recast": {"facts": {"rows": 2}, "warnings": ["w"], "seconds": 0.1, "output": "/mnt/data/output.json"}}'
    report = report_of(["earlier", f"{printed}\n{line}\n"])
    assert report is not None
    assert (report.facts, report.warnings) == ({"rows": 2}, ["w"])
    assert report_of([printed]) is None


@pytest.mark.parametrize(
    "line",
    [
        "",
        "{}",
        '{"recast": 1}',
        '{"recast": {"facts": [1]}}',
        '{"recast": {"facts": {"a": {"b": 1}}}}',
        "[" * 100_000,
        '{"recast": {"warnings": [1]}}',
    ],
)
def test_a_hostile_report_is_none(line: str) -> None:
    """The line comes out of the container: it is decoded strictly, or not at all."""
    assert report_of([line]) is None


@given(st.text(max_size=300))
def test_a_text_fits_its_header(text: str) -> None:
    """Printable ASCII whatever the text, no longer than ten times its limit."""
    item = text_item(text)
    assert all(" " <= letter <= "~" for letter in item)
    assert len(item) < 200 * 12 + 3


@given(
    st.dictionaries(
        st.text(max_size=20),
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=50),
        max_size=20,
    )
)
def test_facts_fit_their_header(facts: dict[str, str | int | float | bool | None]) -> None:
    """Keys and values that no Dictionary takes are left out; the rest is printable."""
    header = dictionary(facts)
    assert all(" " <= letter <= "~" for letter in header)
    assert "nan" not in header.replace('"', " ").split("=")


def test_facts_are_written_as_structured_fields() -> None:
    """As RFC 9651 writes them."""
    facts: dict[str, str | int | float | bool | None] = {
        "rows": 3,
        "ratio": 0.5,
        "ok": True,
        "name": 'a"b',
        "Bad Key": 1,
        "none": None,
    }
    assert dictionary(facts) == 'rows=3, ratio=0.500, ok=?1, name="a\\"b"'


@pytest.mark.parametrize(
    ("logs", "expected"),
    [
        (["Traceback (most recent call last):\n  File x\nKeyError: 'secret'\n"], "KeyError"),
        (["Traceback\npyarrow.lib.ArrowInvalid: secret\nmore of the message\n"], "ArrowInvalid"),
        (
            ["rows: 7\nMemoryError: the kernel was killed: it passed the memory limit of 1024 MiB. A fresh …"],
            "MemoryError",
        ),
        (["nothing of the kind"], None),
        ([], None),
        (
            ["memory allocation of 872415232 bytes failed\nSIGABRT: the kernel died of the signal SIGABRT. A fresh …"],
            "MemoryError",
        ),
        (["terminate called after …\n  what():  std::bad_alloc\nSIGABRT: the kernel died …"], "MemoryError"),
    ],
)
def test_an_error_is_named_by_its_class_only(logs: list[str], expected: str | None) -> None:
    """What an exception says may hold content of the file; what it is called does not."""
    assert error_of(logs) == expected


@pytest.mark.parametrize(
    ("size", "tier"), [(0, "1g"), (64 << 20, "1g"), (65 << 20, "4g"), (600 << 20, "16g"), (1 << 40, "64g")]
)
def test_memory_follows_the_size_of_the_input(size: int, tier: str) -> None:
    """A larger input gets a larger container."""
    assert memory_for(size) == tier


def test_structs_of_the_transcript_do_not_share() -> None:
    """Two runs never see each other's lists."""
    first, second = Transcript(), Transcript()
    first.logs.append("x")
    assert msgspec.structs.asdict(second)["logs"] == []
