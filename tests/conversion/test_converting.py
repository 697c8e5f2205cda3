"""A POSTed file comes back as another: the ways to ask, and what is told about the answer."""

import io
import zipfile
from collections.abc import Mapping

import httpx
import pytest
from python_calamine import CalamineWorkbook

from service.disposition import filename_of
from tests.serving import Served

CSV = b"code,amount\n007,1.5\n008,2\n"


def _cells(workbook: bytes) -> list[list[object]]:
    return [list(row) for row in CalamineWorkbook.from_filelike(io.BytesIO(workbook)).get_sheet_by_index(0).to_python()]


def test_a_raw_body_comes_back_converted(client: httpx.Client) -> None:
    """The body may be the file itself, identified by nothing but its content type."""
    answer = client.post("/convert/xlsx", content=CSV, headers={"Content-Type": "text/csv"})
    assert _cells(answer.content) == [["code", "amount"], ["007", 1.5], ["008", 2.0]]


def test_a_multipart_file_comes_back_converted(client: httpx.Client) -> None:
    """The body may be a form whose field `file` is the file."""
    answer = client.post("/convert/json", files={"file": ("codes.csv", CSV)})
    assert answer.json() == [{"code": "007", "amount": 1.5}, {"code": "008", "amount": 2}]


def test_curl_t_works_with_and_without_a_slash(client: httpx.Client) -> None:
    """`curl -T FILE URL` sends PUT, and appends the file's name to a URL that ends with a slash."""
    bare = client.put("/convert/tsv", content=CSV)
    named = client.put("/convert/tsv/codes.csv", content=CSV)
    assert bare.text == named.text == "code\tamount\n007\t1.5\n008\t2\n"
    assert named.headers["Content-Disposition"] == 'attachment; filename="codes.tsv"'


@pytest.mark.parametrize("spelling", ["tsv", "TSV", ".tsv", "text/tab-separated-values", "text%2Ftab-separated-values"])
def test_a_format_is_understood_in_every_spelling(client: httpx.Client, spelling: str) -> None:
    """An output format is named by its name, its extension or its media type."""
    answer = client.post(f"/convert/{spelling}", files={"file": ("codes.csv", CSV)})
    assert answer.headers["Content-Type"] == "text/tab-separated-values; charset=utf-8"


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("application/json", "application/json"),
        ("application/json;q=0.5, text/markdown", "text/markdown; charset=utf-8"),
        ("text/*;q=0.1, application/json;q=0.2, model/gltf+json", "application/json"),
        (
            "application/x-nothing, application/vnd.oasis.opendocument.spreadsheet",
            "application/vnd.oasis.opendocument.spreadsheet",
        ),
    ],
)
def test_accept_chooses_the_format(client: httpx.Client, accept: str, expected: str) -> None:
    """Without a format in the path, `Accept` with its q-values decides."""
    answer = client.post("/convert", files={"file": ("codes.csv", CSV)}, headers={"Accept": accept})
    assert answer.headers["Content-Type"] == expected


def test_options_come_from_the_query_or_the_form(client: httpx.Client) -> None:
    """An option is typed by its recipe; a form field wins over the query."""
    by_query = client.post(
        "/convert/csv?output_delimiter=semicolon", files={"file": ("codes.tsv", CSV.replace(b",", b"\t"))}
    )
    by_form = client.post(
        "/convert/csv?output_delimiter=pipe",
        files={"file": ("codes.tsv", CSV.replace(b",", b"\t"))},
        data={"output_delimiter": "semicolon"},
    )
    assert by_query.text == by_form.text == CSV.decode().replace(",", ";")


