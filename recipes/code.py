"""Source code and other plain text as a coloured page: HTML, Markdown, text, RTF, LaTeX, SVG, PNG and PDF.

Every writer starts from the same lines of (style, text) pieces, and every output is read back: the text in it must be
the text of the source.
"""

import html
import re
import unicodedata
import zlib

LANGUAGES = {  # media type: Pygments' name for the lexer, Markdown's name for the fence
    "text/x-python": ("python", "python"),
    "text/x-c": ("c", "c"),
    "text/x-c++": ("cpp", "cpp"),
    "text/x-csharp": ("csharp", "csharp"),
    "text/x-java": ("java", "java"),
    "text/x-php": ("php", "php"),
    "text/x-ruby": ("ruby", "ruby"),
    "text/css": ("css", "css"),
    "text/javascript": ("javascript", "javascript"),
    "application/x-sh": ("bash", "bash"),
    "application/typescript": ("typescript", "typescript"),
    "text/x-go": ("go", "go"),
    "text/x-rust": ("rust", "rust"),
    "text/x-kotlin": ("kotlin", "kotlin"),
    "text/x-swift": ("swift", "swift"),
    "text/x-scala": ("scala", "scala"),
    "text/x-r": ("r", "r"),
    "text/x-lua": ("lua", "lua"),
    "text/x-perl": ("perl", "perl"),
    "text/x-sql": ("sql", "sql"),
    "application/xml": ("xml", "xml"),
    "application/rss+xml": ("xml", "xml"),
    "application/atom+xml": ("xml", "xml"),
    "application/json": ("json", "json"),
    "application/geo+json": ("json", "json"),
    "application/x-ndjson": ("json", "json"),
    "application/yaml": ("yaml", "yaml"),
    "application/toml": ("toml", "toml"),
    "text/html": ("html", "html"),
    "text/markdown": ("markdown", "markdown"),
    "text/x-tex": ("tex", "latex"),
}
MAX_COLOURED = 1_500_000  # characters; lexers take a second for each million
MAX_COLOURED_PIECES = 20_000  # where Typst sets them one by one
MAX_PICTURE_LINES = 4000
MAX_PICTURE_COLUMNS = 300
PAPERS = {"a4": (595.28, 841.89), "letter": (612.0, 792.0)}
MARGIN = 42.0  # points
ADVANCE = 0.6  # of the font size: the width of a letter in Courier and, within a hundredth, in DejaVu Sans Mono
LEADING = 1.3
UNPRINTABLE = r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]"


def tokens(text):
    """The text in (token, piece) pairs whose pieces join to the text again."""
    from pygments.lexers import get_lexer_by_name
    from pygments.token import Token
    from pygments.util import ClassNotFound

    name = LANGUAGES.get(SOURCE_TYPE, ("text", ""))[0]
    if name == "text" or not text:
        return [(Token.Text, text)]
    if len(text) > MAX_COLOURED:
        warn(f"the text is longer than {MAX_COLOURED} characters and was not coloured")
        return [(Token.Text, text)]
    try:
        pairs = list(get_lexer_by_name(name, stripnl=False, ensurenl=False).get_tokens(text))
    except (ClassNotFound, RecursionError):
        pairs = []
    if "".join(piece for _, piece in pairs) != text:
        warn("the text could not be read as code and was not coloured")
        return [(Token.Text, text)]
    return pairs


class Look:
    """The colours of a Pygments style, and which of its few distinct appearances each token has."""

    def __init__(self, name):
        from pygments.styles import get_style_by_name
        from pygments.token import Token

        self.style = get_style_by_name(name)
        dark = sum(rgb(self.style.background_color)) < 384
        if dark and TARGET in ("pdf", "rtf", "tex"):
            warn("a dark style needs a dark page: the default style was used")
            self.style, dark = get_style_by_name("default"), False
        self.background, self.foreground = self.style.background_color, "#f0f0f0" if dark else "#111111"
        self.known, self.kinds = {}, []
        self.plain = self.of(Token.Text)

    def of(self, token):
        """The number of the token's appearance: (colour, bold, italic, underline)."""
        if token not in self.known:
            styled = token
            while not self.style.styles_token(styled):  # some lexers have kinds of their own, within a usual one
                styled = styled.parent
            style = self.style.style_for_token(styled)
            kind = (f"#{style['color']}" if style["color"] else self.foreground, style["bold"], style["italic"], style["underline"])
            if kind not in self.kinds:
                self.kinds.append(kind)
            self.known[token] = self.kinds.index(kind)
        return self.known[token]


