"""What the entries of archives are called, when their names are not marked as Unicode."""

import struct
import zlib


def zip_names(infos):
    """The names of the entries. Those without the UTF-8 flag are CP437 to zipfile; most are UTF-8 in truth, or what the letters
    of all of them together tell."""
    raw = [info.filename.encode("cp437", "replace") for info in infos if not info.flag_bits & 0x800]
    encoding = encoding_of_names(b"\n".join(raw), "cp437")
    return [unicode_path(info) or named(info, encoding).replace("\\", "/") for info in infos]


def named(info, encoding):
    return info.filename if info.flag_bits & 0x800 else info.filename.encode("cp437", "replace").decode(encoding, "replace")


def unicode_path(info):
    """The name in an extra field of Info-ZIP (APPNOTE 4.6.9), if it is still that of the entry."""
    extra, at = info.extra, 0
    while at + 4 <= len(extra):
        kind, size = struct.unpack_from("<HH", extra, at)
        field = extra[at + 4 : at + 4 + size]
        if kind == 0x7075 and len(field) > 5 and not info.flag_bits & 0x800:
            if int.from_bytes(field[1:5], "little") == zlib.crc32(info.orig_filename.encode("cp437", "replace")):
                return field[5:].decode(errors="replace")
        at += 4 + size
    return ""


def encoding_of_names(raw, otherwise):
    if is_encoded(raw, "utf-8"):
        return "utf-8"
    western = ("cp1252", "cp850", "iso8859_15")  # which names say too little to tell from what is usual
    found = next((name for name in [*known_script(raw), latin(raw)] if is_encoded(raw, name) and name not in western), otherwise)
    warn(f"names were read as {found}")
    return found


def tar_name(name):
    """A name that is not UTF-8 has bytes in hiding (PEP 383)."""
    raw = name.encode(errors="surrogateescape")
    return name if is_encoded(raw, "utf-8") else raw.decode(encoding_of_names(raw, "latin-1"))
