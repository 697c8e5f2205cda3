"""Pictures and boxes beside the text, or at a place of the page, as Typst."""

BESIDE = """#let beside(left, right, blocks) = layout(size => {
  let gap = 9pt
  let wide(figure) = if figure == none { 0pt } else { calc.min(figure.at(0), size.width * 0.45) + gap }
  let narrow = size.width - wide(left) - wide(right)
  let drawn(figure) = if figure == none { none } else { block(width: wide(figure) - gap, figure.at(1)) }
  let high(it) = if it == none { 0pt } else { measure(it).height }
  let room = calc.max(high(drawn(left)), high(drawn(right))) + 3pt
  let (inner, outer) = ((), ())
  for (shape, parts) in blocks {
    if outer.len() > 0 { outer.push(shape(parts.join())); continue }
    let fits(count) = high(block(width: narrow, (..inner, shape(parts.slice(0, count).join())).join())) <= room
    let (low, top) = (0, parts.len())
    while low < top { let middle = calc.ceil((low + top) / 2); if fits(middle) { low = middle } else { top = middle - 1 } }
    if low > 0 { inner.push(shape(parts.slice(0, low).join() + if low < parts.len() { linebreak(justify: true) })) }
    if low < parts.len() { outer.push(shape(parts.slice(low).join())) }
  }
  let columns = (..if left != none { (wide(left) - gap,) }, narrow, ..if right != none { (wide(right) - gap,) })
  let cells = (..if left != none { (drawn(left),) }, inner.join(), ..if right != none { (drawn(right),) })
  grid(columns: columns, column-gutter: gap, ..cells)
  outer.join()
})
"""
COLUMNS = """#let columned(count, gap, body) = layout(size => {
  let high = measure(block(width: (size.width - gap * (count - 1)) / count, body)).height
  block(height: high / count + 16pt, columns(count, gutter: gap, body))
})
"""
MOST_BESIDE = 12  # paragraphs
TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[(\[{]|[)\]}]|;')
TEXTS = ("p", "h1", "h2", "h3", "h4", "h5", "h6")


def side_of(element):
    return css_of(element).get("float") if element.get("class") == "float" else None


