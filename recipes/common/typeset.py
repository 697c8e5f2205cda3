"""A Typst source into a PDF or pictures: page set-up, fonts of the environment, the compiler, the check of what it made."""

SIZES_MM = {"a3": (297, 420), "a4": (210, 297), "a5": (148, 210), "letter": (215.9, 279.4), "legal": (215.9, 355.6)}
FAMILIES = ("Noto Sans", "Noto Sans CJK SC", "Noto Sans Symbols", "Noto Emoji")
NATIVE_PICTURES = {"PNG": "png", "JPEG": "jpg", "GIF": "gif", "WEBP": "webp"}
RIGHT_TO_LEFT = {"ar", "he", "fa", "ur", "yi", "ps", "sd", "ug", "dv"}


def quoted(text):
    """A Typst string literal; the only way text of a document enters a Typst source."""
    text = re.sub(r"[\x00-\x08\x0b-\x1f\x7f\ufffe\uffff\ud800-\udfff]", "", text)
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def paper_mm(own=""):
    """Width and height of the paper: as asked for, or the document's ``own``, whose first numbers they are, in points."""
    size, orientation = OPTIONS.get("page_size", "a4"), OPTIONS.get("orientation", "portrait")
    if size == "auto" and own:
        width, height = (min(max(float(side) * 25.4 / 72, 60), 2000) for side in own.split()[:2])
    else:
        width, height = SIZES_MM["a4" if size == "auto" else size]
        if own and orientation == "auto":
            orientation = "landscape" if float(own.split()[0]) > float(own.split()[1]) else "portrait"
    turned = (orientation == "landscape" and width < height) or (orientation == "portrait" and size == "auto" and width > height)
    return (height, width) if turned else (width, height)


def margins_mm(own=""):
    """Margins of the page from the top clockwise: as asked for, or the document's own where the option is -1 and it has some."""
    (width, height), asked = paper_mm(own), OPTIONS.get("margin", 20)
    found = [float(side) * 25.4 / 72 for side in own.split()[2:6]]
    if asked < 0 and found and width - found[1] - found[3] >= 40 and height - found[0] - found[2] >= 40:
        return found
    return [min(20 if asked < 0 else asked, min(width, height) / 2 - 20)] * 4


def text_area_points(own=""):
    """Width and height of the text area in points."""
    (width, height), (top, right, bottom, left) = paper_mm(own), margins_mm(own)
    return (width - left - right) * 72 / 25.4, (height - top - bottom) * 72 / 25.4


def page_size(own=""):
    """What of Typst's page settings the paper decides."""
    (width, height), margins = paper_mm(own), margins_mm(own)
    sides = ", ".join(f"{side}: {margin:g}mm" for side, margin in zip(("top", "right", "bottom", "left"), margins))
    return f"width: {width:g}mm, height: {height:g}mm, margin: ({sides})"


def usual_text(looks):
    """Size in points and families of the text: ``looks`` is what the document says, beginning like "11 serif"."""
    size, kind = (looks.split() + ["", ""])[:2]
    families = ("Libertinus Serif", *FAMILIES) if kind == "serif" else FAMILIES
    return min(max(float(size) * (1 if kind == "serif" else 0.93), 7), 20) if size else 10.5, families  # Noto Sans runs wide


def page_setup(title, language="", direction="", paper="", looks=""):
    language = re.match(r"[a-z]{2,3}(?=-|$)|", (language or "").lower()).group()
    region = {"ja": "JP", "ko": "KR"}.get(language)
    size, families = usual_text(looks)
    families = [f"Noto Sans CJK {region}" if region and "CJK" in name else name for name in families]
    right = direction == "rtl" or (direction != "ltr" and language in RIGHT_TO_LEFT)
    return "\n".join(
        [
            f"#set document(title: {quoted(title[:300])}, date: none)",
            f"#set page({page_size(paper)})",
            f"#set text(font: ({', '.join(map(quoted, families))}), size: {size:g}pt, hyphenate: false"
            + (f", lang: {quoted(language)}" if language else "")
            + (", dir: rtl" if right else "")
            + ")",
            "#set par(leading: 0.62em, spacing: 0.95em)",
            "#show heading: set block(above: 1.3em, below: 0.7em)",
            "#show heading.where(level: 1): set text(size: 1.25em)",
            f"#let mono = text.with(font: ({', '.join(map(quoted, ('DejaVu Sans Mono', *families)))}), size: 0.88em)",
            f"#show raw: set text(font: ({', '.join(map(quoted, ('DejaVu Sans Mono', *families)))}), size: 1.1em)",
            '#show link: set text(fill: rgb("#0b4f9e"))',
            "#set table(stroke: 0.5pt + luma(150), inset: 4pt)",
            "#set sub(typographic: false)",  # smaller letters, that a reader of the PDF can tell
            "#set super(typographic: false)",
            "#set list(indent: 0.6em)",
            "#set enum(indent: 0.6em, full: false)",
            "#show quote.where(block: true): it => pad(left: 1em, rest: 0em, it.body)",
            "",
        ]
    )


def fonts():
    """The fonts of the environment; the process this one was forked from may have read them already."""
    import typst

    if not hasattr(typst, "environment_fonts"):
        import manimgx_fonts
        import manimgx_fonts_cjk

        folders = [os.path.dirname(module.__file__) for module in (manimgx_fonts, manimgx_fonts_cjk)]
        typst.environment_fonts = typst.Fonts(
            include_system_fonts=False, include_embedded_fonts=True, font_paths=folders
        )
    return typst.environment_fonts


def stored_picture(raw, folder, stem):
    """Write a picture where the source will name it, as PNG where Typst does not read its format; return name, width and height in pixels.

    ValueError or OSError for what is damaged or too large.
    """
    import io

    from PIL import Image

    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    try:
        image = Image.open(io.BytesIO(raw))
        if image.width * image.height > MAX_PIXELS // 4:
            raise ValueError("too many pixels")
        if image.format in NATIVE_PICTURES and image.mode != "CMYK":
            name = f"{stem}.{NATIVE_PICTURES[image.format]}"
            Path(folder, name).write_bytes(raw)
        else:
            name = f"{stem}.png"
            transparent = "A" in image.getbands() or "transparency" in image.info
            image.convert("RGBA" if transparent else "RGB").save(Path(folder, name), compress_level=1)
    except (Image.DecompressionBombError, SyntaxError) as error:
        raise ValueError("damaged") from error
    return name, image.width, image.height


def compile_pdf(source, root, output=None, tags=True):
    """Typeset ``source``; pictures are read from the folder ``root``, nothing else is reachable. Tags make a big PDF huge."""
    import typst

    main = Path(root, "main.typ")
    main.write_text(source, "utf-8")
    typst.compile(
        str(main),
        output=str(output or OUTPUT),
        root=str(root),
        font_paths=fonts(),
        ignore_system_fonts=True,
        format="pdf",
        pdf_tags=tags and len(source) < 2_000_000,
    )


def check_pdf(path, letters):
    """Open the PDF again: how many pages it has, and that text is on them when the source had any."""
    import pypdfium2

    with pypdfium2.PdfDocument(str(path)) as pdf:
        pages, found = len(pdf), 0
        for number in sorted({0, pages // 2, pages - 1}):
            found += pdf[number].get_textpage().count_chars()
    if not pages or (letters > 20 and not found):
        raise RuntimeError(f"the PDF has {pages} pages and {found} characters on those looked at")
    return pages
