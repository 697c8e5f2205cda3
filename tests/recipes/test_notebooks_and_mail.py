"""Notebooks and mail: cells and parts in order, outputs and attachments, nothing run and nothing fetched."""

import base64
import json
import zipfile
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx
import pytest
from bs4 import BeautifulSoup

from tests.recipes.converting import run
from tests.recipes.reading import small_png, source_of, tempting_server, text_of, texts

PICTURE = base64.b64encode(small_png()).decode()


def cell(kind: str, source: str, *outputs: dict[str, Any]) -> dict[str, Any]:
    """Return a cell of nbformat 4."""
    base: dict[str, Any] = {"cell_type": kind, "metadata": {}, "source": source.splitlines(keepends=True)}
    return base | ({"execution_count": 1, "outputs": list(outputs)} if kind == "code" else {})


NOTEBOOK = json.dumps(
    {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": {"language": "python", "name": "python3", "display_name": "Python 3"}},
        "cells": [
            cell("markdown", "# Analyse\n\nText *hier*."),
            cell(
                "code",
                "%time\nprint('<b>')\nx = 1",
                {"output_type": "stream", "name": "stdout", "text": ["<b>\n", "\x1b[31mrot\x1b[0m"]},
            ),
            cell(
                "code",
                "frame",
                {
                    "output_type": "execute_result",
                    "data": {"text/html": "<table><tr><td>Zelle</td></tr></table>", "text/plain": "roh"},
                },
            ),
            cell(
                "code",
                "plot()",
                {"output_type": "display_data", "data": {"image/png": PICTURE, "text/plain": "<Figure>"}},
            ),
            cell(
                "code",
                "1/0",
                {
                    "output_type": "error",
                    "ename": "ZeroDivisionError",
                    "evalue": "durch null",
                    "traceback": ["\x1b[0;31mZeroDivisionError\x1b[0m: durch null"],
                },
            ),
            cell(
                "code",
                "widget",
                {"output_type": "display_data", "data": {"application/vnd.jupyter.widget-view+json": {}}},
            ),
        ],
    }
).encode()


@pytest.mark.parametrize("target", ["html", "md", "txt", "pdf", "docx", "odt", "epub"])
def test_every_cell_of_a_notebook_arrives(client: httpx.Client, tmp_path: Path, target: str) -> None:
    """Text, code, streams without colours, tables and errors are in every output."""
    text = text_of(run(client, tmp_path, NOTEBOOK, "ipynb", target).output)
    assert all(word in text for word in ("Analyse", "hier", "print", "rot", "Zelle", "plot", "durch null"))
    assert "\x1b" not in text
    assert "roh" not in text


def test_outputs_are_elements(client: httpx.Client, tmp_path: Path) -> None:
    """Code is code with its language, the picture a picture, the table a table; what needs a script is warned of."""
    done = run(client, tmp_path, NOTEBOOK, "ipynb", "html")
    page = BeautifulSoup(done.output.read_bytes(), "lxml")
    assert texts(page, "code.language-python")[0] == "%time\nprint('<b>')\nx = 1"
    assert source_of(page) == f"data:image/png;base64,{PICTURE}"
    assert texts(page, "td") == ["Zelle"]
    assert any("script" in warning for warning in done.warnings)


def test_code_or_outputs_can_be_left_out(client: httpx.Client, tmp_path: Path) -> None:
    """Options code and outputs drop what they name."""
    assert "print" not in run(client, tmp_path, NOTEBOOK, "ipynb", "txt", code="false").output.read_text()
    assert "rot" not in run(client, tmp_path, NOTEBOOK, "ipynb", "txt", outputs="false").output.read_text()


def test_a_script_and_back(client: httpx.Client, tmp_path: Path) -> None:
    """A notebook becomes a script that compiles; the script becomes the same cells again."""
    script = run(client, tmp_path, NOTEBOOK, "ipynb", "py").output.read_bytes()
    compile(script, "script", "exec")
    back = json.loads(run(client, tmp_path, script, "py", "ipynb").output.read_text())
    kinds = [(each["cell_type"], "".join(each["source"])) for each in back["cells"]]
    assert kinds[:2] == [("markdown", "# Analyse\n\nText *hier*."), ("code", "# %time\nprint('<b>')\nx = 1")]
    assert len(kinds) == 6


