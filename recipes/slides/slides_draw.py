"""Slides as pages: every shape put where it stands, text in its size and colour, tables, pictures; typeset by Typst."""

import tempfile

EMU = 12700  # to a point
FIT = """#let fit(w, h, shrink, f) = context {
  let k = 1.0
  if shrink { while k > 0.35 and measure(block(width: w, f(k))).height > h + 1pt { k -= 0.06 } }
  block(width: w, f(k))
}
"""
ALIGN = {"ctr": "center", "r": "right", "just": "left", "dist": "left"}
ANCHOR = {"ctr": "horizon", "b": "bottom"}


class Drawing(DrawnTables):
    """One slide on its way into Typst source."""

    def __init__(self, slide, folder, pictures):
        self.slide, self.look, self.folder, self.pictures = slide, Look(slide), folder, pictures

    def page(self, width, height):
        background = self.look.background(self.slide)
        parts = [f"#page(width: {width:.1f}pt, height: {height:.1f}pt, margin: 0pt, fill: {background or 'white'})[#{{"]
        if self.slide._element.get("showMasterSp") != "0":
            if self.look.layout._element.get("showMasterSp") != "0":
                parts += self.shapes(self.look.master, decorative=True)
            parts += self.shapes(self.look.layout, decorative=True)
        parts += self.shapes(self.slide)
        parts.append("}]\n")
        return "\n".join(parts)

    def shapes(self, container, decorative=False):
        out = []
        for shape, place in shapes_of(container):
            try:
                if decorative and shape.is_placeholder or shape._element.find(".//*[@hidden='1']") is not None:
                    continue
                drawn = self.shape(shape, place)
            except SHAPE_FAULTS:
                warn("shapes that are malformed were left out")
                continue
            if drawn:
                out.append(drawn)
        return out

    def shape(self, shape, place):
        if (
            shape.width is None or shape.left is None
        ):  # no place of its own, none in the layout: at the foot of the slide
            return (
                f"place(bottom + left, dx: 20pt, dy: -10pt, {self.box(shape, 300, 30)})"
                if getattr(shape, "has_text_frame", False) and shape.text_frame.text.strip()
                else ""
            )
        x, y = (place[0] + place[2] * shape.left) / EMU, (place[1] + place[3] * shape.top) / EMU
        width, height = abs(place[2] * shape.width) / EMU, abs(place[3] * shape.height) / EMU
        if not (-5000 < x < 10000 and -5000 < y < 10000 and width < 10000 and height < 10000):
            return ""
        if getattr(shape, "has_table", False) and shape.has_table:
            inner = self.table(shape, width)
        elif getattr(shape, "has_chart", False) and shape.has_chart:
            inner = self.chart(shape, width, height)
        elif hasattr(shape, "image"):
            inner = self.picture(shape, width, height)
        elif shape._element.tag.endswith("}cxnSp"):
            return self.line(shape, x, y, width, height)
        elif getattr(shape, "has_text_frame", False) and shape.has_text_frame:
            inner = self.box(shape, width, height)
        else:
            lines = diagram_words(shape)
            inner = f"block(width: {width:.1f}pt, list({', '.join(map(quoted, lines))}))" if lines else ""
        turn = getattr(shape, "rotation", 0) or 0
        if inner and turn:
            inner = f"rotate({turn:.1f}deg, block(width: {width:.1f}pt, height: {height:.1f}pt, {inner}))"
        return f"place(top + left, dx: {x:.1f}pt, dy: {y:.1f}pt, {inner})" if inner else ""

    def line(self, shape, x, y, width, height):
        properties = shape._element.spPr
        stroke, _ = self.look.fill(child(properties, "ln"))
        frame = child(properties, "xfrm")
        start, end = (
            (height, 0)
            if frame is not None and (frame.get("flipV") == "1") != (frame.get("flipH") == "1")
            else (0, height)
        )
        look = f"{self.thickness(properties)}pt + {stroke or 'gray'}"
        return f"place(top + left, dx: {x:.1f}pt, dy: {y:.1f}pt, line(start: (0pt, {start:.1f}pt), end: ({width:.1f}pt, {end:.1f}pt), stroke: {look}))"

    def thickness(self, properties):
        line = child(properties, "ln")
        return f"{int(line.get('w', '9525')) / EMU:.2f}" if line is not None else "0.75"

    # -- text

    def box(self, shape, width, height):
        properties = shape._element.spPr
        fill, decided = self.look.fill(properties)
        style = shape._element.find(f"{PRESENTATION}style")
        if not decided and style is not None:
            reference = child(style, "fillRef")
            fill = self.look.color(reference) if reference is not None and reference.get("idx") != "0" else None
        stroke, outlined = self.look.fill(child(properties, "ln"))
        if (
            not outlined
            and style is not None
            and child(style, "lnRef") is not None
            and child(style, "lnRef").get("idx") != "0"
        ):
            stroke = self.look.color(child(style, "lnRef"))
        form = child(properties, "prstGeom")
        form = form.get("prst", "rect") if form is not None else "rect"
        frame = ""
        if fill or stroke:
            look = f"width: {width:.1f}pt, height: {height:.1f}pt, fill: {fill or 'none'}, stroke: " + (
                f"{self.thickness(properties)}pt + {stroke}" if stroke else "none"
            )
            frame = f"place(top + left, {'ellipse' if form == 'ellipse' else 'rect'}({look}{', radius: 8%' if form.startswith('round') else ''}));"
        bodies = self.look.body_properties(shape)
        left, top, right, bottom = (
            int(first(bodies, name, default)) / EMU
            for name, default in (("lIns", 91440), ("tIns", 45720), ("rIns", 91440), ("bIns", 45720))
        )
        default = self.look.color(child(style, "fontRef")) if style is not None else None
        text, lines = self.paragraphs(shape, default)
        if not lines:
            return f"block(width: {width:.1f}pt, height: {height:.1f}pt, {{{frame}}})" if frame else ""
        shrink = any(child(body, "normAutofit") is not None for body in bodies) and not any(
            child(body, "spAutoFit") is not None for body in bodies[:1]
        )
        anchor = ANCHOR.get(first(bodies, "anchor", "t"), "top")
        inner_width, inner_height = max(width - left - right, 5), max(height - top - bottom, 5)
        if first(bodies, "wrap") == "none":
            inner_width = max(inner_width, 2000 if anchor == "top" and "align(center" not in text else inner_width)
        content = f"fit({inner_width:.1f}pt, {inner_height:.1f}pt, {'true' if shrink else 'false'}, k => {{{text}}})"
        inset = f"block(inset: (left: {left:.1f}pt, top: {top:.1f}pt, bottom: {bottom:.1f}pt), width: {width:.1f}pt, height: {height:.1f}pt, align({anchor} + left, {content}))"
        return f"block(width: {width:.1f}pt, height: {height:.1f}pt, {{{frame}{inset}}})"

    def paragraphs(self, shape, default_color):
        """Typst code for the paragraphs, and how many have text."""
        levels, out, count, numbers = self.look.levels(shape), [], 0, {}
        scale = next(
            (int(fit.get("fontScale", "100000")) / 100_000 for fit in shape._element.iter(f"{DRAWING}normAutofit")), 1.0
        )
        for paragraph in shape._element.iter(f"{DRAWING}p"):
            own = child(paragraph, "pPr")
            level = int(own.get("lvl", "0")) if own is not None else 0
            chain = [own, *(child(style, f"lvl{level + 1}pPr") for style in levels)]
            runs = [child(element, "defRPr") for element in chain if element is not None]
            pieces = self.runs(paragraph, runs, default_color, scale, shape.part)
            if not pieces:
                size = int(first([child(paragraph, "endParaRPr"), *runs], "sz", "1800")) / 100 * scale
                out.append(f"v({size:.1f}pt * k, weak: false)" if count else "")
                continue
            count += 1
            align = ALIGN.get(first(chain, "algn", "l"), "left")
            margin, indent = int(first(chain, "marL", "0")) / EMU, int(first(chain, "indent", "0")) / EMU
            mark = self.bullet(chain, numbers, level)
            hang = f"{min(-indent, 60):.1f}pt" if indent < 0 and mark else "0pt"
            if mark:
                mark = f"text(size: {int(first([child(paragraph, 'r', 'rPr'), *runs], 'sz', '1800')) / 100 * scale:.1f}pt * k, {mark})"
            lead = f"box(width: {hang}, {mark});" if mark and indent < 0 else f"{mark};" if mark else ""
            body = f"par(hanging-indent: {hang}, {{{lead}{';'.join(pieces)}}})"
            body = f"pad(left: {max(margin + min(indent, 0), 0):.1f}pt, {body})" if margin else body
            out.append(f"align({align}, {body})" if align != "left" else body)
        return ";".join(filter(None, out)), count

    def bullet(self, chain, numbers, level):
        for element in chain:
            if element is None:
                continue
            if child(element, "buNone") is not None:
                return ""
            found = child(element, "buChar")
            if found is not None:
                letter = found.get("char", "•")
                return quoted("•" if ord(letter[:1] or "•") >= 0xE000 or letter in "§ØvqüÜ" else letter)
            if child(element, "buAutoNum") is not None:
                numbers[level] = numbers.get(level, 0) + 1
                return quoted(f"{numbers[level]}.")
        return ""

    def runs(self, paragraph, inherited, default_color, scale, part):
        out = []
        for item in paragraph:
            name = item.tag.rpartition("}")[2] if isinstance(item.tag, str) else ""
            if name == "br":
                out.append("linebreak()")
                continue
            text = item.findtext(f"{DRAWING}t") or "" if name in ("r", "fld") else ""
            if name in ("AlternateContent", "m"):
                math = next(item.iter(f"{MATH}oMath"), None)
                text = tex_of(math).strip() if math is not None else ""
            if not text:
                continue
            own = child(item, "rPr")
            chain = [own, *inherited]
            size = int(first(chain, "sz", "1800")) / 100 * scale
            color = next(
                filter(
                    None,
                    (
                        self.look.color(child(source, "solidFill"))
                        for source in ([own] if own is not None else []) + ([] if default_color else inherited)
                        if source is not None
                    ),
                ),
                default_color,
            )
            settings = f"size: {max(1, min(size, 400)):.1f}pt * k" + (f", fill: {color}" if color else "")
            settings += ', weight: "bold"' if first(chain, "b") in ("1", "true") else ""
            settings += ', style: "italic"' if first(chain, "i") in ("1", "true") else ""
            piece = f"text({settings}, {quoted(text.upper() if first(chain, 'cap') == 'all' else text)})"
            out.append(f"underline({piece})" if first(chain, "u", "none") not in ("none", None) else piece)
        return out if any(piece != "linebreak()" for piece in out) else []

    # -- charts, pictures

    def chart(self, shape, width, height):
        """The chart; one of a kind that is not drawn as the table of its data, so large that it fits the place."""
        chart = chart_of(shape)
        drawn = ChartDrawing(chart, self.look, width, height).drawn()
        if drawn:
            return drawn
        warn("charts of other kinds than bars, lines, areas, points and pies are drawn as the table of their data")
        rows, title = chart.rows(), chart.title
        cells = ", ".join("{" + quoted(str(cell)) + "}" for row in rows for cell in row)
        heading = f"par(strong(text(size: 12pt * k, {quoted(title)})));" if title else ""
        body = f"{{{heading}set text(size: 11pt * k);table(columns: {max(len(rows[0]), 1)}, inset: 3pt * k, stroke: 0.5pt + luma(170), {cells})}}"
        return f"block(width: {width:.1f}pt, height: {height:.1f}pt, clip: true, fit({width:.1f}pt, {height:.1f}pt, true, k => {body}))"

    def picture(self, shape, width, height):
        described = shape._element.find(f".//{PRESENTATION}cNvPr")
        alt = (described.get("descr") or "") if described is not None else ""
        try:
            blob = shape.image.blob
            key = shape.image.sha1
            if key not in self.pictures:
                name = f"p{len(self.pictures)}"
                blob, kind, _ = metafile_picture(blob) or (b"", "", "") if shape.image.content_type in METAFILES else (blob, "", "")
                if kind == "svg+xml":
                    Path(self.folder, f"{name}.svg").write_bytes(blob)
                    self.pictures[key] = f"{name}.svg"
                else:
                    self.pictures[key], _, _ = stored_picture(blob, self.folder, name)
        except SHAPE_FAULTS:
            warn("a picture of an unknown or damaged format is shown by its alternative text")
            return f"block(width: {width:.1f}pt, height: {height:.1f}pt, stroke: 0.5pt + luma(180), inset: 4pt, {quoted(f'[{alt}]' if alt else '')})"
        left, top, right, bottom = (
            getattr(shape, f"crop_{side}", 0) or 0 for side in ("left", "top", "right", "bottom")
        )
        wide, high = width / max(1 - left - right, 0.01), height / max(1 - top - bottom, 0.01)
        drawn = f'image({quoted(self.pictures[key])}, width: {wide:.1f}pt, height: {high:.1f}pt, fit: "stretch", alt: {quoted(alt)})'
        if left or top or right or bottom:
            return f"block(width: {width:.1f}pt, height: {height:.1f}pt, clip: true, place(top + left, dx: {-left * wide:.1f}pt, dy: {-top * high:.1f}pt, {drawn}))"
        return drawn


