"""Rows above the header: they are found, they arrive or are said, and a table that has none is read as ever."""

import csv
import io
import json
import runpy
from collections.abc import Callable
from pathlib import Path

import httpx
import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.recipes.converting import run
from tests.recipes.posting import post, warnings
from tests.recipes.programs import ROOT

header_row: Callable[[list[list[str]]], int] = runpy.run_path(str(ROOT / "recipes" / "tables" / "table_header.py"))[
    "header_row"
]

BANK = b'"Account";"DE12"\n""\n"Balance of 01.01.2024:";"1.234,56 EUR"\n""\n"Day";"Amount";"For";"State"\n"02.01.24";"-3,50";"Coffee, cake";"ok"\n"03.01.24";"";"Wages";"ok"\n'
ABOVE = {
    "bank": (BANK, "Day"),
    "statistics": (
        b'"Data Source","Indicators",\n\n"Updated","2023-01-01",\n\n"Country","Code","1960","1961",\n"Aruba","ABW","54211","55438",\n',
        "Country",
    ),
    "instrument": (b"# logger 3\n# units: C, hPa, m\ntime,temp,press\n2024-01-01 00:00,1.5,1000\n", "time"),
    "settings": (b"Station,Berlin\nLat,52.5\nLon,13.4\nat,temp,hum\n2024-01-01,1.5,88\n2024-01-02,2.5,90\n", "at"),
    "spreadsheet": (b"Sales 2024,,,\n,,,\nRegion,Q1,Q2,Q3\nNorth,1,2,3\n", "Region"),
    "title of words": (b"Members\nname,city,team\nBob,Paris,red\nEve,Rome,blue\n", "name"),
    "two columns": (b"Title\nname,value\na,1\nb,2\n", "name"),
    "genome": (b"##format=1\n##source=x\n#CHROM;POS;ID\n1;100;a\n1;200;b\n", "#CHROM"),
}
ORDINARY = {
    "short header": b"a,b\nfoo,bar,baz\nx,y,3\n",
    "names of rows": b"b,c\nx,1,2\ny,3,4\n",
    "marked header": b"#id,name\nfoo,bar\n1,2\n3,4\n",
    "two rows of names": b",2019,,2020,\nCountry,M,F,M,F\nAT,1,2,3,4\n",
    "sparse": b"a,b,c,d\nx,,,\nname,of,some,thing\n1,2,3,4\n",
    "words": b"a,b\nfoo,bar\n\nx,y\n",
}


@pytest.mark.parametrize("name", ABOVE)
def test_names_are_found_below_what_stands_above(client: httpx.Client, name: str) -> None:
    """The records have the names of the header, and what stood above it is said."""
    content, first = ABOVE[name]
    records = json.loads(post(client, content, "csv", "json"))
    assert [next(iter(record)) for record in records] == [first] * len(records)
    above = content.decode().partition(first)[0]
    for word in (line.split(",")[0].split(";")[0].strip('" ') for line in above.splitlines()):
        assert word in warnings(client, content, "csv", "json")


@pytest.mark.parametrize("name", ORDINARY)
def test_a_first_row_of_names_stays_the_header(client: httpx.Client, name: str) -> None:
    """Where the first row may be the header, it is."""
    first = next(csv.reader(io.StringIO(ORDINARY[name].decode())))
    made = json.loads(post(client, ORDINARY[name], "csv", "json", orient="arrays"))[0]
    assert made[: len(first)] == first


def test_rows_above_arrive(client: httpx.Client) -> None:
    """Where a format has a place for them, rows above the header stay above it, and numbers below are numbers."""
    rows = [row for row in csv.reader(io.StringIO(BANK.decode()), delimiter=";") if any(row)]
    made = list(csv.reader(io.StringIO(post(client, BANK, "csv", "tsv").decode()), delimiter="\t"))
    assert [[cell for cell in row if cell] for row in made if any(row)] == [[one for one in row if one] for row in rows]
    for target in ("html", "md", "xml"):
        assert b"Balance of 01.01.2024:  1.234,56 EUR" in post(client, BANK, "csv", target)
    for target in ("xlsx", "ods"):
        again = post(client, post(client, ABOVE["spreadsheet"][0], "csv", target), target, "csv")
        assert again.decode().splitlines() == ABOVE["spreadsheet"][0].decode().splitlines()
    sheet = openpyxl.load_workbook(io.BytesIO(post(client, ABOVE["spreadsheet"][0], "csv", "xlsx"))).active
    assert sheet is not None
    assert ([cell.value for cell in sheet[4]], sheet.freeze_panes) == (["North", 1, 2, 3], "A4")


def test_without_a_header_nothing_is_looked_for(client: httpx.Client) -> None:
    """header=false takes every row as data."""
    content = ABOVE["spreadsheet"][0]
    assert json.loads(post(client, content, "csv", "json", header="false"))[0]["column_1"] == "Sales 2024"


def test_in_workbooks_too(client: httpx.Client) -> None:
    """Records of a sheet have the names below its title; in a sheet every row stays where it was."""
    book = openpyxl.Workbook()
    for row in (["Sales 2024"], [], ["Region", "Q1", "Q2"], ["North", 1, 2.5], ["South", 3, None]):
        book.active.append(row)
    content = io.BytesIO()
    book.save(content)
    records = json.loads(post(client, content.getvalue(), "xlsx", "json"))
    assert records == [{"Region": "North", "Q1": 1, "Q2": 2.5}, {"Region": "South", "Q1": 3, "Q2": None}]
    assert "Sales 2024" in warnings(client, content.getvalue(), "xlsx", "json")
    assert post(client, content.getvalue(), "xlsx", "csv").decode().splitlines()[0] == "Sales 2024,,"


def test_all_in_quotes(client: httpx.Client) -> None:
    """Where every field is in quotes, an empty one is no value, and its column may be one of numbers."""
    made = json.loads(post(client, b'"a","b"\n"1","x"\n"","y"\n', "csv", "json"))
    assert made == [{"a": 1, "b": "x"}, {"a": None, "b": "y"}]


CELLS = st.one_of(st.just(""), st.text(max_size=5), st.integers(0, 3000).map(str), st.dates().map(str))


@settings(max_examples=1500, deadline=None)
@given(data=st.data(), names=st.lists(st.text(min_size=1, max_size=6).filter(str.strip), min_size=2, max_size=6))
def test_tables_with_a_full_header_are_not_touched(data: st.DataObject, names: list[str]) -> None:
    """A first row with a name in every place is the header, whatever rows as wide or narrower follow it."""
    rows = data.draw(st.lists(st.lists(CELLS, max_size=len(names)), max_size=8))
    assert header_row([names, *rows]) == 0


@pytest.mark.parametrize("cell", ["1" + " " * 200_000 + "x", "1e" + "1" * 200_000 + "x", "$" * 200_000])
def test_a_hostile_cell_costs_no_more_than_its_length(client: httpx.Client, tmp_path: Path, cell: str) -> None:
    """It is no value, which is seen in one pass; once it took hours."""
    text = "\n".join(["note", *(f"name,{cell}" for _ in range(20))])
    assert run(client, tmp_path, text.encode(), "csv", "json").refused is None
