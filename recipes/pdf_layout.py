"""What stands where on a page of a PDF: lines, columns, tables, headings, lists and paragraphs, from pieces of text with their boxes."""

import html as html_text

BULLET = re.compile(r"^[•●▪■◦○‣⁃∙](?:\s+|(?=\w))|^[-–]\s+")
NUMBER = re.compile(r"^\(?(\d{1,3}|[a-z])[.)]\s+")
RIGHT_TO_LEFT_TEXT = re.compile("[\u0590-\u08ff\ufb1d-\ufefc]")


class Segment:
    """Pieces of one line that stand together."""

    def __init__(self, span):
        self.x, self.y, width, self.size = (
            span.bbox[0],
            span.bbox[1],
            span.bbox[2],
            span.font_size or span.bbox[3] or 1.0,
        )
        self.right, self.pieces = self.x + width, [(span.text, span.is_bold, span.is_italic)]

    @property
    def text(self):
        return "".join(text for text, _, _ in self.pieces)

    @property
    def bold(self):
        return all(bold for text, bold, _ in self.pieces if text.strip())

    def add(self, span, space):
        if space:
            self.pieces.append((" ", span.is_bold and self.pieces[-1][1], span.is_italic and self.pieces[-1][2]))
        self.pieces.append((span.text, span.is_bold, span.is_italic))
        self.right = max(self.right, span.bbox[0] + span.bbox[2])
        if span.font_size > self.size and span.text.strip():
            self.size = span.font_size


def rows_of(spans):
    """Rows from top to bottom, each a list of segments from left to right; small raised or lowered text stays in its row."""
    rows, at = [], []
    for span in sorted(spans, key=lambda span: (-span.bbox[1], span.bbox[0])):
        size = span.font_size or span.bbox[3]
        near = next(
            (
                index
                for index in range(len(at) - 1, max(len(at) - 4, -1), -1)
                if abs(at[index][0] - span.bbox[1]) < 0.4 * max(size, at[index][1], 4)
            ),
            None,
        )
        if near is None:
            rows.append([span])
            at.append([span.bbox[1], size])
        else:
            rows[near].append(span)
            if size > 1.2 * at[near][1]:  # a raised figure came first: the line is where the larger text stands
                at[near] = [span.bbox[1], size]
    made = []
    for row in rows:
        segments = []
        for span in sorted(row, key=lambda span: span.bbox[0]):
            size = max(span.font_size or 1, 1)
            gap = span.bbox[0] - segments[-1].right if segments else None
            if gap is not None and gap < 0.65 * size and gap > -0.5 * (span.bbox[2] + size):
                touching = segments[-1].pieces[-1][0][-1:].isspace() or span.text[:1].isspace()
                segments[-1].add(span, gap > 0.15 * size and not touching)
            else:
                segments.append(Segment(span))
        made.append(segments)
    return made


def gutter(rows, left, right):
    """The x of an empty strip with running text on both sides over most rows, None when there is none."""
    split = [row for row in rows if len(row) >= 2]
    if len(split) < 8 or len(split) < 0.4 * len(rows):
        return None
    words = [len(segment.text.split()) for row in split for segment in row]
    if sum(words) / len(words) < 3.5:
        return None
    best, where = 0, None
    for step in range(20, 81):
        x = left + (right - left) * step / 100
        clear = sum(
            1
            for row in split
            if all(segment.right < x or segment.x > x for segment in row)
            and any(segment.right < x for segment in row)
            and any(segment.x > x for segment in row)
        )
        if clear > best:
            best, where = clear, x
    return where if best >= 0.7 * len(split) else None


