"""Tables of slides as Typst: widths, heights and fills of cells, words that fit their columns."""


class DrawnTables:
    """The tables of one slide; the look of a slide and the runs of its text are the subclass's."""

    def table(self, shape, width):
        table, look = shape.table, self.look
        columns = [column.width / EMU for column in table.columns]
        ratio = width / sum(columns) if sum(columns) else 1
        styled = child(table._tbl, "tblPr")
        styled = styled if styled is not None and child(styled, "tableStyleId") is not None else None
        head, banded = (styled is not None and styled.get(name) == "1" for name in ("firstRow", "bandRow"))
        accent = f'rgb("{look.colors["accent1"]}")'
        parts = [
            f"columns: ({', '.join(f'{column * ratio:.1f}pt' for column in columns)},)",
            "inset: 5pt",
            f"stroke: 0.75pt + {'white' if styled is not None else 'black'}",
        ]
        shrink = min(
            [
                1.0,
                *(
                    self.fitting(cell, columns[x] * ratio)
                    for row in table.rows
                    for x, cell in enumerate(row.cells)
                    if not cell.is_spanned and x < len(columns)
                ),
            ]
        )
        for y, row in enumerate(table.rows):
            room = max(row.height / EMU - 10, 0)  # a row is at least as high as it says, less its insets
            for x, cell in enumerate(row.cells):
                if cell.is_spanned:
                    continue
                fill, decided = look.fill(child(cell._tc, "tcPr"))
                on_head = head and y == 0
                if not decided:
                    fill = (
                        accent
                        if on_head
                        else f"{accent}.lighten({80 if y % 2 else 90}%)"
                        if styled is not None and (banded or head)
                        else None
                    )
                text, _ = self.cell_text(cell, "white" if on_head and not decided else None, on_head, shrink)
                spans = (f", colspan: {cell.span_width}" if cell.is_merge_origin and cell.span_width > 1 else "") + (
                    f", rowspan: {cell.span_height}" if cell.is_merge_origin and cell.span_height > 1 else ""
                )
                parts.append(
                    f"table.cell(x: {x}, y: {y}{spans}, fill: {fill or 'none'}, grid(columns: (0pt, 1fr), block(height: {room:.1f}pt), {{{text or '[]'}}}))"
                )
                room = 0
        return f"block(width: {width:.1f}pt, table({', '.join(parts)}))"

    def fitting(self, cell, width):
        """By how much the longest word of a cell must shrink to fit the column, at most to a half."""
        size = max(
            (
                int(item.get("sz")) / 100
                for item in cell._tc.iter(f"{DRAWING}rPr")
                if (item.get("sz") or "").isdecimal()
            ),
            default=18,
        )
        longest = max(map(len, cell.text_frame.text.split()), default=0)
        return max(0.5, (width - 10) / (0.56 * size * longest)) if longest and not cell.is_merge_origin else 1.0

    def cell_text(self, cell, color, bold, scale):
        out = []
        for paragraph in cell._tc.iter(f"{DRAWING}p"):
            default = etree.Element("defRPr", b="1") if bold else etree.Element("defRPr")
            pieces = self.runs(paragraph, [default], color, scale, None)
            if pieces:
                own = child(paragraph, "pPr")
                align = ALIGN.get(own.get("algn", "l"), "left") if own is not None else "left"
                out.append(f"align({align}, {{let k = 1.0;{';'.join(pieces)}}})")
        return ";".join(out), len(out)
