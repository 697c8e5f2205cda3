"""Source code and other plain text as a coloured page: HTML, Markdown, text, RTF, LaTeX, SVG, PNG and PDF.

Every writer starts from the same lines of (style, text) pieces, and every output is read back: the text in it must be
the text of the source.
"""

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