def lines_of(pairs, look):
    """Lines of (appearance, text) pieces; neighbours that look the same are joined. The last line is empty when the text ends in a newline."""
    lines, line = [], []
    for token, piece in pairs:
        kind = look.of(token)
        first, *rest = piece.split("\n")
        if first:
            join_piece(line, kind, first)
        for part in rest:
            lines.append(line)
            line = [(kind, part)] if part else []
    lines.append(line)
    return lines


def join_piece(line, kind, text):
    if line and (line[-1][0] == kind or text.isspace()):
        line[-1] = (line[-1][0], line[-1][1] + text)
    else:
        line.append((kind, text))


def plain(lines):
    return "\n".join("".join(text for _, text in line) for line in lines)


def shown(text):
    """Characters without a glyph, or that XML forbids, as their control pictures."""
    return re.sub(UNPRINTABLE, lambda match: chr(0x2400 + ord(match[0])) if ord(match[0]) < 32 else "\u2421" if match[0] == "\x7f" else "\ufffd", text)


def printable(lines):
    """The lines as a page shows them: no control characters; says so when there were some."""
    if all(text.isprintable() or text.replace("\t", "").isprintable() for line in lines for _, text in line):
        return lines
    cleaned = [[(kind, shown(text)) for kind, text in line] for line in lines]
    if cleaned != lines:
        warn("control characters are shown as symbols")
    return cleaned


def columns_of(text):
    """How many columns of a fixed-width font the text takes."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(letter) else 2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def untabbed(line):
    """The line with tabs as spaces up to the next stop."""
    if not any("\t" in text for _, text in line):
        return line
    at, result = 0, []
    for kind, text in line:
        parts = []
        for part in re.split(r"(\t)", text):
            shown_part = " " * (OPTIONS["tab_width"] - at % OPTIONS["tab_width"]) if part == "\t" else part
            at += columns_of(shown_part)
            parts.append(shown_part)
        result.append((kind, "".join(parts)))
    return result


def folded(line, width):
    """The line in pieces of at most width columns."""
    rows, row, at = [], [], 0
    for kind, text in line:
        while text:
            if text.isascii():
                part = text[: width - at]
            else:
                part, used = "", 0
                for letter in text:
                    used += columns_of(letter)
                    if at + used > width:
                        break
                    part += letter
            if not part and not at:
                part = text[:1]
            if part:
                row.append((kind, part))
                at += columns_of(part)
                text = text[len(part) :]
            if text:
                rows.append(row)
                row, at = [], 0
    return [*rows, row]


def numbered(lines):
    """Pairs of the line's number, as a right-aligned text or nothing, and the line."""
    width = len(str(len(lines)))
    return [(f"{number:>{width}}  " if OPTIONS["line_numbers"] else "", line) for number, line in enumerate(lines, 1)]


def rows_of(lines, width):
    """The lines folded into rows of at most width columns, each with its line's number or the space of one."""
    rows = []
    for number, line in numbered(lines):
        for at, row in enumerate(folded(line, max(10, width - len(number)))):
            rows.append((" " * len(number) if at else number, row))
    return rows


def write_txt(text, lines, look):
    OUTPUT.write_text(text, "utf-8", newline="")
    return OUTPUT.read_bytes().decode("utf-8") == text


def write_md(text, lines, look):
    fence = "`" * max(3, 1 + max(map(len, re.findall(r"`+", text)), default=0))
    body = plain(lines)
    language = LANGUAGES.get(SOURCE_TYPE, ("", ""))[1]
    end = "" if body.endswith("\n") else "\n"
    OUTPUT.write_text(f"{fence}{language}\n{body}{end}{fence}\n", "utf-8", newline="")
    return OUTPUT.read_bytes().decode("utf-8")[len(fence) + len(language) + 1 : -len(fence) - 1 - len(end)] == body