class FloatingTypesetter(LookingTypesetter):
    """A typesetter that sets text beside what floats."""

    def __init__(self, body, folder):
        super().__init__(body, folder)
        self.floats, self.overlays = False, []
        for holder in (body, *self.running.values()):
            for element in list(holder.iter("div")):
                if side_of(element) and element.getparent().get("class") != "beside":
                    self.gather(element)

    def gather(self, first):
        """What floats and the paragraphs that may stand beside it, in one element."""
        self.floats = True
        group = etree.Element("section")
        group.set("class", "beside")
        first.addprevious(group)
        letters, following = 0.0, first
        while following is not None and len(group) < MOST_BESIDE + 2:
            text, after = following.tag in TEXTS and following not in self.holders, following.getnext()
            figures = [each for each in group if side_of(each)]
            if not text and (not side_of(following) or len(group) > len(figures) or side_of(following) in map(side_of, figures)):
                break
            if text and letters > 4000:
                break
            letters += len(following.text_content()) if text else 0
            group.append(following)
            following = after

    def rules(self):
        return super().rules() + (BESIDE if self.floats else "") + (COLUMNS if self.body.find(".//div[@class='columns']") is not None else "")

    def document(self):
        """Boxes that lie over or under the text are drawn by the pages that they are anchored on."""
        text, planes = super().document(), []
        for plane, under in (("background", True), ("foreground", False)):
            drawn = [
                f"let at = locate(label({quoted(name)})).position();if at.page == here().page() {{place(top + left, dx: {left:.1f}pt, dy: {down}, {box})}}"
                for behind, name, left, down, box in self.overlays
                if behind == under
            ]
            planes += [f"#set page({plane}: context {{{';'.join(drawn)}}})\n"] if drawn else []
        return "".join(planes) + text

    def beside(self, element, depth):
        figures = {side_of(child): child for child in element if side_of(child)}
        sides = []
        for side in ("left", "right"):
            figure = figures.get(side)
            if figure is None:
                sides.append("none")
                continue
            width = points(css_of(figure).get("width")) or 100.0
            sides.append(f"({width:.1f}pt, {self.filled(figure, css_of(figure), depth)})")
        texts = [(child, self.split(self.block(child, depth))) for child in element if not side_of(child)]
        blocks = "".join(f"(it => {shape}, ({''.join(part + ',' for part in parts)}))," for _, (shape, parts) in texts)
        return f"beside({', '.join(sides)}, ({blocks}))"

    def split(self, made):
        """(an expression of ``it``, its parts that may be apart) of the blocks of a paragraph; what has no simple end stays whole."""
        text = "{" + ";".join(made) + "}"
        start = text.find("par({") + 5
        parts, end = pieces_of(text, start) if start > 4 and text.count("par({") == 1 else ([], 0)
        return (f"{text[: start - 5]}par(it){text[end + 2 :]}", parts) if parts else ("it", [text])

    def box(self, element, css, depth):
        """A box of the document: at a place of the page, or as a block of its own."""
        if element.get("class") == "columns":
            count, gap = min(max(int(css.get("column-count", "2")), 2), 12), points(css.get("column-gap")) or 18.0
            before, self.width = self.width, max((self.width - gap * (count - 1)) / count, 30.0)
            content = self.flow(element, depth + 1)
            self.width = before
            return [f"columned({count}, {gap:.1f}pt, {{{';'.join(content)}}})"]
        text = self.filled(element, css, depth)
        width = points(css.get("width"))
        if css.get("position") and depth == 0:
            left, top = (points(css.get(side)) or 0.0 for side in ("left", "top"))
            left = max(min(left, self.width + 60 - (width or 0.0)), -70.0)
            name = f"box-{len(self.overlays)}"
            margins = [side * 72 / 25.4 for side in margins_mm(element.get("data-paper") or self.body.get("data-paper", ""))]
            down = f"{max(top + margins[0], 0):.1f}pt" if css["position"] == "absolute" else f"calc.max(at.y + {top:.1f}pt, 0pt)"
            self.overlays.append((css.get("z-index") == "-1", name, left + margins[3], down, text))
            return [f"[#metadata(none)#label({quoted(name)})]"]
        return [f"align({css['text-align']}, {text})" if css.get("text-align") in ("center", "right") else text]

    def filled(self, element, css, depth):
        width = points(css.get("width"))
        before, self.width = self.width, min(width + 30, self.width) if width else self.width
        content = self.flow(element, depth + 1)
        self.width = before
        said = {"width": f"{width:.1f}pt" if width else "100%"}
        if fill := paint(css.get("background-color")):
            said["fill"] = fill
        if lines := strokes(css):
            said["stroke"] = listed(lines)
        if len(said) > 1:
            said["inset"] = "(x: 7pt, y: 3.6pt)"
        return f"block({listed(said)[1:-1]}, align(left, {{{';'.join(content)}}}))"


def pieces_of(text, begin):
    """(the pieces of the Typst code block that is open at ``begin``, those that are only text word by word; where it is closed)."""
    pieces, depth, start = [], 0, begin
    for found in TOKEN.finditer(text, begin):
        mark = found.group()
        depth += (mark in "([{") - (mark in ")]}")
        if depth < 0 or (mark == ";" and depth == 0):
            words = re.fullmatch(r'"((?:[^"\\]|\\.)*)"', text[start : found.start()])
            whole = [f'"{word}"' for word in re.findall("[^ ]+ ?| ", words.group(1))] if words else [text[start : found.start()]]
            pieces += filter(None, whole)
            start = found.end()
        if depth < 0:
            return pieces, found.start()
    return [], 0


SETTER = FloatingTypesetter
