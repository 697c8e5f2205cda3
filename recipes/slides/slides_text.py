"""A presentation as a document: a heading for each slide, lists, tables, data of charts, pictures, notes; or as JSON."""

import base64

PICTURES = {"image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp", "image/svg+xml"}


def escaped(text):
    return html_text.escape(text, quote=False).replace("\v", "<br>")


def table_html(rows):
    head, *rest = [["<br>".join(escaped(line) for line in str(cell).split("\n")) for cell in row] for row in rows]
    return (
        "<table><thead><tr>"
        + "".join(f"<th>{cell}</th>" for cell in head)
        + "</tr></thead><tbody>"
        + "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rest)
        + "</tbody></table>"
    )


def run_html(paragraph, part):
    """The runs of an a:p with bold, italic and links."""
    out = []
    for child in paragraph:
        name = child.tag.rpartition("}")[2] if isinstance(child.tag, str) else ""
        text = escaped(child.findtext(f"{DRAWING}t") or "") if name in ("r", "fld") else ""
        if name == "br":
            text = "<br>"
        elif name in ("AlternateContent", "m"):
            math = next(child.iter(f"{MATH}oMath"), None)
            text = rf'<span class="math inline">\({escaped(tex_of(math).strip())}\)</span>' if math is not None else ""
        properties = child.find(f"{DRAWING}rPr") if text else None
        if properties is not None and text.strip():
            for attribute, tag in (("b", "strong"), ("i", "em")):
                if properties.get(attribute) in ("1", "true"):
                    text = f"<{tag}>{text}</{tag}>"
            link = properties.find(f"{DRAWING}hlinkClick")
            relation = (
                link.get("{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id")
                if link is not None
                else None
            )
            if relation and relation in part.rels and part.rels[relation].is_external:
                text = f'<a href="{html_text.escape(part.rels[relation].target_ref)}">{text}</a>'
        out.append(text)
    joined = "".join(out)
    for tag in ("strong", "em"):
        joined = joined.replace(f"</{tag}><{tag}>", "")
    return joined


def text_html(shape):
    """Paragraphs; those of a body placeholder, or with a bullet of their own, as a list by level."""
    out, depth, paragraphs = [], 0, [p for p in shape._element.iter(f"{DRAWING}p") if words(p).strip()]
    body = (
        shape.is_placeholder
        and str(shape.placeholder_format.type).startswith(("BODY", "OBJECT", "VERTICAL_BODY"))
        and len(paragraphs) > 1
    )
    for paragraph in paragraphs:
        properties = paragraph.find(f"{DRAWING}pPr")
        level = int(properties.get("lvl", "0")) if properties is not None else 0
        bullet = properties is not None and any(
            properties.find(f"{DRAWING}{name}") is not None for name in ("buChar", "buAutoNum")
        )
        plain = properties is not None and properties.find(f"{DRAWING}buNone") is not None
        wanted = min(level, 8) + 1 if (body or bullet or level) and not plain else 0
        while depth > wanted:
            out.append("</li></ul>")
            depth -= 1
        if depth == wanted and depth:
            out.append("</li>")
        while depth < wanted:
            out.append("<ul>" if depth == 0 or out[-1] != "<ul>" else "<li><ul>")
            depth += 1
        text = run_html(paragraph, shape.part)
        out.append(f"<li>{text}" if wanted else f"<p>{text}</p>")
    out.append("</li></ul>" * depth)
    return "".join(out)


