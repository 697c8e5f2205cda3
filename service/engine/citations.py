"""Which files of a container a text names, and where: pure functions from text to ``container_file_citation``s.

Rule (wire-contract §6.3): a citation covers exactly the target of a Markdown link, ``[start, end)`` in Unicode characters.
"""

import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote, unquote

from service.engine.items import ContainerFileCitation
from service.engine.wire import ContainerFile

DIRECTORY = "/mnt/data/"

# A link target runs to the bracket that closes it: ")" unless escaped or opened inside; or to ">" when written <in angles>.
_TARGET = re.compile(
    r"(?P<lead>\]\(<|\]\()?"
    r"(?P<target>(?:sandbox:)?/mnt/data/(?(lead)(?:\\.|\([^()\n]*\)|[^\\()<>\n])+|[^\s)\]>\"'`]+))"
)


def cite(text: str, files: Mapping[str, ContainerFile]) -> list[ContainerFileCitation]:
    """A citation for every ``sandbox:/mnt/data/…`` (or, in a link, ``/mnt/data/…``) of ``text`` that names one of ``files``.

    Args:
        text: What the model said.
        files: The container's files by absolute path.
    """
    found = []
    for match in _TARGET.finditer(text):
        target = match["target"]
        if not match["lead"] and not target.startswith("sandbox:"):
            continue
        for written in (target, target.rstrip(".,;:!?*_")):
            file = _named(written, files)
            if file is not None:
                start = match.start("target")
                found.append(_citation(file, start, start + len(written)))
                break
    return found


def uncited(made: Iterable[ContainerFile], citations: Iterable[ContainerFileCitation]) -> list[ContainerFileCitation]:
    """Citations of 0..0 for the files in ``made`` that none of ``citations`` names, so that nothing made is lost."""
    cited = {citation.file_id for citation in citations}
    return [_citation(file, 0, 0) for file in made if file.id not in cited]


def link(path: str) -> str:
    """A Markdown link to a file, whose target ``cite`` finds again."""
    label = re.sub(r"([\\\[\]])", r"\\\1", path.removeprefix(DIRECTORY))
    return f"[{label}](sandbox:{quote(path, safe='/~!$&*+,;=:@', errors='surrogatepass')})"


def _named(target: str, files: Mapping[str, ContainerFile]) -> ContainerFile | None:
    path = target.removeprefix("sandbox:")
    plain = re.sub(r"\\(.)", r"\1", path)
    spellings = (path, plain, unquote(path), unquote(plain, errors="surrogatepass"))
    return next((files[each] for each in spellings if each in files), None)


def _citation(file: ContainerFile, start: int, end: int) -> ContainerFileCitation:
    name = file.path.rpartition("/")[2]
    return ContainerFileCitation(
        container_id=file.container_id, file_id=file.id, filename=name, start_index=start, end_index=end
    )
