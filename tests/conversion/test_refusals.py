"""Every way a request can fail is a problem document that says what to change."""

import errno
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from service.conversion.problems import TABLE, problem_of
from tests.serving import Served

CSV = b"code,amount\n007,1.5\n"
FIELDS = {"type", "title", "status", "detail", "code", "retryable", "request_id"}


def _problem(answer: httpx.Response) -> dict[str, Any]:
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["status"] == answer.status_code
    assert problem["request_id"] == answer.headers["X-Request-ID"]
    assert problem["retryable"] == ("Retry-After" in answer.headers)
    assert problem.keys() - {"formats"} == FIELDS
    return problem


def _upload(client: httpx.Client, path: str, name: str, content: bytes, **form: str) -> dict[str, Any]:
    return _problem(client.post(path, files={"file": (name, content)}, data=form))


@pytest.mark.parametrize(
    ("path", "name", "content", "expected"),
    [
        ("/convert/json", "a.bin", b"\0\1\2\3", (415, "unidentified")),
        ("/convert/json", "a.png", b"MZ" + b"\0" * 100, (415, "contradiction")),
        (
            "/convert/json",
            "a.mp4",
            b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41" + b"\0" * 64,
            (415, "unsupported_type"),
        ),
        ("/convert/mp3", "a.csv", CSV, (422, "unsupported_pair")),
        ("/convert/no-such-format", "a.csv", CSV, (422, "unsupported_pair")),
        ("/convert/json?from=nonsense", "a.csv", CSV, (400, "unknown_type")),
        ("/convert/json?colour=red", "a.csv", CSV, (400, "unknown_option")),
        ("/convert/json?header=maybe", "a.csv", CSV, (400, "invalid_option")),
        ("/convert/json?header=true&header=false", "a.csv", CSV, (400, "repeated_option")),
        ("/convert/json?from=csv&from=tsv", "a.csv", CSV, (400, "repeated_option")),
        ("/convert/jpg", "a.png", b"\x89PNG\r\n\x1a\n and then nothing of a picture", (422, "damaged")),
        ("/convert", "a.csv", CSV, (400, "format_missing")),
    ],
)
def test_a_file_that_cannot_be_converted(
    client: httpx.Client, path: str, name: str, content: bytes, expected: tuple[int, str]
) -> None:
    """Each reason has its own status and its own stable code."""
    problem = _upload(client, path, name, content)
    assert (problem["status"], problem["code"]) == expected


def test_free_instructions_need_a_model(client: httpx.Client) -> None:
    """Without a model, `instructions` is answered with 424 and not ignored."""
    problem = _upload(client, "/convert/json", "a.csv", CSV, instructions="only the first row")
    assert (problem["status"], problem["code"]) == (424, "model_missing")


def test_what_an_input_can_become_is_told(client: httpx.Client) -> None:
    """A pair that is not offered, or an `Accept` that nothing fits, names the formats that are."""
    pair = _upload(client, "/convert/mp3", "a.csv", CSV)
    accept = _problem(client.post("/convert", files={"file": ("a.csv", CSV)}, headers={"Accept": "video/mp4"}))
    assert (pair["status"], accept["status"]) == (422, 406)
    assert "xlsx" in pair["formats"]
    assert pair["formats"] == accept["formats"]


def test_an_option_is_told_what_it_takes(client: httpx.Client) -> None:
    """The detail names the option and its values."""
    assert "orient" in (detail := _upload(client, "/convert/json?orient=up", "a.csv", CSV)["detail"])
    assert "records" in detail


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("GET", "/recipes/nowhere", 404, "unknown_recipe"),
        ("GET", "/formats/nowhere", 404, "unknown_format"),
        ("DELETE", "/convert/json", 405, "method_not_allowed"),
        ("POST", "/convert/json", 400, "file_missing"),
    ],
)
def test_a_path_that_is_not_there(client: httpx.Client, method: str, path: str, status: int, code: str) -> None:
    """Also the framework's own refusals are problem documents."""
    problem = _problem(client.request(method, path))
    assert (problem["status"], problem["code"]) == (status, code)


