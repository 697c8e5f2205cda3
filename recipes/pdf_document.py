"""PDF into documents: headings, paragraphs and tables as pdf_oxide sees them, checked page by page against the text itself."""

import html as html_text


def page_html(document, number, text):
    """The HTML of a page; plain paragraphs when the structured reading lost or made up words."""
    words = re.findall(r"\w+", text)
    try:
        found = document.to_html(number, include_images=False)
    except RuntimeError:
        found = ""
    known = {}
    for word in re.findall(r"\w+", html_text.unescape(re.sub(r"<[^>]+>", " ", found))):
        known[word] = known.get(word, 0) + 1
    kept = 0
    for word in words:
        if known.get(word, 0):
            known[word] -= 1
            kept += 1
    if kept >= 0.9 * len(words):
        return found
    return "".join(f"<p>{html_text.escape(part, quote=False)}</p>" for part in re.split(r"\n{2,}", text) if part.strip())


def read_document():
    import pdf_oxide

    pdf = open_pdf()
    numbers, empty, pages = chosen_pages(len(pdf)), [], []
    document = pdf_oxide.PdfDocument(str(SOURCE))
    if OPTIONS.get("password"):
        document.authenticate(OPTIONS["password"])
    for number in numbers:
        page = pdf[number]
        text = page_text(page)
        page.close()
        if text.strip():
            pages.append(page_html(document, number, text))
        else:
            empty.append(number)
    say_without_text(empty, numbers)
    title = pdf.get_metadata_dict(skip_empty=True).get("Title", "")
    return parse_html("\n".join(pages))[0], title
