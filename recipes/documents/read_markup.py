"""Markdown (GitHub's), HTML and plain text as one HTML tree."""


def markdown_html(text):
    import comrak

    extensions, parsing, rendering = comrak.ExtensionOptions(), comrak.ParseOptions(), comrak.RenderOptions()
    for name in ("strikethrough", "table", "autolink", "tasklist", "footnotes", "tagfilter", "alerts"):
        setattr(extensions, name, True)
    extensions.header_id_prefix = ""
    extensions.math_dollars = True
    extensions.front_matter_delimiter = "---"
    rendering.unsafe_ = True  # raw HTML of the document stays: what runs code is filtered by tag and by clean()
    rendered = comrak.render_markdown(text, extensions, parsing, rendering)
    rendered = re.sub(r'<span data-math-style="(\w+)">(.*?)</span>', math_span, rendered, flags=re.S)
    return re.sub(r'<a href="#[^"]*" aria-label=[^>]*class="anchor"></a>', "", rendered)


def math_span(match):
    """A formula as the other readers mark it; Markdown's dollars may also have been money, which has digits only."""
    display, tex = match.group(1) == "display", match.group(2)
    opened, closed = (r"\[", r"\]") if display else (r"\(", r"\)")
    return f'<span class="math {"display" if display else "inline"}">{opened}{tex}{closed}</span>'


def text_html(text):
    """Paragraphs where empty lines are, line breaks where lines end."""
    paragraphs = re.split(r"\n[ \t]*\n", text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n\n"))
    return "\n".join(
        "<p>" + html_text.escape(part.strip("\n"), quote=False).replace("\n", "<br>\n") + "</p>"
        for part in paragraphs
        if part.strip()
    )


def declared_text(raw):
    """HTML in the encoding it declares, when its bytes agree; Latin-1 means Windows-1252 there, as in a browser."""
    declared = re.search(rb"<(?:meta[^>]+charset|\?xml[^>]+encoding)\s*=\s*[\"']?\s*([\w.:-]+)", raw[:4096], re.I)
    name = declared.group(1).decode().lower() if declared else ""
    if name and not raw.startswith(tuple(mark for mark, _ in BOMS)):
        try:
            return raw.decode("cp1252" if name in ("iso-8859-1", "latin1", "ascii", "us-ascii") else name)
        except (LookupError, UnicodeError):
            pass
    return decoded(raw).decode()


def read_html_source():
    raw = SOURCE.read_bytes()
    if SOURCE_TYPE == "text/html":
        return declared_text(raw)
    text = decoded(raw).decode()
    if not text.strip():
        refuse("empty", "the document has no content")
    return markdown_html(text) if SOURCE_TYPE == "text/markdown" else text_html(text)


def read_document():
    """Return (body, title)."""
    text = read_html_source()
    body, title = parse_html(text)
    if "math" in text:
        formulas_to_tex(body)
    heading = body.find(".//h1")
    return body, title or (" ".join(heading.text_content().split()) if heading is not None else "")