def write_html(text, lines, look):
    lines = printable(lines)
    css = [f"body{{margin:0;background:{look.background}}}", f"pre{{margin:0;padding:1rem;color:{look.foreground};font:14px/1.45 ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace;tab-size:{OPTIONS['tab_width']}}}"]
    for number, (colour, bold, italic, underline) in enumerate(look.kinds):
        rule = f"color:{colour}" + ";font-weight:bold" * bold + ";font-style:italic" * italic + ";text-decoration:underline" * underline
        css.append(f".k{number}{{{rule}}}")
    if OPTIONS["line_numbers"]:
        css.append(f"pre{{counter-reset:n}}.l::before{{counter-increment:n;content:counter(n);display:inline-block;width:{len(str(len(lines))) + 1}ch;margin-right:1ch;text-align:right;opacity:.5}}")
    rows = []
    for line in lines:
        row = "".join(html.escape(part, quote=False) if kind == look.plain else f'<span class="k{kind}">{html.escape(part, quote=False)}</span>' for kind, part in line)
        rows.append(f'<span class="l">{row}</span>' if OPTIONS["line_numbers"] else row)
    title = html.escape(f"Source code: {LANGUAGES[SOURCE_TYPE][1]}" if SOURCE_TYPE in LANGUAGES else "Text")
    page = f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<meta name="viewport" content="width=device-width">\n<title>{title}</title>\n<style>{"".join(css)}</style>\n</head>\n<body>\n<pre><code>'
    # a newline right after <pre> would be dropped by parsers; <code> stands between
    OUTPUT.write_text(page + "\n".join(rows) + "</code></pre>\n</body>\n</html>\n", "utf-8", newline="")
    made = OUTPUT.read_bytes().decode("utf-8").partition("<pre><code>")[2].rpartition("</code></pre>")[0]
    return html.unescape(re.sub(r"<[^>]*>", "", made)) == plain(lines)


def write_rtf(text, lines, look):
    """RTF 1.9: Unicode as \\uN with a question mark for old readers; the text is ASCII throughout."""

    def escaped(text):
        if text.isascii() and not re.search(r"[\\{}\t\x00-\x1f]", text):
            return text
        return "".join(
            f"\\{letter}" if letter in "\\{}" else "\\tab " if letter == "\t" else letter if letter.isascii() else unicoded(letter)
            for letter in text
        )

    lines = printable(lines)
    colours = "".join("\\red{}\\green{}\\blue{};".format(*rgb(colour)) for colour, *_ in look.kinds)
    rows = []
    for number, line in numbered(lines):
        row = f"{{\\cf0 {number}}}" if number else ""
        for kind, part in line:
            _, bold, italic, underline = look.kinds[kind]
            face = "\\b" * bold + "\\i" * italic + "\\ul" * underline
            row += f"{{\\cf{kind + 1}{face} {escaped(part)}}}"
        rows.append(row)
    head = "{\\rtf1\\ansi\\ansicpg1252\\uc1\\deff0{\\fonttbl{\\f0\\fmodern\\fprq1 DejaVu Sans Mono;}}{\\colortbl;" + colours + "}\\f0\\fs" + str(round(OPTIONS["font_size"] * 2)) + "\n"
    OUTPUT.write_text(head + "\\line\n".join(rows) + "\\par}\n", "ascii", newline="")
    made = OUTPUT.read_text("ascii")[len(head) : -len("\\par}\n")].replace("\n", "")
    made = re.sub(r"\{\\cf0 [ 0-9]*\}", "", made) if OPTIONS["line_numbers"] else made
    units = {"line": "\n", "tab": "\t"}
    parts = re.findall(r"\\u(-?\d+)\?|\\([\\{}])|\\(line|tab) ?|\\[a-z]+\d* ?|([^\\{}])", made)
    codes = b"".join((int(code) % 65536).to_bytes(2, "little") if code else (char or units.get(word, "") or letter).encode("utf-16-le") for code, char, word, letter in parts)
    return codes.decode("utf-16-le") == plain(lines)


def unicoded(letter):
    raw = letter.encode("utf-16-le")
    return "".join(f"\\u{int.from_bytes(raw[at : at + 2], 'little', signed=True)}?" for at in range(0, len(raw), 2))


def rgb(colour):
    colour = colour.lstrip("#")
    colour = "".join(digit * 2 for digit in colour) if len(colour) == 3 else colour
    return tuple(int(colour[at : at + 2], 16) for at in (0, 2, 4))


TEX = {"\\": "\\textbackslash{}", "{": "\\{", "}": "\\}", "^": "\\textasciicircum{}", "~": "\\textasciitilde{}", "#": "\\#", "$": "\\$", "%": "\\%", "&": "\\&", "_": "\\_", "'": "\\textquotesingle{}", "`": "\\textasciigrave{}", "-": "{-}", "<": "\\textless{}", ">": "\\textgreater{}", '"': "\\textquotedbl{}", " ": "~", ",": "{,}"}


