"""Which encoding bytes of text are in: byte order mark, strict UTF-8, NUL pattern, statistics where they can know, Windows-1252."""

import codecs
import math
import re
import unicodedata
from collections import Counter

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

ALPHABETS = {  # and their usual letters; of two that read a text alike the first is taken
    "cp1251": "оеаинтсрвлкмдпуяыьгі",
    "koi8_u": "оеаинтсрвлкмдпуяыьгі",
    "cp866": "оеаинтсрвлкмдпуяыьг",
    "cp1125": "оеаинтсрвлкмдпуяыьгії",
    "cp855": "оеаинтсрвлкмдпуяыьгі",
    "mac_cyrillic": "оеаинтсрвлкмдпуяыьгі",
    "iso8859_5": "оеаинтсрвлкмдпуяыьгі",
    "cp1253": "αοιετσνηυρπκμλςάόίέή",
    "iso8859_7": "αοιετσνηυρπκμλςάόίέή",
    "cp1255": "יולהאתרמבשםנפקד",
    "cp1256": "اليمنرتوبةعدسفهكقحجى",
    "iso8859_6": "اليمنرتوبةعدسفهكقحجى",
    "cp874": "านรอกเงมยลวดทส่้ตะปบิคหแพจชีขใไัุ",
}
LATIN = (  # encodings, and the letters past ASCII of languages that are written in them, the most frequent first
    (
        ("cp1252", "iso8859_15", "mac_roman", "cp850"),
        ("äüößé", "éèàêçôîùâûœïë", "óíáéñúüºª", "ãçáéíóõêúâàôº", "àèùòìé", "éëïèöáüó", "äöåéü", "øåæéòóô", "íáðéþæúýóö", "àèéóíòúçïü", "ëç", "äõüöšž"),
    ),
    (
        ("cp1250", "iso8859_2", "cp852", "mac_latin2", "iso8859_16"),
        ("íáěéžčýřšůúóťďň", "íáéčžšýúľťôňäóďŕ", "čšžćđ", "áéóöíőüúű", "łóążęśćńź", "ăîâşţșț"),
    ),
    (("cp1254", "cp857"), ("ıüşöğçâî",)),
    (("cp1257", "iso8859_13", "iso8859_4", "cp775"), ("ėšųįžąūčę", "āīēšņūļģķčž", "äõüöšž")),
)  # fmt: skip
SIGNS = "µ“”‘’„«»–—…·•°§©®€£¹²³ªº¿¡×½¼¾\xa0\xad™‚‹›´№"
MOST_WEIGHED = 8000  # bytes that tell a script
MOST_GUESSED = 24  # bytes past ASCII of which statistics can say nothing
# First bytes of the characters in daily use; of those that no neighbour has; and words' most frequent characters.
EAST_ASIAN = {
    "gb18030": ({*range(0xA1, 0xA4), *range(0xB0, 0xD8)}, (), "的一是不了在人有我他这中大来上国个到说们为子和你地出道也时年名城市地址电话公司姓号日期数量价格中文北京海广州东南西学生张王李刘陈"),
    "big5hkscs": ({*range(0xA1, 0xC7)}, (), "的一是不了在人有我他這中大來上國個到說們為子和你地出道也時年名城市地址電話公司姓號日期數量價格中文台北灣學生張王李劉陳"),
    "cp932": ({*range(0x81, 0x85), *range(0x88, 0x99)}, {0x82, 0x83}, "日本人大年東京都市県名前株式会社一二三四五月国中学生区町村"),
    "euc_jis_2004": ({0xA1, *range(0xA3, 0xA6), *range(0xB0, 0xD0)}, {0xA4, 0xA5}, "日本人大年東京都市県名前株式会社一二三四五月国中学生区町村"),
    "cp949": ({*range(0xA1, 0xA4), *range(0xB0, 0xC9)}, (), "이다는의에을고가를은지한하도로사리기어나아자서시인대일그수정부해전들스보여라상제주만오구과장있것김박서울부산전화"),
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
    if b"\x1b$" in head:  # ISO 2022 goes over to Japanese or Korean so
        for name in ("iso2022_jp_ext", "iso2022_kr"):
            if is_encoded(data, name):
                warn(f"read as {name}")
                return data.decode(name).encode()
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
    for name in [*known_script(sample), *detected(sample), latin(sample)]:
        try:
            text = data.decode(name)
        except UnicodeDecodeError:
            continue
        if name != "cp1252":
            warn(f"read as {name}, by its statistics")
            return text.encode()
    name = "latin-1" if re.search(b"[\x81\x8d\x8f\x90\x9d]", data) else "windows-1252"
    warn(f"read as {name}: it is not UTF-8")
    return data.decode("latin-1" if name == "latin-1" else "cp1252").encode()


def known_script(sample):
    """The encodings that letters of Cyrillic, Greek and East Asian scripts speak for, however few they are; best first."""
    sample = sample[:MOST_WEIGHED]
    alphabetic = {name: likeness(sample, name, letters) for name, letters in ALPHABETS.items()}
    asian = {name: usual_characters(sample, name, *shape) for name, shape in EAST_ASIAN.items()}
    letters, signs = max(alphabetic, key=alphabetic.get), max(asian, key=asian.get)
    if alphabetic[letters] > 0.8 or (alphabetic[letters] > 0.65 and asian[signs] < 0.95):
        return [letters]
    return [signs] if asian[signs] > 0.8 else []


def likeness(sample, name, common):
    """How much text reads as a language in this encoding: usual small letters, capitals only where words begin; at most 1."""
    text = sample.decode(name, "replace")
    total = count = 0
    if joined_to_latin(text):
        return 0
    for word in re.findall("[^\x00-\x7f]+", text):
        count += len(word)
        if word.isupper() and word.isalpha():
            total += sum(0.9 if letter.lower() in common else 0.2 for letter in word)
        else:
            total += sum(1 if letter in common else 0.2 for letter in word if not letter.isupper() and ord(letter) >= 0x370)
            total += 0.7 * word[0].isupper()
            total += sum(0.5 if letter in SIGNS else -1 for letter in word if ord(letter) < 0x370 or letter == "\ufffd")
    return total / count if count > 3 else 0


def joined_to_latin(text):
    """Whether words of letters past ASCII often go on in ASCII ones, as they do in Western languages."""
    words = re.findall("[A-Za-z]?[^\x00-\x7f]+[a-z]?", text)
    return sum(word[0].isascii() or word[-1].isascii() for word in words) > 0.3 * len(words)


def usual_characters(sample, name, usual, telling, common):
    """Which share of the characters is among the usual ones of an encoding's script, which its first bytes show."""
    try:
        text = codecs.getincrementaldecoder(name)().decode(sample)  # the last character may be cut
    except UnicodeDecodeError:
        return 0
    if joined_to_latin(text):
        return 0
    text = re.sub("[\x00-\x7f]", "", text)
    codes = [letter.encode(name) for letter in text]
    if len(codes) < 2:
        return 0
    share = sum(code[0] in usual and len(code) == 2 for code in codes) / len(codes)
    return share + sum(code[0] in telling for code in codes) / len(codes) + sum(letter in common for letter in text) / len(text)


def latin(sample):
    """The encoding in which letters past ASCII are those of a language and stand where words have them; Windows-1252 in doubt."""
    sample = b" " + sample[:MOST_WEIGHED] + b" "
    threes = Counter(three for three in zip(sample, sample[1:], sample[2:]) if three[1] > 127)
    likely = {}
    for names, languages in LATIN:
        family = "".join(languages)
        for rank, name in enumerate(names):
            found = [(bytes(three).decode(name, "replace"), min(count, 2)) for three, count in threes.items()]  # a word says it once
            places = [(around[1].lower(), placed(*around), count) for around, count in found]
            shown = {letter for letter, _, _ in places}
            sums = [
                sum(count * math.log(place * usual(letter, letters, family)) for letter, place, count in places)
                for letters in languages
                if name == "cp1252" or not shown.isdisjoint(letters)
            ]
            if sums:
                likely[name] = max(sums) + (3 if name == "cp1252" else -rank)
    return max(likely, key=likely.get)


def usual(letter, letters, family):
    """The share of a letter or sign in what a language has past ASCII, as a guess."""
    if letter in letters:
        return 0.3 / (letters.index(letter) + 1)
    if letter in SIGNS:
        return 0.02
    return 0.3 / (family.index(letter) + 40) if letter in family else 0.0005 if letter.isalpha() else 0.00005


def placed(before, letter, after):
    """How well a letter or sign past ASCII stands between its neighbours; at most 1."""
    if not letter.isalpha() or letter in "ªºµ":
        return 0.02 if before.isalpha() and after.isalpha() and letter != "’" else 1
    if not before.isalpha() and not after.isalpha():
        return 0.05
    fits = 0.05 if letter == "ã" and after.isalpha() and after not in "oesi" else 1  # in Portuguese
    if letter.isupper():
        fits *= 0.001 if before.islower() else 0.3
    elif before.isupper() and after.isupper():
        fits *= 0.05
    for one in (before, after):
        if one.isdigit():
            fits *= 0.1
        elif one.isalpha() and vowel(one) == vowel(letter):
            fits *= 0.3 if vowel(letter) else 0.6
    return fits


def vowel(letter):
    return unicodedata.normalize("NFD", letter.lower())[0] in "aeiouyæœøı"


def detected(sample):
    """What statistics say, asked only where they can know: in Western text letters past ASCII stand alone, elsewhere in runs."""
    high = re.findall(rb"[\x80-\xff]+", sample)
    if sum(len(run) for run in high if len(run) > 1) < max(MOST_GUESSED, 0.6 * sum(map(len, high))):
        return []
    from charset_normalizer import from_bytes

    best = from_bytes(sample, cp_isolation=sorted(DETECTABLE)).best()
    return [best.encoding] if best else []
