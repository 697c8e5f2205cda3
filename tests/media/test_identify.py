"""What a file is: by its bytes, by its name, and when the two disagree."""

import io
import os
import random
import zipfile
from pathlib import Path

import pytest

from service.conversion.media import (
    Contradiction,
    Identified,
    MediaError,
    Unidentified,
    UnknownFormat,
    format_named,
    formats,
    identify,
    lineage,
)
from tests.corpus import foreign_files, needs_corpus
from tests.media.conftest import Identify

SAMPLES = Path(__file__).parents[2] / "recipes" / "samples"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
NOISE = random.Random(7).randbytes(1024)
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


@pytest.mark.parametrize("sample", sorted(SAMPLES.iterdir()), ids=lambda path: path.name)
def test_every_sample_is_what_its_extension_says(sample: Path) -> None:
    """Our own inputs, one of each type."""
    found = identify(sample, filename=sample.name, declared=None)
    assert format_named(sample.suffix).media_type == found.media_type


@pytest.mark.corpus
@needs_corpus
def test_every_foreign_file_is_what_a_good_sniffer_says() -> None:
    """All of the corpus, by the type that its list gives."""
    files = foreign_files()
    assert [(each.path.name, each.media_type) for each in files] == [
        (each.path.name, _type_or_none(each.path)) for each in files
    ]


def _type_or_none(path: Path) -> str | None:
    try:
        return identify(path, filename=path.name, declared=None).media_type
    except MediaError:
        return None


@pytest.mark.parametrize(
    "name",
    [
        "table.csv",
        "table.tsv",
        "table.xlsx",
        "table.xls",
        "table.ods",
        "table.parquet",
        "records.json",
        "records.ndjson",
        "catalog.xml",
        "feed.rss",
        "feed.atom",
        "letter.md",
        "page.html",
        "note.txt",
        "paper.tex",
        "letter.rtf",
        "message.eml",
        "talk.srt",
        "talk.vtt",
        "meeting.ics",
        "card.vcf",
        "notebook.ipynb",
        "records.pkl",
        "letter.doc",
        "letter.docx",
        "letter.odt",
        "talk.pptx",
        "talk.odp",
        "book.epub",
        "report.pdf",
        "picture.png",
        "picture.jpg",
        "picture.gif",
        "picture.webp",
        "picture.tiff",
        "picture.bmp",
        "picture.avif",
        "picture.heic",
        "picture.ico",
        "picture.cur",
        "picture.svg",
        "files.zip",
        "files.tar",
        "files.tgz",
        "hello.php",
        "hello.sh",
        "settings.toml",
    ],
)
def test_without_a_name_the_bytes_are_enough(name: str) -> None:
    """What shows in the bytes needs no extension."""
    found = identify(SAMPLES / name, filename=None, declared=None)
    assert format_named(Path(name).suffix).media_type == found.media_type


def test_compressed_svg() -> None:
    """A gzip that is named svgz is one, an SVG named so is an SVG, and nothing else may be named so."""
    packed, plain = SAMPLES / "picture.svgz", SAMPLES / "picture.svg"
    found = [identify(path, filename="x.svgz", declared=None).media_type for path in (packed, plain)]
    assert found == ["image/svg+xml-compressed", "image/svg+xml"]
    with pytest.raises(Contradiction):
        identify(SAMPLES / "table.csv", filename="x.svgz", declared=None)


@pytest.mark.parametrize(
    ("content", "filename"),
    [
        (b"name\nAnna\nBert\n", "one-column.csv"),
        (b"a,b,c\n", "header-only.csv"),
        ("naïve;café\n1;2\n".encode("cp1252"), "cp1252.csv"),
        ("a,b\n1,ü\n".encode("utf-16-le"), "utf16-without-mark.csv"),
        ("a,b\n1,ü\n".encode("utf-16"), "utf16.csv"),
        ("a,b\n1,ü\n".encode("utf-32"), "utf32.csv"),
        ("a,b\n1,ü\n".encode("utf-32-be"), "utf32-without-mark.csv"),
        ("名前,値\n東京都市場,1\n".encode("utf-16-be"), "utf16-of-two-byte-letters.csv"),
        ("名前,値\n表,1\n".encode("cp932"), "shift-jis.csv"),
        (b"a,b\r1,2\r3,4\r", "only-cr.csv"),
        (b"a,b\n1\x002,3\n", "nul.csv"),
        (b"a\tb\n1\t2\n", "tabs.csv"),
        (b"a\x01b\n1\x012\n" * 9, "control-characters.csv"),
        (b'a,b\n"<p>x</p>",{"k": 1}\n', "markup-in-cells.csv"),
        (b"<b>x</b>,1\n<b>y</b>,2\n", "begins-like-markup.csv"),
        (b"Dear all, this is no table.\nOr is it, perhaps?\n", "prose.csv"),
        (b"", "empty.csv"),
    ],
)
def test_any_text_may_be_called_csv(named: Identify, content: bytes, filename: str) -> None:
    """The name decides over texts; dialect and encoding are the program's to find."""
    assert named(content, filename).media_type == "text/csv"


