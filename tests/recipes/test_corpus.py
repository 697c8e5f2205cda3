"""Every foreign file becomes every format that is offered for it, or is refused for the right reason; several at a time."""

import csv
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import unquote

import httpx
import openpyxl
import pyarrow.parquet
import pytest
from lxml import etree, html
from msgspec import Struct

from service.conversion.media import format_named, identify
from tests.corpus import Foreign, foreign_files, needs_corpus
from tests.serving import Served

pytestmark = [pytest.mark.corpus, pytest.mark.slow, needs_corpus, pytest.mark.timeout(600)]
AT_A_TIME = 4
NOTHING_OF_THE_KIND = {"empty", "unsupported"}  # no table, no attachment, no row: a fact about the document
ODF_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
ODF_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
ODF_SPACES = {f"{ODF_TEXT}s": " ", f"{ODF_TEXT}tab": "\t", f"{ODF_TEXT}line-break": "\n"}

Rows = list[list[str]]


class Converted(Struct, frozen=True):
    """What came of one file and one format: the status, the code of a refusal, the output."""

    source: Foreign
    target: str
    status: int
    code: str
    output: Path
    warnings: str = ""


@pytest.fixture(scope="module")
def conversions(service: Served, tmp_path_factory: pytest.TempPathFactory) -> list[Converted]:
    """All of them."""
    folder = tmp_path_factory.mktemp("corpus")
    with service.client() as client, ThreadPoolExecutor(AT_A_TIME) as threads:
        wanted = list(offered(client))
        return list(threads.map(lambda pair: converted(client, folder, *pair), wanted))


def offered(client: httpx.Client) -> Iterator[tuple[Foreign, str]]:
    """Yield each file with each format that needs no model; one that has no type with an image."""
    outputs: dict[str, list[str]] = {}
    for pair in client.get("/formats").json()["pairs"]:
        if not pair["requires_model"]:
            outputs.setdefault(pair["input_type"], []).append(pair["output_format"])
    for source in foreign_files():
        for target in outputs.get(source.media_type or "", ["png"]):
            yield source, target


def converted(client: httpx.Client, folder: Path, source: Foreign, target: str) -> Converted:
    """Convert, by the file's own name."""
    answer = client.post(f"/convert/{target}", files={"file": (source.path.name, source.path.read_bytes())})
    output = folder / f"{source.path.name}.{target}"
    if answer.status_code == httpx.codes.OK:
        output.write_bytes(answer.content)
        return Converted(
            source, target, answer.status_code, "", output, unquote(answer.headers.get("recast-warnings", ""))
        )
    return Converted(source, target, answer.status_code, answer.json()["code"], output)


def right(one: Converted) -> bool:
    """Say whether this is how the file may end: by what the list says of it."""
    if one.source.media_type is None:
        return one.status == httpx.codes.UNSUPPORTED_MEDIA_TYPE
    if "clear 422" in one.source.special:
        return one.status == httpx.codes.UNPROCESSABLE_ENTITY and one.code in {"encrypted", "too_large"}
    reasons = NOTHING_OF_THE_KIND | ({"damaged"} if one.source.special == "malformed" else set())
    return one.status == httpx.codes.OK or (one.status == httpx.codes.UNPROCESSABLE_ENTITY and one.code in reasons)


def test_every_file_becomes_every_format_or_says_why_not(conversions: list[Converted]) -> None:
    """No fault of ours anywhere, and a refusal only of what the list calls broken, or where there is nothing to convert."""
    wrong = [(one.source.path.name, one.target, one.status, one.code) for one in conversions if not right(one)]
    assert wrong == []
    assert sum(one.status == httpx.codes.OK for one in conversions) > 0.9 * len(conversions)


def test_every_output_is_of_its_type(conversions: list[Converted]) -> None:
    """A sniffer that sees the output's own name takes it for what was asked."""
    made = [one for one in conversions if one.status == httpx.codes.OK]
    types = [
        (one.output.name, identify(one.output, filename=one.output.name, declared=None).media_type) for one in made
    ]
    assert types == [(one.output.name, format_named(one.target).media_type) for one in made]


def test_every_table_says_the_same_in_every_format(conversions: list[Converted]) -> None:
    """Cell for cell: each format's own reader finds what the standard library finds in the text with tabs."""
    tables = {one.source.path: rows_of_tsv(one.output) for one in conversions if table_as(one, "tsv")}
    differing = [
        one.output.name
        for one in conversions
        if one.source.path in tables
        for target, read in READERS.items()
        if table_as(one, target)
        and differs(tables[one.source.path], read(one.output), one.warnings, headless=target in RECORDS)
    ]
    assert len(tables) > 0
    assert differing == []


