"""Lines of pieces as rows of a page: no control characters, no tabs, folded, numbered."""

import re
import unicodedata

UNPRINTABLE = r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]"
ADVANCE = 0.6  # of the font size: the width of a letter in Courier and, within a hundredth, in DejaVu Sans Mono
LEADING = 1.3


def shown(text):
    """Characters without a glyph, or that XML forbids, as their control pictures."""
    return re.sub(UNPRINTABLE, lambda match: chr(0x2400 + ord(match[0])) if ord(match[0]) < 32 else "\u2421" if match[0] == "\x7f" else "\ufffd", text)


def printable(lines):
    """The lines as a page shows them: no control characters; says so when there were some."""
    if all(text.isprintable() or text.replace("\t", "").isprintable() for line in lines for _, text in line):
        return lines
    cleaned = [[(kind, shown(text)) for kind, text in line] for line in lines]
    if cleaned != lines:
        warn("control characters are shown as symbols")
    return cleaned


def columns_of(text):
    """How many columns of a fixed-width font the text takes."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(letter) else 2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def untabbed(line):
    """The line with tabs as spaces up to the next stop."""
    if not any("\t" in text for _, text in line):
        return line
    at, result = 0, []
    for kind, text in line:
        parts = []
        for part in re.split(r"(\t)", text):
            shown_part = " " * (OPTIONS["tab_width"] - at % OPTIONS["tab_width"]) if part == "\t" else part
            at += columns_of(shown_part)
            parts.append(shown_part)
        result.append((kind, "".join(parts)))
    return result


def folded(line, width):
    """The line in pieces of at most width columns."""
    rows, row, at = [], [], 0
    for kind, text in line:
        while text:
            if text.isascii():
                part = text[: width - at]
            else:
                part, used = "", 0
                for letter in text:
                    used += columns_of(letter)
                    if at + used > width:
                        break
                    part += letter
            if not part and not at:
                part = text[:1]
            if part:
                row.append((kind, part))
                at += columns_of(part)
                text = text[len(part) :]
            if text:
                rows.append(row)
                row, at = [], 0
    return [*rows, row]


def numbered(lines):
    """Pairs of the line's number, as a right-aligned text or nothing, and the line."""
    width = len(str(len(lines)))
    return [(f"{number:>{width}}  " if OPTIONS["line_numbers"] else "", line) for number, line in enumerate(lines, 1)]


def rows_of(lines, width):
    """The lines folded into rows of at most width columns, each with its line's number or the space of one."""
    rows = []
    for number, line in numbered(lines):
        for at, row in enumerate(folded(line, max(10, width - len(number)))):
            rows.append((" " * len(number) if at else number, row))
    return rows