@pytest.mark.parametrize(
    ("content", "filename", "expected"),
    [
        ((SAMPLES / "letter.docx").read_bytes(), "letter.doc", DOCX),
        ((SAMPLES / "table.xlsx").read_bytes(), "table.csv", XLSX),
        ((SAMPLES / "picture.png").read_bytes(), "picture.jpg", "image/png"),
        ((SAMPLES / "report.pdf").read_bytes(), "report.docx", "application/pdf"),
        (b"<html><body><table><tr><td>1</td></tr></table></body></html>", "export.xls", "text/html"),
        (b"a\tb\n1\t2\n3\t4\n", "export.xls", "text/tab-separated-values"),
        (b"{\\rtf1 hello}", "letter.doc", "text/rtf"),
        (b'{"a": 1}\n{"a": 2}\n', "rows.json", "application/x-ndjson"),
        (b'[\n {"a": 1}\n]\n', "rows.ndjson", "application/json"),
        (b'<?xml version="1.0"?><rss version="2.0"><channel/></rss>', "news.xml", "application/rss+xml"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "drawing.xml", "image/svg+xml"),
        (b"<!DOCTYPE html><title>x</title>", "page.xml", "text/html"),
        (
            b'{"required": ["nbformat", "cells"], "properties": {"cells": {"type": "array"}}}',
            "schema.json",
            "application/json",
        ),
        (b";; a list; of words\n;; and more; of them\n(define x 1)\n", "words.scm", "text/plain"),
        (b'<!DOCTYPE article SYSTEM "jats.dtd" [<!ENTITY a "b">]><article/>', "paper.xml", "application/xml"),
        (b"<table><row/></table>", "rows.xml", "application/xml"),
        (b'<article xmlns="http://docbook.org/ns/docbook"><para/></article>', "m.xml", "application/docbook+xml"),
        (
            b'<!DOCTYPE article PUBLIC "-//OASIS//DTD DocBook XML V4.5//EN" "docbookx.dtd"><article/>',
            "m.xml",
            "application/docbook+xml",
        ),
        (b'<?xml version="1.0"?><FictionBook><body/></FictionBook>', "b.xml", "application/x-fictionbook+xml"),
        (b'.\\" a comment\n.TH CAT 1\n.SH NAME\ncat\n', "cat.1", "text/troff"),
        (b"'\\\" t\n.de Sp\n.sp\n..\n.TH CAT 1\n", "cat.txt", "text/troff"),
        (b"<p>Hello</p>", "part.html", "text/html"),
        ('<?xml version="1.0" encoding="UTF-16"?><a/>'.encode("utf-16"), "wide.xml", "application/xml"),
        (b'"only a word"', "scalar.json", "application/json"),
        (b'{"a": 1}', "one.ndjson", "application/x-ndjson"),
        (b"Subject: hi\r\n\r\nhello", "short.eml", "message/rfc822"),
        (b"key: [1, 2]", "list.yml", "application/yaml"),
        (b"{}", "flow.yaml", "application/yaml"),
        (b"BM" + bytes(60), "odd.bmp", "image/bmp"),
        (b"<!DOCTYPE html><h1>404</h1>", "table.csv", "text/html"),
        (b"junk before\n%PDF-1.4\n%%EOF", "report.pdf", "application/pdf"),
    ],
)
def test_a_harmless_lie_is_seen_through(named: Identify, content: bytes, filename: str, expected: str) -> None:
    """A file under a wrong name is converted as what it is."""
    assert named(content, filename).media_type == expected