def shape_html(shape):
    """(kind, content, HTML) of one shape; empty HTML when it says nothing."""
    if getattr(shape, "has_table", False) and shape.has_table:
        rows = [
            ["" if cell.is_spanned else cell.text_frame.text.replace("\v", "\n") for cell in row.cells]
            for row in shape.table.rows
        ]
        return "table", rows, table_html(rows) if rows and any(map(any, rows)) else ""
    if getattr(shape, "has_chart", False) and shape.has_chart:
        chart = chart_of(shape)
        rows, title = chart.rows(), chart.title
        warn("charts are given as the table of their data")
        return "table", rows, (f"<p><strong>{escaped(title)}</strong></p>" if title else "") + table_html(rows)
    if getattr(shape, "has_text_frame", False) and shape.has_text_frame:
        return (
            "text",
            [words(p).replace("\v", "\n") for p in shape._element.iter(f"{DRAWING}p") if words(p).strip()],
            text_html(shape),
        )
    described = next(
        (item for item in shape._element.iter() if isinstance(item.tag, str) and item.tag.endswith("}cNvPr")), None
    )
    alt = (described.get("descr") or "") if described is not None else ""
    if hasattr(shape, "image"):
        image = shape.image
        blob, kind = image.blob, image.content_type
        if kind in METAFILES and TARGET not in ("json", "txt"):
            found = metafile_picture(blob)
            if found is None:
                warn(NOT_DRAWN)
            blob, kind = (found[0], f"image/{found[1]}") if found else (None, "")
            alt = alt or (found[2] if found else "")
        if (
            TARGET == "json"
            or (TARGET == "md" and OPTIONS.get("images") != "embed")
            or TARGET == "txt"
            or blob is None
            or kind not in PICTURES
        ):
            return "picture", [alt], f"<p>[{escaped(alt)}]</p>" if alt else ""
        data = base64.b64encode(blob).decode()
        width = f' width="{shape.width // 9525}"' if shape.width else ""
        return (
            "picture",
            [alt],
            f'<p><img src="data:{kind};base64,{data}" alt="{html_text.escape(alt)}"{width}></p>',
        )
    lines = diagram_words(shape)
    return "text", lines, "<ul>" + "".join(f"<li>{escaped(line)}</li>" for line in lines) + "</ul>" if lines else ""


def read_slides():
    """Yield a record for each slide: number, title, notes, contents as (kind, content, HTML)."""
    deck = open_slides()
    for number, slide in slides_of(deck):
        title, contents = "", []
        for shape, _ in shapes_of(slide):
            try:
                if is_furniture(shape):
                    continue
                if is_title(shape) and not title:
                    title = " ".join(shape.text_frame.text.split())
                    continue
                found = shape_html(shape)
            except SHAPE_FAULTS:
                warn("shapes that are malformed were left out")
                continue
            if found[1]:
                contents.append(found)
        yield {
            "number": number,
            "title": title,
            "notes": notes_of(slide) if OPTIONS.get("notes", True) else "",
            "contents": contents,
        }


def read_document():
    out, title = [], ""
    for slide in read_slides():
        title = title or slide["title"]
        out.append(
            f'<section><h2 id="slide-{slide["number"]}">{escaped(slide["title"]) or "Slide " + str(slide["number"])}</h2>'
        )
        out += [markup for _, _, markup in slide["contents"]]
        if slide["notes"]:
            out.append(
                "<blockquote>"
                + "".join(
                    f"<p>{escaped(line)}</p>" for line in slide["notes"].replace("\v", "\n").split("\n") if line.strip()
                )
                + "</blockquote>"
            )
        out.append("</section>")
    return parse_html("\n".join(out))[0], title


def write_json(body, title):
    slides = [
        {
            "slide": slide["number"],
            "title": slide["title"],
            "texts": [line for kind, lines, _ in slide["contents"] if kind == "text" for line in lines],
            "tables": [rows for kind, rows, _ in slide["contents"] if kind == "table"],
            "pictures": [lines[0] for kind, lines, _ in slide["contents"] if kind == "picture"],
            "notes": slide["notes"],
        }
        for slide in read_slides()
    ]
    OUTPUT.write_text(json.dumps({"title": title, "slides": slides}, ensure_ascii=False, indent=1), "utf-8", "replace")
    json.loads(OUTPUT.read_text("utf-8"))
    return {"slides": len(slides)}