def test_a_form_without_a_file(client: httpx.Client) -> None:
    """A form that has fields but no file says so."""
    assert _problem(client.post("/convert/json", files={"header": (None, "true")}))["code"] == "file_missing"


def test_an_encoded_body_is_refused(client: httpx.Client) -> None:
    """A size limit means nothing for a body that unpacks."""
    problem = _problem(client.post("/convert/json", content=CSV, headers={"Content-Encoding": "gzip"}))
    assert (problem["status"], problem["code"]) == (415, "unsupported_encoding")


def test_a_part_of_a_file_is_refused(client: httpx.Client) -> None:
    """`curl -C` resumes uploads with `Content-Range`: the rest of a file is no file."""
    answer = client.put("/convert/json/a.csv", content=CSV, headers={"Content-Range": "bytes 10-29/30"})
    assert _problem(answer)["code"] == "partial_body"


def test_an_encoded_part_is_refused(client: httpx.Client) -> None:
    """Base64 is also text, and would be converted as such."""
    form = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\nContent-Transfer-Encoding: base64\r\n\r\nYSxi\r\n--b--'
    answer = client.post("/convert/json", content=form, headers={"Content-Type": "multipart/form-data; boundary=b"})
    assert _problem(answer)["code"] == "malformed_body"


@pytest.mark.parametrize(
    ("path", "second", "code"),
    [
        ("/convert/json?colour=red", CSV, "unknown_option"),
        ("/convert/mp3", CSV, "unsupported_pair"),
        ("/convert/json", b"\0\1\2\3", "unidentified"),
    ],
)
def test_files_that_all_fail_are_no_archive(client: httpx.Client, path: str, second: bytes, code: str) -> None:
    """`curl -f` must not take an archive of nothing but errors for success: the first file's problem is the answer."""
    first = b"\0\1\2\3" if code == "unidentified" else CSV
    parts = [("file", ("a.bin" if code == "unidentified" else "a.csv", first)), ("file", ("b", second))]
    assert _problem(client.post(path, files=parts))["code"] == code


def test_the_size_limit_is_exact(serve: Callable[..., Served]) -> None:
    """A file of the limit's size is taken, one byte more is not, however it is sent."""
    content = b"a\n" + b"1\n" * 499
    with serve(max_input_bytes="1000").client() as client:
        at_limit = [
            client.post("/convert/json", files={"file": ("a.csv", content)}),
            client.put("/convert/json/a.csv", content=content),
        ]
        above = [
            client.post("/convert/json", files={"file": ("a.csv", content + b"1")}),
            client.put("/convert/json/a.csv", content=content + b"1"),
        ]
        unannounced = client.put("/convert/json/a.csv", content=iter([content, b"1"]))
    assert [answer.status_code for answer in at_limit] == [200, 200]
    assert [_problem(answer)["code"] for answer in (*above, unannounced)] == ["too_large"] * 3


def test_keys(serve: Callable[..., Served]) -> None:
    """With keys set, converting takes one of them; what is offered can be read without."""
    with serve(api_keys="first,second").client() as client:
        refused = [
            client.post("/convert/json", content=CSV, headers=headers)
            for headers in ({}, {"Authorization": "Bearer third"})
        ]
        taken = client.put("/convert/json/a.csv", content=CSV, headers={"Authorization": "Bearer second"})
        offered = client.get("/formats")
    assert [_problem(answer)["status"] for answer in refused] == [401, 401]
    assert refused[0].headers["WWW-Authenticate"] == "Bearer"
    assert (taken.status_code, offered.status_code) == (200, 200)


def test_a_full_disk_is_told_as_such() -> None:
    """An upload that finds no room is not the caller's fault, and can be tried again."""
    problem = problem_of(OSError(errno.ENOSPC, "No space left on device", "/data/spool/x"), "id")
    assert (problem.status, problem.code, problem.retryable) == (503, "storage_full", True)
    assert "spool" not in problem.detail


def test_every_row_of_the_table_can_be_rendered() -> None:
    """A row's detail only names fields that its exception has, and codes are not used twice."""
    codes = [row.code for row in TABLE.values()]
    assert len(codes) == len(set(codes))
    assert all(row.title and not row.title.endswith(".") for row in TABLE.values())
