"""Tables of a Word document: rows and cells whatever wraps them, merged cells as spans, lines and colours as styles and cells say."""

LOOK_BITS = {"firstRow": 0x20, "lastRow": 0x40, "firstColumn": 0x80, "lastColumn": 0x100, "noHBand": 0x200, "noVBand": 0x400}
CELL_SIDES = {"vcenter": "middle", "center": "middle", "bottom": "bottom"}
PLAIN = {"font-weight": "normal", "text-align": "left"}  # a head is bold where the document says so
USUAL_PADDING = {"top": 0.0, "right": 5.4, "bottom": 0.0, "left": 5.4}


def sized(widths):
    return bool(widths) and all(width.isdecimal() and 50 < int(width) < 60_000 for width in widths)


def edges(borders, left, right, top, bottom):
    """{side: line} of a cell that stands at these edges of what the borders are those of."""
    places = (("top", top, "insideH"), ("right", right, "insideV"), ("bottom", bottom, "insideH"), ("left", left, "insideV"))
    found = {side: borders.get(side if at else inner) for side, at, inner in places}
    return {side: line for side, line in found.items() if line is not None}


def padding_of(holder, name):
    margins = holder.find(W + name) if holder is not None else None
    sides = {}
    for side in margins if margins is not None else ():
        width = twips(side.get(W + "w")) if isinstance(side.tag, str) else None
        if width is not None and side.get(W + "type", "dxa") == "dxa":
            place = side.tag[len(W) :]
            sides[{"start": "left", "end": "right"}.get(place, place)] = min(max(width, 0.0), 100.0)
    return sides


class TableLook:
    """What the style of a table and the table itself say of its cells."""

    def __init__(self, reader, element, rows, columns):
        self.rows, self.columns, self.parts = rows, columns, {}
        properties = element.find(W + "tblPr")
        holders = []
        for style in reversed(list(reader.style_chain(value(properties, "tblStyle")))):
            holders.append(style.find(W + "tblPr"))
            for part in [style, *style.findall(W + "tblStylePr")]:
                inside = part.find(W + "tcPr")
                said = self.parts.setdefault(part.get(W + "type", "wholeTable") if part is not style else "wholeTable", [])
                text = reader.paragraph_css(part.find(W + "pPr")), reader.run_css(part.find(W + "rPr"))
                said.append((borders_of(inside, "tcBorders"), shade_of(inside), *text))
        holders.append(properties)
        self.borders, self.padding = {}, dict(USUAL_PADDING)
        for holder in holders:
            self.borders |= borders_of(holder, "tblBorders")
            self.padding |= padding_of(holder, "tblCellMar")
        look = properties.find(W + "tblLook") if properties is not None else None
        bits = look.get(W + "val", "") if look is not None else "04A0"
        bits = int(bits, 16) if re.fullmatch("[0-9A-Fa-f]{1,4}", bits) else 0
        self.on = {name for name, bit in LOOK_BITS.items() if (look.get(W + name) if look is not None else None) in ("1", "true", "on") or bits & bit}

    def applied(self, x, y, width):
        """Yield (name of a part, is it a row, is it a column) for those that a cell belongs to, the strongest last."""
        last_x, last_y = x + width >= self.columns, y == self.rows - 1
        head, side = "firstRow" in self.on, "firstColumn" in self.on
        yield "wholeTable", False, False
        if "noVBand" not in self.on and not (side and x == 0):
            yield f"band{(x - side) % 2 + 1}Vert", False, True
        if "noHBand" not in self.on and not (head and y == 0):
            yield f"band{(y - head) % 2 + 1}Horz", True, False
        if side and x == 0:
            yield "firstCol", False, True
        if "lastColumn" in self.on and last_x:
            yield "lastCol", False, True
        if head and y == 0:
            yield "firstRow", True, False
        if "lastRow" in self.on and last_y:
            yield "lastRow", True, False

    def cell(self, x, y, width, inside):
        """(CSS of a cell, (paragraph, run) that its text begins with)."""
        at = (x == 0, x + width >= self.columns, y == 0, y == self.rows - 1)
        lines, shade, paragraph, run = edges(self.borders, *at), "", {}, {}
        for part, is_row, is_column in self.applied(x, y, width):
            for borders, fill, text, letters in self.parts.get(part, ()):
                lines |= edges(borders, at[0] or is_column, at[1] or is_column, at[2] or is_row, at[3] or is_row)
                shade, paragraph, run = fill if fill is not None else shade, paragraph | text, run | letters
        own = shade_of(inside)
        shade = own if own is not None else shade
        lines |= {side: line for side, line in borders_of(inside, "tcBorders").items() if side in SIDES}
        drawn = {line for line in lines.values() if line}
        css = {"border": drawn.pop() if len(drawn) == 1 and all(map(lines.get, SIDES)) else "none"}
        if css["border"] == "none":
            css |= {f"border-{side}": lines[side] for side in SIDES if lines.get(side)}
        css |= {"background-color": shade} if shade else {}
        if shade and "color" not in run and sum(int(shade[n : n + 2], 16) * part for n, part in ((1, 3), (3, 6), (5, 1))) < 700:
            run = run | {"color": "#ffffff"}
        align = CELL_SIDES.get((value(inside, "vAlign") or "").lower())
        css |= {"vertical-align": align} if align else {}
        padding = self.padding | padding_of(inside, "tcMar")
        if padding != USUAL_PADDING:
            css["padding"] = " ".join(f"{padding[side]:g}pt" for side in SIDES)
        return css, (paragraph, run)