def test_old_notebooks_are_read(client: httpx.Client, tmp_path: Path) -> None:
    """Worksheets and inputs of nbformat 3 are cells too."""
    old = {
        "nbformat": 3,
        "worksheets": [
            {
                "cells": [
                    {"cell_type": "heading", "level": 2, "source": "Alt"},
                    {"cell_type": "code", "input": "y = 2", "outputs": [{"output_type": "pyout", "text": "zwei"}]},
                ]
            }
        ],
    }
    text = run(client, tmp_path, json.dumps(old).encode(), "ipynb", "md").output.read_text()
    assert "## Alt" in text
    assert "y = 2" in text
    assert "zwei" in text


def test_lines_of_old_notebooks_may_lack_their_ends(client: httpx.Client, tmp_path: Path) -> None:
    """In nbformat 3 a text is a list of lines, with their ends or without."""
    cells = [
        {"cell_type": "markdown", "source": ["# Kopf", "", "Absatz"]},
        {"cell_type": "code", "input": ["a = 1", "b = 2"], "outputs": []},
        {"cell_type": "code", "input": ["c = 3\n", "d = 4"], "outputs": []},
    ]
    source = json.dumps({"nbformat": 3, "worksheets": [{"cells": cells}]}).encode()
    page = BeautifulSoup(run(client, tmp_path, source, "ipynb", "html").output.read_bytes(), "lxml")
    assert texts(page, "h1") == ["Kopf"]
    assert texts(page, "pre") == ["a = 1\nb = 2", "c = 3\nd = 4"]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"{", "damaged"),
        (b"[1]", "damaged"),
        (b'{"a": 1}', "damaged"),
        (b'{"cells": []}', "empty"),
        (b"[" * 200_000, "too_large"),
    ],
)
def test_broken_notebooks_are_named(client: httpx.Client, tmp_path: Path, content: bytes, code: str) -> None:
    """Damage, emptiness and absurd nesting are refusals."""
    assert run(client, tmp_path, content, "ipynb", "html").refused == code


def message(address: str = "http://localhost:9") -> bytes:
    """Return a message with text, HTML, an embedded and a remote picture, and two attachments of one name."""
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = "Zoë <zoe@example.org>", "a@example.org, b@example.org", "Grüße & mehr"
    made["Date"] = "Mon, 01 Jan 2024 10:00:00 +0100"
    made.set_content("nur Text")
    made.add_alternative(
        f'<p>schöne <b>Grüße</b><img src="cid:bild" alt="innen"><img src="{address}/t.gif" alt="Zähler"></p>',
        subtype="html",
    )
    made.get_payload()[1].add_related(small_png(), "image", "png", cid="<bild>")  # type: ignore[index,union-attr] # two parts, as made above
    for content in (b"1,2\n", b"3,4\n"):
        made.add_attachment(content, maintype="text", subtype="csv", filename="../../böse/daten.csv")
    return made.as_bytes()


@pytest.mark.parametrize("target", ["html", "md", "txt", "pdf", "docx"])
def test_a_message_is_read_and_nothing_fetched(client: httpx.Client, tmp_path: Path, target: str) -> None:
    """Headers, the HTML body and the names of attachments are there; the counting picture is not asked for."""
    with tempting_server() as (address, asked):
        text = text_of(run(client, tmp_path, message(address), "eml", target).output)
    assert asked == []
    assert all(word in text for word in ("Zoë", "b@example.org", "Grüße & mehr", "schöne", "daten.csv", "Zähler"))
    assert "nur Text" not in text


def test_a_message_as_json(client: httpx.Client, tmp_path: Path) -> None:
    """The JSON has headers, both bodies and what is attached."""
    found = json.loads(run(client, tmp_path, message(), "eml", "json").output.read_text())
    assert found["headers"]["subject"] == "Grüße & mehr"
    assert found["text"].strip() == "nur Text"
    assert [(part["media_type"], part["bytes"]) for part in found["attachments"]][1:] == [
        ("text/csv", 4),
        ("text/csv", 4),
    ]


def test_attachments_as_a_zip(client: httpx.Client, tmp_path: Path) -> None:
    """Names lose their folders and stay distinct; the bytes are the same."""
    with zipfile.ZipFile(run(client, tmp_path, message(), "eml", "zip").output) as package:
        names = package.namelist()
        assert all("/" not in name and "\\" not in name and not name.startswith(".") for name in names)
        assert len(set(names)) == 3
        assert {b"1,2\n", b"3,4\n"} <= {package.read(name) for name in names}


