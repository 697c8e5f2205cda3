"""Data trees: what is written reads back as the same, by other readers too; hostile ones end in a named refusal."""

import datetime as dt
import decimal
import io
import json
import math
import os
import pickle
import subprocess
import tomllib
from typing import Any

import httpx
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from tests.recipes.posting import post, refusal, warnings
from tests.recipes.programs import kernel_python

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cn"], exclude_characters="\0"), max_size=12)
TRICKY = st.sampled_from(
    [
        "no",
        "1.10",
        "010",
        "12:30:45",
        "2024-01-01",
        "~",
        "null",
        "<<",
        "- a",
        "a: b",
        "#x",
        "a #x",
        " x",
        "x ",
        "a\nb",
        "a\n\n",
        "0x1",
        "1e3",
        "=",
        "*a",
        "&a",
        "!t",
        "@x",
        "%",
        "\u2028",
        "\x85",
    ]
)
SCALARS = st.one_of(
    TEXT, TRICKY, st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False, allow_infinity=False)
)
POLITE = settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
XML_TEXT = st.text(
    st.characters(codec="utf-8", categories=["L", "N", "P", "S"], exclude_characters="\ufffe\uffff"),
    min_size=1,
    max_size=9,
)


def trees(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return mappings at the top, lists and mappings below."""
    keys = st.one_of(TEXT, TRICKY)
    inner = st.recursive(
        leaves, lambda each: st.lists(each, max_size=4) | st.dictionaries(keys, each, max_size=4), max_leaves=12
    )
    return st.dictionaries(keys, inner, min_size=1, max_size=5)


@POLITE
@given(tree=trees(st.one_of(SCALARS, st.none())))
def test_json_to_yaml(client: httpx.Client, tree: Any) -> None:
    """YAML is the same tree to the next reader and to PyYAML, whose rules are those of YAML 1.1."""
    content = json.dumps(tree).encode()
    made = post(client, content, "json", "yaml", **{"from": "json"})
    assert json.loads(post(client, made, "yaml", "json", **{"from": "yaml"})) == tree
    old = yaml.safe_load(made)
    assert json.loads(json.dumps(old, default=str)).keys() == {str(key) for key in tree}


@POLITE
@given(tree=trees(SCALARS))
def test_json_to_toml(client: httpx.Client, tree: Any) -> None:
    """TOML is the same tree to the standard library's reader."""
    made = post(client, json.dumps(tree).encode(), "json", "toml", **{"from": "json"})
    assert tomllib.loads(made.decode()) == tree


@POLITE
@given(
    tree=st.recursive(
        XML_TEXT,
        lambda each: st.dictionaries(
            st.one_of(XML_TEXT, XML_TEXT.map("@{}".format)), st.one_of(each, XML_TEXT), min_size=1, max_size=3
        ).map(
            lambda one: {
                key: value if not key.startswith("@") or isinstance(value, str) else "x" for key, value in one.items()
            }
        ),
        max_leaves=10,
    )
)
def test_json_to_xml_and_back(client: httpx.Client, tree: Any) -> None:
    """XML with attributes, nesting and names that XML does not allow reads back as the tree it was made of."""
    made = post(client, json.dumps({"top": tree}).encode(), "json", "xml")
    assert etree.fromstring(made).tag == "top"
    assert json.loads(post(client, made, "xml", "json")) == {"top": tree}


def test_yaml_means_1_2(client: httpx.Client) -> None:
    """No and 12:30:45 are text, 010 is ten, anchors are followed, merge keys merge, several documents are a list."""
    content = b"a: no\nb: 010\nc: 12:30:45\nd: 0o17\ne: &x {p: 1}\nf: {<<: *x, q: 2}\ng: !ours 5\n"
    expected = {"a": "no", "b": 10, "c": "12:30:45", "d": 15, "e": {"p": 1}, "f": {"p": 1, "q": 2}, "g": "5"}
    assert json.loads(post(client, content, "yaml", "json")) == expected
    assert json.loads(post(client, b"a: 1\n---\na: 2\n", "yaml", "json")) == [{"a": 1}, {"a": 2}]


@pytest.mark.parametrize(
    ("content", "named", "code"),
    [
        (
            b"a: &a [x,x,x,x,x,x,x,x,x]\n"
            + b"".join(b"%c: &%c [%s]\n" % (n + 1, n + 1, b",".join([b"*%c" % n] * 9)) for n in range(97, 107)),
            "yaml",
            "too_large",
        ),
        (b"a: &a [*a]\n", "yaml", "unsupported"),
        (b"- " * 5_000 + b"1\n", "yaml", "too_large"),
        (b"a: [1, 2\n", "yaml", "damaged"),
        (b"a = \n", "toml", "damaged"),
        (b"[t]\nx = " + b"[" * 3_000 + b"]" * 3_000, "toml", "too_large"),
        (b"[t]\n" + b"a." * 30_000 + b"a = 1\n", "toml", "too_large"),
        (b"x = " + b"9" * 5_000 + b"\n", "toml", "damaged"),
        (b"<a><b></a>", "xml", "damaged"),
        (b"<a%s/>" % b"".join(b' a%d=""' % n for n in range(50_000)), "xml", "too_large"),
        (b"<a>" * 5_000 + b"</a>" * 5_000, "xml", "too_large"),
        (b'[{"a":' * 3_000 + b"1" + b"}]" * 3_000, "json", "too_large"),
    ],
)
def test_hostile_trees(client: httpx.Client, content: bytes, named: str, code: str) -> None:
    """Bombs of aliases and of nesting are stopped by their size, broken text is damaged; as trees and as tables."""
    for target in ("yaml" if named == "json" else "json", "csv"):
        assert refusal(client, content, named, target, **{"from": named}) == (422, code)


def test_escapes_in_names_that_mean_no_letter(client: httpx.Client) -> None:
    """They stay as they are written: half a letter, and what is past the last one."""
    content = b"<a><_xFFFFFF_>1</_xFFFFFF_><_xD800_>2</_xD800_><_x0041_>3</_x0041_></a>"
    assert json.loads(post(client, content, "xml", "json")) == {"a": {"_xFFFFFF_": "1", "_xD800_": "2", "A": "3"}}


def test_entities(client: httpx.Client) -> None:
    """Entities inside the document mean what it says; a bomb of them is refused; one outside is never read."""
    head = b'<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a "aaaaaaaaaa">%s]>'
    assert json.loads(post(client, head % b"" + b"<r>&a;</r>", "xml", "json")) == {"r": "aaaaaaaaaa"}
    bomb = b"".join(b'<!ENTITY %c "%s">' % (n + 1, b"&%c;" % n * 10) for n in range(97, 106))
    assert refusal(client, head % bomb + b"<r>&j;</r>", "xml", "json")[0] == 422
    assert json.loads(post(client, b"<r>&tool; &lt;&nbsp;&eacute;</r>", "xml", "json")) == {"r": "&tool; <\xa0é"}
    outside = b'<!ENTITY x SYSTEM "file:///etc/passwd">'
    assert (
        b"root:" not in client.post("/convert/json", files={"file": ("a.xml", head % outside + b"<r>&x;</r>")}).content
    )


@pytest.mark.parametrize(
    "tree",
    [
        {"dc:title": "x", "http://example.org/a?b": "y", "": "z"},
        {"top": {"0:": "x", "a:b:c": "y", "@x:y": "z", "@xmlns:": "z", "@xmlns:q": ""}},
        {"top": {"@xmlns:p": "urn:p", "@p:a": "x", "p:b": {"p:c d": "y"}}},
        {"top": {"@xml:lang": "de", "@xmlns": "urn:x", "xmlns:a": "y", "@xmlns:xml": "z"}},
    ],
)
def test_colons_in_names(client: httpx.Client, tree: Any) -> None:
    """A colon divides a prefix from a name only where the prefix is declared; any other comes through as it is."""
    made = post(client, json.dumps(tree).encode(), "json", "xml", **{"from": "json"})
    back = json.loads(post(client, made, "xml", "json", **{"from": "xml"}))
    assert back == (tree if len(tree) == 1 else {"root": tree})


@pytest.mark.parametrize(
    "content",
    [
        '<?xml version="1.0" encoding="cp860"?><a>é</a>'.encode("cp860"),
        '<?xml version="1.0" encoding="UTF-8"?><a>é</a>'.encode("cp1252"),
        '<?xml version="1.0" encoding="UTF-16"?><a>é</a>'.encode(),
        '<?xml version="1.0" encoding="UTF-32"?><a>é</a>'.encode("utf-32-be"),
        '\n <?xml version="1.0"?><a>é</a>'.encode(),
        b"<a>&eacute;</a>",
    ],
)
def test_what_people_call_xml(client: httpx.Client, content: bytes) -> None:
    """Encodings that are rare or other than declared, space before the declaration, HTML's names of letters: read as meant."""
    assert json.loads(post(client, content, "xml", "json", **{"from": "xml"})) == {"a": "é"}


def test_json_with_comments(client: httpx.Client) -> None:
    """What people write into settings is passed over, and said; what is in a string stays; a missing value stays an error."""
    content = b'{ // one\n "a": "//x,]", /* two\n */ "b": [1, 2,],\n}'
    assert yaml.safe_load(post(client, content, "json", "yaml")) == {"a": "//x,]", "b": [1, 2]}
    assert "comments" in warnings(client, content, "json", "yaml")
    assert refusal(client, b"[1,,2] // x", "json", "yaml") == (422, "damaged")


def test_xml_mapping(client: httpx.Client) -> None:
    """Attributes, repeated elements, mixed content, namespaces: each has its documented place."""
    content = b'<r xmlns:n="urn:n"><i k="1">a</i><i/><p>x <b>y</b> z</p><n:q>1</n:q></r>'
    assert json.loads(post(client, content, "xml", "json")) == {
        "r": {
            "@xmlns:n": "urn:n",
            "i": [{"@k": "1", "#text": "a"}, None],
            "p": {"#content": ["x ", {"b": "y"}, " z"]},
            "n:q": "1",
        }
    }
    assert json.loads(post(client, b"<r><i>1</i></r>", "xml", "json", lists="i")) == {"r": {"i": ["1"]}}


def test_toml_without_null(client: httpx.Client) -> None:
    """What TOML cannot say is left out aloud; a list at the top has a name."""
    content = b'{"a": null, "b": [1, null], "c": 99999999999999999999}'
    assert tomllib.loads(post(client, content, "json", "toml").decode()) == {"b": [1, ""], "c": "99999999999999999999"}
    assert "null" in warnings(client, content, "json", "toml")
    assert tomllib.loads(post(client, b"[1]", "json", "toml").decode()) == {"items": [1]}


class Runs:
    """A pickle of it runs a command."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Say so to pickle."""
        return os.system, ("touch ran; sleep 30",)


def test_pickle_imports_nothing(client: httpx.Client) -> None:
    """A pickle that would run a command is data that says so; plain values are themselves."""
    value = {
        "x": Runs(),
        "s": {3, 1},
        "d": decimal.Decimal("1.10"),
        "t": dt.datetime.fromisoformat("2024-01-02T00:00:00"),
        "b": b"\xff",
        "n": math.nan,
    }
    made = json.loads(post(client, pickle.dumps(value), "pkl", "json"))
    assert made == {
        "x": {"class": "posix.system", "arguments": ["touch ran; sleep 30"]},
        "s": [1, 3],
        "d": "1.10",
        "t": "2024-01-02T00:00:00",
        "b": "/w==",
        "n": None,
    }
    assert "posix.system is not imported" in warnings(client, pickle.dumps(value), "pkl", "json")


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_pickled_frame(client: httpx.Client, protocol: int) -> None:
    """A pandas table is a table, with its types, in CSV and in Parquet."""
    make = (
        "import pandas as p, pickle, sys; f = p.DataFrame({'n': [1, 2], 's': ['a', None], 'c': p.Categorical(['u', 'v']),"
        " 't': p.to_datetime(['2024-01-01', '2024-01-02'])}); sys.stdout.buffer.write(pickle.dumps(f, protocol=%d))"
    )
    content = subprocess.run([kernel_python(), "-c", make % protocol], capture_output=True, check=True).stdout
    assert post(client, content, "pkl", "csv").decode().splitlines()[1:] == [
        "1,a,u,2024-01-01 00:00:00",
        "2,,v,2024-01-02 00:00:00",
    ]
    made = pq.read_table(io.BytesIO(post(client, content, "pkl", "parquet")))
    assert (made["n"].to_pylist(), str(made.schema.field("t").type)[:9]) == ([1, 2], "timestamp")


def test_trees_as_tables(client: httpx.Client) -> None:
    """Records are found, nested objects are columns, lists are JSON; or nested objects are JSON too."""
    content = b"- {id: 1, at: {x: 1, y: 2}, tags: [a]}\n- {id: 2}\n"
    assert post(client, content, "yaml", "csv") == b'id,at.x,at.y,tags\n1,1,2,"[""a""]"\n2,,,\n'
    assert post(client, content, "yaml", "csv", nested="json").splitlines()[0] == b"id,at,tags"
    rows = b"<r><row id='1'><n>a</n></row><row id='2'><n> b </n></row></r>"
    assert post(client, rows, "xml", "csv") == b"@id,n\n1,a\n2,b\n"
