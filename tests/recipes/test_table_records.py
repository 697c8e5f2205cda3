"""Records: JSON in its shapes, newline-delimited JSON, GeoJSON and Parquet, into tables and back."""

import csv
import datetime as dt
import decimal
import io
import json
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.recipes.posting import post, refusal, warnings

NESTED: list[dict[str, Any]] = [
    {"id": 1, "tags": ["a", "b"], "at": {"x": 1, "y": None}, "mixed": 1, "big": 2**70},
    {"id": 2, "extra": "é", "tags": [], "mixed": "one", "big": 5},
    {"id": None, "mixed": True, "at": {"x": 2.5, "y": "z"}},
]


def rows(content: bytes) -> list[dict[str, str]]:
    """Return the records of a CSV file as the standard library reads them."""
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))


def parquet(table: pa.Table, **options: Any) -> bytes:
    """Return the table as a Parquet file."""
    made = io.BytesIO()
    pq.write_table(table, made, **options)
    return made.getvalue()


def test_nested_values_come_back(client: httpx.Client) -> None:
    """Keys are united in the order of their first appearance, nested values are JSON in a cell, nothing is lost."""
    made = rows(post(client, json.dumps(NESTED).encode(), "json", "csv"))
    assert list(made[0]) == ["id", "tags", "at", "mixed", "big", "extra"]
    assert [json.loads(row["tags"]) for row in made[:2]] == [["a", "b"], []]
    assert (json.loads(made[0]["at"]), made[0]["big"], made[2]["mixed"]) == ({"x": 1, "y": None}, str(2**70), "true")


@pytest.mark.parametrize("target", ["ndjson", "json"])
def test_records_to_records(client: httpx.Client, target: str) -> None:
    """Between the two kinds of JSON every value keeps its type and its nesting; a missing key is null."""
    named = "json" if target == "ndjson" else "ndjson"
    content = json.dumps(NESTED) if named == "json" else "\n".join(map(json.dumps, NESTED))
    made = post(client, content.encode(), named, target).decode()
    records = json.loads(made) if target == "json" else [json.loads(line) for line in made.splitlines()]
    assert [{key: value for key, value in record.items() if value is not None} for record in records] == [
        {key: value for key, value in record.items() if value is not None} for record in NESTED
    ]


@pytest.mark.parametrize(
    "value",
    [
        [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}],
        [["a", "b"], [1, "x"], [2, "y"]],
        {"a": [1, 2], "b": ["x", "y"]},
        {"data": [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}], "page": 1},
        {"columns": ["a", "b"], "data": [[1, "x"], [2, "y"]], "index": [0, 1]},
    ],
)
def test_shapes(client: httpx.Client, value: Any) -> None:
    """The usual shapes of a table in JSON are one table."""
    assert post(client, json.dumps(value).encode(), "json", "csv") == b"a,b\n1,x\n2,y\n"


def test_geojson(client: httpx.Client) -> None:
    """A feature is a row of its properties with its geometry beside them."""
    point = {"type": "Point", "coordinates": [1.5, 2]}
    features = {
        "type": "FeatureCollection",
        "features": [{"type": "Feature", "properties": {"n": "a"}, "geometry": point}],
    }
    row = rows(post(client, json.dumps(features).encode(), "geojson", "csv"))[0]
    assert (row["n"], json.loads(row["geometry"])) == ("a", point)


def test_numbers_beyond_json(client: httpx.Client) -> None:
    """NaN and infinity become no value, with a warning; long whole numbers keep their digits."""
    content = b'[{"a": NaN, "b": 123456789012345678901234567890}, {"a": 1.5, "b": 1}]'
    assert post(client, content, "json", "csv") == b"a,b\n,123456789012345678901234567890\n1.5,1\n"
    assert "NaN" in warnings(client, content, "json", "csv")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"[" * 100_000 + b"]" * 100_000, "too_large"),
        (b'{"a": ', "damaged"),
        (b"[]", "empty"),
        (b"[{}, {}]", "empty"),
        (b"  ", "empty"),
    ],
)
@pytest.mark.parametrize("target", ["csv", "xlsx", "html"])
def test_refused(client: httpx.Client, content: bytes, code: str, target: str) -> None:
    """Nesting without end, cut text and nothing at all each have their own refusal."""
    assert refusal(client, content, "json", target, **{"from": "json"}) == (422, code)


