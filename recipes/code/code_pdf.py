"""Rows of pieces as pages of a PDF: Courier, which every reader has, or Typst with embedded fonts; then read back."""

import collections

PAPERS = {"a4": (595.28, 841.89), "letter": (612.0, 792.0)}
MARGIN = 42.0  # points


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
        self.of = collections.Counter(letter for letter in text if not letter.isspace() and letter not in "\xad\u2010\ufffe\u0002-")
        self.total = sum(self.of.values())

    def inside(self, other):
        """Whether it has only characters of the other, and digits, which line numbers have."""
        return not (self.of.keys() - other.of.keys() - set("0123456789"))