def slides_pdf(output):
    """Typeset all slides into ``output``; return how many there are."""
    import typst

    deck = open_slides()
    width, height = (deck.slide_width or 9144000) / EMU, (deck.slide_height or 6858000) / EMU
    with tempfile.TemporaryDirectory() as folder:
        pictures, pages, letters = {}, [], 0
        for number, slide in slides_of(deck):
            try:
                pages.append(Drawing(slide, folder, pictures).page(width, height))
                letters += sum(len(item.text or "") for item in slide._element.iter(f"{DRAWING}t"))
            except SHAPE_FAULTS:
                warn(f"slide {number} cannot be drawn: its page is empty")
                pages.append(f"#page(width: {width:.1f}pt, height: {height:.1f}pt)[]\n")
        setup = page_setup(deck.core_properties.title or "") + "#set par(spacing: 0.55em, leading: 0.4em)\n" + FIT
        try:
            compile_pdf(setup + "".join(pages), folder, output)
        except typst.TypstError as error:
            compile_apart(setup, pages, folder, output, error, (width, height))
    count = check_pdf(output, letters)
    if count != len(pages):
        raise RuntimeError(f"{count} pages for {len(pages)} slides")
    return count


def compile_apart(setup, pages, folder, output, error, size):
    """One slide hinders the deck: find it by compiling each alone, and leave its page empty."""
    import typst

    good = []
    for number, page in enumerate(pages, 1):
        try:
            compile_pdf(setup + page, folder, Path(folder, "try.pdf"))
            good.append(page)
        except typst.TypstError:
            warn(f"slide {number} cannot be drawn: its page is empty ({str(error)[:80]})")
            good.append(f"#page(width: {size[0]:.1f}pt, height: {size[1]:.1f}pt)[]\n")
    compile_pdf(setup + "".join(good), folder, output)
