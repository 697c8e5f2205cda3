"""What the lines of a page of a PDF are: tables, headings, lists and paragraphs."""

import html as html_text

BULLET = re.compile(r"^[•●▪■◦○‣⁃∙](?:\s+|(?=\w))|^[-–]\s+")
SAME_LINK = re.compile(r'(<a href="([^"]*)">(?:(?!</a>).)*)</a>(\s*)<a href="\2">')
NUMBER = re.compile(r"^\(?(\d{1,3}|[a-z])[.)]\s+")
RIGHT_TO_LEFT_TEXT = re.compile("[\u0590-\u08ff\ufb1d-\ufefc]")


def columns_of(rows):
    """The x-intervals that the segments of rows share, merged where they overlap."""
    merged, several = [], [row for row in rows if len(row) >= 2] or rows
    for x, right in sorted((segment.x, segment.right) for row in several for segment in row):
        if merged and x < merged[-1][1] - 1:
            merged[-1][1] = max(merged[-1][1], right)
        else:
            merged.append([x, right])
    return merged


def table_end(rows, start):
    """Where the table that begins at ``start`` ends: rows of several aligned cells, with single cells of the same columns between."""
    end, several, at = start, 0, start
    while at < len(rows):
        row, previous = rows[at], rows[at - 1] if at > start else None
        if previous and previous[0].y - row[0].y > 4.5 * max(row[0].size, previous[0].size):
            break
        if (
            previous
            and len(row) == 1
            and (row[0].size > 1.12 * previous[0].size or row[0].bold and not previous[0].bold)
        ):
            break  # a heading
        columns = columns_of([*rows[start:at], row])
        if len(row) >= 2:
            if len(columns) < 2 or len(columns) < 0.6 * max(len(line) for line in rows[start : at + 1]):
                break
            several, end = several + 1, at + 1
        elif (
            at - end > 1
            or not any(abs(row[0].x - column[0]) < 2 for column in columns[1:])
            and not columns[0][0] - 2 < row[0].x < row[0].right < columns[0][1] + 2
        ):
            break  # running text below the table
        at += 1
    widest = max((len(row) for row in rows[start:end]), default=0)
    return end if several >= 3 or (several == 2 and widest >= 3) else start


def table_html(rows):
    """A table; a row that only continues cells of the row above is joined to it."""
    columns, lines, last = columns_of(rows), [], None
    for row in rows:
        cells = [""] * len(columns)
        for segment in row:
            index = min(
                range(len(columns)),
                key=lambda i: (
                    0
                    if columns[i][0] - 1 <= segment.x <= columns[i][1]
                    else min(abs(columns[i][0] - segment.x), abs(columns[i][1] - segment.x))
                ),
            )
            cells[index] = (cells[index] + " " + inline([segment])).strip()
        continued = (
            last is not None
            and not cells[0]
            and sum(map(bool, cells)) < len(cells) / 2
            and last - row[0].y < 1.5 * row[0].size
        )
        if continued and lines:
            lines[-1] = [" ".join(filter(None, pair)) for pair in zip(lines[-1], cells)]
        else:
            lines.append(cells)
        last = row[0].y
    return (
        "<table>"
        + "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>" for cells in lines)
        + "</table>"
    )


def inline(segments, styled=True):
    """The pieces as HTML; a word broken at the end of a line is joined again."""
    runs = []
    for number, segment in enumerate(segments):
        if number and runs:
            before, after = runs[-1][0].rstrip(), segment.text.lstrip()[:1]
            if before.endswith(("-", "\u00ad")) and before[-2:-1].isalpha() and after.islower():
                runs[-1][0] = before[:-1]
            else:
                runs[-1][0] = before.rstrip() + " "
        for text, look in segment.pieces:
            if runs and (runs[-1][1] == look or not text.strip()):
                runs[-1][0] += text
            else:
                runs.append([text, look])
    out = []
    for text, (bold, italic, level, href) in runs:
        clean_text = html_text.escape(re.sub(r"[\x00-\x08\x0b-\x1f]", "", text), quote=False)
        core, marked = clean_text.strip(), clean_text.strip()
        for tag in (level, "em" if italic and styled else "", "strong" if bold and styled else "") if core else ():
            marked = f"<{tag}>{marked}</{tag}>" if tag else marked
        if href and core:
            marked = f'<a href="{html_text.escape(href)}">{marked}</a>'
        out.append(clean_text.replace(core, marked, 1) if core else clean_text)
    joined, count = re.sub(r"\s+", " ", "".join(out)).strip(), 1
    while count:  # a link over several runs is one link
        joined, count = SAME_LINK.subn(r'\1\3', joined)
    return joined


