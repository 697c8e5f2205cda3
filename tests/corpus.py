"""The foreign files that tests convert (RECAST_CORPUS, else beside the checkout): where they are, and what their list says of each."""

import os
from pathlib import Path

import pytest
from msgspec import Struct

CORPUS = Path(os.environ.get("RECAST_CORPUS", Path(__file__).parents[2] / "shared" / "corpus"))
needs_corpus = pytest.mark.skipif(not (CORPUS / "corpus.tsv").is_file(), reason="the foreign files are not here")


class Foreign(Struct, frozen=True):
    """A file of the corpus, the media type that a good sniffer reports (None: none), and what is special about it."""

    path: Path
    media_type: str | None
    special: str


def foreign_files() -> list[Foreign]:
    """Return the files of the list, in its order; none where there is no corpus."""
    if not (CORPUS / "corpus.tsv").is_file():
        return []
    lines = (CORPUS / "corpus.tsv").read_text(encoding="utf-8").splitlines()[1:]
    rows = [line.split("\t") for line in lines]
    return [Foreign(CORPUS / row[0], None if row[3] == "-" else row[3], row[4]) for row in rows]
