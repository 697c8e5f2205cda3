"""Pages of a Word document: paper, margins, headers and footers of its sections, and what its text usually looks like."""

PAGE_BREAK = '<hr class="page-break">'
KINDS = ("default", "first", "even")
COUNTING = {"lowerRoman": "i", "upperRoman": "I", "lowerLetter": "a", "upperLetter": "A"}


def paper_of(section):
    """Width and height of the pages of a section, its margins from the top clockwise, the places of header and footer, in points.

    "" when it does not say how large the paper is; no margins when it does not say those.
    """
    size, margins = section.find(W + "pgSz"), section.find(W + "pgMar")
    sides = [size.get(W + side, "") for side in ("w", "h")] if size is not None else []
    if not sides or not all(side.isdecimal() and 1000 < int(side) < 100_000 for side in sides):
        return ""
    if margins is not None:
        found = [margins.get(W + side, "0").lstrip("-") for side in ("top", "right", "bottom", "left", "header", "footer")]
        if all(side.isdecimal() and int(side) < 20_000 for side in found):
            gutter = margins.get(W + "gutter", "0")
            found[3] = str(int(found[3]) + (int(gutter) if gutter.isdecimal() and len(gutter) < 5 else 0))
            sides += found
    return " ".join(f"{int(side) / 20:g}" for side in sides)


class WordPages:
    """The sections of a document in order; a section that begins a page is named by its number."""

    def read_sections(self):
        self.sections = list(self.root.iter(W + "sectPr"))
        self.columned = False
        self.section = 0  # the one whose paragraphs are being read
        self.paged = {0}  # those that begin a page

    def paper(self):
        return paper_of(self.sections[0]) if self.sections else ""

    def usual_text(self):
        """The text of the document: size in points, kind of font, space before and after a paragraph, its lines, and what else it says."""
        paragraph, run = self.usual
        kind = run.get("font-family", "sans-serif").rpartition(",")[2]
        spaces = (f"{paragraph.get(side, 0.0):g}" for side in ("before", "after"))
        rest = (f"{name}:{css[name]}" for css, name in ((paragraph, "text-align"), (run, "color")) if css.get(name))
        return " ".join([run["font-size"][:-2], kind, *spaces, paragraph.get("line") or f"{LINE_EM}", *rest])

    def page_breaks(self, properties, text):
        """(break before, text, break after) of a paragraph; inside its text a form feed stays where one is."""
        before = "\f" in text[: len(text) - len(text.lstrip())] or (
            properties is not None and switched(properties, "pageBreakBefore")
        )
        after = "\f" in text[len(text.rstrip()) :] and bool(text.strip())
        if "\f" in text:
            text = text.strip() if "<a" not in text else text.strip().replace("\f", " ")
        end = PAGE_BREAK if after else ""
        if properties is not None and properties.find(W + "sectPr") is not None:
            end = self.next_section()
        return PAGE_BREAK if before else "", text, end

    def next_section(self):
        """What stands between a section and the next one: a new page, unless that one continues the page."""
        self.section = min(self.section + 1, len(self.sections) - 1)
        section = self.sections[self.section]
        if value(section, "type", "nextPage") == "continuous":
            return self.columns()
        self.paged.add(self.section)
        return self.columns(f'<hr class="page-break" data-paper="{paper_of(section)}" data-section="{self.section}">')

    def columns(self, page=""):
        """What ends the columns of the section before, and begins those of this one, with its new page between them."""
        ended, self.columned = "</div>" if self.columned else "", False
        columns = self.sections[self.section].find(W + "cols") if self.sections and LOOKING else None
        count = whole(columns.get(W + "num"), 1) if columns is not None else 1
        if not 1 < count < 9:
            return ended + page
        self.columned = True
        gap = twips(columns.get(W + "space")) or 36.0
        return f'{ended}{page}<div class="columns" style="column-count:{count};column-gap:{gap:g}pt">'

    def references(self, section, kind):
        """{default, first or even: the part} of the headers or footers that a section names itself."""
        found = {}
        for reference in section.iter(W + f"{kind}Reference"):
            target = self.package.relations(self.main).get(reference.get(R + "id"), ("", "", True))[1]
            if target:
                found[reference.get(W + "type", "default")] = target
        return found

    def headers(self, kind):
        """The distinct headers or footers of all sections, each once."""
        texts = {}
        for section in self.sections:
            for part in self.references(section, kind).values():
                root = self.package.xml(part)
                if root is not None:
                    texts.setdefault(self.blocks(root, part))
        return [text for text in texts if has_words(text)]

    def running(self):
        """Headers and footers of every section that begins a page, as they run through its pages; a section inherits those before it."""
        settings = self.package.xml(next(iter(self.package.related(self.main, "settings")), "word/settings.xml"))
        kinds = KINDS if settings is not None and switched(settings, "evenAndOddHeaders") else KINDS[:2]
        held, out, self.repeated = {"header": {}, "footer": {}}, [], True
        for number, section in enumerate(self.sections):
            for kind, parts in held.items():
                parts.update(self.references(section, kind))
            if number not in self.paged:
                continue
            wanted = [kind for kind in kinds if kind != "first" or switched(section, "titlePg")]
            numbers = section.find(W + "pgNumType")
            start, form = ("", "") if numbers is None else (numbers.get(W + "start", ""), numbers.get(W + "fmt", ""))
            out.append(
                f'<div class="running" data-section="{number}" data-start="{start}" data-form="{COUNTING.get(form, "1")}">'
                + "".join(
                    f'<{kind} class="{which}">{self.running_part(parts.get(which))}</{kind}>'
                    for kind, parts in held.items()
                    for which in wanted
                )
                + "</div>"
            )
        self.repeated = False
        return "".join(out)

    def running_part(self, part):
        root = self.package.xml(part) if part else None
        text = self.blocks(root, part) if root is not None else ""
        return text if has_words(text) else ""


def has_words(markup):
    return re.sub(r"<(?!img)[^>]*>|\s", "", markup) != "" or "page-number" in markup