def in_reading_order(rows, depth=0):
    """Yield lists of rows: full-width parts and columns one after the other, each to be read downwards."""
    if not rows:
        return
    left, right = min(row[0].x for row in rows), max(segment.right for row in rows for segment in row)
    x = gutter(rows, left, right) if depth < 3 else None
    if x is None:
        yield rows
        return
    band = []

    def columns():
        if band:
            yield from in_reading_order(
                [[s for s in row if s.right <= x] for row in band if any(s.right <= x for s in row)], depth + 1
            )
            yield from in_reading_order(
                [[s for s in row if s.x >= x] for row in band if any(s.x >= x for s in row)], depth + 1
            )
            band.clear()

    for row in rows:
        if any(segment.x < x < segment.right for segment in row):
            yield from columns()
            yield [row]
        else:
            band.append(row)
    yield from columns()


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
        for text, bold, italic in segment.pieces:
            if runs and (runs[-1][1:] == [bold, italic] or not text.strip()):
                runs[-1][0] += text
            else:
                runs.append([text, bold, italic])
    out = []
    for text, bold, italic in runs:
        clean_text = html_text.escape(re.sub(r"[\x00-\x08\x0b-\x1f]", "", text), quote=False)
        core = clean_text.strip()
        if core and styled and (bold or italic):
            marks = (
                ("<strong>" if bold else "") + ("<em>" if italic else ""),
                ("</em>" if italic else "") + ("</strong>" if bold else ""),
            )
            clean_text = clean_text.replace(core, marks[0] + core + marks[1], 1)
        out.append(clean_text)
    return re.sub(r"\s+", " ", "".join(out)).strip()


def block_html(lines, body_size, heading_sizes):
    """One paragraph, heading or list item from its lines."""
    segments = [segment for row in lines for segment in row]
    plain, size = inline(segments, styled=False), max(segment.size for segment in segments)
    short = len(lines) <= 3 and len(plain) < 200 and re.search(r"\w", plain)
    if short and size >= 1.15 * body_size:
        level = next(
            (index for index, known in enumerate(heading_sizes, 1) if size >= known - 0.3), len(heading_sizes) + 1
        )
        return f"<h{min(level, 6)}>{plain}</h{min(level, 6)}>"
    if (
        short
        and len(lines) == 1
        and len(plain) < 80
        and all(segment.bold for segment in segments)
        and not plain.endswith((".", ",", ";"))
    ):
        level = min(len(heading_sizes) + 1, 6)
        return f"<h{level}>{plain}</h{level}>"
    mark = BULLET.match(plain) or NUMBER.match(plain)
    if not mark or (mark.re is NUMBER and not mark.group(1).isdecimal()):
        return f"<p>{inline(segments)}</p>"
    drop_letters(segments[0], len(mark.group().strip()))
    number = f' value="{mark.group(1)}"' if mark.re is NUMBER else ""
    return f"<li{number}>{inline(segments)}</li>"


def drop_letters(segment, count):
    """Take the first letters, the mark of a list item, off a segment."""
    pieces = []
    for text, bold, italic in segment.pieces:
        kept = text.lstrip() if count else text
        text, count = kept[count:], max(0, count - len(kept))
        pieces.append((text, bold, italic))
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


def page_blocks(spans, body_size, heading_sizes):
    """The HTML of a page from its spans; text that runs up or down comes last."""
    turned = [span for span in spans if span.page_bbox[3] > 2 * span.page_bbox[2] and len(span.text) > 3]
    spans = [span for span in spans if span not in turned] if turned else spans
    out = []
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
                out.append(block_html(held, body_size, heading_sizes))
                held.clear()

        while at < len(rows):
            end = table_end(rows, at) if len(rows[at]) >= 2 else at
            if end > at:
                close()
                out.append(table_html(rows[at:end]))
                at = end
                continue
            if held and starts_anew(rows[at], held[-1], pitch, left, right):
                close()
            held.append(rows[at])
            at += 1
        close()
    out += [f"<p>{html_text.escape(span.text, quote=False)}</p>" for span in turned]
    page = re.sub(r"(?:<li>.*?</li>\s*)+", lambda items: f"<ul>{items.group()}</ul>", "\n".join(out))
    return re.sub(r'(?:<li value="(\d+)">.*?</li>\s*)+', numbered_list, page)


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
