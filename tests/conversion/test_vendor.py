"""Against the hosted vendor: what its users had to learn, each shape played by a double on a real socket."""

import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.conversion.vendor import OUTPUT, Run, Vendor, vendor
from tests.serving import Served, serving

EXPIRED = {"message": "Container is expired.", "type": "invalid_request_error", "param": None, "code": None}
QUOTA = {
    "message": "You exceeded your current quota",
    "type": "insufficient_quota",
    "param": None,
    "code": "insufficient_quota",
}
LIMIT = {"message": "Rate limit reached", "type": "requests", "param": None, "code": "rate_limit_exceeded"}


@pytest.fixture(scope="module")
def hosted() -> Iterator[Vendor]:
    """The double."""
    with vendor() as running:
        yield running


@pytest.fixture(scope="module")
def served(hosted: Vendor, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service without an engine of its own."""
    settings = {"engine_url": hosted.url, "openai_api_key": "key", "model": "gpt", "run_seconds": "5"}
    with serving(tmp_path_factory.mktemp("hosted"), settings) as running:
        yield running


@pytest.fixture
def convert(served: Served) -> Iterator[Any]:
    """Convert a small table to JSON."""
    with served.client() as client:
        yield lambda: client.post("/convert/json", files={"file": ("zebra-42.csv", b"code\n007\n")})


def _deleted(hosted: Vendor, count: int) -> list[str]:
    """Wait until so many deletions came: they follow the answer."""
    deadline = time.monotonic() + 30
    while len(hosted.deleted) < count and time.monotonic() < deadline:
        time.sleep(0.01)
    return sorted(hosted.deleted)


def test_a_run_by_the_vendors_model(hosted: Vendor, convert: Any) -> None:
    """The model is asked with the tool required, outputs included and memory named; afterwards container and upload are deleted."""
    hosted.play(Run())
    answer = convert()
    asked = hosted.asked[0]
    assert answer.content == OUTPUT
    assert answer.headers["Recast-Attempt"] == "model;n=1;tokens=15"
    assert (asked["model"], asked["tool_choice"], asked["store"], asked["stream"]) == ("gpt", "required", False, True)
    assert asked["include"] == ["code_interpreter_call.outputs"]
    assert (asked["max_tool_calls"], "max_output_tokens" in asked) == (12, False)
    assert asked["tools"][0]["container"] == {"type": "auto", "file_ids": ["file-1"], "memory_limit": "1g"}
    assert "zebra-42" not in asked["input"]
    assert _deleted(hosted, 2) == ["cntr_1", "file-1"]


@pytest.mark.parametrize(
    ("text", "cited"),
    [
        ("[it](sandbox:/mnt/data/output.json)", ()),
        ("It is in `/mnt/data/output.json`.", ()),
        ("Done.", ()),
        ("Done.", ("cfile_ab12.png",)),
        ("Done.", ("cfile_ab12.png", "notes.txt", "output.json")),
    ],
)
def test_the_output_is_found_without_a_good_citation(
    hosted: Vendor, convert: Any, text: str, cited: tuple[str, ...]
) -> None:
    """By the link in the text, by the bare path, by the listing's second page; never the picture that was only shown."""
    hosted.play(
        Run(text=text, cited=cited),
        files={"cfile_ab12.png": b"\x89PNG\r\n\x1a\n", "notes.txt": b"x", "output.json": OUTPUT},
    )
    assert convert().content == OUTPUT


@pytest.mark.parametrize("statuses", [(404,), (500, 404)])
def test_content_that_is_late_is_asked_for_again(hosted: Vendor, convert: Any, statuses: tuple[int, ...]) -> None:
    """Right after a run the vendor may not find its own file for a moment."""
    hosted.play(Run(), content_statuses=statuses)
    assert convert().content == OUTPUT


@pytest.mark.parametrize(
    "first",
    [
        Run(status=400, error=EXPIRED),
        Run(status=404, error=EXPIRED),
        Run(ends="nested"),
        Run(ends="flat"),
        Run(ends="failed"),
    ],
)
def test_a_lost_container_gets_one_fresh_one(hosted: Vendor, convert: Any, first: Run) -> None:
    """Expired, gone or failed in the stream: one more run in a new container, and both are deleted."""
    hosted.play(first, Run())
    assert convert().content == OUTPUT
    assert len(hosted.asked) == 2
    assert "cntr_2" in _deleted(hosted, 2 if first.status != 200 else 3)


@pytest.mark.parametrize(
    ("runs", "status", "code"),
    [
        ((Run(status=400, error=EXPIRED), Run(status=400, error=EXPIRED)), 502, "engine_error"),
        ((Run(status=429, error=LIMIT),), 429, "engine_busy"),
        ((Run(status=429, error=QUOTA),), 503, "engine_down"),
        ((Run(status=503, error=LIMIT),), 503, "engine_down"),
        ((Run(ends="cut"),), 503, "engine_down"),
        ((Run(ends="silent"),), 504, "run_timeout"),
        ((Run(calls=0, cited=(), text="I cannot do that."),), 502, "no_output"),
        ((Run(logs="Traceback …\nKeyError: 'x'\n", cited=(), text="Sorry."),), 422, "conversion_failed"),
        ((Run(logs='{"recast": {"refused": {"code": "damaged", "detail": "no"}}}\n'),), 422, "damaged"),
    ],
)
def test_what_cannot_be_mended_is_told(
    hosted: Vendor, convert: Any, runs: tuple[Run, ...], status: int, code: str
) -> None:
    """Each fault of the vendor has its own answer; its container and the upload are deleted all the same."""
    hosted.play(*runs, files={})
    answer: httpx.Response = convert()
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert "file-1" in _deleted(hosted, 1)


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"PK\3\4\0\0"])
def test_a_file_that_is_not_what_was_promised(hosted: Vendor, convert: Any, content: bytes) -> None:
    """The bytes decide, not the file's name and not the model's word."""
    hosted.play(Run(), files={"output.json": content})
    answer = convert()
    assert (answer.status_code, answer.json()["code"]) == (502, "wrong_output")
