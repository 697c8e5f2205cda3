"""Rows of pieces as SVG and PNG. Every writer returns whether the output read back is what was drawn."""

import html

MAX_COLOURED_PIECES = 20_000  # where Typst sets them one by one
MAX_PICTURE_LINES = 4000
MAX_PICTURE_COLUMNS = 300


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
