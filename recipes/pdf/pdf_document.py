"""PDF into documents: the layout of every page is read, and checked word by word against the text of the page."""


def kept_words(text, found):
    """Which share of the words of a page its HTML has."""
    words, known = re.findall(r"\w+", text), {}
    for word in re.findall(
        r"\w+",
        html_text.unescape(re.sub(r"</?(?:p|h\d|td|tr|table|li|ul)>", " ", re.sub(r"</?(?:strong|em|su[bp]|a|img)\b[^>]*>", "", found))),
    ):
        known[word] = known.get(word, 0) + 1
    kept = 0
    for word in words:
        if known.get(word, 0):
            known[word] -= 1
            kept += 1
    return kept / len(words) if words else 1.0


def parted(spans, text):
    """Give words that a span runs together the spaces that they have in the text of the page."""
    lines = [re.findall(r"\w+", line) for line in text.split("\n")]
    words, known = {word for line in lines for word in line}, {}

    def apart(glued):
        if glued not in known:
            known[glued] = glued if glued in words else next(filter(None, (split(glued, line) for line in lines)), glued)
        return known[glued]

    def split(glued, line):
        """The words of a line whose letters these are."""
        start, place, inside = "".join(line).find(glued), 0, []
        for word in line if start >= 0 else ():
            if start <= place and place + len(word) <= start + len(glued):
                inside.append(word)
            place += len(word)
        return " ".join(inside) if "".join(inside) == glued else ""

    for span in spans:
        found = re.sub(r"\w+", lambda word: apart(word.group()), span.text)
        yield span if found == span.text else Restyled(span, found)


def plain_html(text):
    return "".join(
        f"<p>{html_text.escape(part, quote=False)}</p>" for part in re.split(r"\n{2,}", text) if part.strip()
    )


def read_document():
    import pdf_oxide

    pdf = open_pdf()
    numbers, empty, texts, pages, pictures = chosen_pages(len(pdf)), [], {}, {}, {}
    left_over = [MAX_PICTURES, MAX_PICTURE_BYTES]
    shown = TARGET not in ("md", "txt") or OPTIONS.get("images") == "embed"
    document = pdf_oxide.PdfDocument(str(SOURCE))
    if OPTIONS.get("password"):
        document.authenticate(OPTIONS["password"])
    for number in numbers:
        page = pdf[number]
        texts[number], links = page_text(page), links_of(page)
        if not texts[number].strip():
            empty.append(number)
        pictures[number] = pictures_of(page, left_over) if shown else []
        page.close()
        if not texts[number].strip():
            pages[number] = []
            continue
        try:
            spans = [span for span in document.extract_spans(number) if span.text.strip()]
            spans = levelled(spans, lambda: document.extract_chars(number))
            pages[number] = list(linked(parted(spans, texts[number]), links))
        except RuntimeError:
            pages[number] = []
    say_without_text(empty, numbers)
    body_size, heading_sizes = type_sizes(pages.values())
    out = []
    for number, spans in pages.items():
        found = "" if RIGHT_TO_LEFT_TEXT.search(texts[number]) else page_blocks(spans, body_size, heading_sizes, pictures[number])
        if kept_words(texts[number], found) < 0.9:
            found = "".join([plain_html(texts[number]), *(markup for _, markup in pictures[number])])
        out.append(found)
    title = pdf.get_metadata_dict(skip_empty=True).get("Title", "")
    return parse_html("\n".join(out))[0], title
