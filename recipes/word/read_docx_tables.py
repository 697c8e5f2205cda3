"""Tables of a Word document: rows and cells whatever wraps them, merged cells as spans."""

NO_LINE = ("none", "nil", None)


def sized(widths):
    return bool(widths) and all(width.isdecimal() and 50 < int(width) < 60_000 for width in widths)


def any_line(element, name):
    return any(side.get(W + "val") not in NO_LINE for borders in element.iter(W + name) for side in borders)


class WordTables:
    """Tables as HTML; the blocks inside the cells are the subclass's."""

    def table(self, element):
        rows = [row for row in self.table_parts(element, "tr")]
        grid, open_spans = [], {}
        for row in rows:
            properties, x, line = row.find(W + "trPr"), 0, []
            x += int(value(properties, "gridBefore", "0") or 0)
            line += ["<td></td>"] * x
            for cell in self.table_parts(row, "tc"):
                inside = cell.find(W + "tcPr")
                width = value(inside, "gridSpan", "1")
                width = max(1, min(int(width), 200)) if width.isdecimal() else 1
                merge = inside.find(W + "vMerge") if inside is not None else None
                if merge is not None and merge.get(W + "val", "continue") == "continue" and x in open_spans:
                    open_spans[x][1] += 1
                    hidden = self.blocks(cell)
                    open_spans[x][2] += hidden
                else:
                    entry = [width, 1, self.cell_html(cell), self.shade(inside)]
                    line.append(entry)
                    open_spans.pop(x, None)
                    if merge is not None:
                        open_spans[x] = entry
                x += width
            grid.append((switched(properties, "tblHeader"), line))
        lines = []
        for heading, line in grid:
            tag = "th" if heading else "td"
            cells = "".join(
                cell
                if isinstance(cell, str)
                else f"<{tag}"
                + (f' colspan="{cell[0]}"' if cell[0] > 1 else "")
                + (f' rowspan="{cell[1]}"' if cell[1] > 1 else "")
                + f"{cell[3]}>{cell[2]}</{tag}>"
                for cell in line
            )
            lines.append(f"<tr>{cells}</tr>")
        head = next((at for at, (heading, _) in enumerate(grid) if not heading), len(grid))
        return (
            f"<table{self.looks(element) if PAGED else ''}>"
            + (f"<thead>{''.join(lines[:head])}</thead>" if head else "")
            + f"<tbody>{''.join(lines[head:])}</tbody></table>"
        )

    def looks(self, element):
        """How a table is drawn: the widths of its columns in points, and whether it has lines."""
        columns = [column.get(W + "w", "") for column in element.iterfind(f"{W}tblGrid/{W}gridCol")]
        own = self.cell_widths(element, len(columns))
        columns = [own.get(at, column) for at, column in enumerate(columns)]
        drawn = f' data-widths="{" ".join(f"{int(column) / 20:g}" for column in columns)}"' if sized(columns) else ""
        return drawn if self.is_ruled(element) else f'{drawn} data-lines="none"'

    def cell_widths(self, element, count):
        """{column: width} as the cells of the first row that has no spans say, which Word believes more than the grid."""
        for row in self.table_parts(element, "tr"):
            cells = list(self.table_parts(row, "tc"))
            sizes = [cell.find(f"{W}tcPr/{W}tcW") for cell in cells]
            if len(cells) == count and not any(cell.find(f"{W}tcPr/{W}gridSpan") is not None for cell in cells):
                given = [size.get(W + "w", "") for size in sizes if size is not None and size.get(W + "type") == "dxa"]
                return dict(enumerate(given)) if len(given) == count and sized(given) else {}
        return {}

    def is_ruled(self, element):
        """Whether the table, its style or one of its cells says to draw lines."""
        properties = element.find(W + "tblPr")
        for holder in [properties, *(style.find(W + "tblPr") for style in self.style_chain(value(properties, "tblStyle")))]:
            borders = holder.find(W + "tblBorders") if holder is not None else None
            if borders is not None:
                return any(side.get(W + "val") not in NO_LINE for side in borders) or any_line(element, "tcBorders")
        styles = self.style_chain(value(properties, "tblStyle"))
        return any_line(element, "tcBorders") or any(any_line(style, "tcBorders") for style in styles)

    def shade(self, properties):
        """The colour behind a cell."""
        shading = properties.find(W + "shd") if properties is not None and PAGED else None
        fill = shading.get(W + "fill", "") if shading is not None else ""
        return f' data-fill="{fill}"' if re.fullmatch("[0-9A-Fa-f]{6}", fill) and fill.upper() != "FFFFFF" else ""

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
