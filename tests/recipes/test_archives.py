"""Archives: the same names, times and bytes in every kind; nothing outside, nothing endless."""

import gzip
import io
import itertools
import json
import struct
import tarfile
import zipfile
import zlib

import httpx
import pytest

from tests.recipes.posting import post, refusal, warnings

FILES = {"a.txt": b"hello\n", "dir/b.bin": bytes(range(256)) * 300, "dir/Zoë.txt": "ü".encode(), "empty": b""}


def zipped(files: dict[str, bytes]) -> bytes:
    """Return a zip of these files."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, (2024, 2, 29, 12, 0, 2)), content, zipfile.ZIP_DEFLATED)
    return made.getvalue()


def tarred(members: list[tuple[tarfile.TarInfo, bytes]], mode: str = "w") -> bytes:
    """Return a tar of these members."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode=mode) as archive:  # type: ignore[call-overload] # a mode by parameter
        for info, content in members:
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return made.getvalue()


def inside(content: bytes, named: str) -> dict[str, bytes]:
    """Return the files of an archive."""
    if named == "zip":
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        return {info.name: archive.extractfile(info).read() for info in archive if info.isfile()}  # type: ignore[union-attr] # None is for folders


@pytest.mark.parametrize("way", [("zip", "tar", "tgz", "zip"), ("zip", "tgz", "tar", "zip")])
def test_round_trip(client: httpx.Client, way: tuple[str, ...]) -> None:
    """Through every kind and back the files, their names and their times are the same."""
    content = zipped(FILES)
    for named, target in itertools.pairwise(way):
        content = post(client, content, named, target)
        assert inside(content, target) == FILES
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.getinfo("a.txt").date_time == (2024, 2, 29, 12, 0, 2)


def test_compressed_file_alone(client: httpx.Client) -> None:
    """A gzip that is no archive holds one file, with the name it had."""
    made = io.BytesIO()
    with gzip.GzipFile("notes.txt", "wb", fileobj=made) as packed:
        packed.write(b"hello")
    assert inside(post(client, made.getvalue(), "gz", "zip"), "zip") == {"notes.txt": b"hello"}


def test_listing(client: httpx.Client) -> None:
    """A list names every entry with its size, also those that would not be unpacked."""
    link = tarfile.TarInfo("link")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    content = tarred([(tarfile.TarInfo("../up"), b"xy"), (link, b"")])
    rows = json.loads(post(client, content, "tar", "json"))
    assert [(row["name"], row["type"], row["bytes"]) for row in rows] == [("../up", "file", 2), ("link", "link", 0)]
    assert "-> /etc/passwd" in post(client, content, "tar", "txt").decode()


@pytest.mark.parametrize("name", ["../up", "/root", "a/../../b", "C:\\x", "a\\..\\..\\b"])
def test_names_that_leave_the_folder(client: httpx.Client, name: str) -> None:
    """An entry that would be written elsewhere makes the archive unacceptable."""
    assert refusal(client, zipped({name: b"x"}), "zip", "tar") == (422, "unsupported")
    assert refusal(client, tarred([(tarfile.TarInfo(name.replace("\\", "/")), b"x")]), "tar", "zip") == (
        422,
        "unsupported",
    )


def test_links_and_devices_are_left_out(client: httpx.Client) -> None:
    """What is not a file or a folder does not arrive, and the answer says so."""
    link, device = tarfile.TarInfo("link"), tarfile.TarInfo("null")
    link.type, link.linkname, device.type = tarfile.SYMTYPE, "/etc/passwd", tarfile.CHRTYPE
    content = tarred([(link, b""), (device, b""), (tarfile.TarInfo("a"), b"x")])
    assert inside(post(client, content, "tar", "zip"), "zip") == {"a": b"x"}
    assert "links and devices" in warnings(client, content, "tar", "zip")


