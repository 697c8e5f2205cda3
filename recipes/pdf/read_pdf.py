"""Opening a PDF: the password, the pages asked for, and their text."""

import ctypes
import re

MAX_PAGES = 5000


def open_pdf():
    """The document; an owner's password alone does not hinder reading."""
    import pypdfium2
    import pypdfium2.raw as raw

    class Document(pypdfium2.PdfDocument):
        """A document whose broken pages are named."""

        def get_page(self, index):
            try:
                return super().get_page(index)
            except pypdfium2.PdfiumError:
                refuse("damaged", f"page {index + 1} of the PDF cannot be read")

        def get_page_size(self, index):
            try:
                return super().get_page_size(index)
            except pypdfium2.PdfiumError:
                refuse("damaged", f"page {index + 1} of the PDF cannot be read")

    password = OPTIONS.get("password") or None
    try:
        pdf = Document(str(SOURCE), password=password)
    except pypdfium2.PdfiumError as error:
        code = getattr(error, "err_code", None)
        if code == raw.FPDF_ERR_PASSWORD:
            refuse("encrypted", "the password is wrong" if password else "the PDF needs a password (option password)")
        if code == raw.FPDF_ERR_SECURITY:
            refuse("encrypted", "the PDF is protected in a way that cannot be read")
        refuse("damaged", f"this PDF cannot be read: {error}")
    if not len(pdf):
        refuse("empty", "the PDF has no pages")
    if len(pdf) > MAX_PAGES:
        refuse("too_large", f"the PDF has {len(pdf)} pages, more than {MAX_PAGES}")
    return pdf


def chosen_pages(count):
    """The zero-based numbers that the option ``pages`` names: all, or a list like 1-3,5,8-."""
    wanted = (OPTIONS.get("pages") or "all").strip().lower()
    if wanted == "all":
        return list(range(count))
    numbers = []
    for part in wanted.split(","):
        span = re.fullmatch(r"\s*(\d+)\s*(?:(-)\s*(\d*)\s*)?", part)
        if not span:
            refuse("unsupported", f"pages must be all, or a list like 1-3,5,8- and not {wanted[:50]!r}")
        first = int(span.group(1))
        last = int(span.group(3) or count) if span.group(2) else first
        if not 1 <= first <= last or first > count:
            refuse("unsupported", f"there is no page {part.strip()}: the document has {count}")
        numbers += range(first - 1, min(last, count))
    return list(dict.fromkeys(numbers))


def page_text(page):
    """The text of a page in reading order; words broken at line ends are joined again."""
    text = page.get_textpage().get_text_range(errors="ignore").replace("\r\n", "\n").replace("\r", "\n")
    text = re.sub("(?<=[^\\W\\d_])[\ufffe\x02](?=[^\\W\\d_])", "", text).replace("\ufffe", "-").replace("\x02", "-")
    text = re.sub("[\x00-\x08\x0b-\x1f\x7f]", "", text)
    return re.sub(r"[ \t]+\n", "\n", text).strip("\n")


def say_without_text(empty, pages):
    """Warn of pages that are pictures only; refuse when all are."""
    if empty and len(empty) == len(pages):
        refuse("empty", "no_text_layer: the pages are pictures without text; convert them to images, or use OCR")
    if empty:
        listed = ", ".join(str(number + 1) for number in empty[:10]) + (" …" if len(empty) > 10 else "")
        warn(f"no_text_layer: there is no text on {len(empty)} of {len(pages)} pages ({listed})")