def test_a_nul_in_a_small_table(client: httpx.Client) -> None:
    """One NUL does not make a text of a few bytes something else."""
    assert post(client, rb'{"a": "\u0000x"}', "json", "csv") == b"a\n\0x\n"


def test_parquet_of_every_kind(client: httpx.Client) -> None:
    """Each type of Parquet has one text: exact decimals, dates, zones, bytes, lists, structs, maps."""
    zone = dt.timezone(dt.timedelta(hours=2))
    table = pa.table(
        {
            "i": pa.array([1, None], pa.uint64()),
            "f": pa.array([0.1, 12345678901.0], pa.float32()),
            "d": pa.array([decimal.Decimal("1.10"), decimal.Decimal("-0.01")], pa.decimal128(20, 2)),
            "day": pa.array([dt.date(2024, 2, 29), None]),
            "t": pa.array([dt.datetime.fromisoformat("2024-01-01T02:03:04.5"), None], pa.timestamp("us")),
            "z": pa.array([dt.datetime(2024, 1, 1, 2, tzinfo=zone), None], pa.timestamp("ms", "UTC")),
            "b": pa.array([b"text", b"\xff\x00"]),
            "l": pa.array([[1, 2], None]),
            "s": pa.array([{"x": 1, "y": "é"}, None]),
            "m": pa.array([[("k", 1)], None], pa.map_(pa.string(), pa.int64())),
            "c": pa.array(["u", "v"]).dictionary_encode(),
            "n": pa.nulls(2),
        }
    )
    first, second = rows(post(client, parquet(table), "parquet", "csv"))
    assert list(first.values()) == [
        "1",
        "0.1",
        "1.10",
        "2024-02-29",
        "2024-01-01 02:03:04.5",
        "2024-01-01 00:00:00Z",
        "text",
        "[1,2]",
        '{"x":1,"y":"é"}',
        '{"k":1}',
        "u",
        "",
    ]
    assert (second["d"], second["f"], second["b"], second["c"]) == ("-0.01", "12345678848", "/wA=", "v")
    record = json.loads(post(client, parquet(table), "parquet", "json"))[0]
    assert (record["l"], record["s"], record["m"], record["i"]) == ([1, 2], {"x": 1, "y": "é"}, {"k": 1}, 1)


def test_csv_to_parquet_types(client: httpx.Client) -> None:
    """CSV becomes typed Parquet where nothing is lost, with nulls counted."""
    content = b"n,x,price,day,flag,zip\n1,0.5,1.50,2024-01-31,true,007\n,,,,,\n"
    table = pq.read_table(io.BytesIO(post(client, content, "csv", "parquet")))
    assert [str(field.type) for field in table.schema] == [
        "int64",
        "double",
        "decimal128(18, 2)",
        "date32[day]",
        "bool",
        "string",
    ]
    assert [column.null_count for column in table.columns] == [1] * 6


def test_encrypted_and_damaged_parquet(client: httpx.Client) -> None:
    """Cut Parquet is damaged; Parquet with an encrypted footer is encrypted."""
    content = parquet(pa.table({"a": [1]}))
    assert refusal(client, content[:-20] + b"PAR1", "parquet", "csv") == (422, "damaged")
    assert refusal(client, b"PARE" + content[4:-4] + b"PARE", "parquet", "csv", **{"from": "parquet"}) == (
        422,
        "encrypted",
    )


def test_nested_objects_as_columns(client: httpx.Client) -> None:
    """On request an object inside a record becomes columns, at any depth; a list stays a cell."""
    content = b'[{"a": {"b": {"c": 1}, "d": [2]}}, {"a": {"b": {}}, "e": "x"}]'
    assert post(client, content, "json", "csv", nested="columns") == b"a.b.c,a.d,a.b,e\n1,[2],,\n,,{},x\n"
