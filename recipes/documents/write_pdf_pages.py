"""Pages of the HTML tree as Typst: paper by section, and the headers and footers that run through the pages of a section."""

LINE_POINTS = 14  # of a header
TALLEST = 150  # points that a header or footer may take
LAST = "end-of-the-document"


class TypesetPages:
    """Settings of pages as Typst expressions; what stands in headers and footers is the subclass's."""

    running_rules = "set text(size: 0.9em);set par(spacing: 0.5em);"

    def take_running(self, body):
        """Take headers and footers out of the tree: {section: its element}."""
        found = {holder.get("data-section"): holder for holder in body.iterchildren("div") if holder.get("class") == "running"}
        for holder in found.values():
            holder.drop_tree()
        return found

    def first_page(self):
        return self.section(self.body.get("data-paper", ""), "0") if self.running else []

    def page_break(self, element):
        """A new page; from there on the paper, headers and footers of the section that begins."""
        paper, section = element.get("data-paper", ""), element.get("data-section", "")
        if section in self.running:
            return self.section(paper, section)
        if not paper or OPTIONS.get("page_size") != "auto":
            return ["pagebreak(weak: true)"]
        self.width, self.height = text_area_points(paper)
        return ["pagebreak(weak: true)", f"set page({page_size(paper)})"]

    def section(self, paper, number):
        holder, paper = self.running[number], paper if OPTIONS.get("page_size") == "auto" else self.body.get("data-paper", "")
        self.width, self.height = text_area_points(paper)
        sizes = [margin * 72 / 25.4 for margin in margins_mm(paper)]
        places = [float(place) for place in paper.split()[6:8]] or [28.0, 28.0]
        settings, drawn = [page_size(paper).partition(", margin")[0]], {}
        for kind, at, place, slot in (("header", 0, places[0], "top"), ("footer", 2, places[1], "bottom")):
            parts = {part.get("class"): part for part in holder.iterchildren(kind) if len(part) or part.text}
            place = min(place, sizes[at] * 0.75)
            need = max((self.height_of(part) for part in parts.values()), default=0)
            if need > sizes[at] - place:
                sizes[at] = min(place + need + 6, self.height * 0.6)
            drawn[kind] = self.chosen(holder, kind, parts, slot, max(sizes[at] - place, 10)) if parts else "none"
        settings.append(f"margin: (top: {sizes[0]:.1f}pt, right: {sizes[1]:.1f}pt, bottom: {sizes[2]:.1f}pt, left: {sizes[3]:.1f}pt)")
        settings += ["header-ascent: 0pt", "footer-descent: 0pt", *(f"{kind}: {text}" for kind, text in drawn.items())]
        start = holder.get("data-start", "")
        self.height -= sizes[0] + sizes[2] - sum(margins_mm(paper)[::2]) * 72 / 25.4
        return [
            "pagebreak(weak: true)",
            f"set page({', '.join(settings)})",
            *([f"counter(page).update({start})"] if start.isdecimal() and len(start) < 7 else []),
            f"[#metadata(none)#label({quoted('section-' + number)})]",
        ]

    def chosen(self, holder, kind, parts, slot, height):
        """The part that a page shows: its own for the first page of the section, and for even ones."""
        form, number = quoted(holder.get("data-form", "1")), holder.get("data-section")
        texts = {which: self.running_text(parts.get(which), form) for which in ("default", "first", "even")}
        text = texts["default"]
        if holder.find(f"{kind}[@class='even']") is not None:
            text = f"{{if calc.even(counter(page).get().first()) {texts['even']} else {text}}}"
        if holder.find(f"{kind}[@class='first']") is not None:
            text = f"{{if here().page() == locate(label({quoted('section-' + number)})).page() {texts['first']} else {text}}}"
        return f"context block(width: 100%, height: {height:.1f}pt, align({slot}, {text}))"

    def running_text(self, part, form):
        if part is None:
            return "{}"
        size, self.height, self.counting = self.height, TALLEST + 30, form
        content = self.flow(part, 1)
        self.height, self.counting = size, ""
        return f"{{{self.running_rules}{';'.join(content)}}}"

    def height_of(self, part):
        """About how high a header or footer is: its lines, rows and pictures."""
        total = 0
        for block in part.iter("p", "tr", "li", "h1", "h2", "h3"):
            if next(block.iterancestors("tr"), part) is not part and block.tag != "tr":
                continue
            letters = len(block.text_content()) * 5 / max(len(block) if block.tag == "tr" else 1, 1)
            lines = (1 + int(letters / self.width) + len(block.findall(".//br"))) * self.line_points(block)
            pictures = [self.stored_height(image) for image in block.iter("img")]
            total += max([lines, *pictures])
        return min(total, self.height)

    def line_points(self, block):
        return LINE_POINTS

    def stored_height(self, image):
        try:
            _, width, height = self.stored(image.get("src") or "")
        except (ValueError, OSError):
            return LINE_POINTS
        asked = image.get("width") or ""
        return min((float(asked) * height / width if asked.isdecimal() else height) * 0.75, TALLEST) + 4
