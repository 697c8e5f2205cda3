"""PDF into documents: the layout of every page is read, and checked word by word against the text of the page."""


def kept_words(text, found):
    """Which share of the words of a page its HTML has."""
    words, known = re.findall(r"\w+", text), {}
    for word in re.findall(
        r"\w+",
        html_text.unescape(re.sub(r"</?(?:p|h\d|td|tr|table|li|ul)>", " ", re.sub(r"</?(?:strong|em)>", "", found))),
    ):
        known[word] = known.get(word, 0) + 1
    kept = 0
    for word in words:
        if known.get(word, 0):
            known[word] -= 1
            kept += 1
    return kept / len(words) if words else 1.0


def parted(spans, text):
    """Give words that a span runs together the space that they have in the text of the page."""
    words = set(re.findall(r"\w+", text))
    joined = {
        one + two: f"{one} {two}"
        for line in text.split("\n")
        for one, two in zip(*([re.findall(r"\w+", line)[at:] for at in (0, 1)]))
        if one + two not in words
    }
    for span in spans:
        found = re.sub(r"\w+", lambda word: joined.get(word.group(), word.group()), span.text)
        yield span if found == span.text else Reworded(span, found)


class Reworded:
    """A span with other text."""

    def __init__(self, span, text):
        self.text, self.bbox, self.page_bbox = text, span.bbox, span.page_bbox
        self.font_size, self.is_bold, self.is_italic = span.font_size, span.is_bold, span.is_italic


def plain_html(text):
    return "".join(
        f"<p>{html_text.escape(part, quote=False)}</p>" for part in re.split(r"\n{2,}", text) if part.strip()
    )


def read_document():
    import pdf_oxide

    pdf = open_pdf()
    numbers, empty, texts, pages = chosen_pages(len(pdf)), [], {}, {}
    document = pdf_oxide.PdfDocument(str(SOURCE))
    if OPTIONS.get("password"):
        document.authenticate(OPTIONS["password"])
    for number in numbers:
        page = pdf[number]
        texts[number] = page_text(page)
        page.close()
        if not texts[number].strip():
            empty.append(number)
            continue
        try:
            spans = (span for span in document.extract_spans(number) if span.text.strip())
            pages[number] = list(parted(spans, texts[number]))
        except RuntimeError:
            pages[number] = []
    say_without_text(empty, numbers)
    body_size, heading_sizes = type_sizes(pages.values())
    out = []
    for number, spans in pages.items():
        found = "" if RIGHT_TO_LEFT_TEXT.search(texts[number]) else page_blocks(spans, body_size, heading_sizes)
        out.append(found if kept_words(texts[number], found) >= 0.9 else plain_html(texts[number]))
    title = pdf.get_metadata_dict(skip_empty=True).get("Title", "")
    return parse_html("\n".join(out))[0], title
