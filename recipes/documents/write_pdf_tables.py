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
        widths, heights = self.widths(element, columns), self.row_heights(rows)
        size = self.table_points(columns, widths)
        tracks = f"({', '.join(f'{width:.1f}pt' for width in widths)},)" if widths else f"(auto,) * {columns}"
        tracks += " + (0pt,)" if heights else ""  # a column without width holds rows as high as they are at least
        parts = [f"columns: {tracks}"]
        for cell, x, _, wide, _ in cells if widths else ():
            self.cell_widths[cell] = sum(widths[x : x + wide])
        drawn = [(place[2], self.cell(place, depth, size, columns)) for place in cells]
        drawn += [(y, f"table.cell(x: {columns}, y: {y}, inset: 0pt, stroke: none, block(height: {high:.1f}pt))") for y, high in heights.items()]
        header = [cell for y, cell in drawn if y < head]
        parts += [f"table.header({', '.join(header)})"] if header else []
        parts += [cell for y, cell in drawn if y >= head]
        table, where = f"table({', '.join(parts)})", element.get("align")
        table = f"align({where}, {table})" if where in ("center", "right") else table
        return [*before, f"{{set text(size: {size:g}pt);{table}}}"]

    def table_points(self, columns, widths):
        """The size of the text in a table."""
        return next(size for limit, size in ((6, 9.5), (9, 8), (14, 6.5), (22, 5), (MAX_COLUMNS, 3.5)) if columns <= limit)

    def row_heights(self, rows):
        """{row: points that it is high at least}."""
        return {}

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

    def cell_text(self, place, depth, size, columns):
        """What stands in a cell; a word wider than its column is broken."""
        element, *_ = place
        content = self.flow(element, depth + 1)
        if element.getprevious() is None and element.getparent().tag == "tr":
            content = self.anchor(element.getparent()) + content
        if len(content) == 1:
            content = [re.sub(r"^par\((.*)\)$", r"\1", content[0], flags=re.S)]
        text = "{" + ";".join(content) + "}"
        longest = max(map(len, (element.text_content() or "").split()), default=0)
        known = self.cell_widths.get(element)
        if longest * size * 0.5 > (known - 8 if known else self.width / columns * 1.5) and longest > (4 if known else 12):
            letters = min(12, max(1, int((known - 8) / size / 0.7))) if known else 12
            text = f'{{show regex("[^\\\\s]{{{letters}}}"): it => it + sym.zws;{text}}}'
        return text

    def cell(self, place, depth, size, columns):
        element, x, y, width, height = place
        text = self.cell_text(place, depth, size, columns)
        spans = (f", colspan: {width}" if width > 1 else "") + (f", rowspan: {height}" if height > 1 else "")
        fill = ", fill: luma(240)" if element.tag == "th" else ""
        align = re.search(r"text-align\s*:\s*(center|right)", element.get("style") or "") or re.match(
            "(center|right)$", element.get("align") or ""
        )
        return f"table.cell(x: {x}, y: {y}{spans}{fill}{', align: ' + align.group(1) if align else ''}, {text if element.tag == 'td' else 'strong(' + text + ')'})"
