"""What Outlook packs into winmail.dat ([MS-OXTNEF]): the attachments, and the text of a message that has no other."""

import struct

TNEF = b"\x78\x9f\x3e\x22"
ATTACHMENT, TITLE, CONTENT, PROPERTIES, MESSAGE, CODEPAGE, BODY = (
    0x69002, 0x18010, 0x6800F, 0x69005, 0x69003, 0x69007, 0x2800C,
)  # fmt: skip
FIXED_BYTES = {0x02: 4, 0x03: 4, 0x04: 4, 0x05: 8, 0x06: 8, 0x07: 8, 0x0A: 4, 0x0B: 4, 0x14: 8, 0x40: 8, 0x48: 16}
TEXT, WIDE_TEXT, OBJECT, BINARY, MANY = 0x1E, 0x1F, 0x0D, 0x102, 0x1000  # [MS-OXCDATA] 2.11.1: types of properties


def open_tnef(raw):
    """(text, HTML, attachments as (name, bytes)); None when it cannot be read to its end."""
    text, page, attachments, codepage = "", "", [], "cp1252"
    try:
        for kind, body in tnef_attributes(raw):
            if kind == CODEPAGE:
                codepage = f"cp{struct.unpack_from('<I', body)[0]}"
            elif kind == ATTACHMENT:
                attachments.append(["", b""])
            elif kind == TITLE and attachments:
                attachments[-1][0] = attachments[-1][0] or tnef_text(body, codepage)
            elif kind == CONTENT and attachments:
                attachments[-1][1] = body
            elif kind == PROPERTIES and attachments:
                found = tnef_properties(body, codepage)
                attachments[-1][0] = found.get(0x3707) or attachments[-1][0]
                if not attachments[-1][1] and isinstance(found.get(0x3701), bytes):
                    attachments[-1][1] = found[0x3701][16:]  # an object begins with the identifier of its interface
            elif kind == BODY:
                text = tnef_text(body, codepage)
            elif kind == MESSAGE:
                found = tnef_properties(body, codepage)
                text = found.get(0x1000) or text
                page = decoded(found[0x1013]).decode() if isinstance(found.get(0x1013), bytes) else found.get(0x1013, page)
    except (struct.error, IndexError, LookupError):
        return None
    return text, page, [(name or f"attachment-{number}", content) for number, (name, content) in enumerate(attachments, 1)]


def tnef_text(raw, codepage):
    return raw.split(b"\0")[0].decode(codepage, "replace")


def tnef_attributes(raw):
    at = 6
    while at + 9 <= len(raw):
        kind, size = struct.unpack_from("<II", raw, at + 1)
        if at + 11 + size > len(raw):
            raise IndexError
        yield kind, raw[at + 9 : at + 9 + size]
        at += size + 11


def tnef_properties(raw, codepage):
    """The properties by their numbers; of several values the first ([MS-OXTNEF] 2.1.3.4)."""
    found, at = {}, 4
    for _ in range(min(struct.unpack_from("<I", raw)[0], len(raw))):
        kind, number = struct.unpack_from("<HH", raw, at)
        at += 4
        if number >= 0x8000:  # a named one: a set, then a number or a name
            length = struct.unpack_from("<I", raw, at + 20)[0] if raw[at + 16] else 0
            at += 24 + (length + 3 & ~3)
        base = kind & ~MANY
        variable = base in (TEXT, WIDE_TEXT, OBJECT, BINARY)
        count = 1
        if variable or kind & MANY:
            count, at = struct.unpack_from("<I", raw, at)[0], at + 4
        for _ in range(min(count, len(raw))):
            size = FIXED_BYTES[base] if not variable else struct.unpack_from("<I", raw, at)[0]
            at += 4 * variable
            value = raw[at : at + size]
            if base == TEXT:
                value = tnef_text(value, codepage)
            elif base == WIDE_TEXT:
                value = value.decode("utf-16-le", "replace").rstrip("\0")
            found.setdefault(number, value)
            at += size + 3 & ~3
    return found