@pytest.mark.parametrize(
    ("content", "filename"),
    [
        (b"#!/bin/sh\nrm -rf /\n", "cat.png"),
        (b"import os\nprint(os.environ)\n", "cat.png"),
        (b"MZ" + bytes(200), "setup.csv"),
        (NOISE, "noise.csv"),
        (NOISE, "noise.docx"),
        (b"just words", "table.xlsx"),
        (b"just words", "table.parquet"),
    ],
)
def test_a_name_that_its_bytes_deny_is_a_contradiction(named: Identify, content: bytes, filename: str) -> None:
    """A program called a picture, and noise called anything."""
    with pytest.raises(Contradiction):
        named(content, filename)


@pytest.mark.parametrize("content", [b"", NOISE, b"\x00\x01\x02\x03"])
def test_bytes_that_say_nothing_have_no_type(named: Identify, content: bytes) -> None:
    """Without a name there is then nothing to go by."""
    with pytest.raises(Unidentified):
        named(content)


@pytest.mark.parametrize(
    ("declared", "filename", "expected"),
    [
        ("text/csv; charset=utf-8", None, "text/csv"),
        ("application/csv", "data.dat", "text/csv"),
        ("application/octet-stream", "notes.md", "text/markdown"),
        ("application/x-www-form-urlencoded", None, "text/plain"),
        ("text/plain", None, "text/plain"),
        ("text/csv", "notes.txt", "text/csv"),
        ("application/vnd.ms-excel", "notes.csv", "text/csv"),
    ],
)
def test_the_declared_type_helps_where_the_name_does_not(
    named: Identify, declared: str, filename: str | None, expected: str
) -> None:
    """Names go first; types that clients send without knowing say nothing."""
    assert named(b"some words", filename, declared).media_type == expected


def test_what_the_caller_says_wins(tmp_path: Path) -> None:
    """``from`` is taken at its word, if the word is known."""
    path = tmp_path / "upload"
    path.write_bytes(b"a|b")
    assert identify(path, filename="x.md", declared=None, said="CSV") == Identified("text/csv", "from")
    with pytest.raises(UnknownFormat):
        identify(path, filename="x.md", declared=None, said="nonsense")


@pytest.mark.parametrize("cut", [300, 2000, 5000])
def test_a_truncated_package_is_still_what_it_was(named: Identify, cut: int) -> None:
    """Its directory is at the lost end; the local headers at its beginning tell."""
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", "<w:document/>")
        archive.writestr("word/media/image1.png", os.urandom(8000))
    assert named(package.getvalue()[:cut], "letter.docx").media_type == DOCX


@pytest.mark.parametrize(
    ("main_part", "expected"),
    [
        ("application/vnd.ms-excel.sheet.macroEnabled.main+xml", "application/vnd.ms-excel.sheet.macroenabled.12"),
        (
            "application/vnd.ms-excel.sheet.binary.macroEnabled.main",
            "application/vnd.ms-excel.sheet.binary.macroenabled.12",
        ),
        ("application/vnd.ms-word.document.macroEnabled.main+xml", "application/vnd.ms-word.document.macroenabled.12"),
        (
            "application/vnd.openxmlformats-officedocument.presentationml.slideshow.main+xml",
            "application/vnd.openxmlformats-officedocument.presentationml.slideshow",
        ),
    ],
)
def test_the_relatives_of_office_documents_are_told_apart(named: Identify, main_part: str, expected: str) -> None:
    """By the content type of the main part; and each is a special case of the plain one."""
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr(
            "[Content_Types].xml", f'<Types><Override PartName="/x.xml" ContentType="{main_part}"/></Types>'
        )
    assert named(package.getvalue()).media_type == expected


def test_a_special_case_is_also_what_it_is_a_case_of() -> None:
    """RSS is XML; a type outside the table is only itself."""
    assert lineage("text/rss") == ("application/rss+xml", "application/xml")
    assert lineage("video/mp4") == ("video/mp4",)


def test_the_table_names_each_format_once() -> None:
    """No word means two formats, and what a row refers to is there."""
    words = [word for row in formats() for word in {row.name, row.media_type, *row.extensions, *row.aliases}]
    assert sorted(words) == sorted(set(words))
    names = {row.name for row in formats()}
    assert names >= {word for row in formats() for word in (*row.wears, *filter(None, [row.base]))}
