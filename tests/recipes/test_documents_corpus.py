"""Foreign documents: every one becomes every format, or is refused for a reason; and the words are compared."""

import re
from pathlib import Path

import httpx
import pytest

from tests.corpus import CORPUS, needs_corpus
from tests.recipes.converting import run
from tests.recipes.reading import recall, text_of

pytestmark = [pytest.mark.corpus, pytest.mark.slow, needs_corpus]
TARGETS = {
    "docx": ["html", "md", "txt", "pdf", "odt", "rtf", "epub", "tex"],
    "doc": ["html", "md", "txt", "pdf", "docx", "odt"],
    "odt": ["html", "md", "txt", "pdf", "docx", "rtf"],
    "rtf": ["html", "md", "txt", "pdf", "docx", "odt"],
    "epub": ["html", "md", "txt", "pdf", "docx"],
    "tex": ["html", "md", "txt", "pdf", "docx"],
    "html": ["md", "txt", "pdf", "docx", "odt", "epub"],
    "md": ["html", "txt", "pdf", "docx", "odt", "pptx"],
    "pdf": ["txt", "json", "md", "html", "docx", "png", "tiff", "zip"],
    "pptx": ["html", "md", "txt", "json", "docx", "pdf", "png"],
    "ipynb": ["html", "md", "txt", "pdf", "docx", "py"],
    "eml": ["html", "md", "txt", "json", "pdf", "docx"],
}
FILES = sorted(each for each in CORPUS.glob("*") if each.suffix[1:] in TARGETS)


@pytest.mark.parametrize("source", FILES, ids=lambda path: path.name)
def test_a_foreign_document_becomes_every_format(client: httpx.Client, tmp_path: Path, source: Path) -> None:
    """Each target is written or refused with a code; texts in different formats agree."""
    named = source.suffix[1:]
    texts = {}
    for target in TARGETS[named]:
        done = run(client, tmp_path, source, named, target)
        assert done.refused in (None, "encrypted", "empty", "damaged", "too_large", "unsupported")
        if done.refused is None and target in ("html", "txt", "pdf", "docx", "md"):
            texts[target] = text_of(done.output)
    if "txt" in texts:  # formulas are LaTeX there, and drawn elsewhere
        texts["txt"] = (
            re.sub(r"[(\[][^()\[\]]*[_^{}=][^\n]*[)\]]", " ", texts["txt"])
            if named in ("docx", "tex")
            else texts["txt"]
        )
    for target, text in texts.items():
        if "txt" in texts and target != "txt":
            share = {"tex": 0.9, "pdf": 0.95}.get(
                named, 0.98
            )  # formulas are written differently; broken words are joined
            assert recall(texts["txt"], text) >= share, target
