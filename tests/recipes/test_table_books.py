"""Workbooks, read by openpyxl and calamine: sheets, kinds of values, limits, and what must never happen."""

import datetime as dt
import io
import json
import zipfile
from typing import Any

import httpx
import openpyxl
import pytest
from python_calamine import CalamineWorkbook

from tests.recipes.posting import post, refusal, warnings
from tests.recipes.programs import SAMPLES


def book(*sheets: list[list[Any]], **states: str) -> bytes:
    """Return an xlsx with these sheets (Sheet1, Sheet2, …), some of them hidden: ``Sheet2="hidden"``."""
    made = openpyxl.Workbook()
    made.remove(made.active)
    for number, rows in enumerate(sheets, 1):
        sheet = made.create_sheet(f"Sheet{number}")
        sheet.sheet_state = states.get(sheet.title, "visible")
        for row in rows:
            sheet.append(row)
    content = io.BytesIO()
    made.save(content)
    return content.getvalue()


def patched(content: bytes, part: str, old: bytes, new: bytes) -> bytes:
    """Return the zip with bytes of one part replaced."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            data = source.read(name)
            target.writestr(name, data.replace(old, new) if name == part else data)
    return made.getvalue()


def cells(content: bytes) -> list[list[Any]]:
    """Return the values of the first sheet as openpyxl reads them."""
    sheet = openpyxl.load_workbook(io.BytesIO(content)).worksheets[0]
    return [list(row) for row in sheet.iter_rows(values_only=True)]


def test_values_arrive_as_what_they_are(client: httpx.Client) -> None:
    """Numbers, dates, booleans and text from CSV are real values of their kind to both readers."""
    content = b"n,x,price,day,at,flag,zip\n1,2.5,1.50,2024-01-31,2024-01-31 10:00:01,true,007\n-3,1e5,2.25,1999-12-31,2000-02-29 23:59:59,false,1\n"
    made = post(client, content.replace(b"1e5", b"0.125"), "csv", "xlsx")
    expected = [1, 2.5, 1.5, dt.date(2024, 1, 31), dt.datetime.fromisoformat("2024-01-31T10:00:01"), True, "007"]
    first = cells(made)[1]
    assert [*first[:3], first[3].date(), *first[4:]] == expected
    assert CalamineWorkbook.from_filelike(io.BytesIO(made)).get_sheet_by_index(0).to_python()[1] == expected
    assert openpyxl.load_workbook(io.BytesIO(made)).worksheets[0]["C2"].number_format == "0.00"


@pytest.mark.parametrize("target", ["xlsx", "ods"])
def test_long_numbers_and_old_dates_stay_text(client: httpx.Client, target: str) -> None:
    """What a spreadsheet would round (past 15 digits) or shift (before March 1900) is text in it."""
    content = b"id,day\n1234567890123456,1900-02-28\n12,2024-01-01\n"
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(post(client, content, "csv", target))).get_sheet_by_index(0)
    assert sheet.to_python()[1][0] == "1234567890123456"
    assert str(sheet.to_python()[1][1]) == "1900-02-28"


@pytest.mark.parametrize("target", ["xlsx", "ods"])
def test_formulas_never_come_into_being(client: httpx.Client, target: str) -> None:
    """Text that begins like a formula is text; the file holds no formula at all."""
    made = post(client, b'a\n"=HYPERLINK(""http://x"")"\n@SUM(1)\n+1+1\n', "csv", target)
    with zipfile.ZipFile(io.BytesIO(made)) as parts:
        inside = b"".join(parts.read(name) for name in parts.namelist())
    assert b"<f" not in inside.replace(b"<font", b"").replace(b"<fill", b"")
    assert b"table:formula" not in inside
    assert CalamineWorkbook.from_filelike(io.BytesIO(made)).get_sheet_by_index(0).to_python()[1:] == [
        ['=HYPERLINK("http://x")'],
        ["@SUM(1)"],
        ["+1+1"],
    ]


def test_which_sheet(client: httpx.Client) -> None:
    """The first visible sheet is taken and the others are named; sheet takes a name, a number or all."""
    content = book([["hidden"], [1]], [["b"], [2]], [["c"], [3]], Sheet1="veryHidden")
    assert post(client, content, "xlsx", "csv") == b"b\n2\n"
    assert "hidden" in warnings(client, content, "xlsx", "csv")
    assert post(client, content, "xlsx", "csv", sheet="Sheet1") == b"hidden\n1\n"
    assert post(client, content, "xlsx", "csv", sheet="3") == b"c\n3\n"
    assert json.loads(post(client, content, "xlsx", "json", sheet="all")) == {
        "Sheet2": [{"b": 2}],
        "Sheet3": [{"c": 3}],
    }
    assert refusal(client, content, "xlsx", "csv", sheet="nowhere") == (422, "unsupported")


def test_all_sheets_as_files(client: httpx.Client) -> None:
    """As a zip a workbook is one CSV file for each visible sheet."""
    with zipfile.ZipFile(io.BytesIO(post(client, book([["a"], [1]], [["b"], [2]]), "xlsx", "zip"))) as files:
        assert {name: files.read(name) for name in files.namelist()} == {
            "Sheet1.csv": b"a\n1\n",
            "Sheet2.csv": b"b\n2\n",
        }
        assert files.testzip() is None


def test_kinds_of_cells(client: httpx.Client) -> None:
    """Whole numbers have no point, dates no time, times and durations are clock text, a mixed column keeps each value."""
    content = book(
        [
            ["int", "float", "day", "at", "time", "span", "mixed"],
            [
                5,
                1.25,
                dt.date(2024, 2, 29),
                dt.datetime.fromisoformat("2024-02-29T01:02:03"),
                dt.time(4, 5, 6),
                dt.timedelta(hours=30),
                1,
            ],
            [
                7,
                2,
                dt.date(2024, 3, 1),
                dt.datetime.fromisoformat("2024-03-01T00:00:00"),
                dt.time(0, 0),
                dt.timedelta(minutes=1),
                "one",
            ],
        ]
    )
    lines = post(client, content, "xlsx", "csv").decode().splitlines()
    assert lines[1] == "5,1.25,2024-02-29,2024-02-29 01:02:03,04:05:06,30:00:00,1"
    assert [row["mixed"] for row in json.loads(post(client, content, "xlsx", "json"))] == [1, "one"]


def test_errors_and_formulas_without_values(client: httpx.Client) -> None:
    """An error cell is its name; a formula that was never calculated is empty and counted."""
    content = book([["a", "b"], ["#DIV/0!", "=1+1"], ["x", 2]])
    assert post(client, content, "xlsx", "csv") == b"a,b\n#DIV/0!,\nx,2\n"
    assert "1 formulas have no stored value" in warnings(client, content, "xlsx", "csv")


@pytest.mark.parametrize("prefix", [b"", b"x:"])
def test_errors_however_they_are_written(client: httpx.Client, prefix: bytes) -> None:
    """The order of attributes and the prefix of elements are the writer's to choose."""
    sheet = b"<sheetData><row r='1'><c t='str' r='A1'><v>a</v></c></row><row r='2'><c t='e' r='A2'><v>#REF!</v></c></row></sheetData>"
    sheet = b"<worksheet>" + sheet.replace(b"'", b'"') + b"</worksheet>"
    sheet = sheet.replace(b"</", b"<//").replace(b"<", b"<" + prefix).replace(b"<" + prefix + b"//", b"</" + prefix)
    named = b' xmlns%s="http://schemas.openxmlformats.org/spreadsheetml/2006/main">' % prefix.join((b":", b"")).rstrip(
        b":"
    )
    part, content = "xl/worksheets/sheet1.xml", book([["a"], [1]])
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        content = patched(content, part, package.read(part), sheet.replace(b">", named, 1))
    assert post(client, content, "xlsx", "csv") == b"a\n#REF!\n"