def test_from_overrides_what_the_name_says(client: httpx.Client) -> None:
    """`from` names the type outright, as extension, format or media type."""
    answer = client.post("/convert/json?from=csv", files={"file": ("codes.bin", CSV)})
    assert answer.headers["Recast-Input-Type"] == "text/csv"


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/convert", "output.json"),
        ("/convert/", "output.json"),
        ("/convert/json/", "output.json"),
        ("/convert/JSON/a.csv", "a.json"),
        ("/convert/.json/..%2F..%2Fetc%2Fa.csv", "a.json"),
        ("/convert/json/some/where/a.csv", "a.json"),
        ("/convert/application/json", "output.json"),
        ("/convert/application%2Fjson", "output.json"),
        ("/convert/application/json/a.csv", "a.json"),
        ("/convert/json/%F0%9F%98%80%20%22.csv", '\N{GRINNING FACE} ".json'),
    ],
)
def test_every_spelling_of_the_path(client: httpx.Client, method: str, path: str, name: str) -> None:
    """Formats by name, extension or media type; a name's path is dropped; POST and PUT are the same."""
    answer = client.request(method, path, content=CSV, headers={"Accept": "application/json"})
    assert answer.status_code == 200, answer.text
    assert filename_of(answer.headers["Content-Disposition"]) == name


@pytest.mark.parametrize("path", ["/convert", "/convert/json", "/convert/json/a.csv"])
def test_options_names_the_methods(client: httpx.Client, path: str) -> None:
    """Before anything is sent."""
    allowed = client.options(path).headers["Allow"]
    assert {each.strip() for each in allowed.split(",")} == {"OPTIONS", "POST", "PUT"}


def test_accept_prefers_what_can_be_made_here(client: httpx.Client) -> None:
    """A range is not answered with a format that needs a model while another fits without one."""
    answer = client.post("/convert", files={"file": ("codes.csv", CSV)}, headers={"Accept": "application/*"})
    assert answer.status_code == 200, answer.text


def test_several_files_come_back_as_an_archive(client: httpx.Client) -> None:
    """Each file of a form is converted by itself; equal names are told apart, and a failed one is a problem in the archive."""
    parts = [("file", ("a.csv", CSV)), ("file", ("a.csv", CSV)), ("file", ("b.bin", b"\0\1\2\3"))]
    answer = client.post("/convert/json", files=parts)
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    assert archive.testzip() is None
    assert sorted(archive.namelist()) == ["a (2).json", "a.json", "b.bin.error.json"]
    assert b'"code":"unidentified"' in archive.read("b.bin.error.json")


def test_the_answer_tells_how_it_was_made(client: httpx.Client) -> None:
    """Headers name the recipe, the type the input was taken for, the counts that were verified, and the time of each phase."""
    headers = client.post("/convert/xlsx", files={"file": ("codes.csv", CSV)}).headers
    told: Mapping[str, str] = {
        name: headers[f"Recast-{name}"] for name in ("Recipe", "Input-Type", "Attempt", "Fidelity")
    }
    assert told == {
        "Recipe": "table/1",
        "Input-Type": "text/csv",
        "Attempt": "program;n=1;tokens=0",
        "Fidelity": "exact",
    }
    assert "rows=" in headers["Recast-Facts"]
    assert [each.split(";")[0] for each in headers["Server-Timing"].split(", ")] == [
        "receive",
        "queue",
        "engine",
        "program",
        "fetch",
    ]
    assert int(headers["Content-Length"]) > 0


def test_a_request_keeps_its_id(client: httpx.Client) -> None:
    """`X-Request-ID` is the caller's if it is a plain word, else a new one."""
    kept = client.get("/livez", headers={"X-Request-ID": "abc-123"}).headers["X-Request-ID"]
    made = client.get("/livez", headers={"X-Request-ID": 'x" y'}).headers["X-Request-ID"]
    assert (kept, len(made)) == ("abc-123", 32)


def test_nothing_is_left_after_conversions(service: Served, client: httpx.Client) -> None:
    """Container, upload and spooled body are gone when the answer has been read."""
    for output in ("xlsx", "json", "nonsense"):
        client.post(f"/convert/{output}", files={"file": ("codes.csv", CSV)})
    assert service.settled() == {"containers": 0, "uploads": 0, "spooled": 0}
