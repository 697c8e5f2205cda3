"""The letters of the Symbol and Wingdings fonts, whose codes mean nothing in any other font."""

SYMBOL_FONT = (
    " !∀#∃%&∋()∗+,−./0123456789:;<=>?≅ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ[∴]⊥_‾αβχδεφγηιϕκλμνοπθρστυϖωξψζ{|}∼"  # from 0x20
    + " " * 33
    + "€ϒ′≤⁄∞ƒ♣♦♥♠↔←↑→↓°±″≥×∝∂•÷≠≡≈…⏐⎯↵ℵℑℜ℘⊗⊕∅∩∪⊃⊇⊄⊂⊆∈∉∠∇®©™∏√⋅¬∧∨⇔⇐⇑⇒⇓◊〈®©™∑⎛⎜⎝⎡⎢⎣⎧⎨⎩⎪ 〉∫⌠⎮⌡⎞⎟⎠⎤⎥⎦⎫⎬⎭ "
)
WINGDINGS = dict(
    zip(
        bytes.fromhex("21222328292a2d2e36373f414243444546474849 4a4b4c4d4e52536c6d6e6f7071727374757677787b7c808182"),
        "✏✂✁☎✆✉📫📪⌛⌨✍✌👌👍👎☜☞☝☟✋☺😐☹💣☠☼💧●❍■□🗖❑❒⬧⧫◆❖⬥⌧🏵🏶⓪①②",
        strict=True,
    )
) | dict(
    zip(
        bytes.fromhex("838485868788899e9fa0a1a4a7a8abaccfd8dcdfe0e1e2e8f0f1f2fbfcfdfe"),
        "③④⑤⑥⑦⑧⑨·•▪○◉▪◻★✴↩➢➲←→↑↓➔⇨⇧⇩✗✓☒☑",
        strict=True,
    )
)

WINGDINGS_2 = {0x4F: "✗", 0x50: "✓", 0x51: "☒", 0x52: "☑", 0xA3: "☐"}


def symbol_letters(text, font):
    """Text in a symbol font (codes up to 0xFF, or at U+F000 as Word writes them) as the letters that the font shows."""
    name = font.lower()
    if not name.startswith(("symbol", "wingdings")) and not re.search("[\uf020-\uf0ff]", text):
        return text
    return "".join(_symbol_letter(ord(letter), name) for letter in text)


def _symbol_letter(code, font):
    low = code - 0xF000 if 0xF020 <= code <= 0xF0FF else code
    if not 0x20 <= low <= 0xFF or (low == code and not font.startswith(("symbol", "wingdings"))):
        return chr(code)
    if font.startswith("symbol"):
        return SYMBOL_FONT[low - 0x20]
    if font in ("", "wingdings"):
        return WINGDINGS.get(low, "•" if low > 0x7E else chr(low))
    return WINGDINGS_2.get(low, "•") if font == "wingdings 2" else "•"
