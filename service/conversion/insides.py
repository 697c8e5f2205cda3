"""What container files have inside: the parts of a ZIP package and the streams of an OLE compound file, damaged ones too.

Owns reading those two directories, within fixed bounds and without unpacking anything else. Knows no formats: it returns
names and short texts, and `media` says what they mean.
"""

import re
import struct
import zipfile
import zlib
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct

MAX_DIRECTORY_BYTES = 2 << 20  # of a ZIP: some 20,000 names; a document has a few hundred
MAX_PART_BYTES = 1 << 20
_SCAN_BYTES = 512 << 10
_END_RECORD = b"PK\x05\x06"
_WIDE_LOCATOR = b"PK\x06\x07"  # APPNOTE 4.3.15; the ZIP64 end record stands before it, and its sizes are the ones that zipfile believes
_WIDE_RECORD_BYTES, _WIDE_LOCATOR_BYTES = 56, 20
_END_SEARCH_BYTES = 22 + 65_535  # APPNOTE 4.3.16: the record and its longest comment
# APPNOTE 4.3.7: a local file header; the groups are method, compressed size, name length and extra length.
_LOCAL_HEADER = re.compile(rb"PK\x03\x04.{4}(..).{8}(.{4}).{4}(..)(..)", re.DOTALL)
_STORED, _DEFLATED = 0, 8

_OLE_FREE = 0xFFFFFFFA  # [MS-CFB] 2.1: sector numbers from here up are marks, not sectors
_OLE_ENTRY_BYTES = 128
_OLE_MAX_SECTORS = 4096  # of the directory


class Package(Struct, frozen=True):
    """A ZIP file seen as a package: its parts, and the texts that say what it is (empty when missing)."""

    names: frozenset[str]
    mimetype: str = ""
    content_types: str = ""
    manifest: str = ""


def package(path: Path) -> Package:
    """Look into a ZIP file; when its central directory is lost, go by the local headers that can be found.

    Raises:
        OSError: The file cannot be read.
    """
    with path.open("rb") as file:
        if _directory_bytes(file) is None:
            return _from_local_headers(file)
        try:
            with zipfile.ZipFile(file) as archive:
                return Package(
                    names=frozenset(archive.namelist()),
                    mimetype=_part(archive, "mimetype").strip(),
                    content_types=_part(archive, "[Content_Types].xml"),
                    manifest=_part(archive, "META-INF/manifest.xml"),
                )
        except (zipfile.BadZipFile, ValueError, NotImplementedError):
            return _from_local_headers(file)


def streams(path: Path) -> frozenset[str]:
    """Return the names of all streams and storages of an OLE compound file; none when its directory is damaged.

    Source: [MS-CFB] 2.2 (header), 2.3 (FAT), 2.6 (directory).

    Raises:
        OSError: The file cannot be read.
    """
    with path.open("rb") as file:
        header = file.read(512)
        if len(header) < 512:  # noqa: PLR2004 - [MS-CFB] 2.2
            return frozenset()
        sector_bytes = 1 << min(struct.unpack_from("<H", header, 30)[0], 16)
        sector = struct.unpack_from("<I", header, 48)[0]
        fat_sectors = struct.unpack_from("<109I", header, 76)
        names: set[str] = set()
        seen: set[int] = set()
        while sector < _OLE_FREE and sector not in seen and len(seen) < _OLE_MAX_SECTORS:
            seen.add(sector)
            names |= _entry_names(_read(file, (sector + 1) * sector_bytes, sector_bytes))
            sector = _next_sector(file, fat_sectors, sector, sector_bytes)
        return frozenset(names)


def _part(archive: zipfile.ZipFile, name: str) -> str:
    try:
        with archive.open(name) as part:
            return part.read(MAX_PART_BYTES).decode("utf-8", "replace")
    except (KeyError, RuntimeError, NotImplementedError, EOFError, OSError, zipfile.BadZipFile, zlib.error):
        return ""  # missing, encrypted, in a method we lack, or damaged (an offset before the file is an OSError)


def _directory_bytes(file: BinaryIO) -> int | None:
    """Size of the central directory, or None when there is none or it is out of bounds."""
    tail_start = max(0, file.seek(0, 2) - _END_SEARCH_BYTES)
    tail = _read(file, tail_start, _END_SEARCH_BYTES)
    at = tail.rfind(_END_RECORD)
    if at < 0 or len(tail) < at + 22:
        return None
    length: int = struct.unpack_from("<I", tail, at + 12)[0]
    wide = tail_start + at - _WIDE_LOCATOR_BYTES - _WIDE_RECORD_BYTES
    if wide >= 0:
        record = _read(file, wide, _WIDE_RECORD_BYTES + _WIDE_LOCATOR_BYTES)
        if record[_WIDE_RECORD_BYTES:].startswith(_WIDE_LOCATOR):
            length = struct.unpack_from("<Q", record, 40)[0]
    return length if length <= MAX_DIRECTORY_BYTES else None


def _from_local_headers(file: BinaryIO) -> Package:
    data = _read(file, 0, _SCAN_BYTES)
    names: set[str] = set()
    texts: dict[str, str] = {}
    for header in _LOCAL_HEADER.finditer(data):
        method, packed = int.from_bytes(header[1], "little"), int.from_bytes(header[2], "little")
        start = header.end() + int.from_bytes(header[3], "little")
        name = data[header.end() : start].decode("utf-8", "replace")
        names.add(name)
        body = start + int.from_bytes(header[4], "little")
        if name in {"mimetype", "[Content_Types].xml", "META-INF/manifest.xml"} - texts.keys():
            texts[name] = _unpacked(data[body : body + packed if packed else None], method)
    return Package(
        names=frozenset(names),
        mimetype=texts.get("mimetype", "").strip(),
        content_types=texts.get("[Content_Types].xml", ""),
        manifest=texts.get("META-INF/manifest.xml", ""),
    )


def _unpacked(data: bytes, method: int) -> str:
    if method == _DEFLATED:
        try:
            data = zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, MAX_PART_BYTES)
        except zlib.error:
            return ""
    return data[:MAX_PART_BYTES].decode("utf-8", "replace") if method in {_STORED, _DEFLATED} else ""


def _entry_names(sector: bytes) -> set[str]:
    names = set()
    for at in range(0, len(sector) - _OLE_ENTRY_BYTES + 1, _OLE_ENTRY_BYTES):
        length = struct.unpack_from("<H", sector, at + 64)[0]
        if 2 <= length <= 64:  # noqa: PLR2004 - [MS-CFB] 2.6.1: bytes of the name with its terminator
            names.add(sector[at : at + length - 2].decode("utf-16-le", "replace"))
    return names


def _next_sector(file: BinaryIO, fat_sectors: tuple[int, ...], sector: int, sector_bytes: int) -> int:
    index, offset = divmod(sector, sector_bytes // 4)
    if index >= len(fat_sectors) or fat_sectors[index] >= _OLE_FREE:
        return _OLE_FREE
    entry = _read(file, (fat_sectors[index] + 1) * sector_bytes + 4 * offset, 4)
    return int.from_bytes(entry, "little") if len(entry) == 4 else _OLE_FREE  # noqa: PLR2004 - one entry


def _read(file: BinaryIO, start: int, length: int) -> bytes:
    file.seek(start)
    return file.read(length)