def test_odd_messages(client: httpx.Client, tmp_path: Path) -> None:
    """Unknown charsets and broken headers are read all the same; what is no message, or an encrypted one, is named."""
    odd = (
        b"From: =?x-unknown?Q?a=FF?= <a@b>\r\nSubject: ok\r\nContent-Type: text/plain; charset=nonsense\r\n\r\nh\xe9llo"
    )
    assert "héllo" in run(client, tmp_path, odd, "eml", "txt").output.read_text()
    assert run(client, tmp_path, b"no headers at all\n\nbody", "eml", "txt").refused == "damaged"
    assert (
        run(
            client, tmp_path, b"From: a@b\r\nContent-Type: multipart/encrypted; boundary=x\r\n\r\n--x--", "eml", "txt"
        ).refused
        == "encrypted"
    )
    assert run(client, tmp_path, b"not outlook", "msg", "txt").refused == "damaged"


def test_every_text_of_a_message_arrives(client: httpx.Client, tmp_path: Path) -> None:
    """A list's footer beside an HTML body, and a message passed on, are in every output; of alternatives there is one."""
    inner = EmailMessage()
    inner["From"], inner["Subject"] = "b@example.org", "first"
    inner.set_content("passed on")
    made = EmailMessage()
    made["From"], made["Subject"] = "a@example.org", "second"
    made.set_content("plain body")
    made.add_alternative("<html><body><p>rich body</p></body></html>", subtype="html")
    made.add_attachment("a footer", disposition="inline")
    made.add_attachment(inner)
    page = text_of(run(client, tmp_path, bytes(made), "eml", "html").output)
    assert all(words in page for words in ("rich body", "a footer", "passed on"))
    assert "plain body" not in page
    read = json.loads(run(client, tmp_path, bytes(made), "eml", "json").output.read_text("utf-8"))
    assert read["text"].split("\n\n") == ["plain body", "a footer", "passed on"]


def test_a_message_nested_without_end(client: httpx.Client, tmp_path: Path) -> None:
    """Parts in parts in parts are too much."""
    parts = (b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(1500))
    content = b"From: a@example.org\nSubject: x\nMIME-Version: 1.0\n" + b"".join(parts)
    assert run(client, tmp_path, content, "eml", "txt").refused == "too_large"


def test_a_message_inside_a_message(client: httpx.Client, tmp_path: Path) -> None:
    """A message sent on as an attachment is listed by its subject, and comes whole in the zip."""
    inner, outer = EmailMessage(), EmailMessage()
    inner["Subject"], inner["From"] = "About tea", "a@example.org"
    inner.set_content("Oolong")
    outer["Subject"], outer["From"] = "Fwd", "b@example.org"
    outer.set_content("<p>See below</p>", subtype="html")
    outer.add_attachment(inner)
    assert "About tea.eml" in run(client, tmp_path, outer.as_bytes(), "eml", "txt").output.read_text()
    with zipfile.ZipFile(run(client, tmp_path, outer.as_bytes(), "eml", "zip").output) as package:
        assert b"Oolong" in package.read("About tea.eml")


def test_a_boundary_that_is_not_there(client: httpx.Client, tmp_path: Path) -> None:
    """The parts are found by the boundary that is; without any the body is text."""
    head = b'From: a@b\nSubject: s\nMIME-Version: 1.0\nContent-Type: multipart/alternative; boundary="lost"\n\n'
    parts = b"--found\nContent-Type: text/plain\n\nplain words\n--found\nContent-Type: text/html\n\n<b>bold words</b>\n--found--\n"
    read = json.loads(run(client, tmp_path, head + parts, "eml", "json").output.read_text())
    assert (read["text"].strip(), "bold words" in read["html"]) == ("plain words", True)
    assert "only words" in run(client, tmp_path, head + b"only words\n", "eml", "txt").output.read_text()


def test_why_a_message_was_not_delivered(client: httpx.Client, tmp_path: Path) -> None:
    """The report of a mail server is an attachment with all of its fields."""
    made = (
        b"From: a@b\nSubject: s\nMIME-Version: 1.0\nContent-Type: multipart/report; boundary=x\n\n--x\n\nNot delivered.\n--x\n"
        b"Content-Type: message/delivery-status\n\nReporting-MTA: dns; a.b\n\nStatus: 4.2.2\nAction: failed\n\n--x--\n"
    )
    with zipfile.ZipFile(run(client, tmp_path, made, "eml", "zip").output) as package:
        assert b"4.2.2" in package.read("delivery-status.txt")
    assert "Not delivered." in run(client, tmp_path, made, "eml", "txt").output.read_text()