def test_numbers_are_no_dates_for_the_number_of_their_format(client: httpx.Client) -> None:
    """An xls may give a format of its own a number that elsewhere means a date."""
    old = (SAMPLES / "table.xls").read_bytes()
    odd = old.replace(b"\xa4\0\7\0\0General", b"\x32\0\7\0\0#,##0.0").replace(b"\0\0\xa4\0\1", b"\0\0\x32\0\1")
    assert odd.count(b"\x32\0\7\0\0#") == 1
    assert post(client, odd, "xls", "csv") == post(client, old, "xls", "csv")


def test_errors_of_other_workbooks(client: httpx.Client) -> None:
    """An error is its name in xls, where it is a number, and in OpenDocument, where it is the text beside an empty value."""
    old = (SAMPLES / "table.xls").read_bytes()
    number = old.index(b"\x03\x02\x0e\0")  # a record NUMBER, made BOOLERR
    old = old[:number] + b"\x05\x02" + old[number + 2 : number + 10] + b"\x07\x01" + old[number + 12 :]
    assert b"#DIV/0!" in post(client, old, "xls", "csv")
    ods = post(client, b"a,b\nx,2\n", "csv", "ods")
    cell = b'<table:table-cell office:value-type="string"'
    wrong = cell + b' office:string-value="" calcext:value-type="error" xmlns:calcext="urn:x"'
    assert (
        post(client, patched(ods, "content.xml", cell + b"><text:p>x", wrong + b"><text:p>#N/A"), "ods", "csv")
        == b"a,b\n#N/A,2\n"
    )


