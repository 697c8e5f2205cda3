"""Tables of the HTML tree as Typst: spans, heads that repeat, sizes that fit the page; those that only arrange a page are opened."""

MAX_COLUMNS = 60
PAGES = {"text/html", "message/rfc822", "application/vnd.ms-outlook"}  # where tables may only arrange things


class TypesetTables:
    """Tables as Typst expressions; what stands in the cells is the subclass's."""

    def table(self, element, depth):
        captions = [self.line(caption) for caption in element.iterchildren("caption")]
        before = self.anchor(element) + [f"par(emph({caption}))" for caption in captions if caption != "{}"]
        rows = [row for row in element.iter("tr") if next(row.iterancestors("table"), None) is element]
        cells, columns = place_cells(rows)
        if not cells or self.is_layout(element, cells, columns):
            return before + [block for cell, *_ in cells for block in self.flow(cell, depth)]
        if columns > MAX_COLUMNS:
            warn(f"a table of {columns} columns does not fit a page: its rows are written as lines")
            lines = [" | ".join(cell_words(cell) for cell in row if cell.tag in ("td", "th")) for row in rows]
            return before + [f"par({quoted(line)})" for line in lines if line.strip(" |")]
        head = self.head_rows(rows, cells)
        size = next(
            points for limit, points in ((6, 9.5), (9, 8), (14, 6.5), (22, 5), (MAX_COLUMNS, 3.5)) if columns <= limit
        )
        widths = self.widths(element, columns)
        tracks = f"({', '.join(f'{width:.1f}pt' for width in widths)},)" if widths else columns
        parts = [f"columns: {tracks}", *(["stroke: none"] if element.get("data-lines") == "none" else [])]
        for cell, x, _, wide, _ in cells if widths else ():
            self.cell_widths[cell] = sum(widths[x : x + wide])
        header = [self.cell(place, depth, size, columns) for place in cells if place[2] < head]
        parts += [f"table.header({', '.join(header)})"] if header else []
        parts += [self.cell(place, depth, size, columns) for place in cells if place[2] >= head]
        return [*before, f"{{set text(size: {size}pt);table({', '.join(parts)})}}"]

    def widths(self, element, columns):
        """The widths of the columns in points, as the document says; None when it does not."""
        said = [float(width) for width in element.get("data-widths", "").split()]
        return [width * min(1.0, self.room(element) / sum(said)) for width in said] if len(said) == columns else None

    def room(self, element):
        """How many points wide the place is that an element stands in: the page's text, or its share of a row."""
        share = 1
        for cell in element.iterancestors("td", "th"):
            if cell in self.cell_widths:
                return self.cell_widths[cell] / share - 8
            share *= max(1, len(cell.getparent()))
        return self.width / share - (8 if share > 1 else 0)

    def is_layout(self, element, cells, columns):
        """Whether a table of a page or mail only arranges other content: it has one column, or holds tables and says nothing itself."""
        if SOURCE_TYPE not in PAGES or (columns > 1 and next(element.iterdescendants("table"), None) is None):
            return False
        named = any(cell.tag == "th" for cell, *_ in cells) or element.find("caption") is not None
        drawn = element.get("border", "0") not in ("", "0") or "border" in element.get("style", "")
        small = columns > 1 and cells[-1][2] > 0 and len(element.text_content()) < 2000
        return not (named or drawn or small)

    def head_rows(self, rows, cells):
        """How many rows at the top repeat on every page: those of <thead>, or a first row of <th> only."""
        head = 0
        for row in rows[:4]:
            if row.getparent().tag == "thead" or (head == 0 and len(row) and all(cell.tag == "th" for cell in row)):
                head += 1
            else:
                break
        if head > 3 or head == len(rows) or any(y < head < y + height for _, _, y, _, height in cells):
            return 0
        return head

    def cell(self, place, depth, size, columns):
        element, x, y, width, height = place
        content = self.flow(element, depth + 1)
        if element.getprevious() is None and element.getparent().tag == "tr":
            content = self.anchor(element.getparent()) + content
        if len(content) == 1:
            content = [re.sub(r"^par\((.*)\)$", r"\1", content[0], flags=re.S)]
        text = "{" + ";".join(content) + "}"
        longest = max(map(len, (element.text_content() or "").split()), default=0)
        known = self.cell_widths.get(element)
        if longest * size * 0.5 > (known - 8 if known else self.width / columns * 1.5) and longest > (4 if known else 12):
            letters = min(12, max(1, int((known - 8) / size / 0.7))) if known else 12  # a word wider than its column is broken
            text = f'{{show regex("[^\\\\s]{{{letters}}}"): it => it + sym.zws;{text}}}'
        spans = (f", colspan: {width}" if width > 1 else "") + (f", rowspan: {height}" if height > 1 else "")
        color = element.get("data-fill", "")
        fill = f', fill: rgb("{color}")' if color else ", fill: luma(240)" if element.tag == "th" else ""
        if color and sum(int(color[at : at + 2], 16) * part for at, part in ((0, 3), (2, 6), (4, 1))) < 1000:
            text = f"{{set text(fill: white);{text}}}"
        align = re.search(r"text-align\s*:\s*(center|right)", element.get("style") or "") or re.match(
            "(center|right)$", element.get("align") or ""
        )
        return f"table.cell(x: {x}, y: {y}{spans}{fill}{', align: ' + align.group(1) if align else ''}, {text if element.tag == 'td' else 'strong(' + text + ')'})"
