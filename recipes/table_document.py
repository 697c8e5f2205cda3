"""The tables inside documents: HTML and Markdown, Word and PowerPoint read as XML, PDF by where its words stand. A
merged cell's value stands in every cell it covers."""

import re
import zipfile

from lxml import etree
from lxml import html as lxml_html

UNTYPED = ("text/html", "text/markdown", "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
           "application/vnd.openxmlformats-officedocument.presentationml.presentation", "application/pdf")
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
        warn(f"only table {largest + 1} of {len(grids)}, the largest; the option table names another, xlsx and json hold all")
    return [table_of_grid(grids[largest], f"Table{largest + 1}")]


def table_of_grid(grid, name):
    headed = OPTIONS["header"]
    body = grid[1:] if headed else grid
    names = [cell or "" for cell in grid[0]] if headed else [f"column_{n}" for n in range(1, len(grid[0]) + 1)]
    columns = zip(*body, strict=True) if body else [()] * len(names)
    return Table(name, [Column(*pair) for pair in zip(names, (strings([cell or None for cell in one]) for one in columns), strict=True)], len(body), headed)


def trimmed_grid(grid):
    """Rows of equal length, without rows and columns that hold nothing; None when it is no table."""
    grid = [row for row in grid if any(row)]
    width = max(map(len, grid), default=0)
    grid = [row + [""] * (width - len(row)) for row in grid]
    kept = [number for number in range(width) if any(row[number] for row in grid)]
    return [[row[number] for number in kept] for row in grid] if len(grid) > 0 and len(kept) > 0 and len(grid) * len(kept) > 1 else None


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
        tree = lxml_html.document_fromstring(re.sub(r"^\s*<\?xml[^>]*>", "", text).encode("utf-8", "replace"), parser=parser)
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
    return re.sub(r"\n+", "\n", words("".join(parts))), span(cell.get("colspan", "1")), MAX_CELLS if height.strip() == "0" else span(height)


def span(text):
    return int(text) if text.strip().isdecimal() and len(text) < 6 else 1


# Word and PowerPoint --------------------------------------------------------------------------------------------------


def package_grids():
    with SOURCE.open("rb") as head:
        if head.read(4) == b"\xd0\xcf\x11\xe0":
            refuse("encrypted", "the document is protected by a password")
    try:
        with zipfile.ZipFile(SOURCE) as parts:
            names = [name for name in parts.namelist() if re.fullmatch(r"word/document\d*\.xml|ppt/slides/slide\d+\.xml", name)]
            if sum(parts.getinfo(name).file_size for name in names) > MAX_INFLATED_BYTES // 4:
                refuse("too_large", "the document unpacks to too much")
            for name in sorted(names, key=lambda one: int("".join(filter(str.isdigit, one)) or 0)):
                root = etree.fromstring(parts.read(name), etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True))
                for table in root.iter(W + "tbl", A + "tbl"):
                    yield word_grid(table) if table.tag == W + "tbl" else slide_grid(table)
    except (zipfile.BadZipFile, etree.XMLSyntaxError, OSError, KeyError, EOFError, NotImplementedError) as error:
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
            if cell.getparent().tag not in (W + "tr", W + "sdtContent") or next(cell.iterancestors(W + "tbl")) is not table:
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
        cells = [cell for cell in row.iterchildren(A + "tc") if not {cell.get("hMerge"), cell.get("vMerge")} & {"1", "true"}]
        rows.append([(paragraphs(cell, A), span(cell.get("gridSpan", "1")), span(cell.get("rowSpan", "1"))) for cell in cells])
    return laid_out(rows)


# PDF ------------------------------------------------------------------------------------------------------------------


def pdf_grids():
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(SOURCE)
    except pypdfium2.PdfiumError as error:
        refuse("encrypted" if "assword" in str(error) else "damaged", f"the PDF cannot be opened: {error}")
    letters = 0
    with document:
        for page in document:
            text = page.get_textpage()
            letters += text.count_chars()
            yield from blocks(lines_of(runs_of(text)))
    if not letters:
        refuse("unsupported", "the PDF has no text: it is a picture of a document")


def runs_of(text):
    """(left, bottom, right, top, text) of each run of letters that stand close together."""
    runs, count = [], text.count_chars()
    content = text.get_text_range()
    if len(content) != count:  # pairs of surrogates, or marks that pdfium skips: ask for each letter
        content = [text.get_text_range(number, 1) for number in range(count)]
    current = None
    for number in range(count):
        letter = content[number]
        left, bottom, right, top = text.get_charbox(number, loose=True)
        size = max(top - bottom, 1)
        if not letter.strip() or right <= left:
            continue
        if current and abs(bottom - current[1]) < 0.4 * size and -0.5 * size < left - current[2] < 0.38 * size:
            gap = " " if left - current[2] > 0.14 * size else ""
            current[2], current[3], current[4] = max(right, current[2]), max(top, current[3]), current[4] + gap + letter
        else:
            current = [left, bottom, right, top, letter]
            runs.append(current)
    return runs


def lines_of(runs):
    lines = []
    for run in sorted(runs, key=lambda one: (-one[1], one[0])):
        if lines and abs(lines[-1][0][1] - run[1]) < 0.5 * (run[3] - run[1]):
            lines[-1].append(run)
        else:
            lines.append([run])
    return [sorted(line) for line in lines]


def blocks(lines):
    """Lines of several runs, one below the other, are a table when their runs stand in common columns."""
    block = []
    for line in [*lines, []]:
        near = block and line and block[-1][0][1] - line[0][3] < 2.2 * (line[0][3] - line[0][1])
        if line and (len(line) > 1 or (near and len(block) > 1 and inside(line[0], columns_of(block)))) and (near or not block):
            block.append(line)
            continue
        if len(block) > 1 and len(columns_of(block)) > 1:
            grid = grid_of_lines(block)
            cells = [cell for row in grid for cell in row if cell]
            if sum(map(len, cells)) < 60 * len(cells):  # longer ones are prose in columns
                yield grid
        block = [line] if len(line) > 1 else []


def columns_of(block):
    """The horizontal intervals that runs of the fullest lines share."""
    most = max(map(len, block))
    spans = sorted((run[0], run[2]) for line in block if len(line) >= max(2, most - 1) for run in line)
    columns = []
    for left, right in spans:
        if columns and left < columns[-1][1]:
            columns[-1][1] = max(columns[-1][1], right)
        else:
            columns.append([left, right])
    return columns


def inside(run, columns):
    return sum(run[0] < right and run[2] > left for left, right in columns) == 1


def grid_of_lines(block):
    columns = columns_of(block)
    grid = []
    for line in block:
        row = [""] * len(columns)
        for left, _, right, _, text in line:
            covered = [number for number, one in enumerate(columns) if left < one[1] and right > one[0]]
            place = covered[0] if covered else min(range(len(columns)), key=lambda number: abs(columns[number][0] - left))
            row[place] = f"{row[place]} {text}".strip()
        grid.append(row)
    return grid