def test_an_indented_opendocument(client: httpx.Client) -> None:
    """White space between the elements of a sheet is layout."""
    ods = patched(post(client, b"a,b\nx y,2\n", "csv", "ods"), "content.xml", b"><table:", b">\n  <table:")
    assert post(client, patched(ods, "content.xml", b"<text:p>", b"\n <text:p>"), "ods", "csv") == b"a,b\nx y,2\n"


def test_a_sheet_coloured_to_its_end(client: httpx.Client) -> None:
    """Cells that only have a style take no room, however far they reach."""
    styled = b'<row r="1048576"><c r="A1048576" s="1"/><c r="XFD1048576" s="1"></c></row></sheetData>'
    content = patched(book([["a"], [1]]), "xl/worksheets/sheet1.xml", b"</sheetData>", styled)
    assert post(client, content, "xlsx", "csv") == b"a\n1\n"


def test_an_empty_sheet_before_the_table(client: httpx.Client) -> None:
    """Where the caller names none, the first sheet with something in it is taken; a sheet that is named is the one."""
    content = book([], [["a"], [1]])
    assert post(client, content, "xlsx", "csv") == b"a\n1\n"
    assert "the first sheet is empty" in warnings(client, content, "xlsx", "csv")
    assert refusal(client, content, "xlsx", "csv", sheet="Sheet1") == (422, "empty")


def test_margins_and_merged_cells(client: httpx.Client) -> None:
    """A table that starts at C3 keeps its place in text and loses the empty margin as records; a merged value stands once."""
    made = openpyxl.Workbook()
    sheet = made.active
    sheet["C3"], sheet["D3"], sheet["C4"], sheet["D4"], sheet["D5"] = "k", "v", "m", 1, 2
    sheet.merge_cells("C4:C5")
    content = io.BytesIO()
    made.save(content)
    assert post(client, content.getvalue(), "xlsx", "csv") == b",,,\n,,,\n,,k,v\n,,m,1\n,,,2\n"
    assert json.loads(post(client, content.getvalue(), "xlsx", "json")) == [{"k": "m", "v": 1}, {"k": None, "v": 2}]


def test_control_characters_are_escaped(client: httpx.Client) -> None:
    """Control characters are _xHHHH_ in the file and themselves to a reader; so is text that looks like such an escape."""
    content = b'a\n"bell\x01"\n"_x0041_"\n"two\r\nlines"\n" spaces "\n'
    made = post(client, content, "csv", "xlsx", **{"from": "csv"})
    assert [
        row[0] for row in CalamineWorkbook.from_filelike(io.BytesIO(made)).get_sheet_by_index(0).to_python()[1:]
    ] == [
        "bell\x01",
        "_x0041_",
        "two\r\nlines",
        " spaces ",
    ]