def write_tex(text, lines, look):
    """A document for pdflatex, xelatex or lualatex that needs only packages every installation has."""
    lines = [untabbed(line) for line in printable(lines)]
    head = ["\\documentclass{article}", "\\usepackage{iftex}", "\\ifPDFTeX\\usepackage[T1]{fontenc}\\usepackage[utf8]{inputenc}\\else\\usepackage{fontspec}\\fi"]
    head += ["\\usepackage{textcomp,xcolor}", "\\usepackage[margin=2cm]{geometry}", "\\setlength{\\parindent}{0pt}\\raggedright"]
    for number, (colour, bold, italic, _) in enumerate(look.kinds):
        name = letters(number)
        head.append(f"\\definecolor{{k{name}}}{{RGB}}{{{','.join(map(str, rgb(colour)))}}}")
        face = ("\\bfseries " if bold else "") + ("\\itshape " if italic else "")
        head.append(f"\\newcommand{{\\k{name}}}[1]{{\\textcolor{{k{name}}}{{{face}#1}}}}")
    rows = []
    for number, line in numbered(lines):
        row = "\\textcolor{gray}{" + number.replace(" ", "~") + "}" if number else ""
        row += "".join(f"\\k{letters(kind)}{{{''.join(TEX.get(letter, letter) for letter in part)}}}" for kind, part in line)
        rows.append("\\mbox{}" + row + "\\\\")
    text_head = "\n".join(head) + "\n\\begin{document}\n\\ttfamily\\small\n"
    OUTPUT.write_text(text_head + "\n".join(rows) + "\n\\end{document}\n", "utf-8", newline="")
    made = OUTPUT.read_bytes().decode("utf-8")[len(text_head) : -len("\n\\end{document}\n")]
    made = re.sub(r"\\textcolor\{gray\}\{[~0-9]*\}", "", made)
    made = re.sub(r"\\k[a-z]+\{", "\x01", "\n".join(row[len("\\mbox{}") : -2] for row in made.split("\n")))
    for letter, command in TEX.items():
        made = made.replace(command, chr(0xF0000 + ord(letter)))  # a private code, so that no later command is found in it
    made = re.sub("[\U000f0000-\U000f007f]", lambda match: chr(ord(match[0]) - 0xF0000), made.replace("\x01", "").replace("}", ""))
    return made == plain(lines)


def letters(number):
    return chr(97 + number // 26) + chr(97 + number % 26)


def write_svg(text, lines, look):
    from lxml import etree

    size = OPTIONS["font_size"] * 4 / 3  # pixels
    rows = picture_rows([untabbed(line) for line in printable(lines)])
    columns = max((columns_of(number) + columns_of("".join(part for _, part in line)) for number, line in rows), default=0)
    width, height = columns * size * ADVANCE + 2 * size, len(rows) * size * LEADING + 2 * size
    svg = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.1f}" height="{height:.1f}" viewBox="0 0 {width:.1f} {height:.1f}">',
        f'<rect width="100%" height="100%" fill="{look.background}"/>',
        f'<g font-family="\'DejaVu Sans Mono\',Menlo,Consolas,monospace" font-size="{size:.2f}" fill="{look.kinds[look.plain][0]}" style="white-space:pre">',
    ]
    for at, (number, line) in enumerate(rows):
        spans = f'<tspan fill="#888888" class="n">{number}</tspan>' if number else ""
        for kind, part in line:
            colour, bold, italic, underline = look.kinds[kind]
            style = ' font-weight="bold"' * bold + ' font-style="italic"' * italic + ' text-decoration="underline"' * underline
            spans += html.escape(part, quote=False) if kind == look.plain else f'<tspan fill="{colour}"{style}>{html.escape(part, quote=False)}</tspan>'
        svg.append(f'<text x="{size:.2f}" y="{size * (1.9 + at * LEADING):.2f}" xml:space="preserve">{spans}</text>')
    svg.append("</g>\n</svg>\n")
    OUTPUT.write_text("\n".join(svg), "utf-8", newline="")
    root = etree.parse(str(OUTPUT), etree.XMLParser(huge_tree=True, resolve_entities=False)).getroot()
    made = ["".join(part for part in element.xpath(".//text()[not(parent::*[@class='n'])]")) for element in root.iter("{http://www.w3.org/2000/svg}text")]
    return made == ["".join(part for _, part in line) for _, line in rows]


