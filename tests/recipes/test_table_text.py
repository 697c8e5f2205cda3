"""Delimited text: what every cell says survives, whatever the encoding, the dialect and the shape of the rows."""

import csv
import io
import json

import httpx
import pytest

from tests.recipes.posting import post, refusal, warnings

AWKWARD = [
    ["id", "zip", "phone", "big", "word", "flag", "version", "rate", "price", "day", "at"],
    [
        "1",
        "01234",
        "+491234",
        "12345678901234567890",
        "NA",
        "yes",
        "1.10",
        "1e5",
        "1.50",
        "2024-01-31",
        "2024-01-31 10:00:00",
    ],
    [
        "2",
        "99999",
        "007",
        "12345678901234567891",
        "None",
        "no",
        "1.9",
        "2e5",
        "2.25",
        "2024-02-29",
        "2024-02-29T23:59:59",
    ],
    ["3", "00000", "0", "3", "null", "yes", "1.2", "x", "10.00", "1999-12-31", "1999-12-31 00:00:00"],
]


def rows_of(content: bytes, delimiter: str = ",") -> list[list[str]]:
    """Return the rows as the standard library reads them."""
    return list(csv.reader(io.StringIO(content.decode(), newline=""), delimiter=delimiter))


def csv_of(rows: list[list[str]]) -> bytes:
    """Return rows as the standard library writes them."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode()


def test_typed_only_where_nothing_is_lost(client: httpx.Client) -> None:
    """Numbers become numbers, with their digits; whatever a number would lose stays text."""
    records = json.loads(post(client, csv_of(AWKWARD), "csv", "json"), parse_float=str)
    assert records[0] == {
        "id": 1,
        "zip": "01234",
        "phone": "+491234",
        "big": "12345678901234567890",
        "word": "NA",
        "flag": "yes",
        "version": "1.10",
        "rate": "1e5",
        "price": "1.50",
        "day": "2024-01-31",
        "at": "2024-01-31 10:00:00",
    }
    assert b'"price":1.50' in post(client, csv_of(AWKWARD), "csv", "json")
    assert b'"version":"1.10"' in post(client, csv_of(AWKWARD), "csv", "json")


def test_late_change_of_kind(client: httpx.Client) -> None:
    """A word in the last of 20,000 rows keeps the column text from the first row on."""
    rows = [["n"], *([str(number)] for number in range(20_000)), ["ABC"]]
    records = json.loads(post(client, csv_of(rows), "csv", "json"))
    assert (records[0], records[-1], len(records)) == ({"n": "0"}, {"n": "ABC"}, 20_001)


def test_empty_is_not_the_empty_string(client: httpx.Client) -> None:
    """An empty field is no value, a quoted empty one is an empty string."""
    assert json.loads(post(client, b'a,b\n,""\n1,x\n', "csv", "json")) == [{"a": None, "b": ""}, {"a": 1, "b": "x"}]
    assert post(client, b'a,b\n,""\n', "csv", "tsv") == b'a\tb\n\t""\n'


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiter_is_found(client: httpx.Client, delimiter: str) -> None:
    """The delimiter is the one that gives rows of equal length, even when another is in every row."""
    text = "name{0}price{0}note\n" + "".join(f"n{n}{{0}}{n},5{{0}}a b\n" for n in range(1, 9) if delimiter != ",")
    text = text if delimiter != "," else "name,price,note\na;b,1,x\nc,2,y\n"
    assert rows_of(post(client, text.format(delimiter).encode(), "csv", "tsv"), "\t")[0] == ["name", "price", "note"]


@pytest.mark.parametrize(
    ("encoding", "word"),
    [
        ("utf-8-sig", "Zürich"),
        ("utf-16", "Zürich ʤ"),
        ("utf-16-le", "Zurich"),
        ("utf-32", "Zürich"),
        ("utf-32-be", "Zürich ʤ"),
        ("utf-16-le", "東京都市場の名前でございます" * 9),
        ("cp1252", "Zürich: 5 €"),
        ("latin-1", "©"),
        ("cp1251", "Привет, как дела сегодня, товарищ"),
        ("shift_jis", "これは日本語の文章です。東京都"),
    ],
)
def test_encoding_is_found(client: httpx.Client, encoding: str, word: str) -> None:
    """Text arrives as what it says, in whichever of the usual encodings it was."""
    text = f"place|n\n{word}|1\nplain|2\n".encode(encoding)
    assert json.loads(post(client, text, "csv", "json"))[0] == {"place": word, "n": 1}


def test_encoding_can_be_said(client: httpx.Client) -> None:
    """The caller's word beats detection, and a wrong or unknown one is refused by name."""
    text = "a\nПривет\n".encode("koi8-r")  # noqa: RUF001 - Cyrillic on purpose
    assert json.loads(post(client, text, "csv", "json", encoding="koi8-r")) == [{"a": "Привет"}]
    assert refusal(client, text, "csv", "json", encoding="utf-8") == (422, "damaged")
    assert refusal(client, text, "csv", "json", encoding="klingon") == (422, "unsupported")


def test_few_bad_bytes_do_not_spoil_the_rest(client: httpx.Client) -> None:
    """UTF-8 with one broken byte is read as UTF-8, and the answer says so."""
    text = "a\n" + "käse\n" * 50
    broken = text.encode() + b"\xff\n"
    assert json.loads(post(client, broken, "csv", "json"))[0] == {"a": "käse"}
    assert "not UTF-8" in warnings(client, broken, "csv", "json")


