"""Charts of Office files (DrawingML) as data: what their part caches of titles, categories, series and values; nothing is computed."""

import datetime

CHART = "{http://schemas.openxmlformats.org/drawingml/2006/chart}"
CHART_TEXT = "{http://schemas.openxmlformats.org/drawingml/2006/main}t"
MAX_POINTS = 5000  # of a series; what lies beyond is left out
DATED = re.compile("(?<![a-z])(yy|d{1,4}[^a-z]|m{3,4}|m[/.-])", re.I)


def points_of(holder):
    return {
        int(point.get("idx")): point.findtext(CHART + "v") or ""
        for point in holder.iter(CHART + "pt")
        if (point.get("idx") or "").isdecimal() and int(point.get("idx")) < MAX_POINTS
    }


def cached(element):
    """The values that a reference to cells caches, in order, None where one is missing; labels of several levels joined."""
    if element is None:
        return []
    levels = [points_of(level) for level in element.iter(CHART + "lvl")] or [points_of(element)]
    stated = next((item.get("val", "") for item in element.iter(CHART + "ptCount")), "")
    count = max([min(int(stated), MAX_POINTS) if stated.isdecimal() else 0, *(key + 1 for key in levels[0])])
    out, above = [], [""] * len(levels)
    for at in range(count):
        above = [level.get(at, "" if number == 0 else last) for number, (level, last) in enumerate(zip(levels, above))]
        known = at in levels[0] or len(levels) > 1
        out.append(" / ".join(filter(None, reversed(above))) if known else None)
    form = next((item.text or "" for item in element.iter(CHART + "formatCode")), "")
    return [day_of(text) for text in out] if DATED.search(form) and not form.startswith(("General", "[")) else out


def day_of(text):
    """The day that a number of a spreadsheet means."""
    number = chart_number(text)
    if number is None or not 1 <= number < 2_958_466:
        return text
    return (datetime.date(1899, 12, 30) + datetime.timedelta(int(number))).isoformat()


def chart_number(text):
    try:
        return float(text)
    except (TypeError, ValueError):
        return None


class ChartData:
    """The plots of one chart: their kind (bar, line, pie …), how they are grouped, and their series."""

    def __init__(self, root):
        chart = root.find(CHART + "chart")
        title = chart.find(CHART + "title") if chart is not None else None
        texts = [item.text or "" for item in title.iter(CHART_TEXT)] if title is not None else []
        self.title = " ".join("".join(texts).split())
        area = chart.find(CHART + "plotArea") if chart is not None else None
        self.plots = [self.plot(item) for item in (area if area is not None else ()) if str(item.tag).endswith("Chart")]
        if title is not None and not self.title and len(self.series()) == 1:  # a title that nobody wrote is the series' name
            self.title = self.series()[0]["name"]

    def plot(self, element):
        series = []
        for item in element.iterfind(CHART + "ser"):
            labels = cached(item.find(CHART + "cat"))
            across = cached(item.find(CHART + "xVal"))
            values = cached(item.find(CHART + "val")) or cached(item.find(CHART + "yVal"))
            name = " ".join(filter(None, cached(item.find(CHART + "tx")))) or item.findtext(f"{CHART}tx/{CHART}v") or ""
            series.append(
                {
                    "name": name,
                    "labels": [label or "" for label in labels or across],
                    "across": [chart_number(each) for each in across],
                    "values": [chart_number(each) for each in values],
                    "element": item,
                }
            )
        said = {name: element.find(CHART + name) for name in ("barDir", "grouping")}
        return {
            "kind": element.tag[len(CHART) :].removesuffix("Chart").removesuffix("3D"),
            "level": said["barDir"] is not None and said["barDir"].get("val") == "bar",
            "grouping": "" if said["grouping"] is None else said["grouping"].get("val", ""),
            "series": series,
            "element": element,
        }

    def series(self):
        return [series for plot in self.plots for series in plot["series"]]

    def rows(self):
        """The data as a table: a row of the names of series, then one row for each category."""
        series = self.series()
        labels = max((each["labels"] for each in series), key=len, default=[])
        count = max([len(labels), *(len(each["values"]) for each in series)], default=0)
        rows = [["", *(each["name"] for each in series)]]
        for at in range(count):
            values = (each["values"][at] if at < len(each["values"]) else None for each in series)
            label = labels[at] if at < len(labels) else str(at + 1)
            rows.append([label, *("" if value is None else f"{value:.12g}" for value in values)])
        return rows

    def markup(self):
        """The title and the data as HTML."""
        head, *rest = [[html_text.escape(cell, quote=False) for cell in row] for row in self.rows()]
        lines = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rest)
        title = f"<p><strong>{html_text.escape(self.title, quote=False)}</strong></p>" if self.title else ""
        cells = "".join(f"<th>{cell}</th>" for cell in head)
        return f"{title}<table><thead><tr>{cells}</tr></thead><tbody>{lines}</tbody></table>" if rest else title
