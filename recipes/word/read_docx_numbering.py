"""Numbers of a Word document: what numbering.xml says of lists and headings, and the counting of both as Word does it."""

PLACE = re.compile("%([1-9])")  # where the text of a level shows the number of a level

OL_TYPES = {
    "lowerLetter": ' type="a"',
    "upperLetter": ' type="A"',
    "lowerRoman": ' type="i"',
    "upperRoman": ' type="I"',
}


def roman(number):
    out = ""
    for amount, letters in zip((1000, 900, 500, 400, 100, 90, 50, 40, 10, 9, 5, 4, 1), "M CM D CD C XC L XL X IX V IV I".split()):
        out, number = out + letters * (number // amount), number % amount
    return out


def numeral(number, form):
    """A number as a format of Word shows it; a format that is not known here as digits."""
    if form == "none":
        return ""
    if form in ("lowerLetter", "upperLetter") and number > 0:
        letters = "abcdefghijklmnopqrstuvwxyz"[(number - 1) % 26] * min((number - 1) // 26 + 1, 20)
        return letters.upper() if form == "upperLetter" else letters
    if form in ("lowerRoman", "upperRoman") and 0 < number < 4000:
        return roman(number) if form == "upperRoman" else roman(number).lower()
    if form == "decimalZero":
        return f"{number:02}"
    if form == "ordinal":
        ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
        return f"{number}{ending}"
    return str(number)


def whole(text, default):
    return int(text) if text is not None and text.isdecimal() and len(text) < 9 else default


class WordNumbering:
    """Levels of lists by (number, level), both as they are written: "3", "0"."""

    def read_numbering(self):
        self.levels, self.shared, self.linked, self.counts, self.begun = {}, {}, {}, {}, set()
        root = self.package.xml(next(iter(self.package.related(self.part, "numbering")), "word/numbering.xml"))
        if root is None:
            return
        abstract = {item.get(W + "abstractNumId"): item for item in root.findall(W + "abstractNum")}
        styled = {value(item, "styleLink"): key for key, item in abstract.items() if value(item, "styleLink")}
        for number in root.findall(W + "num"):
            key, name = value(number, "abstractNumId"), number.get(W + "numId")
            if key in abstract and value(abstract[key], "numStyleLink") in styled:
                key = styled[value(abstract[key], "numStyleLink")]
            if key not in abstract:
                continue
            self.shared[name] = key
            for level in abstract[key].findall(W + "lvl"):
                self.add_level(name, level)
            for override in number.findall(W + "lvlOverride"):
                place, level, start = override.get(W + "ilvl"), override.find(W + "lvl"), value(override, "startOverride")
                if level is not None:
                    self.add_level(name, level)
                if start is not None and (name, place) in self.levels:
                    self.levels[name, place] |= {"start": whole(start, 1), "restart": True}

    def add_level(self, name, level):
        place = level.get(W + "ilvl")
        self.levels[name, place] = {
            "form": value(level, "numFmt", "bullet"),
            "start": whole(value(level, "start", "1"), 1),
            "text": value(level, "lvlText", ""),
            "digits": switched(level, "isLgl"),
            "kept": value(level, "lvlRestart") == "0",
            "restart": False,
        }
        if value(level, "pStyle"):
            self.linked[name, value(level, "pStyle")] = place

    def count(self, number, level):
        """(number, the text that shows it) of the next paragraph of a level; the numbers of the levels below begin anew."""
        look, counts = self.levels[number, level], self.counts.setdefault(self.shared[number], {})
        if look["restart"] and (number, level) not in self.begun:
            counts.pop(level, None)
        self.begun.add((number, level))
        counts[level] = counts.get(level, look["start"] - 1) + 1
        for deeper in [key for key in counts if key > level and not self.levels.get((number, key), look)["kept"]]:
            del counts[deeper]

        def shown(found):
            place = str(int(found.group(1)) - 1)
            above = self.levels.get((number, place), look)
            return numeral(counts.get(place, above["start"]), "decimal" if look["digits"] else above["form"])

        return counts[level], PLACE.sub(shown, look["text"]).strip()

    def open_list(self, out, lists, number, depth, form, at):
        """Open what is missing of the lists around an item ``depth`` levels down, the last one counting from ``at``."""
        tag = "ul" if form == "bullet" else "ol"
        if len(lists) == depth + 1 and lists[-1] != (tag, number):
            out.append(f"</li></{lists.pop()[0]}>")
        if len(lists) == depth + 1:
            out.append("</li>")
        while len(lists) < depth:
            above = self.levels.get((number, str(len(lists))), {"form": "bullet"})["form"]
            lists.append(("ul" if above == "bullet" else "ol", number))
            out.append(f"<{lists[-1][0]}><li>")
        if len(lists) == depth:
            lists.append((tag, number))
            start = f' start="{at}"' if tag == "ol" and at != 1 else ""
            out.append(f"<{tag}{OL_TYPES.get(form, '') if tag == 'ol' else ''}{start}>")