def picture_rows(lines):
    """The rows of a picture, which has no margin to end at: only very long lines are folded."""
    if len(lines) > 1 and not lines[-1]:
        lines = lines[:-1]
    rows = rows_of(lines, MAX_PICTURE_COLUMNS)
    if len(rows) > MAX_PICTURE_LINES:
        refuse("too_large", f"a picture shows at most {MAX_PICTURE_LINES} lines; a PDF has pages")
    if len(rows) > len(lines):
        warn(f"lines longer than {MAX_PICTURE_COLUMNS} columns were folded")
    return rows


def typst_source(rows, look, page):
    """Typst for rows of pieces, each row a block of its own: the time of a block grows with the square of its length."""
    calls = []
    for number, (colour, bold, italic, underline) in enumerate(look.kinds):
        body = f'text(fill: rgb("{"#%02x%02x%02x" % rgb(colour)}")' + (', weight: "bold"' if bold else "") + (', style: "italic"' if italic else "") + ", raw(t))"
        calls.append(f"#let {letters(number)}(t) = " + (f"underline({body})" if underline else body))
    head = [page, *calls, f'#show raw: set text(font: ("DejaVu Sans Mono", "Noto Sans CJK SC", "Noto Sans", "Noto Emoji"), size: {OPTIONS["font_size"]}pt)']
    head.append(f"#set text(size: {OPTIONS['font_size']}pt, top-edge: 0.95em, bottom-edge: -0.35em)\n#set par(leading: 0pt, spacing: 0pt)\n#set block(spacing: 0pt)")
    for number, row in rows:
        pieces = [f"text(fill: luma(140), raw({quoted(number)}))"] if number else []
        pieces += [f"{letters(kind)}({quoted(part)})" for kind, part in row]
        # twice the page's width: a glyph wider than counted runs into the margin, never onto the next row
        head.append(f"#block(height: {LEADING}em{', width: 200%' if TARGET == 'pdf' else ''}, {{{';'.join(pieces)}}})")
    return "\n".join(head) + "\n"


def typeset(rows, look, page, form, **options):
    import tempfile

    import typst

    if sum(len(row) for _, row in rows) > MAX_COLOURED_PIECES:
        warn("the text is too long to be coloured in this format")
        rows = [(number, [(look.plain, "".join(part for _, part in row))]) for number, row in rows]
    with tempfile.TemporaryDirectory() as folder:
        main = Path(folder, "main.typ")
        main.write_text(typst_source(rows, look, page), "utf-8")
        return typst.compile(str(main), root=folder, font_paths=fonts(), ignore_system_fonts=True, format=form, **options)


def write_png(text, lines, look):
    from PIL import Image

    rows = picture_rows([untabbed(line) for line in printable(lines)])
    size = OPTIONS["font_size"]
    page = f'#set page(width: auto, height: auto, margin: {size}pt, fill: rgb("{"#%02x%02x%02x" % rgb(look.background)}"))'
    OUTPUT.write_bytes(typeset(rows, look, page, "png", ppi=144.0))
    with Image.open(OUTPUT) as made:
        made.load()
        tall = len(rows) * size * LEADING * 2
        return abs(made.height - tall - 4 * size) < 0.1 * tall + 20 and (not text.strip() or max(high - low for low, high in made.convert("RGB").getextrema()) > 40)


def write_pdf(text, lines, look):
    """Courier, which every reader has, where cp1252 has every character; else Typst with the fonts of the container, embedded."""
    lines = [untabbed(line) for line in printable(lines)]
    if len(lines) > 1 and not lines[-1]:
        lines = lines[:-1]
    size, (width, height) = OPTIONS["font_size"], PAPERS[OPTIONS["page_size"]]
    if OPTIONS["orientation"] == "landscape":
        width, height = height, width
    columns = int((width - 2 * MARGIN) / (size * ADVANCE))
    rows = rows_of(lines, columns)
    try:
        plain(lines).encode("cp1252")
    except UnicodeEncodeError:
        # raw text in Typst is set a touch wider than Courier: a smaller margin makes up for it
        page = f"#set page(width: {width}pt, height: {height}pt, margin: (x: {MARGIN - 6}pt, y: {MARGIN}pt))"
        OUTPUT.write_bytes(typeset(rows, look, page, "pdf", pdf_tags=False))
        return check_typeset(lines)
    pages = draw_pages(rows, look, size, width, height)
    return check_courier(pages, rows)


