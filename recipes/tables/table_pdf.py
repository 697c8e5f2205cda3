"""Tables as a PDF: columns as wide as their text, the page turned when they need it, the header on every page. Text
reaches Typst only as JSON data beside the source; the source is made of numbers and fixed text."""

import re
import tempfile

import orjson

MAX_PDF_CELLS = 50_000  # about 70 pages; Typst takes some 13 KB of memory for each
TAGGED_CELLS = 2_000  # a tagged table is ten times the size
LETTER = 0.58  # the usual width of a letter, in font sizes
POINTS = (9, 8, 7)
WIDEST = (42, 30, 20, 14)  # letters a column may ask for, from generous to tight
TABLE = """
#{{
  let data = json("table{number}.json")
  set text(size: {size}pt)
  set table(stroke: 0.4pt + luma(170), inset: (x: 3pt, y: 2.5pt), fill: (x, y) => if y == 0 and {headed} {{ luma(235) }})
  table(columns: ({widths}), align: ({aligns}), {header} ..data.rows.flatten())
}}
"""


def convert():
    tables = [table for table in read_tables() if table.columns]
    cells = sum(table.rows * len(table.columns) for table in tables)
    if cells > MAX_PDF_CELLS:
        refuse("too_large", f"{cells} cells are more than a PDF of {MAX_PDF_CELLS} cells: choose csv, xlsx or html")
    if not tables:
        refuse("empty", "there is nothing to print")
    for column in (column for table in tables for column in table.columns):
        settle(column, dates=False)
    asked = OPTIONS["orientation"]
    plans = [None] * len(tables)
    for turned in ("portrait", "landscape") if asked == "auto" else (asked,):
        OPTIONS["orientation"] = turned
        width = text_area_points()[0]
        plans = [plan(table, width, turned == "landscape" or asked != "auto") for table in tables]
        if all(plans):
            break
    title = OPTIONS["title"]
    head = page_setup(title or tables[0].name) + '#set par(justify: false)\n#set page(numbering: "1 / 1")\n'
    with tempfile.TemporaryDirectory() as folder:
        source = [head]
        if title:
            source.append(f"= #{quoted(title)}")
        number = 0
        for table, (size, groups) in zip(tables, plans, strict=True):
            if len(tables) > 1:
                source.append(f"== #{quoted(table.name)}")
            source += [f"#{quoted(line)}\n" for line in table.notes()]
            for widths in groups:
                Path(folder, f"table{number}.json").write_bytes(table_data(table, widths))
                source.append(table_source(table, widths, size, number))
                number += 1
        compile_pdf("\n".join(source), folder, tags=cells < TAGGED_CELLS)
    pages = check_pdf(
        OUTPUT,
        sum(len(name) for table in tables for name in ([one.name for one in table.columns] if table.headed else [])),
    )
    return {
        "pages": pages,
        "tables": len(tables),
        "rows": sum(one.rows for one in tables),
        "columns": max(len(one.columns) for one in tables),
    }


def plan(table, width, last):
    """(font size, groups of {column number: width in points}); None when it does not fit and a wider page may be tried."""
    longest = []
    for column in table.columns:
        texts = [text or "" for text in column.text.slice(0, 2000).to_pylist()]
        name = column.name if table.headed else ""
        longest.append(max(3, max((len(line) for text in [name, *texts] for line in text.split("\n")), default=3)))
    for widest in WIDEST[:1] if not last else WIDEST:
        for size in POINTS[:1] if not last else POINTS:
            wanted = [min(one, widest) * LETTER * size + 7 for one in longest]
            if sum(wanted) <= width:
                return size, [dict(enumerate(wanted))]
    if not last:
        return None
    warn("the table is wider than a page: further columns are on further pages, with the first one repeated")
    groups, first = [{}], wanted[0]
    for number, one in enumerate(wanted):
        if groups[-1] and sum(groups[-1].values()) + one > width:
            groups.append({0: first})
        groups[-1][number] = min(one, width - first if number else width)
    return POINTS[-1], groups


def fitted(column, width):
    """The cells of a column as text, with places to break words that are wider than it."""
    letters = max(4, int((width - 7) / (LETTER * POINTS[-1])))
    long_word = re.compile(r"\S{%d}(?=\S)" % letters)
    return [
        long_word.sub("\\g<0>\u200b", text.replace("\0", "\ufffd")) if text else "" for text in column.text.to_pylist()
    ]


def table_data(table, widths):
    rows = zip(*(fitted(table.columns[number], width) for number, width in widths.items()), strict=True)
    return orjson.dumps({"names": [table.columns[number].name for number in widths], "rows": list(rows)})


def table_source(table, widths, size, number):
    return TABLE.format(
        number=number,
        size=size,
        headed="true" if table.headed else "false",
        widths=", ".join(f"{width:.1f}pt" for width in widths.values()) + ",",
        aligns=", ".join("right" if table.columns[one].kind in NUMERIC else "left" for one in widths) + ",",
        header="table.header(..data.names.map(strong))," if table.headed else "",
    )


run(convert)
