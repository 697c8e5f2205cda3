"""A Jupyter notebook (nbformat 3 and 4) as HTML: Markdown, code, and the richest output that needs no script."""

PLAIN_IMAGES = ("image/png", "image/jpeg", "image/gif", "image/webp")
ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def joined(value):
    return "".join(map(str, value)) if isinstance(value, list) else str(value or "")


def with_line_ends(value):
    """A part of an old notebook (nbformat 2 and 3), where the lines of a text may have lost their ends, with them."""
    if isinstance(value, dict):
        return {name: with_line_ends(inner) for name, inner in value.items()}
    if not isinstance(value, list):
        return value
    if len(value) > 1 and all(isinstance(line, str) and not line.endswith("\n") for line in value[:-1]):
        return "\n".join(map(str, value))
    return [with_line_ends(inner) for inner in value]


def notebook():
    """The notebook as plain data, its cells in a list."""
    text = decoded(SOURCE.read_bytes()).decode()
    try:
        found = json.loads(text)
    except ValueError as error:
        refuse("damaged", f"this is not a notebook: {error}")
    except RecursionError:
        refuse("too_large", "the notebook is nested too deep")
    if not isinstance(found, dict):
        refuse("damaged", "this is not a notebook: no object at its top")
    cells = found.get("cells")
    if cells is None and isinstance(found.get("worksheets"), list):
        cells = [cell for sheet in found["worksheets"] if isinstance(sheet, dict) for cell in sheet.get("cells", [])]
    if not isinstance(cells, list):
        refuse("damaged", "this is not a notebook: it has no cells")
    cells = [cell for cell in cells if isinstance(cell, dict)]
    found["cells"] = cells if found.get("nbformat", 4) == 4 else [with_line_ends(cell) for cell in cells]
    if not found["cells"]:
        refuse("empty", "the notebook has no cells")
    return found


def language(found):
    metadata = found.get("metadata") if isinstance(found.get("metadata"), dict) else {}
    spec, info = (
        metadata.get(name) if isinstance(metadata.get(name), dict) else {} for name in ("kernelspec", "language_info")
    )
    return str(info.get("name") or spec.get("language") or "python").lower()


def source_of(cell):
    return joined(cell.get("source", cell.get("input", "")))


def output_html(output):
    """One output: HTML tables and pictures before text; scripts never."""
    kind = output.get("output_type")
    if kind == "stream":
        return f"<pre>{html_text.escape(ANSI.sub('', joined(output.get('text'))), quote=False)}</pre>"
    if kind in ("error", "pyerr"):
        trace = "\n".join(map(str, output.get("traceback") or [])) or f"{output.get('ename')}: {output.get('evalue')}"
        return f"<pre>{html_text.escape(ANSI.sub('', trace), quote=False)}</pre>"
    content = (
        output.get("data")
        if isinstance(output.get("data"), dict)
        else {f"image/{name}": output[name] for name in ("png", "jpeg") if name in output}
        | {
            mime: output[name]
            for name, mime in (("html", "text/html"), ("text", "text/plain"), ("latex", "text/latex"))
            if name in output
        }
    )
    for mime in PLAIN_IMAGES:
        if mime in content:
            picture = re.sub(r"\s+", "", joined(content[mime]))
            return f'<p><img src="data:{mime};base64,{html_text.escape(picture)}" alt="{html_text.escape(joined(content.get("text/plain"))[:200])}"></p>'
    if "image/svg+xml" in content:
        drawing = base64.b64encode(joined(content["image/svg+xml"]).encode()).decode()
        return f'<p><img src="data:image/svg+xml;base64,{drawing}" alt="{html_text.escape(joined(content.get("text/plain"))[:200])}"></p>'
    if "text/html" in content and "<script" not in joined(content["text/html"]):
        return f"<div>{joined(content['text/html'])}</div>"
    if "text/markdown" in content:
        return markdown_html(joined(content["text/markdown"]))
    if "text/latex" in content:
        return f'<p><span class="math display">\\[{html_text.escape(joined(content["text/latex"]).strip("$ "), quote=False)}\\]</span></p>'
    if "text/plain" in content:
        return f"<pre>{html_text.escape(ANSI.sub('', joined(content['text/plain'])), quote=False)}</pre>"
    if content:
        warn("outputs that need a script to be seen were left out")
    return ""


def attached(cell, markup):
    """Pictures attached to a Markdown cell in place of their references."""
    for name, forms in (cell.get("attachments") or {}).items():
        for mime, picture in forms.items() if isinstance(forms, dict) else ():
            markup = markup.replace(f"attachment:{name}", f"data:{mime};base64,{joined(picture)}")
    return markup


def notebook_html(found):
    name, out = language(found), []
    for cell in found["cells"]:
        source, kind = source_of(cell), cell.get("cell_type")
        if kind in ("markdown", "heading"):
            markup = "#" * int(cell.get("level", 1)) + " " + source if kind == "heading" else source
            out.append(markdown_html(attached(cell, markup)))
        elif kind == "code":
            if source.strip() and OPTIONS.get("code", True):
                out.append(
                    f'<pre><code class="language-{html_text.escape(name)}">{html_text.escape(source, quote=False)}</code></pre>'
                )
            outputs = cell.get("outputs") if isinstance(cell.get("outputs"), list) else []
            out += (
                [output_html(output) for output in outputs if isinstance(output, dict)]
                if OPTIONS.get("outputs", True)
                else []
            )
        elif source.strip():
            out.append(f"<pre>{html_text.escape(source, quote=False)}</pre>")
    return "\n".join(out)


def read_document():
    found = notebook()
    page = notebook_html(found)
    if not page.strip():
        refuse("empty", "the notebook has no content")
    body, _ = parse_html(page)
    heading = body.find(".//h1")
    return body, " ".join(heading.text_content().split()) if heading is not None else ""
