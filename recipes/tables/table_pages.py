"""Tables of PDF pages, found by where their words stand: runs of letters, lines of runs, columns that lines share."""


def pdf_grids():
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(SOURCE)
    except pypdfium2.PdfiumError as error:
        refuse("encrypted" if "assword" in str(error) else "damaged", f"the PDF cannot be opened: {error}")
    letters = 0
    with document:
        for number in range(len(document)):
            try:
                text = document[number].get_textpage()
            except pypdfium2.PdfiumError:
                refuse("damaged", f"page {number + 1} of the PDF cannot be read")
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
        if (
            line
            and (len(line) > 1 or (near and len(block) > 1 and inside(line[0], columns_of(block))))
            and (near or not block)
        ):
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
            place = (
                covered[0] if covered else min(range(len(columns)), key=lambda number: abs(columns[number][0] - left))
            )
            row[place] = f"{row[place]} {text}".strip()
        grid.append(row)
    return grid
