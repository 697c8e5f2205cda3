"""One HTML tree as GitHub Markdown or as plain text."""

ESCAPE = "\ue000"  # becomes a backslash after the conversion, which would escape a backslash itself
MARKS = re.compile(r"<(pre|code|samp|kbd|tt|math)\b.*?</\1>|(?:^|(?<=>))[^<]*[&_`*][^<]*", re.S)


def _escape_run(match):
    """Text between two tags, with the Markdown marks that the converter leaves alone escaped; code as it is."""
    text = match.group()
    if match.group(1):
        return text
    text = re.sub(r"&lt;(?=[A-Za-z/!?])", f"{ESCAPE}&lt;", text)
    text = re.sub(
        r"(?<![A-Za-z0-9_])_+|_+(?![A-Za-z0-9_])", lambda marks: marks.group().replace("_", f"{ESCAPE}_"), text
    )
    return re.sub(r"`|\*(?=\S)|(?<=\S)\*", ESCAPE + r"\g<0>", text)


def markdown_notes(body):
    """Footnotes as GitHub writes them: [^1] at the reference, [^1]: before the note."""
    names = {}
    for item in body.xpath(".//section[contains(@class, 'footnotes')]//li[@id]"):
        names[item.get("id")] = str(len(names) + 1)
        item.tag, mark = "div", f"[^{names[item.get('id')]}]: "
        first = item[0] if len(item) and item[0].tag == "p" and not (item.text or "").strip() else item
        first.text = mark + (first.text or "").lstrip()
        for back in item.xpath(".//a[contains(@class, 'footnote-back')]"):
            back.drop_tree()
    for section in body.xpath(".//section[contains(@class, 'footnotes')]/*") if names else ():
        section.tag = "div"
    for link in body.xpath(".//a[starts-with(@href, '#')]") if names else ():
        name, parent = names.get(link.get("href")[1:]), link.getparent()
        if name and (parent.tag == "sup" or len(link) and link[0].tag == "sup"):
            link.tag, link.text = "span", f"[^{name}]"
            del link[:]
            if parent.tag == "sup":
                parent.tag = "span"


def write_md(body, title):
    """GitHub Markdown. Cells of tables keep their line breaks as <br>; spans are filled with empty cells."""
    import html_to_markdown as converter

    for image in body.iter("img") if OPTIONS.get("images") != "embed" else ():
        image.tag, image.text = "span", f"[{image.get('alt')}]" if image.get("alt") else ""
        warn("embedded pictures are shown by their alternative text (option images = embed keeps them)")
    for term in body.iter("dt"):
        strong = etree.Element("strong")
        strong.text, term.text, term.tag = term.text, None, "p"
        strong.extend(list(term))
        term.append(strong)
    markdown_notes(body)
    for formula in body.xpath(".//span[starts-with(@class, 'math')]"):
        text, mark = formula.text_content().strip(), "$$" if "display" in formula.get("class") else "$"
        tex = re.sub(r"^\\[(\[]|\\[)\]]$", "", text).strip()
        formula.tag, formula.text = "math", mark + tex.replace("\\", ESCAPE) + mark
        del formula[:]
    source = re.sub(r"</?math[^>]*>", "", MARKS.sub(_escape_run, inner_html(body)))
    options = converter.ConversionOptions(
        escape_asterisks=False,
        br_in_tables=True,
        compact_tables=True,
        extract_metadata=False,
        bullets="-",
        newline_style="backslash",
        sub_symbol="<sub>",
        sup_symbol="<sup>",
        expand_abbreviations=False,
        include_blockquote_citations=False,
        preprocessing=converter.PreprocessingOptions(enabled=False),
    )
    text = (converter.convert(source, options).content or "").replace(ESCAPE, "\\")
    if not text.strip():
        refuse("empty", "there is no text in the document")
    compare(body.text_content().replace(ESCAPE, ""), text)
    OUTPUT.write_text(text.strip() + "\n", "utf-8", "replace")
    return {"characters": len(text), "lines": text.count("\n") + 1}


def write_txt(body, title):
    """Plain text: blocks apart by an empty line, list marks kept, cells apart by tabs."""
    lines = []
    plain_lines(body, lines, "")
    text = re.sub(r"\n{3,}", "\n\n", re.sub(r"[ \t]+\n", "\n", "".join(lines))).strip("\n") + "\n"
    if not text.strip():
        refuse("empty", "there is no text in the document")
    compare(body.text_content(), text)
    OUTPUT.write_text(text, "utf-8", "replace")
    return {"characters": len(text), "lines": text.count("\n")}


def plain_lines(element, out, indent):
    tag = element.tag
    if tag == "pre":
        out.append("\n\n" + element.text_content().strip("\n") + "\n\n")
        return
    if "footnote-backref" in (element.get("class") or ""):
        return
    if tag == "sup" and "footnote" in (element.get("class") or ""):
        out.append(f"[{element.text_content()}]")
        return
    if tag == "br":
        out.append("\n" + indent)
    elif tag == "hr":
        out.append("\n\n" + "-" * 40 + "\n\n")
    elif tag == "tr":
        out.append("\n" + "\t".join(cell_words(cell) for cell in element if cell.tag in ("td", "th")))
        return
    elif tag == "img":
        out.append(f"[{element.get('alt')}]" if element.get("alt") else "")
    elif tag == "input" and element.get("type") == "checkbox":
        out.append("[x] " if element.get("checked") is not None else "[ ] ")
    elif tag == "ol":
        start = element.get("start") or "1"
        for number, item in enumerate(element.iterchildren("li"), int(start) if start.isdecimal() else 1):
            item.set("value", str(number))
    block = tag in BLOCKS
    if tag == "li":
        parent = element.getparent()
        mark = f"{element.get('data-mark') or element.get('value') + '.'} " if parent.tag == "ol" else "- "
        out.append(f"\n{indent}{mark}")
        indent += " " * len(mark)
    elif block and tag not in ("tbody", "thead", "tfoot"):
        first_of_item = (
            tag == "p"
            and element.getparent() is not None
            and element.getparent().tag == "li"
            and element.getprevious() is None
        )
        out.append("" if first_of_item or (tag in ("ul", "ol") and indent) else "\n\n" + indent)
    fresh = not out or out[-1][-1:] in ("\n", " ", "")
    for text, child in [(element.text, None)] + [(child.tail, child) for child in element]:
        if child is not None:
            plain_lines(child, out, indent)
            fresh = out[-1][-1:] in ("\n", " ", "") if out else True
        if text:
            text = re.sub(r"[ \t\r\n\f]+", " ", text)
            out.append(text.lstrip(" ") if fresh or (out and out[-1].endswith(("\n", "\n" + indent))) else text)
            fresh = False
    if block and tag != "li":
        out.append("\n\n" if tag not in ("tbody", "thead", "tfoot") and not indent else "")
