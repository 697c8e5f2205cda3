"""A zip file, written in one pass."""

import struct
import zlib

try:
    from isal import isal_zlib
except ImportError:
    isal_zlib = zlib


class Zip:
    """A zip file written part by part in one pass, deflated with isal where it is installed."""

    def __init__(self, path):
        self.file, self.entries = open(path, "wb"), []

    def add(self, name, chunks, stored=False):
        start, crc, size = self.file.tell(), 0, 0
        packer = None if stored else isal_zlib.compressobj(1, zlib.DEFLATED, -15)
        encoded = name.encode()
        self.file.write(bytes(30) + encoded)
        for chunk in chunks:
            crc, size = zlib.crc32(chunk, crc), size + len(chunk)
            self.file.write(packer.compress(chunk) if packer else chunk)
        if packer:
            self.file.write(packer.flush())
        end = self.file.tell()
        packed = end - start - 30 - len(encoded)
        if end >= 1 << 32 or size >= 1 << 32:
            refuse("too_large", "the output would be larger than 4 GiB")
        # version, flags (UTF-8 names), method, time and date (1980-01-01: same input, same bytes), crc, sizes, lengths
        shared = struct.pack("<HHHHHIIIHH", 20, 0x800, 0 if stored else 8, 0, 33, crc, packed, size, len(encoded), 0)
        self.file.seek(start)
        self.file.write(b"PK\3\4" + shared)
        self.file.seek(end)
        self.entries.append(
            b"PK\1\2" + struct.pack("<H", 20) + shared + struct.pack("<HHHII", 0, 0, 0, 0, start) + encoded
        )

    def close(self):
        directory = b"".join(self.entries)
        count, start = len(self.entries), self.file.tell()
        self.file.write(directory + b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, count, count, len(directory), start, 0))
        self.file.close()
