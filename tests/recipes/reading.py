"""Independent readers for tests: the words of a document of any format, read by a library that did not write it."""

import io
import re
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import docx
import pypdfium2
from bs4 import BeautifulSoup
from PIL import Image

WORD = re.compile(r"\w+")
WORD_NAMESPACE = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def words(text: str) -> Counter[str]:
    """Return how often each word occurs."""
    return Counter(WORD.findall(text))


def recall(source: str, output: str) -> float:
    """Return which share of the source's words the output has."""
    expected = words(source)
    return (expected & words(output)).total() / max(1, expected.total())


def precision(source: str, output: str) -> float:
    """Return which share of the output's words the source has."""
    return recall(output, source)


def html_words(page: bytes) -> str:
    """Return the text of the body of a page, words of different elements apart."""
    body = BeautifulSoup(page, "lxml").body
    return body.get_text(" ") if body else ""


def texts(page: BeautifulSoup, selector: str) -> list[str]:
    """Return the text of every element that a CSS selector finds."""
    return [element.get_text() for element in page.select(selector)]


def source_of(page: BeautifulSoup) -> str:
    """Return where the first picture of a page comes from."""
    return str(page.select("img")[0]["src"])


def pdf_text(path: Path) -> str:
    """Return the text of all pages, by pdfium."""
    with pypdfium2.PdfDocument(path) as pdf:
        return (
            "\n".join(page.get_textpage().get_text_range() for page in pdf).replace("\u200b", "").replace("\ufffe", "")
        )


def docx_text(path: Path) -> str:
    """Return the text of the body, tables in place, by python-docx."""
    paragraphs = docx.Document(str(path)).element.body.iter(f"{{{WORD_NAMESPACE}}}p")
    tags = {f"{{{WORD_NAMESPACE}}}{name}": text for name, text in (("t", ""), ("br", "\n"), ("tab", "\t"))}
    return "\n".join("".join((node.text or "") + tags[node.tag] for node in each.iter(*tags)) for each in paragraphs)


def package_text(path: Path) -> str:
    """Return the text of every XML part of a zipped document."""
    with zipfile.ZipFile(path) as package:
        parts = [
            package.read(name)
            for name in package.namelist()
            if name.endswith(("content.xml", ".xhtml")) or "slides/slide" in name
        ]
    return "\n".join(BeautifulSoup(part, "xml").get_text(" ") for part in parts)


def text_of(path: Path) -> str:
    """Return the text of a produced file by what its name says it is."""
    kind = path.suffix[1:]
    if kind == "pdf":
        return pdf_text(path)
    if kind == "docx":
        return docx_text(path)
    if kind in ("odt", "epub", "pptx"):
        return package_text(path)
    if kind == "html":
        return html_words(path.read_bytes()).replace("\\", "")
    return path.read_text("utf-8").replace("\\", "")


@contextmanager
def tempting_server() -> Iterator[tuple[str, list[str]]]:
    """Serve on loopback whatever is asked for, and list what was: a document that is converted must ask for nothing."""
    asked: list[str] = []

    class Tempting(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Tempting)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def small_png() -> bytes:
    """Return a red picture of 40 by 20 pixels."""
    made = io.BytesIO()
    Image.new("RGB", (40, 20), "red").save(made, "PNG")
    return made.getvalue()
