"""Which encoding bytes of text are in: byte order mark, strict UTF-8, NUL pattern, statistics where they can know, Windows-1252."""

import codecs
import re

BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# What statistics can tell from text; between the Western single-byte encodings they only guess.
DETECTABLE = {
    "big5",
    "big5hkscs",
    "gb2312",
    "gbk",
    "gb18030",
    "shift_jis",
    "cp932",
    "shift_jis_2004",
    "euc_jp",
    "euc_jis_2004",
    "euc_kr",
    "cp949",
    "johab",
    "cp1251",
    "koi8_r",
    "koi8_u",
    "iso8859_5",
    "cp866",
    "mac_cyrillic",
    "cp1253",
    "iso8859_7",
    "cp1256",
    "tis_620",
}


def decoded(data, wanted="auto"):
    """``data`` as UTF-8 bytes without a byte order mark, whatever it was before."""
    if wanted != "auto":
        try:
            return data.decode(wanted).removeprefix("\ufeff").encode()
        except LookupError:
            refuse("unsupported", f"no encoding is named {wanted!r}")
        except UnicodeError:
            refuse("damaged", f"the file is not {wanted} text")
    for mark, name in BOMS:
        if data.startswith(mark):
            if name == "utf-8":
                return decoded(data[3:])
            return lenient(data[len(mark) :], name).encode()
    head = data[:4096]
    if b"\0" in head:
        for name in ("utf-32-le", "utf-32-be"):
            if head.count(0) >= len(head) // 2 and len(data) % 4 == 0 and is_encoded(head, name):
                warn(f"read as {name}")
                return lenient(data, name).encode()
        for name, offset in (("utf-16-le", 1), ("utf-16-be", 0)):
            if head[offset::2].count(0) > 0.4 * len(head) / 2 and head[1 - offset :: 2].count(0) < len(head) / 20:
                warn(f"read as {name}")
                return lenient(data, name).encode()
    bad = first_bad_byte(data)
    if bad is None:
        return data
    for name, offset in (("utf-16-le", 1), ("utf-16-be", 0)):  # of a script in which only delimiters and digits have a NUL
        if b"\0" in head[offset::2] and b"\0" not in head[1 - offset :: 2] and is_encoded(data, name):
            warn(f"read as {name}")
            return lenient(data, name).encode()
    return legacy(data, bad)


def is_encoded(data, name):
    try:
        data.decode(name)
    except UnicodeDecodeError:
        return False
    return True


def first_bad_byte(data):
    """Where ``data`` stops being UTF-8; None if it is to its end. Decodes in pieces: the text itself is not needed."""
    if data.isascii():
        return None
    decoder = codecs.getincrementaldecoder("utf-8")()
    for start in range(0, len(data), 1 << 20):
        held = len(decoder.getstate()[0])
        try:
            decoder.decode(data[start : start + (1 << 20)], start + (1 << 20) >= len(data))
        except UnicodeDecodeError as error:
            return start - held + error.start
    return None


def lenient(data, name):
    try:
        return data.decode(name)
    except UnicodeDecodeError:
        warn(f"bytes that are not {name} were replaced")
        return data.decode(name, "replace")


def legacy(data, first):
    """Text that is not UTF-8: mostly UTF-8 with a few bad bytes, one that statistics can tell, or Windows-1252."""
    replaced = data.decode(errors="replace")
    bad = replaced.count("\ufffd")
    good = sum(1 for _ in re.finditer("[\x80-\ufffc]", replaced[:1_000_000]))
    if good > 10 * bad:
        warn(f"{bad} bytes that are not UTF-8 were replaced, the first at byte {first}")
        return replaced.encode()
    sample = b"\n".join(line for line in data[:2_000_000].splitlines() if not line.isascii())[:60_000]
    for name in detected(sample):
        try:
            text = data.decode(name)
        except UnicodeDecodeError:
            continue
        warn(f"read as {name}, by its statistics")
        return text.encode()
    name = "latin-1" if re.search(b"[\x81\x8d\x8f\x90\x9d]", data) else "windows-1252"
    warn(f"read as {name}: it is not UTF-8")
    return data.decode("latin-1" if name == "latin-1" else "cp1252").encode()


def detected(sample):
    """What statistics say, asked only where they can know: in Western text letters past ASCII stand alone, elsewhere in runs."""
    high = re.findall(rb"[\x80-\xff]+", sample)
    if sum(len(run) for run in high if len(run) > 1) < 0.6 * sum(map(len, high)):
        return []
    from charset_normalizer import from_bytes

    best = from_bytes(sample, cp_isolation=sorted(DETECTABLE)).best()
    return [best.encoding] if best else []
