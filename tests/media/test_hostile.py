"""Files made to be slow or large to look at: what they are is said soon, and never with another error than the two refusals."""

import io
import struct
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.conversion.media import MediaError, format_named, formats, identify
from tests.media.conftest import Identify

SAMPLES = Path(__file__).parents[2] / "recipes" / "samples"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def test_a_pile_of_parts_does_not_fill_the_memory(named: Identify) -> None:
    """The directory of a package is read only up to a bound; past it the local headers must do."""
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        for number in range(30_000):
            archive.writestr(f"xl/{number:0100}.xml", b"")
    assert named(package.getvalue(), "many.xlsx").media_type == XLSX


def test_a_wide_directory_is_bounded_too(named: Identify) -> None:
    """ZIP64 says the directory's size in a place of its own, which is the one that counts when the plain one says 0."""
    entry = struct.pack("<4s6H3I5H2I", b"PK\x01\x02", *[0] * 6, *[0] * 3, 1, *[0] * 4, *[0] * 2) + b"a"
    count, local = 100_000, b"PK\x03\x04" + bytes(26)
    wide = struct.pack("<4sQ2H2I4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, len(entry) * count, len(local))
    locator = struct.pack("<4sIQI", b"PK\x06\x07", 0, len(local) + len(entry) * count, 1)
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0, 0xFFFFFFFF, 0)
    with soon(0.3):
        assert named(local + entry * count + wide + locator + end).media_type == "application/zip"


def test_a_part_found_a_thousand_times_is_read_once(named: Identify) -> None:
    """Where the directory is lost, the headers are whatever the sender wrote."""
    header = b"PK\x03\x04" + bytes(22) + struct.pack("<2H", 8, 0) + b"mimetype\xff"
    with soon(0.5):
        assert named(header * 12_000).media_type == "application/zip"


@pytest.mark.parametrize("unit", [' full-path="/"', 'file-entry full-path="/"', "file-entry:", "<"])
def test_a_manifest_without_an_end_is_read_in_one_pass(named: Identify, unit: str) -> None:
    """A megabyte of it packs into a kilobyte."""
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("META-INF/manifest.xml", "<file-entry" + unit * ((1 << 20) // len(unit)))
    with soon(2):
        assert named(package.getvalue()).media_type == "application/zip"


@pytest.mark.parametrize(
    "content",
    [
        b"<!-- -->" * 30_000,
        b"[" * 250_000,
        b"a: b\r\n" * 40_000,
        b"<!DOCTYPE a [" * 20_000,
        b"; " * 120_000,
        b"[a](b" * 50_000,
        b"[t]\n" + b"a." * 30_000 + b"a = 1\n",
        b"[t]\n" + b'"a" . ' * 10_000 + b"a = 1\n",
        b"[t]\nx = " + b"[" * 30_000,
        b"[t]\nx = " + b"9" * 5_000,
        b"[t]\nx = {a" + b"-a" * 30_000,
    ],
    ids=lambda content: content[:16].decode(),
)
def test_texts_made_to_be_slow_are_not(named: Identify, content: bytes) -> None:
    """No pattern backtracks for long over them, and no parser goes deeper than it can."""
    with soon(5):
        assert all("/" in named(text).media_type for text in (content, b"---\r\n" + content))


@contextmanager
def soon(seconds: float) -> Iterator[None]:
    """What is inside takes less than so many seconds of the processor."""
    began = time.process_time()
    yield
    assert time.process_time() - began < seconds


@given(
    content=st.binary(max_size=600) | st.text(max_size=300).map(str.encode),
    name=st.sampled_from([row.name for row in formats()]) | st.none(),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=300)
def test_any_bytes_under_any_name_get_an_answer(tmp_path: Path, content: bytes, name: str | None) -> None:
    """A type that the table or libmagic knows, or one of the two refusals; never another error."""
    path = tmp_path / "upload"
    path.write_bytes(content)
    try:
        found = identify(path, filename=f"file.{name}" if name else None, declared=None)
    except MediaError:
        return
    assert "/" in found.media_type


@given(stem=st.text(max_size=40), name=st.sampled_from(["table.csv", "letter.docx", "picture.png", "page.html"]))
@settings(deadline=None, max_examples=100)
def test_only_the_extension_of_a_name_is_read(stem: str, name: str) -> None:
    """Whatever stands before it: paths, dots, any Unicode."""
    sample = SAMPLES / name
    found = identify(sample, filename=f"{stem}{sample.suffix.upper()}", declared=None)
    assert found.media_type == format_named(sample.suffix).media_type
