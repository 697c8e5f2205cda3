"""Archives: one kind into another, entry by entry, or a list of what is inside. Names that leave the folder are refused,
links and devices are left out, and what unpacks to too much is stopped while it unpacks."""

import bz2
import calendar
import errno
import gzip
import io
import json
import lzma
import posixpath
import stat
import struct
import tarfile
import tempfile
import time
import zipfile
import zlib

MAX_ENTRIES = 100_000
CHUNK = 1 << 20
COMPRESSED = {"application/gzip": gzip.open, "application/x-bzip2": bz2.open, "application/x-xz": lzma.open}
EPOCH = 315_532_800  # 1980-01-01, the first day of the zip format
BROKEN = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, struct.error, EOFError, OSError, UnicodeError)


class Entry:
    """One entry: its name as stored, what it is (file, folder, link, other), and for files a stream that is open now."""

    def __init__(self, name, kind, size=0, modified=0, mode=0o644, link="", packed=None, stream=None):
        self.name, self.kind, self.size, self.modified, self.mode = name, kind, size, modified, mode
        self.link, self.packed, self.stream = link, packed, stream


class Counted(io.RawIOBase):
    """A stream that stops when it has given too much: absolutely, or against the size of what it was packed in."""

    def __init__(self, stream, packed):
        self.stream, self.given = stream, 0
        self.limit = min(MAX_INFLATED_BYTES, max(HARMLESS_BYTES, MAX_INFLATION * packed))

    def readinto(self, room):
        data = self.stream.read(len(room))
        room[: len(data)] = data
        self.given += len(data)
        if self.given > self.limit:
            refuse("too_large", f"the archive unpacks to more than {self.limit} bytes")
        return len(data)

    def readable(self):
        return True


def entries():
    packed = SOURCE.stat().st_size
    if SOURCE_TYPE == "application/zip":
        yield from zip_entries(packed)
        return
    opened = COMPRESSED.get(SOURCE_TYPE, open)(SOURCE, "rb")
    with opened:
        stream = io.BufferedReader(Counted(opened, packed if SOURCE_TYPE in COMPRESSED else MAX_INFLATED_BYTES), CHUNK)
        if SOURCE_TYPE in COMPRESSED and not is_tar(stream.peek(512)[:512]):
            yield single_entry(stream)
        else:
            yield from tar_entries(stream)


