"""The tables inside documents: HTML and Markdown, Word and PowerPoint read as XML, PDF by where its words stand. A
merged cell's value stands in every cell it covers."""

import re
import zipfile
import zlib

from lxml import etree
from lxml import html as lxml_html

UNTYPED = (
    "text/html",
    "text/markdown",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "application/pdf",
)
MAX_SPAN = 1000
W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"


def read_tables():
    if SOURCE_TYPE in ("text/html", "text/markdown"):
        grids = html_grids()
    elif SOURCE_TYPE == "application/pdf":
        grids = pdf_grids()
    else:
        grids = package_grids()
    grids = [grid for grid in map(trimmed_grid, grids) if grid]
    if not grids:
        refuse("unsupported", "there is no table in this document")
    wanted = OPTIONS["table"]
    if wanted > len(grids):
        refuse("unsupported", f"there are {len(grids)} tables in this document, not {wanted}")
    if wanted:
        return [table_of_grid(grids[wanted - 1], f"Table{wanted}")]
    if TARGET in ("xlsx", "ods", "json", "zip"):
        return [table_of_grid(grid, f"Table{number}") for number, grid in enumerate(grids, 1)]
    largest = max(range(len(grids)), key=lambda number: len(grids[number]) * len(grids[number][0]))
    if len(grids) > 1:
        warn(
            f"only table {largest + 1} of {len(grids)}, the largest; the option table names another, xlsx and json hold all"
        )
    return [table_of_grid(grids[largest], f"Table{largest + 1}")]


def table_of_grid(grid, name):
    headed = OPTIONS["header"]
    body = grid[1:] if headed else grid
    names = [cell or "" for cell in grid[0]] if headed else [f"column_{n}" for n in range(1, len(grid[0]) + 1)]
    columns = zip(*body, strict=True) if body else [()] * len(names)
    return Table(
        name,
        [
            Column(*pair)
            for pair in zip(names, (strings([cell or None for cell in one]) for one in columns), strict=True)
        ],
        len(body),
        headed,
    )


def trimmed_grid(grid):
    """Rows of equal length, without rows and columns that hold nothing; None when it is no table."""
    grid = [row for row in grid if any(row)]
    width = max(map(len, grid), default=0)
    grid = [row + [""] * (width - len(row)) for row in grid]
    kept = [number for number in range(width) if any(row[number] for row in grid)]
    return (
        [[row[number] for number in kept] for row in grid]
        if len(grid) > 0 and len(kept) > 0 and len(grid) * len(kept) > 1
        else None
    )


def laid_out(rows):
    """A grid of rows of (text, columns covered, rows covered)."""
    grid, taken, cells = [[] for _ in rows], {}, 0
    for y, row in enumerate(rows):
        x = 0
        for text, width, height in row:
            while (y, x) in taken:
                x += 1
            width, height = min(max(width, 1), MAX_SPAN), min(max(height, 1), len(rows) - y)
            cells += width * height
            if cells > MAX_CELLS // 20:
                refuse("too_large", "the spans of a table cover too many cells")
            for down in range(height):
                for right in range(width):
                    taken[y + down, x + right] = text
            x += width
    for (y, x), text in taken.items():
        grid[y].extend([""] * (x + 1 - len(grid[y])))
        grid[y][x] = text
    return grid


def words(text):
    return "\n".join(" ".join(line.split()) for line in text.split("\n")).strip()


# HTML -----------------------------------------------------------------------------------------------------------------


def html_grids():
    raw = SOURCE.read_bytes()
    if not raw.strip():
        refuse("empty", "the document has no content")
    text = read_html_source()
    parser = lxml_html.HTMLParser(encoding="utf-8", no_network=True, huge_tree=True)
    try:
        tree = lxml_html.document_fromstring(
            re.sub(r"^\s*<\?xml[^>]*>", "", text).encode("utf-8", "replace"), parser=parser
        )
    except etree.ParserError:
        refuse("empty", "the document has no content")
    for table in tree.iter("table"):
        rows = table.xpath("./tr | ./thead/tr | ./tbody/tr | ./tfoot/tr")
        yield laid_out([[html_cell(cell) for cell in row if cell.tag in ("td", "th")] for row in rows])


