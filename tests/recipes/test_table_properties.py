"""Properties of tables: whatever the cells say, csv to any table format and back to csv says the same."""

import csv
import decimal
import io
import re
from typing import Any

import httpx
import openpyxl
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.recipes.posting import post

# What text media hold: no C0 controls but white space, and nothing that is not a character.
LETTERS = st.characters(
    codec="utf-8",
    exclude_categories=["Cs", "Cn"],
    exclude_characters="".join(map(chr, {*range(32), 127, 0xFEFF} - {9, 10, 13})),
)
NUMBERS = st.one_of(
    st.integers(-(10**20), 10**20).map(str),
    st.decimals(-(10**9), 10**9, places=2).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.sampled_from(["007", "+49", "1e5", "1.10", "-0", "-0.0", "0x10", "1_000", ".5", "5.", "12345678901234567"]),
)
WORDS = st.sampled_from(
    [
        "NA",
        "null",
        "None",
        "true",
        "false",
        "TRUE",
        "yes",
        "no",
        "=1+1",
        "@x",
        "nan",
        "inf",
        " padded ",
        "_x0041_",
        "#DIV/0!",
    ]
)
DATES = st.one_of(
    st.dates().map(str), st.datetimes().map(str), st.datetimes().map(lambda at: at.isoformat("T", "seconds"))
)
COLUMNS = st.sampled_from(
    [
        st.text(LETTERS, max_size=12),
        NUMBERS,
        WORDS,
        DATES,
        st.one_of(NUMBERS, WORDS),
        st.integers(0, 99).map(str),
        st.just(""),
    ]
)
POLITE = settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@st.composite
def tables(draw: st.DrawFn) -> list[list[str]]:
    """Return a header and up to 8 rows, each column of a kind of its own."""
    count = draw(st.integers(0, 8))
    columns = draw(st.lists(COLUMNS, min_size=2, max_size=5))
    names = [draw(st.text(LETTERS, min_size=1, max_size=8)) for _ in columns]
    body = [draw(st.lists(column, min_size=count, max_size=count)) for column in columns]
    return [names, *map(list, zip(*body, strict=True))]


def written(rows: list[list[str]]) -> bytes:
    """Return rows as CSV with every field quoted that is not empty, so that nothing is left to the dialect."""
    return "".join(
        ",".join('"' + cell.replace('"', '""') + '"' if cell else "" for cell in row) + "\r\n" for row in rows
    ).encode()


def alike(cell: str) -> Any:
    """Return what a typed format may keep of a text: the value of a number, the moment of a date, the word of a boolean."""
    if re.fullmatch(r"-?\d+(\.\d+)?(e[-+]\d+)?", cell):
        return decimal.Decimal(cell)
    cell = re.sub(r"^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)", r"\1 \2", cell).removesuffix(" 00:00:00")
    return cell.lower().replace("\r\n", "\n").replace("\r", "\n")


def trimmed(rows: list[list[str]]) -> list[list[str]]:
    """Return rows without empty ones at the end, which a sheet does not have."""
    while rows and not any(rows[-1]):
        rows.pop()
    return rows


@POLITE
@given(rows=tables())
@pytest.mark.parametrize("target", ["tsv", "parquet", "json", "ndjson"])
def test_there_and_back(client: httpx.Client, target: str, rows: list[list[str]]) -> None:
    """Through text every cell is the same; through JSON and Parquet it has the same number, moment or truth."""
    assume(target == "tsv" or len(rows) > 1)  # a table without rows is nothing in ndjson, and has no names in JSON
    if target != "tsv":
        rows[0] = [f"c{number}" for number in range(len(rows[0]))]
    content = written([["first", *rows[0]], *([str(number), *row] for number, row in enumerate(rows[1:]))])
    middle = post(client, content, "csv", target)
    back = post(client, middle, target, "csv")
    expected: list[Any] = list(csv.reader(io.StringIO(content.decode(), newline="")))
    made: list[Any] = list(csv.reader(io.StringIO(back.decode(), newline="")))
    if target != "tsv":
        expected, made = ([[alike(cell) for cell in row] for row in each] for each in (expected, made))
    assert made == expected


@POLITE
@given(rows=tables())
@pytest.mark.parametrize("target", ["xlsx", "ods"])
def test_there_and_back_through_a_workbook(client: httpx.Client, target: str, rows: list[list[str]]) -> None:
    """Through a workbook every cell has the same text, or the same number, moment or truth."""
    content = written(rows)
    middle = post(client, content, "csv", target)
    if target == "xlsx":
        sheet = openpyxl.load_workbook(io.BytesIO(middle)).worksheets[0]
        assert sheet.max_row == len(rows)
    back = list(csv.reader(io.StringIO(post(client, middle, target, "csv").decode(), newline="")))
    assert [[*map(alike, row)] for row in trimmed(back)] == [[*map(alike, row)] for row in trimmed(rows)]
