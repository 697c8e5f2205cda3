"""What calamine passes over in workbooks, and arrives all the same: errors of binary ones, texts of a type that ODF does not know."""

import struct

import httpx
import pytest

from tests.recipes.posting import post
from tests.recipes.programs import SAMPLES
from tests.recipes.test_table_books import patched

REAL = b"\x05\x10" + struct.pack(
    "<II", 2, 0
)  # [MS-XLSB]: the kind, the size and the place of a number in the third column


@pytest.mark.parametrize(("code", "shown"), [(0x00, "#NULL!"), (0x07, "#DIV/0!"), (0x17, "#REF!"), (0x2A, "#N/A")])
def test_errors_of_binary_workbooks(client: httpx.Client, code: int, shown: str) -> None:
    """A cell with an error, plain or of a formula, says which."""
    sample, sheet = (SAMPLES / "table.xlsb").read_bytes(), "xl/worksheets/sheet1.bin"
    rows = post(client, sample, "xlsb", "csv").decode().splitlines()
    number = REAL + struct.pack("<d", float(rows[1].rpartition(",")[2]))
    place = number[2:10]
    for error in (b"\x03\x09" + place + bytes([code]), b"\x0b\x0f" + place + bytes([code]) + bytes(6)):
        made = post(client, patched(sample, sheet, number, error), "xlsb", "csv").decode().splitlines()
        assert made[1] == rows[1].rpartition(",")[0] + "," + shown


def test_types_that_opendocument_does_not_know(client: httpx.Client) -> None:
    """A cell with a text has it, whatever its type is called and if it has none."""
    ods = post(client, b"a,b\nx,2\n", "csv", "ods")
    typed = b'<table:table-cell office:value-type="string"><text:p>x'
    for other in (b'<table:table-cell office:value-type="unknown"><text:p>x', b"<table:table-cell><text:p>x"):
        assert post(client, patched(ods, "content.xml", typed, other), "ods", "csv") == b"a,b\nx,2\n"