def html_cell(cell):
    parts = []
    for event, element in etree.iterwalk(cell, events=("start", "end", "comment")):
        if event == "comment" or not isinstance(element.tag, str):
            continue
        if element.tag in ("br", "p", "div", "li", "tr") and element is not cell:
            parts.append("\n")
        elif element.tag in ("td", "th") and element is not cell:
            parts.append(" ")
        if event == "start" and element.tag not in ("script", "style"):
            parts.append((element.text or "").replace("\n", " "))
        elif event == "end" and element is not cell:
            parts.append((element.tail or "").replace("\n", " "))
    height = cell.get("rowspan", "1")
    return (
        re.sub(r"\n+", "\n", words("".join(parts))),
        span(cell.get("colspan", "1")),
        MAX_CELLS if height.strip() == "0" else span(height),
    )


def span(text):
    return int(text) if text.strip().isdecimal() and len(text) < 6 else 1


# Word and PowerPoint --------------------------------------------------------------------------------------------------


def package_grids():
    with SOURCE.open("rb") as head:
        if head.read(4) == b"\xd0\xcf\x11\xe0":
            refuse("encrypted", "the document is protected by a password")
    try:
        with zipfile.ZipFile(SOURCE) as parts:
            names = [
                name
                for name in parts.namelist()
                if re.fullmatch(r"word/document\d*\.xml|ppt/slides/slide\d+\.xml", name)
            ]
            if sum(parts.getinfo(name).file_size for name in names) > MAX_INFLATED_BYTES // 4:
                refuse("too_large", "the document unpacks to too much")
            for name in sorted(names, key=lambda one: int("".join(filter(str.isdigit, one)) or 0)):
                root = etree.fromstring(
                    parts.read(name), etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)
                )
                for table in root.iter(W + "tbl", A + "tbl"):
                    yield word_grid(table) if table.tag == W + "tbl" else slide_grid(table)
    except (zipfile.BadZipFile, zlib.error, etree.XMLSyntaxError, OSError, KeyError, EOFError, NotImplementedError) as error:
        refuse("damaged", f"the document cannot be read: {error}")


def paragraphs(cell, prefix):
    lines = []
    for paragraph in cell.iter(prefix + "p"):
        pieces = []
        for one in paragraph.iter(prefix + "t", prefix + "br", prefix + "tab", prefix + "p"):
            if one is not paragraph:
                pieces.append(one.text or "" if one.tag == prefix + "t" else "\n" if one.tag == prefix + "br" else " ")
        lines.append("".join(pieces))
    return words("\n".join(lines))


def word_grid(table):
    """Rows of Word: gridSpan makes a cell wide, vMerge continues the one above (ECMA-376 part 1, 17.4)."""
    grid = []
    for row in table.iterchildren(W + "tr"):
        cells = []
        for cell in row.iter(W + "tc"):
            if (
                cell.getparent().tag not in (W + "tr", W + "sdtContent")
                or next(cell.iterancestors(W + "tbl")) is not table
            ):
                continue
            merged, wide = cell.find(f"{W}tcPr/{W}vMerge"), cell.find(f"{W}tcPr/{W}gridSpan")
            text = paragraphs(cell, W)
            if merged is not None and merged.get(W + "val") != "restart" and grid and len(cells) < len(grid[-1]):
                text = grid[-1][len(cells)]
            cells += [text] * min(span(wide.get(W + "val", "1")) if wide is not None else 1, MAX_SPAN)
        grid.append(cells)
    return grid


def slide_grid(table):
    rows = []
    for row in table.iterchildren(A + "tr"):
        cells = [
            cell for cell in row.iterchildren(A + "tc") if not {cell.get("hMerge"), cell.get("vMerge")} & {"1", "true"}
        ]
        rows.append(
            [(paragraphs(cell, A), span(cell.get("gridSpan", "1")), span(cell.get("rowSpan", "1"))) for cell in cells]
        )
    return laid_out(rows)