def block_html(lines, body_size, heading_sizes):
    """One paragraph, heading or list item from its lines."""
    segments = [segment for row in lines for segment in row]
    heading, size = inline(segments, styled=False), max(segment.size for segment in segments)
    plain = html_text.unescape(re.sub("<[^>]*>", "", heading))
    short = len(lines) <= 3 and len(plain) < 200 and re.search(r"\w", plain)
    if short and size >= 1.15 * body_size:
        level = next(
            (index for index, known in enumerate(heading_sizes, 1) if size >= known - 0.3), len(heading_sizes) + 1
        )
        return f"<h{min(level, 6)}>{heading}</h{min(level, 6)}>"
    if (
        short
        and len(lines) == 1
        and len(plain) < 80
        and all(segment.bold for segment in segments)
        and not plain.endswith((".", ",", ";"))
    ):
        level = min(len(heading_sizes) + 1, 6)
        return f"<h{level}>{heading}</h{level}>"
    mark = BULLET.match(plain) or NUMBER.match(plain)
    if not mark or (mark.re is NUMBER and not mark.group(1).isdecimal()):
        return f"<p>{inline(segments)}</p>"
    drop_letters(segments[0], len(mark.group().strip()))
    number = f' value="{mark.group(1)}"' if mark.re is NUMBER else ""
    return f"<li{number}>{inline(segments)}</li>"


def drop_letters(segment, count):
    """Take the first letters, the mark of a list item, off a segment."""
    pieces = []
    for text, look in segment.pieces:
        kept = text.lstrip() if count else text
        text, count = kept[count:], max(0, count - len(kept))
        pieces.append((text, look))
    segment.pieces = pieces


def starts_anew(row, previous, pitch, left, right):
    """Whether a line begins a new paragraph after the line before it."""
    first, gap = row[0], previous[0].y - row[0].y
    text = first.text.lstrip()
    return (
        gap > 1.45 * max(pitch, 1.1 * first.size)
        or gap < 0
        or abs(first.size - previous[0].size) > 0.12 * first.size
        or bool(BULLET.match(text))
        or bool(NUMBER.match(text))
        or all(segment.bold for segment in row) != all(segment.bold for segment in previous)
        or (
            previous[-1].right < right - 0.18 * (right - left)
            and previous[-1].text.rstrip().endswith((".", ":", "!", "?"))
        )
        or previous[-1].right < left + 0.55 * (right - left)
    )


def page_blocks(spans, body_size, heading_sizes, pictures=()):
    """The HTML of a page from its spans and pictures; text that runs up or down comes last."""
    turned = [span for span in spans if span.page_bbox[3] > 2 * span.page_bbox[2] and len(span.text) > 3]
    spans = [span for span in spans if span not in turned] if turned else spans
    blocks = []  # (the rows, their HTML)
    for rows in in_reading_order(rows_of(spans)):
        gaps = sorted(
            above[0].y - below[0].y
            for above, below in zip(rows, rows[1:])
            if 0 < above[0].y - below[0].y < 4 * body_size
        )
        pitch = gaps[len(gaps) // 4] if gaps else 1.2 * body_size
        left, right = min(row[0].x for row in rows), max(segment.right for row in rows for segment in row)
        at, held = 0, []

        def close():
            if held:
                blocks.append((list(held), block_html(held, body_size, heading_sizes)))
                held.clear()

        while at < len(rows):
            end = table_end(rows, at) if len(rows[at]) >= 2 else at
            if end > at:
                close()
                blocks.append((rows[at:end], table_html(rows[at:end])))
                at = end
                continue
            if held and starts_anew(rows[at], held[-1], pitch, left, right):
                close()
            held.append(rows[at])
            at += 1
        close()
    for box, markup in pictures:
        blocks.insert(place_of(box, [rows for rows, _ in blocks]), ([], markup))
    out = [markup for _, markup in blocks]
    out += [f"<p>{html_text.escape(span.text, quote=False)}</p>" for span in turned]
    page = re.sub(r"(?:<li>.*?</li>\s*)+", lambda items: f"<ul>{items.group()}</ul>", "\n".join(out))
    return re.sub(r'(?:<li value="(\d+)">.*?</li>\s*)+', numbered_list, page)


def place_of(box, blocks):
    """Before which of the blocks, lists of rows in reading order, a picture stands: the first one below it in its column."""
    last, (left, bottom, right, top) = len(blocks), box
    for at, rows in enumerate(blocks):
        segments = [segment for row in rows for segment in row]
        if not any(segment.x < right and segment.right > left for segment in segments):
            continue
        if segments[0].y < (bottom + top) / 2:
            return at
        last = at + 1
    return last


def numbered_list(items):
    first = re.search(r'value="(\d+)"', items.group()).group(1)
    return f'<ol start="{first}">' + re.sub(r' value="\d+"', "", items.group()) + "</ol>"


def type_sizes(pages):
    """(size of the running text, sizes of headings from large to small) over all pages."""
    weight = {}
    for spans in pages:
        for span in spans:
            size = round(span.font_size * 2) / 2
            weight[size] = weight.get(size, 0) + len(span.text)
    if not weight:
        return 10.0, []
    body = max(weight, key=weight.get)
    larger = sorted((size for size in weight if size >= 1.15 * body), reverse=True)
    groups = []
    for size in larger:
        if not groups or groups[-1] - size > 0.6:
            groups.append(size)
    return body, groups[:5]