def is_tar(block):
    try:
        tarfile.TarInfo.frombuf(block.ljust(512, b"\0"), "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True


def single_entry(stream):
    """A file that is compressed without an archive around it; unpacked first, for its size is not known before."""
    name = "file"
    if SOURCE_TYPE == "application/gzip":
        with SOURCE.open("rb") as head:
            start = head.read(1024)
        if len(start) > 10 and start[3] & 8 and not start[3] & 4:  # RFC 1952: the original name
            name = posixpath.basename(start[10:].split(b"\0")[0].decode("latin-1")) or name
    unpacked = tempfile.TemporaryFile()
    while data := stream.read(CHUNK):
        unpacked.write(data)
    size = unpacked.tell()
    unpacked.seek(0)
    return Entry(name, "file", size, int(SOURCE.stat().st_mtime), stream=unpacked)


def zip_entries(packed):
    with zipfile.ZipFile(SOURCE) as archive:
        infos = archive.infolist()
        total = sum(info.file_size for info in infos)
        if total > MAX_INFLATED_BYTES or total > max(HARMLESS_BYTES, MAX_INFLATION * packed):
            refuse("too_large", f"the archive announces {total} bytes in {packed}")
        for info, name in zip(infos, zip_names(infos), strict=True):
            mode = info.external_attr >> 16
            modified = (
                max(EPOCH, calendar.timegm((*info.date_time, 0, 0, 0))) if 1 <= info.date_time[1] <= 12 else EPOCH
            )
            kind = "folder" if info.is_dir() else "link" if stat.S_ISLNK(mode) else "file"
            if info.flag_bits & 1 and TARGET not in ("json", "txt"):
                refuse("encrypted", "entries of the archive are protected by a password")
            entry = Entry(name, kind, info.file_size, modified, stat.S_IMODE(mode) or 0o644, packed=info.compress_size)
            if kind == "file" and TARGET not in ("json", "txt"):
                with archive.open(info) as entry.stream:
                    yield entry
            else:
                yield entry


def tar_entries(stream):
    with tarfile.open(fileobj=stream, mode="r|") as archive:
        for info in archive:
            kind = (
                "file"
                if info.isreg()
                else "folder"
                if info.isdir()
                else "link"
                if info.issym() or info.islnk()
                else "other"
            )
            entry = Entry(
                tar_name(info.name) + ("/" if info.isdir() else ""), kind, info.size, int(info.mtime), info.mode, tar_name(info.linkname)
            )
            entry.stream = archive.extractfile(info) if kind == "file" else None
            yield entry


def safe_name(name):
    """A name relative to the folder it is unpacked in, or a refusal: no root, no parent, no drive, no control characters."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if (
        name.startswith("/")
        or ".." in parts
        or (len(name) > 1 and name[1] == ":")
        or any(ord(letter) < 32 for letter in name)
    ):
        refuse("unsupported", f"an entry is named {name[:200]!r}: it would leave the folder it is unpacked in")
    return "/".join(parts) + ("/" if name.endswith("/") else "")


class ZipWriter:
    def __init__(self):
        self.archive = zipfile.ZipFile(OUTPUT, "w", zipfile.ZIP_DEFLATED, compresslevel=6)

    def add(self, name, entry, copy):
        moment = time.gmtime(min(max(entry.modified, EPOCH), 4_354_819_198))
        info = zipfile.ZipInfo(name, moment[:6])
        info.compress_type = zipfile.ZIP_DEFLATED if entry.kind == "file" else zipfile.ZIP_STORED
        info.create_system, info.external_attr = (
            3,
            (entry.mode | (stat.S_IFDIR if entry.kind == "folder" else stat.S_IFREG)) << 16,
        )
        with self.archive.open(info, "w", force_zip64=entry.size >= 1 << 31) as target:
            copy(target.write)

    def close(self):
        self.archive.close()


class TarWriter:
    def __init__(self):
        self.packer = gzip.GzipFile("", "wb", 6, OUTPUT.open("wb"), mtime=0) if TARGET == "tgz" else OUTPUT.open("wb")
        self.archive = tarfile.open(fileobj=self.packer, mode="w", format=tarfile.PAX_FORMAT)

    def add(self, name, entry, copy):
        info = tarfile.TarInfo(name.rstrip("/"))
        info.size, info.mtime, info.mode = entry.size, entry.modified, stat.S_IMODE(entry.mode)
        info.type = tarfile.DIRTYPE if entry.kind == "folder" else tarfile.REGTYPE
        if info.isdir():
            info.mode |= 0o700
        self.archive.addfile(info, None)
        if entry.kind == "file":
            copy(self.packer.write)
            padding = -entry.size % tarfile.BLOCKSIZE
            self.packer.write(bytes(padding))
            self.archive.offset += entry.size + padding

    def close(self):
        self.archive.close()
        self.packer.close()
        if isinstance(self.packer, gzip.GzipFile):
            self.packer.fileobj.close() if self.packer.fileobj else None


def repack():
    writer, written, total = (ZipWriter() if TARGET == "zip" else TarWriter()), {}, 0
    for number, entry in enumerate(entries()):
        if number >= MAX_ENTRIES:
            refuse("too_large", f"the archive has more than {MAX_ENTRIES} entries")
        name = safe_name(entry.name)
        if entry.kind not in ("file", "folder"):
            warn("links and devices are left out")
            continue
        if not name or name in written:
            warn("entries of the same name: the first is kept")
            continue
        crc, size = 0, 0

        def copy(write):
            nonlocal crc, size
            while data := entry.stream.read(CHUNK) if entry.kind == "file" else b"":
                crc, size = zlib.crc32(data, crc), size + len(data)
                write(data)

        writer.add(name, entry, copy)
        if size != (entry.size if entry.kind == "file" else 0):
            refuse("damaged", f"the entry {name!r} has {size} bytes where {entry.size} are announced")
        written[name] = (size, crc)
        total += size
    writer.close()
    if not written:
        refuse("empty", "the archive has no files")
    verify(written)
    return {"entries": len(written), "bytes": total}


def verify(written):
    """Read the new archive back: the same names, sizes and checksums."""
    found = {}
    if TARGET == "zip":
        with zipfile.ZipFile(OUTPUT) as archive:
            found = {info.filename: (info.file_size, info.CRC) for info in archive.infolist()}
    else:
        with tarfile.open(OUTPUT, "r:*") as archive:
            for info in archive:
                crc = size = 0
                stream = archive.extractfile(info) if info.isreg() else io.BytesIO()
                while data := stream.read(CHUNK):
                    crc, size = zlib.crc32(data, crc), size + len(data)
                found[tar_name(info.name) + ("/" if info.isdir() else "")] = (size, crc)
    if found != written:
        raise RuntimeError("the archive does not hold what was put in")


def listing():
    rows = []
    for entry in entries():
        if len(rows) >= MAX_ENTRIES:
            refuse("too_large", f"the archive has more than {MAX_ENTRIES} entries")
        modified = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(max(0, min(entry.modified, 253_402_300_799))))
        row = {
            "name": entry.name.encode(errors="replace").decode(),
            "type": entry.kind,
            "bytes": entry.size,
            "modified": modified,
        }
        if entry.packed is not None:
            row["compressed_bytes"] = entry.packed
        if entry.link:
            row["target"] = entry.link.encode(errors="replace").decode()
        rows.append(row)
    if not rows:
        refuse("empty", "the archive is empty")
    if TARGET == "json":
        text = "[\n" + ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n]\n"
    else:
        lines = [f"{row['bytes']:>12}  {row['modified'][:16].replace('T', ' ')}  {printable(row)}" for row in rows]
        text = "\n".join(lines) + f"\n{sum(row['bytes'] for row in rows):>12}  in {len(rows)} entries\n"
    OUTPUT.write_text(text, "utf-8")
    return {"entries": len(rows), "bytes": sum(row["bytes"] for row in rows)}


def printable(row):
    name = "".join(letter if letter.isprintable() else "\ufffd" for letter in row["name"])
    return name + (f" -> {row['target']}" if "target" in row else "")


def convert():
    try:
        return listing() if TARGET in ("json", "txt") else repack()
    except NotImplementedError as error:
        refuse("unsupported", f"the archive is packed in a way that is not supported: {error}")
    except RuntimeError as error:
        if "password" in str(error) or "encrypted" in str(error):
            refuse("encrypted", "entries of the archive are protected by a password")
        raise
    except BROKEN as error:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            refuse("too_large", "what is inside does not fit into a container")
        refuse("damaged", f"the archive cannot be read: {type(error).__name__}: {error}")


run(convert)