def test_more_rows_than_a_sheet(client: httpx.Client) -> None:
    """Rows past 1,048,576 continue on a second sheet, under the same header."""
    made = post(client, b"n\n" + b"7\n" * 1_048_580, "csv", "xlsx")
    sheets = CalamineWorkbook.from_filelike(io.BytesIO(made))
    first, second = (sheets.get_sheet_by_index(number) for number in (0, 1))
    assert (first.height, second.to_python()) == (1_048_576, [["n"], *[[7.0]] * 5])


def test_announced_billions(client: httpx.Client) -> None:
    """Two cells that span the whole sheet are refused, not laid out."""
    content = patched(
        book([["a"], [1]]), "xl/worksheets/sheet1.xml", b'<row r="2"><c r="A2"', b'<row r="1048576"><c r="XFD1048576"'
    )
    assert refusal(client, content, "xlsx", "csv") == (422, "too_large")


def test_repeated_billions(client: httpx.Client) -> None:
    """An OpenDocument cell that is repeated over the whole sheet is refused; empty ones at the end are nothing."""
    content = post(client, b"a,b\n1,2\n", "csv", "ods")
    one = b'<table:table-cell office:value-type="float" office:value="1">'
    many = one.replace(b" ", b' table:number-columns-repeated="16384" ', 1)
    rows = patched(
        patched(content, "content.xml", one, many),
        "content.xml",
        b"<table:table-row>",
        b'<table:table-row table:number-rows-repeated="60000">',
    )
    assert refusal(client, rows, "ods", "csv") == (422, "too_large")
    tail = b'<table:table-row table:number-rows-repeated="1048000"><table:table-cell table:number-columns-repeated="16384"/></table:table-row></table:table>'
    assert post(client, patched(content, "content.xml", b"</table:table>", tail), "ods", "csv") == b"a,b\n1,2\n"


def test_inflated(client: httpx.Client) -> None:
    """A workbook that unpacks to hundreds of times its size is refused before it is read."""
    content = patched(
        book([["a"], [1]]), "xl/worksheets/sheet1.xml", b"</sheetData>", b" " * 300_000_000 + b"</sheetData>"
    )
    assert refusal(client, content, "xlsx", "csv") == (422, "too_large")


def test_damaged(client: httpx.Client) -> None:
    """A workbook with spoilt bytes inside is refused as damaged, not read as far as it goes."""
    content = bytearray(book([[f"{row} {column}" for column in range(50)] for row in range(200)]))
    at = content.index(b"xl/worksheets/sheet1.xml") + 2_000
    content[at : at + 40] = bytes(40)
    assert refusal(client, bytes(content), "xlsx", "csv") == (422, "damaged")


def test_workbook_to_workbook_keeps_all_sheets(client: httpx.Client) -> None:
    """Xlsx to ods and back has every visible sheet with its name and its values."""
    content = book([["a"], [1.5]], [["b", "c"], ["x", dt.date(2024, 1, 1)]])
    back = post(client, post(client, content, "xlsx", "ods"), "ods", "xlsx")
    assert openpyxl.load_workbook(io.BytesIO(back)).sheetnames == ["Sheet1", "Sheet2"]
    assert CalamineWorkbook.from_filelike(io.BytesIO(back)).get_sheet_by_index(1).to_python() == [
        ["b", "c"],
        ["x", dt.date(2024, 1, 1)],
    ]


def test_white_space_through_opendocument(client: httpx.Client) -> None:
    """Tabs, line breaks and runs of spaces, which OpenDocument writes as elements, come back as they were."""
    content = b'a,b\n" x  y ","one\ntwo\tthree"\n'
    assert post(client, post(client, content, "csv", "ods"), "ods", "csv") == b'a,b\n x  y ,"one\ntwo\tthree"\n'
