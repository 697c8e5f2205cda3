"""Tables of a Word document: rows and cells whatever wraps them, merged cells as spans."""


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
                    entry = [width, 1, self.cell_html(cell)]
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
                + f">{cell[2]}</{tag}>"
                for cell in line
            )
            lines.append(f"<tr>{cells}</tr>")
        head = next((at for at, (heading, _) in enumerate(grid) if not heading), len(grid))
        return (
            "<table>"
            + (f"<thead>{''.join(lines[:head])}</thead>" if head else "")
            + f"<tbody>{''.join(lines[head:])}</tbody></table>"
        )

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