class WordTables:
    """Tables as HTML; the blocks inside the cells are the subclass's."""

    def table(self, element):
        rows = [row for row in self.table_parts(element, "tr")]
        count = max((sum(self.span(cell) for cell in self.table_parts(row, "tc")) for row in rows), default=0)
        look = TableLook(self, element, len(rows), count) if LOOKING else None
        grid, open_spans = [], {}
        for y, row in enumerate(rows):
            properties, x, line = row.find(W + "trPr"), 0, []
            x += whole(value(properties, "gridBefore", "0"), 0) % 100
            line += ["<td></td>" if look is None else '<td style="border:none"></td>'] * x
            for cell in self.table_parts(row, "tc"):
                inside, width = cell.find(W + "tcPr"), self.span(cell)
                merge = inside.find(W + "vMerge") if inside is not None else None
                css, text = look.cell(x, y, width, inside) if look else ({}, ({}, {}))
                around, self.table_text = self.table_text, tuple(outer | own for outer, own in zip(self.table_text, text))
                if merge is not None and merge.get(W + "val", "continue") == "continue" and x in open_spans:
                    entry = open_spans[x]
                    entry[1] += 1
                    if has_words(hidden := self.blocks(cell)):
                        entry[2] += hidden
                    if "border-bottom" in css and entry[3].get("border") == "none":
                        entry[3]["border-bottom"] = css["border-bottom"]
                else:
                    entry = [width, 1, self.cell_html(cell), css]
                    line.append(entry)
                    open_spans.pop(x, None)
                    if merge is not None:
                        open_spans[x] = entry
                self.table_text = around
                x += width
            height = properties.find(W + "trHeight") if look and properties is not None else None
            height = twips(height.get(W + "val")) if height is not None else None
            grid.append((switched(properties, "tblHeader"), line, f' style="height:{height:g}pt"' if height and 0 < height < 800 else ""))
        lines = []
        for heading, line, looks in grid:
            tag = "th" if heading else "td"
            cells = "".join(
                cell
                if isinstance(cell, str)
                else f"<{tag}"
                + (f' colspan="{cell[0]}"' if cell[0] > 1 else "")
                + (f' rowspan="{cell[1]}"' if cell[1] > 1 else "")
                + (f' style="{css_text((PLAIN if heading else {}) | cell[3])}"' if cell[3] else "")
                + f">{cell[2]}</{tag}>"
                for cell in line
            )
            lines.append(f"<tr{looks}>{cells}</tr>")
        head = next((at for at, (heading, *_) in enumerate(grid) if not heading), len(grid))
        return (
            f"<table{self.arrangement(element) if look else ''}>"
            + (f"<thead>{''.join(lines[:head])}</thead>" if head else "")
            + f"<tbody>{''.join(lines[head:])}</tbody></table>"
        )

    def span(self, cell):
        width = value(cell.find(W + "tcPr"), "gridSpan", "1")
        return max(1, min(int(width), 200)) if width.isdecimal() and len(width) < 5 else 1

    def arrangement(self, element):
        """The widths of the columns in points, and where the table stands in the width of the page."""
        columns = [column.get(W + "w", "") for column in element.iterfind(f"{W}tblGrid/{W}gridCol")]
        own = self.cell_widths(element, len(columns))
        columns = [own.get(at, column) for at, column in enumerate(columns)]
        drawn = f' data-widths="{" ".join(f"{int(column) / 20:g}" for column in columns)}"' if sized(columns) else ""
        where = ALIGNS.get(value(element.find(W + "tblPr"), "jc"))
        return drawn + {"center": ' align="center"', "right": ' align="right"'}.get(where, "")

    def cell_widths(self, element, count):
        """{column: width} as the cells of the first row that has no spans say, which Word believes more than the grid."""
        for row in self.table_parts(element, "tr"):
            cells = list(self.table_parts(row, "tc"))
            sizes = [cell.find(f"{W}tcPr/{W}tcW") for cell in cells]
            if len(cells) == count and not any(cell.find(f"{W}tcPr/{W}gridSpan") is not None for cell in cells):
                given = [size.get(W + "w", "") for size in sizes if size is not None and size.get(W + "type") == "dxa"]
                return dict(enumerate(given)) if len(given) == count and sized(given) else {}
        return {}

    def table_parts(self, element, name):
        for child in element:
            if child.tag == W + name:
                yield child
            elif child.tag in PASS:
                yield from self.table_parts(child, name)

    def cell_html(self, cell):
        text = self.blocks(cell)
        return (
            text[3:-4]
            if text.count("<p>") == 1 and text.startswith("<p>") and text.endswith("</p>") and "<table" not in text
            else text
        )