def test_ragged_rows_are_padded_not_dropped(client: httpx.Client) -> None:
    """Every row arrives, short ones padded, long ones with columns that have no name; both are reported."""
    text = b"a,b\n1\n1,2\n1,2,3\n"
    assert rows_of(post(client, text, "csv", "tsv"), "\t") == [
        ["a", "b", ""],
        ["1", "", ""],
        ["1", "2", ""],
        ["1", "2", "3"],
    ]
    assert "more fields" in warnings(client, text, "csv", "tsv")


def test_odd_headers(client: httpx.Client) -> None:
    """Repeated and empty names stay as they are in text, and are told apart where a format needs it."""
    text = b"a,a,,x y\n1,2,3,4\n"
    assert rows_of(post(client, text, "csv", "tsv"), "\t")[0] == ["a", "a", "", "x y"]
    assert list(json.loads(post(client, text, "csv", "json"))[0]) == ["a", "a_2", "column_3", "x y"]


def test_newlines_nul_and_controls(client: httpx.Client) -> None:
    """Line breaks of any kind, NUL and control characters inside a cell are that cell's text."""
    cells = ["two\nlines", "carriage\rreturn", 'quote "', "tab\t", "nul\0", "bell\a"]
    content = csv_of([list("abcdef"), cells])
    assert list(json.loads(post(client, content, "csv", "json", **{"from": "csv"}))[0].values()) == cells
    assert rows_of(post(client, content, "csv", "tsv", **{"from": "csv"}), "\t")[1] == cells


def test_an_only_row(client: httpx.Client) -> None:
    """A row that stands alone and has a number in it is data, which is said."""
    assert "option header" in warnings(client, b"1,2,3\n", "csv", "json")
    assert json.loads(post(client, b"cell,007,12\n", "csv", "json")) == [
        {"column_1": "cell", "column_2": "007", "column_3": 12}
    ]
    assert post(client, b"cell,007,12\n", "csv", "tsv") == b"cell\t007\t12\n"


def test_without_a_header(client: httpx.Client) -> None:
    """With header=false the first row is data, and no made-up name is written into the output."""
    assert json.loads(post(client, b"1,x\n2,y\n", "csv", "json", header="false"))[0] == {"column_1": 1, "column_2": "x"}
    assert post(client, b"1,x\n2,y\n", "csv", "tsv", header="false") == b"1\tx\n2\ty\n"


def test_space_after_the_delimiter(client: httpx.Client) -> None:
    """A quote behind a space opens a quoted field."""
    assert json.loads(post(client, b'a, b\n1, "x, y"\n', "csv", "json")) == [{"a": 1, "b": "x, y"}]


def test_sep_line_of_excel(client: httpx.Client) -> None:
    """The line sep=; names the delimiter and is not a row."""
    assert post(client, b"sep=;\r\na;b\r\n1;2,5\r\n", "csv", "tsv") == b"a\tb\n1\t2,5\n"


@pytest.mark.parametrize("content", [b"\n\n", b",,\n", b"\xef\xbb\xbf\n"])
def test_nothing_in_it(client: httpx.Client, content: bytes) -> None:
    """A file without one value is refused as empty."""
    assert refusal(client, content, "csv", "json") == (422, "empty")


def test_header_alone(client: httpx.Client) -> None:
    """A header without rows is a table of no rows, which is said: the row may have been data."""
    assert json.loads(post(client, b"a,b,c\n", "csv", "json")) == []
    assert "option header" in warnings(client, b"a,b,c\n", "csv", "json")
    assert post(client, b"a,b,c\n", "csv", "tsv") == b"a\tb\tc\n"


def test_formulas_can_be_disarmed(client: httpx.Client) -> None:
    """escape_formulas puts an apostrophe before text a spreadsheet would run, and leaves numbers alone."""
    rows = [["a", "b"], ["=cmd()", "-5"], ["@x", "+4"], ["plain", "-a"]]
    made = rows_of(post(client, csv_of(rows), "csv", "tsv", escape_formulas="true"), "\t")
    assert made[1:] == [["'=cmd()", "-5"], ["'@x", "+4"], ["plain", "'-a"]]
    assert rows_of(post(client, csv_of(rows), "csv", "tsv"), "\t") == rows


def test_markup_is_text(client: httpx.Client) -> None:
    """Cells that look like HTML or Markdown are shown as they are."""
    content = b"a,b\n<script>alert(1)</script>,*x* | [y](z) _i_ snake_case\n"
    assert b"&lt;script&gt;" in post(client, content, "csv", "html")
    assert b"\\*x\\* \\| \\[y\\](z) \\_i\\_ snake\\_case" in post(client, content, "csv", "md")
    assert b"snake_case" in post(client, b"a\nsnake_case\n", "csv", "md")


@pytest.mark.parametrize(("columns", "rows"), [(300, 6000), (1500, 200), (9000, 3)])
def test_wide_tables(client: httpx.Client, columns: int, rows: int) -> None:
    """Hundreds and thousands of columns fit into a container's memory."""
    content = ",".join(f"c{number}" for number in range(columns)) + "\n" + (",".join(["12345"] * columns) + "\n") * rows
    assert post(client, content.encode(), "csv", "tsv").decode() == content.replace(",", "\t")