def draw_pages(rows, look, size, width, height):
    per_page = max(1, int((height - 2 * MARGIN) / (size * LEADING)))
    fonts_of = {(False, False): b"/F0", (True, False): b"/F1", (False, True): b"/F2", (True, True): b"/F3"}
    kinds = [(b"%b %.3f %.3f %.3f" % (fonts_of[bold, italic], *(part / 255 for part in rgb(colour)))).split(b" ") for colour, bold, italic, _ in look.kinds]
    starts = [b"%b %g Tf %b %b %b rg " % (font, size, red, green, blue) for font, red, green, blue in kinds]
    with OUTPUT.open("wb") as file:
        pdf = Pdf(file)
        names = ("Courier", "Courier-Bold", "Courier-Oblique", "Courier-BoldOblique")
        numbers = [pdf.put(b"/Type /Font /Subtype /Type1 /BaseFont /%b /Encoding /WinAnsiEncoding" % name.encode()) for name in names]
        resources = b"/Font <<%b>>" % b" ".join(b"/F%d %d 0 R" % pair for pair in enumerate(numbers))
        for at in range(0, len(rows), per_page):
            content = [b"BT %g TL %g %g Td" % (size * LEADING, MARGIN, height - MARGIN - size)]
            for number, row in rows[at : at + per_page]:
                if number:
                    content.append(b"/F0 %g Tf 0.55 g (%b) Tj" % (size, number.encode()))
                for kind, part in row:
                    content.append(starts[kind] + b"(%b) Tj" % part.encode("cp1252").replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)"))
                content.append(b"T*")
            content.append(b"ET")
            pdf.page(width, height, resources, b"\n".join(content))
        pdf.close()
    return pdf.check(-(-len(rows) // per_page))


def check_courier(pages, rows):
    """The text of the first, middle and last page, as an independent reader finds it, is the text of their rows."""
    import pypdfium2

    wanted = Counts("".join(part for _, row in rows for _, part in row))
    with pypdfium2.PdfDocument(str(OUTPUT)) as pdf:
        found = Counts("".join(pdf[number].get_textpage().get_text_bounded() for number in ({0, pages - 1} if pages > 40 else range(pages))))
        if pages > 40 or OPTIONS["line_numbers"]:
            return len(pdf) == pages and found.inside(wanted)
        return len(pdf) == pages and found.of == wanted.of


def check_typeset(lines):
    """ASCII must be there to the letter. Other scripts are extracted in other forms, and a font may lack a letter: then a warning."""
    import pypdfium2

    text = plain(lines)
    wanted, wanted_ascii = Counts(text), Counts(text.encode("ascii", "ignore").decode())
    with pypdfium2.PdfDocument(str(OUTPUT)) as pdf:
        if len(pdf) > 40:
            return True
        found = "".join(page.get_textpage().get_text_bounded() for page in pdf)
    if Counts(found).total < 0.9 * wanted.total:
        warn("some characters may have no glyph in the fonts of the container")
    return Counts(found.encode("ascii", "ignore").decode()).total >= 0.95 * wanted_ascii.total


class Counts:
    """How often each visible character occurs."""

    def __init__(self, text):
        import collections

        self.of = collections.Counter(letter for letter in text if not letter.isspace() and letter not in "\xad\u2010\ufffe\u0002-")
        self.total = sum(self.of.values())

    def inside(self, other):
        """Whether it has only characters of the other, and digits, which line numbers have."""
        return not (self.of.keys() - other.of.keys() - set("0123456789"))


WRITERS = {"txt": write_txt, "md": write_md, "html": write_html, "rtf": write_rtf, "tex": write_tex, "svg": write_svg, "png": write_png, "pdf": write_pdf}


def convert():
    text = decoded(SOURCE.read_bytes()).decode()
    if not text:
        refuse("empty", "the file is empty")
    normal = text.replace("\r\n", "\n").replace("\r", "\n")
    look = Look(OPTIONS.get("style", "default"))
    lines = lines_of(tokens(normal), look) if TARGET not in ("txt", "md") else [[(0, line)] if line else [] for line in normal.split("\n")]
    if plain(lines) != normal:
        raise RuntimeError("the pieces do not join to the text")
    if not WRITERS[TARGET](text, lines, look):
        raise RuntimeError("the text read back differs from the source")
    return {"lines": len(lines) - (not lines[-1]), "characters": len(text)}


run(convert)
