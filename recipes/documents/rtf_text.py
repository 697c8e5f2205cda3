"""RTF with all of its text as \\u escapes: bytes decoded by the character set of their font, which pandoc takes for Windows-1252.

Source: Rich Text Format Specification 1.9.1, "Character Set", "Font Table", "Unicode RTF".
"""

import codecs

RTF_TOKEN = re.compile(rb"\\'([0-9a-fA-F]{2})|\\([a-zA-Z]+)(-?\d+)? ?|\\(.)|([{}])|([^\\{}]+)", re.S)
RTF_FONT = re.compile(rb"\\f(\d+)((?:\\[a-z*]+-?\d* ?|[{}]|\s)*)([^;{}\\]*)")
CHARSETS = {
    0: "cp1252",
    77: "mac_roman",
    78: "cp932",
    128: "cp932",
    129: "cp949",
    130: "johab",
    134: "gbk",
    136: "cp950",
    161: "cp1253",
    162: "cp1254",
    163: "cp1258",
    177: "cp1255",
    178: "cp1256",
    186: "cp1257",
    204: "cp1251",
    222: "cp874",
    238: "cp1250",
    254: "cp437",
    255: "cp850",
}
MULTI_BYTE = {"cp932", "cp949", "johab", "gbk", "cp950", "big5"}


def rtf_fonts(raw, usual):
    """{font number: encoding, or the name of a symbol font} of the font table."""
    fonts, table = {}, raw.find(b"{\\fonttbl")
    for number, properties, name in RTF_FONT.findall(raw[table : table + 100_000]) if table >= 0 else ():
        charset = re.search(rb"\\fcharset(\d+)", properties)
        if charset is None and not name.strip():
            continue
        code = int(charset.group(1)) if charset else 1
        name = name.decode("latin-1").strip().lower()
        western = CHARSETS.get(code) == "cp1252" and usual in MULTI_BYTE  # Word marks Asian runs by other means
        fonts.setdefault(
            int(number),
            name
            if code == 2 and name.startswith(("symbol", "wingdings"))
            else usual
            if western
            else CHARSETS.get(code, usual),
        )
    return fonts


def usual_encoding(raw):
    """The encoding that the header declares."""
    page = re.search(rb"\\ansicpg(\d+)", raw[:2000])
    if page:
        name = {b"10000": "mac_roman", b"65001": "utf-8", b"936": "gbk", b"1361": "johab"}.get(
            page.group(1), f"cp{int(page.group(1))}"
        )
        try:
            return codecs.lookup(name).name
        except LookupError:
            return "cp1252"
    header = re.search(rb"\\(mac|pca|pc)\b", raw[:100])
    return {b"mac": "mac_roman", b"pc": "cp437", b"pca": "cp850"}[header.group(1)] if header else "cp1252"


class RtfText:
    """One pass over an RTF document: groups, the encoding in force, and bytes or \\u numbers not yet written."""

    def __init__(self, raw):
        self.raw, self.usual = raw, usual_encoding(raw)
        self.fonts = rtf_fonts(raw, self.usual)
        plain = re.search(rb"\\deff(\d+)", raw[:1000])
        self.plain = self.fonts.get(int(plain.group(1)), self.usual) if plain else self.usual
        self.encoding, self.fallbacks = self.plain, 1  # \\ucN: how many characters stand in for one \\u
        self.out, self.bytes, self.units, self.skipped, self.groups = [], bytearray(), [], 0, []

    def flush(self):
        if self.units:
            self.write(b"".join(unit.to_bytes(2, "little") for unit in self.units).decode("utf-16-le", "replace"))
            self.units = []
        if self.bytes:
            if self.encoding.startswith(("symbol", "wingdings")):
                self.write(symbol_letters(self.bytes.decode("latin-1"), self.encoding))
            else:
                self.write(self.bytes.decode(self.encoding, "replace"))
            self.bytes = bytearray()

    def write(self, text):
        for piece in re.findall("[ -~]+|[\U00010000-\U0010ffff]+|[^ -~\U00010000-\U0010ffff]+", text):
            if piece[0] <= "~" and piece.isprintable():
                self.out.append(re.sub(r"([\\{}])", r"\\\1", piece).encode())
            elif piece[0] > "\uffff":  # pandoc takes such numbers modulo 65,536, and reads what stands there as UTF-8
                self.out.append(piece.encode())
            else:
                self.out.append(b"{\\uc0 " + b"".join(b"\\u%d " % ord(letter) for letter in piece) + b"}")

    def text(self, found):
        """Characters as they stand in the file; those that only stand in for a \\u before them are dropped."""
        if self.skipped:
            kept = found[self.skipped :]
            self.skipped = max(0, self.skipped - len(found))
            found = kept
        if not found:
            return
        plain = found.isascii() and not self.encoding.startswith(("symbol", "wingdings"))
        if plain and not self.bytes:
            self.flush()
            self.out.append(found)
        else:
            self.bytes += found.translate(None, b"\r\n")

    def word(self, name, number, token):
        if name == b"u" and number is not None:
            if self.bytes:
                self.flush()
            self.units.append(int(number) & 0xFFFF)
            self.skipped = self.fallbacks
            return
        self.flush()
        self.skipped = 0
        if name == b"uc":
            self.fallbacks = int(number or 1)
        elif name in (b"f", b"plain"):
            self.encoding = self.fonts.get(int(number or 0), self.usual) if name == b"f" else self.plain
            self.out.append(token)
        else:
            self.out.append(token)

    def converted(self):
        at = 0
        while match := RTF_TOKEN.match(self.raw, at):
            at = match.end()
            byte, name, number, symbol, brace, text = match.groups()
            if text is not None:
                self.text(text)
            elif byte is not None:
                if self.skipped:
                    self.skipped -= 1
                else:
                    if self.units:
                        self.flush()
                    self.bytes.append(int(byte, 16))
            elif name is not None:
                self.word(name, number, match.group())
                if name == b"bin":
                    end = at + max(0, int(number or 0))
                    self.out.append(self.raw[at:end])
                    at = end
            elif symbol is not None and symbol in b"\\{}" and (self.bytes or self.skipped):
                self.text(symbol)  # the second byte of a letter, or a stand-in
            else:
                self.flush()
                self.skipped = 0
                if brace == b"{":
                    self.groups.append((self.encoding, self.fallbacks))
                elif brace and self.groups:
                    self.encoding, self.fallbacks = self.groups.pop()
                self.out.append(match.group())
        self.flush()
        return b"".join(self.out)


def rtf_unicode(raw):
    """The document with its text as \\u escapes, unchanged when pandoc reads it right."""
    usual = usual_encoding(raw)
    foreign = {name for name in rtf_fonts(raw, usual).values() if name != "cp1252"}
    if usual == "cp1252" and not foreign and not re.search(rb"\\u-(?:10|9)\d{3}\b", raw):
        return raw
    return RtfText(raw).converted() if re.search(rb"\\'|[\x80-\xff]|\\u-?\d|\\uc", raw) else raw
