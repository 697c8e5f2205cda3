"""Text of unknown encoding: byte order mark, strict UTF-8, NUL patterns, a detector for multi-byte and Cyrillic text, cp1252."""

import codecs
import re


def decode(raw, declared=None):
    """Return ``raw`` as text without a byte order mark; warn when the encoding had to be guessed."""
    for mark, name in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF32_LE, "utf-32"),
        (codecs.BOM_UTF32_BE, "utf-32"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if raw.startswith(mark):
            return raw.decode(name, "replace")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        pass
    else:
        if "\0" not in text:
            return text
    return _guess(raw, declared)


def _guess(raw, declared):
    sample = raw[:4000]
    candidates = [declared] if declared else []
    if sample[1::2].count(0) > len(sample) // 5:
        candidates.append("utf-16-le")
    elif sample[::2].count(0) > len(sample) // 5:
        candidates.append("utf-16-be")
    elif b"\0" in sample:
        refuse("damaged", "this is binary data, not text")
    candidates += [_detected(raw), "cp1252"]
    for name in filter(None, candidates):
        try:
            text = raw.decode(name)
        except (LookupError, UnicodeDecodeError):
            continue
        warn(f"the encoding was taken to be {codecs.lookup(name).name}")
        return text
    warn("the encoding is unknown: read as latin-1")
    return raw.decode("latin-1")


def _detected(raw):
    """What a detector says, believed only where it is reliable: multi-byte East Asian and Cyrillic encodings."""
    from charset_normalizer import from_bytes

    best = from_bytes(raw[:65536]).best()
    if best is None or not re.match(r"(big5|gb|euc_|shift_jis|cp932|cp949|iso2022|johab|hz|cp1251|koi8|mac_cyrillic)", best.encoding):
        return None
    return best.encoding