@pytest.mark.parametrize("named", ["zip", "tgz", "gz"])
def test_bombs(client: httpx.Client, named: str) -> None:
    """What unpacks to hundreds of times its size is stopped."""
    zeros = bytes(120_000_000)
    content = {
        "zip": lambda: zipped({"z": zeros}),
        "tgz": lambda: tarred([(tarfile.TarInfo("z"), zeros)], "w:gz"),
        "gz": lambda: gzip.compress(zeros),
    }[named]()
    assert refusal(client, content, named, "tar") == (422, "too_large")


def test_what_is_blank_packs_well(client: httpx.Client) -> None:
    """A picture of one colour is no bomb, however small it was packed."""
    blank = bytes(20_000_000)
    assert inside(post(client, zipped({"blank.bmp": blank}), "zip", "tar"), "tar") == {"blank.bmp": blank}


def test_damaged_and_encrypted(client: httpx.Client) -> None:
    """Spoilt bytes are damaged, never half an archive; a password is named as the reason."""
    misnamed = zipped({"ä.txt": b"x"}).replace("ä".encode(), b"\xe4\xe4")
    assert refusal(client, misnamed, "zip", "json") == (422, "damaged")
    content = bytearray(zipped(FILES))
    content[60:70] = bytes(10)
    assert refusal(client, bytes(content), "zip", "tar") == (422, "damaged")
    locked = bytearray(zipped({"a": b"hello"}))
    locked[6] |= 1
    locked[locked.index(b"PK\x01\x02") + 8] |= 1
    assert refusal(client, bytes(locked), "zip", "tar") == (422, "encrypted")


class OldInfo(zipfile.ZipInfo):
    """An entry whose name is written without the mark of UTF-8."""

    def _encodeFilenameFlags(self) -> tuple[bytes, int]:  # noqa: N802 - what zipfile calls
        return self.filename.encode("cp437"), self.flag_bits


def renamed(names: list[str], encoding: str) -> bytes:
    """Return a zip whose entries have names in an encoding of old, as programs without Unicode made them."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name in names:
            archive.writestr(OldInfo(name.encode(encoding).decode("cp437")), name.encode())
    return made.getvalue()


@pytest.mark.parametrize(
    ("names", "encoding"),
    [
        (["Новая папка/Документ.txt", "фото 1.jpg"], "cp866"),
        (["テスト/ソース一覧.txt", "表示.csv"], "shift_jis"),
        (["新建文件夹/说明.txt", "照片.jpg"], "gbk"),
        (["naïve café.txt", "Größe.txt"], "cp437"),
        (["żółte zdjęcia/Gdańsk.jpg", "umowa końcowa.doc"], "cp852"),
        (["Zoë.txt", "日本.txt"], "utf-8"),
    ],
)
def test_names_of_old_programs(client: httpx.Client, names: list[str], encoding: str) -> None:
    """Names without the mark of UTF-8 are read in the encoding that their letters tell."""
    assert inside(post(client, renamed(names, encoding), "zip", "tar"), "tar") == {
        name: name.encode() for name in names
    }


def test_names_of_tars_that_are_not_unicode(client: httpx.Client) -> None:
    """They are read likewise; no entry is lost."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.GNU_FORMAT, encoding="koi8-r") as archive:
        archive.addfile(tarfile.TarInfo("Документ.txt"))
    assert list(inside(post(client, made.getvalue(), "tar", "zip"), "zip")) == ["Документ.txt"]
    assert json.loads(post(client, made.getvalue(), "tar", "json"))[0]["name"] == "Документ.txt"


def test_the_unicode_name_beside_the_old_one(client: httpx.Client) -> None:
    """Info-ZIP's extra field has the name, as long as it is that of the entry."""
    files = {}
    for number, about in enumerate((b"old1.txt", b"other.txt"), 1):
        info = OldInfo(f"old{number}.txt")
        field = b"\1" + struct.pack("<I", zlib.crc32(about)) + f"日本{number}.txt".encode()
        info.extra = struct.pack("<HH", 0x7075, len(field)) + field
        files[info] = b"x"
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for info, content in files.items():
            archive.writestr(info, content)
    assert sorted(inside(post(client, made.getvalue(), "zip", "tar"), "tar")) == ["old2.txt", "日本1.txt"]