def table_as(one: Converted, target: str) -> bool:
    """Whether this made a table, of a file that is nothing else, in this format."""
    kind = format_named(one.source.path.suffix).name if one.source.media_type else ""
    return one.status == httpx.codes.OK and one.target == target and kind in TABLES


def differs(expected: Rows, found: Rows, said: str, *, headless: bool) -> bool:
    """Compare what is there; records have no empty margins, names of columns that were changed to be unique, and nothing above them."""
    one, other = compact(expected), compact(found)
    if not headless:
        return one != other
    body = [list(filter(None, row)) for row in other[1:]]
    above = [" ".join(row).split() for row in one[: len(one) - len(body) - 1]]  # titles, which the answer says
    said = " ".join(said.split())
    return (
        not body
        or [list(filter(None, row)) for row in one[-len(body) :]] != body
        or not all(word in said for words in above for word in words)
    )


def compact(rows: Rows) -> Rows:
    """Return the rows as plain words, without empty rows and empty ends."""
    kept = [[plain(cell) for cell in row] for row in rows]
    for row in kept:
        while row and not row[-1]:
            row.pop()
    return [row for row in kept if row]


def plain(cell: str) -> str:
    """Return one spelling of a value: numbers by their worth, midnights as days, JSON without its spaces."""
    cell = cell.replace("\r\n", "\n").replace("\r", "\n")
    if re.fullmatch(r"-?\d+(\.\d+)?([eE][+-]?\d+)?", cell):
        return repr(float(cell))
    if re.fullmatch(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d", cell):
        return cell.replace("T", " ").removesuffix(" 00:00:00")
    if cell[:1] in ("[", "{"):
        return json.dumps(json.loads(cell))
    return cell.lower() if cell.lower() in ("true", "false") else cell


def said(value: object) -> str:
    """Return a value as people write it."""
    if value is None:
        return ""
    return json.dumps(value) if isinstance(value, dict | list) else str(value)


def rows_of_tsv(path: Path) -> Rows:
    """Read by the standard library."""
    return list(csv.reader(io.StringIO(path.read_bytes().decode(), newline=""), delimiter="\t"))


def rows_of_xlsx(path: Path) -> Rows:
    """Read the first sheet by openpyxl."""
    sheet = openpyxl.load_workbook(path).worksheets[0]
    return [[said(cell) for cell in row] for row in sheet.iter_rows(values_only=True)]


def rows_of_ods(path: Path) -> Rows:
    """Read the first sheet as XML."""
    with zipfile.ZipFile(path) as package:
        sheet = next(etree.fromstring(package.read("content.xml")).iter(f"{ODF_TABLE}table"))
    return [
        ["\n".join(odf_line(line) for line in cell.iter(f"{ODF_TEXT}p")) for cell in row]
        for row in sheet.iter(f"{ODF_TABLE}table-row")
    ]


def odf_line(line: etree._Element) -> str:
    """Return the text of a paragraph, with the white space that is elements."""
    return "".join(
        ODF_SPACES.get(node.tag, node.text or "") + (node.tail or "") * (node is not line) for node in line.iter()
    )


def rows_of_html(path: Path) -> Rows:
    """Read the first table by lxml."""
    table = html.document_fromstring(path.read_bytes()).find(".//table")
    return [[cell.text_content() for cell in row] for row in table.iter("tr")]


def rows_of_json(path: Path) -> Rows:
    """Read an array of objects."""
    records = json.loads(path.read_bytes())
    names = list(records[0]) if records else []
    return [names, *([said(record[name]) for name in names] for record in records)]


def rows_of_parquet(path: Path) -> Rows:
    """Read by Arrow."""
    table = pyarrow.parquet.read_table(path)
    columns = [column.to_pylist() for column in table.columns]
    return [table.column_names, *([said(cell) for cell in row] for row in zip(*columns, strict=True))]


TABLES = {"csv", "tsv", "xlsx", "xls", "ods", "parquet", "ndjson"}
RECORDS = {"json", "parquet"}
READERS: dict[str, Callable[[Path], Rows]] = {
    "xlsx": rows_of_xlsx,
    "ods": rows_of_ods,
    "html": rows_of_html,
    "json": rows_of_json,
    "parquet": rows_of_parquet,
}
