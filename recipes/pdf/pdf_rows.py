"""Lines of a page of a PDF from pieces of text with their boxes, and the order in which they are read: columns one after the other."""


def look_of(span):
    """How a piece of text looks: whether it is bold and italic, raised ("sup") or lowered ("sub"), and where it links to."""
    return span.is_bold, span.is_italic, getattr(span, "level", ""), getattr(span, "href", "")


class Segment:
    """Pieces of one line that stand together."""

    def __init__(self, span):
        self.x, self.y, width, self.size = (
            span.bbox[0],
            span.bbox[1],
            span.bbox[2],
            span.font_size or span.bbox[3] or 1.0,
        )
        self.right, self.pieces = self.x + width, [(span.text, look_of(span))]

    @property
    def text(self):
        return "".join(text for text, _ in self.pieces)

    @property
    def bold(self):
        return all(look[0] for text, look in self.pieces if text.strip())

    def add(self, span, space):
        if space:
            self.pieces.append((" ", tuple(one if one == other else type(one)() for one, other in zip(look_of(span), self.pieces[-1][1]))))
        self.pieces.append((span.text, look_of(span)))
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
