"""Where a table begins: which row names its columns, when titles, notes or settings stand above it, as banks, offices of
statistics and instruments export them. A first row that is as full as the rows below is the header, whatever it says."""

import re

MOST_ABOVE = 200  # rows looked at
BELOW = 40  # rows that a header is judged by
VALUE = re.compile(  # possessive: a cell of spaces would take seconds
    r"[-+($€£¥]*+\d[\d\s.,:/'T+-]*+(?:e[-+]?\d++)?\s*+(?:%|Z|[AP]M|[€$£¥)])*+", re.I
)
YEAR = re.compile(r"(?:1[5-9]|20|21)\d\d")
REMARK = re.compile(r"\s*(?:#+|//|%|!)\s?")


def filled(record):
    return sum(1 for cell in record if cell and not cell.isspace())


def is_value(cell):
    """Whether a cell says a number, an amount, a date or a time."""
    return VALUE.fullmatch(cell.strip()) is not None


def header_row(records):
    """The index of the row that names the columns, among rows of texts that may be empty or of different lengths; 0 when in doubt."""
    sizes = [filled(record) for record in records]

    def begins(at):
        below = [record for record in records[at + 1 : at + 1 + BELOW] if filled(record)]
        return sizes[at] > 1 and below and names_columns(records[at]) and follows(records, sizes, at, below)

    last = min(len(records), MOST_ABOVE) - 1
    at = next((at for at in range(1, last) if begins(at)), 0)
    return at + 1 if at and at + 1 < last and REMARK.match(records[at][0]) and begins(at + 1) else at


def names_columns(record):
    """Whether these could be names: different from each other, and no values, but for years."""
    names = [cell.strip() for cell in record if cell and cell.strip()]
    values = [name for name in names if is_value(name)]
    return len(set(names)) == len(names) > len(values) and all(YEAR.fullmatch(value) for value in values)


def follows(records, sizes, at, below):
    """Whether the rows above ``at`` are no part of the table that begins there, and the rows below are."""
    record, width = records[at], len(records[at])
    above = [number for number in range(at) if sizes[number]]
    if sum(abs(len(row) - width) < 2 and filled(row) > 1 for row in below) < 0.8 * len(below):
        return False
    if sizes[at] < 0.6 * sorted(map(filled, below))[len(below) // 2]:
        return False
    if all(REMARK.match(records[number][0]) for number in above) and not REMARK.match(record[0]):
        aside = all(REMARK.match(records[number][0])[0][-1].isspace() for number in above)
        return any(len(records[number]) != width for number in above) or (aside and has_values(record, below))
    short = all(len(records[number]) < width for number in above)
    thin = all(sizes[number] <= sizes[at] / 2 for number in above)
    apart = not sizes[at - 1]
    if thin and (apart or has_values(record, below)):
        return True
    if short and (apart or len(above) > 1) and has_values(record, below):
        return True
    return short and width > 2 and len(below) > 1 and all(sizes[number] == 1 for number in above)


def has_values(names, below):
    """Whether a column whose name is no value holds values."""
    for place, name in enumerate(names):
        cells = [row[place] for row in below if place < len(row) and row[place] and row[place].strip()]
        if name and name.strip() and not is_value(name) and cells:
            if sum(map(is_value, cells)) >= 0.8 * len(cells):
                return True
    return False
