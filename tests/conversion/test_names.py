"""File names travel in headers, in any language, and never as paths."""

import re
from urllib.parse import unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from service.disposition import MAX_NAME_BYTES, attachment, filename_of, plain_name, renamed

names = st.text(min_size=1, max_size=300)


@given(names)
@example("what?.csv")
@example("../../etc/passwd")
@example("C:\\Windows\\report.xlsx")
@example('quote".csv')
@example("naïve 文件 🎉.tar.gz")
@example("\u202egpj.exe")
@example("." * 50)
def test_a_name_survives_the_header(name: str) -> None:
    """What is offered under a name is read back under the same plain name, by us and by who knows percent-encoding."""
    plain = plain_name(name)
    if plain is None:
        return
    header = attachment(plain)
    assert header.isascii()
    assert not re.search(r"[\r\n]", header)
    assert filename_of(header) == plain
    extended = re.search(r"filename\*=UTF-8''(\S+)$", header)
    assert unquote(extended[1]) == plain if extended else f'"{plain}"' in header


@given(names)
def test_a_plain_name_is_no_path(name: str) -> None:
    """No separators, no control characters, no leading dot, no more bytes than a file system takes."""
    plain = plain_name(name) or "x"
    assert not re.search(r"[/\\\x00-\x1f\x7f]", plain)
    assert not plain.startswith(".")
    assert len(plain.encode()) <= MAX_NAME_BYTES
    assert plain_name(plain) in {plain, None} or plain == "x"


@given(st.text(max_size=500))
def test_any_header_can_be_read(header: str) -> None:
    """Whatever a client writes there, reading it is a name or nothing."""
    filename_of(header)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ('attachment; filename="a.csv"', "a.csv"),
        ("attachment; filename=a.csv", "a.csv"),
        ("attachment; filename=\"plain.csv\"; filename*=UTF-8''na%C3%AFve.csv", "naïve.csv"),
        ("attachment; filename*=iso-8859-1'en'na%EFve.csv", "naïve.csv"),
        ('attachment; filename="na\u00c3\u00afve.csv"', "naïve.csv"),
        ('form-data; name="file"; filename="a\\"b.csv"', 'a"b.csv'),
        ('form-data; name="file"; filename="a%22b.csv"', 'a"b.csv'),
        ('attachment; filename="..\\..\\a.csv"', "a.csv"),
        ("inline", None),
        (None, None),
    ],
)
def test_names_as_clients_send_them(header: str | None, expected: str | None) -> None:
    """Browsers, curl and RFC 8187 write the same thing in different ways."""
    assert filename_of(header) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("report.csv", "report.xlsx"),
        ("report.final.csv", "report.final.xlsx"),
        ("data.tar.gz", "data.xlsx"),
        ("Makefile", "Makefile.xlsx"),
        (".csv", "csv.xlsx"),
        (None, "output.xlsx"),
    ],
)
def test_a_converted_file_keeps_its_stem(name: str | None, expected: str) -> None:
    """The input's stem with the new extension."""
    assert renamed(name, "xlsx") == expected
