"""Charts of slides drawn from their data: bars, lines, areas, points and pies with axes, labels and a legend, as Typst shapes."""

import math

GREY, FRAME = "luma(120)", "0.5pt + luma(200)"
STEPS = (1, 2, 2.5, 5, 10)
DRAWABLE = {"bar", "line", "area", "scatter", "bubble", "pie", "doughnut"}
MAX_DRAWN = 2000  # shapes of one chart


def scale_of(low, high):
    """(lowest, highest, step) of an axis on which round numbers stand."""
    low, high = min(low, 0.0) if low > 0 and low < high * 0.8 or low < 0 else low, max(high, 0.0)
    if high <= low:
        high = low + 1
    rough = (high - low) / 5
    power = 10 ** math.floor(math.log10(rough))
    step = next(each * power for each in STEPS if each * power >= rough * 0.999)
    return math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step, step


def placed(x, y, inner):
    return f"place(top + left, dx: {x:.1f}pt, dy: {y:.1f}pt, {inner})"


def label_at(x, y, width, text, align="center", size=8):
    inner = f"align({align}, text(size: {size}pt, {quoted(text)}))"
    return placed(x, y, f"block(width: {max(width, 1):.1f}pt, {inner})")


class ChartDrawing:
    """One chart in a place of the given size, in points."""

    def __init__(self, chart, look, width, height):
        self.chart, self.look, self.out = chart, look, []
        self.left, self.top, self.right, self.bottom = 4.0, 4.0, width - 4, height - 4
        self.palette = [f'rgb("{look.colors[f"accent{number}"]}")' for number in range(1, 7)]
        self.width, self.height = width, height

    def drawn(self):
        """The chart as a Typst block; "" when it is of a kind that is not drawn here."""
        plots = [plot for plot in self.chart.plots if plot["series"]]
        shapes = sum(len(series["values"]) for plot in plots for series in plot["series"])
        if not plots or any(plot["kind"] not in DRAWABLE for plot in plots) or not 0 < shapes <= MAX_DRAWN:
            return ""
        if self.width < 60 or self.height < 50:
            return ""
        if self.chart.title:
            self.out.append(label_at(self.left, self.top, self.right - self.left, self.chart.title, size=12))
            self.top += 18 * (1 + int(len(self.chart.title) * 6.5 / self.width))
        round_ones = plots[0]["kind"] in ("pie", "doughnut")
        self.legend(plots, round_ones)
        if round_ones:
            self.pie(plots[0])
        else:
            self.axes(plots)
        return f"block(width: {self.width:.1f}pt, height: {self.height:.1f}pt, clip: true, {{set par(leading: 0.3em);{';'.join(self.out)}}})"

    def color(self, series, number, point=None):
        """The colour of a series, or of one of its points, as it says itself, else of the theme."""
        own = series["element"]
        if point is not None:
            own = next((each for each in own.iterfind(CHART + "dPt") if each.find(CHART + "idx").get("val") == str(point)), None)
        properties = own.find(CHART + "spPr") if own is not None else None
        fill, _ = self.look.fill(properties)
        line = child(properties, "ln")
        return fill or (self.look.fill(line)[0] if line is not None else None) or self.palette[number % len(self.palette)]

    def legend(self, plots, by_point):
        """Names beside their colours below the chart: of the series, or of the points of a pie."""
        series = [(each, number) for number, each in enumerate(each for plot in plots for each in plot["series"])]
        entries = [(each["name"], self.color(each, number)) for each, number in series]
        if by_point:
            first = series[0][0]
            entries = [(label, self.color(first, at, at)) for at, label in enumerate(first["labels"])]
        entries = [(name, color) for name, color in entries if name][:24]
        if not entries or (len(entries) == 1 and entries[0][0] == self.chart.title):
            return
        rows, x = [[]], 0.0
        for name, color in entries:
            wide = min(len(name) * 4.6 + 18, self.width - 8)
            if x + wide > self.width - 8 and rows[-1]:
                rows.append([])
                x = 0.0
            rows[-1].append((x, wide, name, color))
            x += wide
        self.bottom -= 12 * len(rows) + 2
        for number, row in enumerate(rows):
            start, y = (self.width - row[-1][0] - row[-1][1]) / 2, self.bottom + 4 + 12 * number
            for x, wide, name, color in row:
                self.out.append(placed(start + x, y + 1, f"rect(width: 7pt, height: 7pt, fill: {color})"))
                self.out.append(label_at(start + x + 10, y, wide - 12, name, "left"))

    def shows(self, plot, series, name):
        """Whether the values (showVal) or shares (showPercent) of a series are written beside it."""
        for holder in (series["element"], plot["element"]):
            labels = holder.find(CHART + "dLbls")
            found = labels.find(CHART + name) if labels is not None else None
            if found is not None:
                return found.get("val", "1") in ("1", "true")
        return False

    # -- axes

    def axes(self, plots):
        labels = max((series["labels"] for plot in plots for series in plot["series"]), key=len)
        count = max([len(labels), *(len(each["values"]) for plot in plots for each in plot["series"])])
        labels = [*labels, *(str(at + 1) for at in range(len(labels), count))]
        across = plots[0]["kind"] in ("scatter", "bubble")
        stacks = [self.stacked(plot, count) for plot in plots]
        ends = [end for stack in stacks for spans in stack for span in spans if span for end in span]
        low, high, step = scale_of(min(ends, default=0.0), max(ends, default=1.0))
        level = plots[0]["level"]
        share = any(plot["grouping"] == "percentStacked" for plot in plots)
        ticks = [low + step * number for number in range(round((high - low) / step) + 1)]
        shown = [f"{tick * 100:.0f} %" if share else f"{tick:,.12g}" for tick in ticks]
        names = shown if not level else labels
        self.left += min(max(map(len, names)) * 4.6 + 6, self.width / 3)
        self.bottom -= 12 if level or across else self.room_below(labels, count)
        span = (self.right - self.left) if level else (self.bottom - self.top)
        self.at = lambda value: (
            self.left + span * (value - low) / (high - low) if level else self.bottom - span * (value - low) / (high - low)
        )
        for tick, text in zip(ticks, shown):
            place = self.at(tick)
            if level:
                self.out.append(placed(place, self.top, f"line(length: {self.bottom - self.top:.1f}pt, angle: 90deg, stroke: {FRAME})"))
                self.out.append(label_at(place - 30, self.bottom + 2, 60, text))
            else:
                self.out.append(placed(self.left, place, f"line(length: {self.right - self.left:.1f}pt, stroke: {FRAME})"))
                self.out.append(label_at(0, place - 4, self.left - 4, text, "right"))
        if across:
            self.scatter(plots)
            return
        self.categories(labels, count, level)
        number = 0
        for plot, stack in zip(plots, stacks):
            draw = self.bars if plot["kind"] == "bar" else self.area if plot["kind"] == "area" else self.line
            colors = [self.color(series, number + at) for at, series in enumerate(plot["series"])]
            draw(plot, stack, colors, count)
            number += len(colors)

    def room_below(self, labels, count):
        wide = (self.right - self.left) / max(count, 1)
        lines = max((math.ceil(len(label) * 4.6 / max(wide * self.every(labels, count), 20)) for label in labels), default=1)
        return 4 + 10 * min(lines, 4)

    def every(self, labels, count):
        """Of how many labels one fits below the axis."""
        wide = (self.right - self.left) / max(count, 1)
        longest = max((len(word) for label in labels for word in label.split()), default=1)
        return max(1, math.ceil(min(longest * 4.6, 90) / max(wide, 0.1)))

    def categories(self, labels, count, level):
        if level:
            high = (self.bottom - self.top) / count
            for at, label in enumerate(labels):
                if at % max(1, math.ceil(9 / high)) == 0:
                    self.out.append(label_at(0, self.bottom - (at + 0.5) * high - 5, self.left - 4, label, "right"))
            return
        wide, every = (self.right - self.left) / count, self.every(labels, count)
        for at in range(0, count, every):
            self.out.append(label_at(self.left + at * wide - (every - 1) * wide / 2, self.bottom + 3, wide * every, labels[at]))

    def stacked(self, plot, count):
        """[(from, to) of each point, None where it has none] for each series."""
        grouping, sums = plot["grouping"], [[0.0, 0.0] for _ in range(count)]
        totals = [
            sum(abs(series["values"][at] or 0) for series in plot["series"] if at < len(series["values"])) or 1.0
            for at in range(count)
        ]
        out = []
        for series in plot["series"]:
            spans = []
            for at in range(count):
                value = series["values"][at] if at < len(series["values"]) else None
                if value is not None and not math.isfinite(value):
                    value = None
                if value is None and not (plot["kind"] == "area" and "tacked" in grouping):
                    spans.append(None)
                elif "tacked" in grouping:
                    value = value or 0.0
                    value = value / totals[at] if grouping == "percentStacked" else value
                    base = sums[at][value < 0]
                    sums[at][value < 0] = base + value
                    spans.append((base, base + value))
                else:
                    spans.append((0.0, value) if plot["kind"] in ("bar", "area") else (value, value))
            out.append(spans)
        return out

    # -- what is drawn on them

    def bars(self, plot, stack, colors, count):
        level, piled = plot["level"], "tacked" in plot["grouping"]
        slot = ((self.bottom - self.top) if level else (self.right - self.left)) / count
        thick = slot * 0.7 / (1 if piled else max(len(stack), 1))
        for number, (spans, color) in enumerate(zip(stack, colors)):
            for at, span in enumerate(spans):
                if span is None:
                    continue
                start, end = sorted(self.at(value) for value in span)
                offset = at * slot + slot * 0.15 + (0 if piled else number * thick)
                x, y = (start, self.bottom - offset - thick) if level else (self.left + offset, start)
                wide, high = (end - start, thick) if level else (thick, end - start)
                series = plot["series"][number]
                own = series["element"].find(CHART + "dPt") is not None
                fill = self.color(series, number, at) if own else color
                self.out.append(placed(x, y, f"rect(width: {wide:.2f}pt, height: {high:.2f}pt, fill: {fill})"))
                if self.shows(plot, series, "showVal"):
                    text = f"{series['values'][at]:,.12g}"
                    if piled:
                        self.out.append(label_at(x + wide / 2 - 25, y + high / 2 - 5, 50, text))
                    else:
                        self.out.append(label_at(end + 2, y + high / 2 - 5, 50, text, "left") if level else label_at(x + wide / 2 - 25, y - 11, 50, text))

    def line(self, plot, stack, colors, count):
        wide = (self.right - self.left) / count
        for spans, color in zip(stack, colors):
            points = [(self.left + (at + 0.5) * wide, self.at(span[1])) if span else None for at, span in enumerate(spans)]
            self.polyline(points, color)

    def polyline(self, points, color, marked=False):
        for before, after in zip(points, points[1:]):
            if before and after:
                ends = f"start: ({before[0]:.1f}pt, {before[1]:.1f}pt), end: ({after[0]:.1f}pt, {after[1]:.1f}pt)"
                self.out.append(placed(0, 0, f"line({ends}, stroke: 1.75pt + {color})"))
        for point in points if marked or len(points) < 30 else ():
            if point:
                self.out.append(placed(point[0] - 2.5, point[1] - 2.5, f"circle(radius: 2.5pt, fill: {color})"))

    def area(self, plot, stack, colors, count):
        wide = (self.right - self.left) / max(count - 1, 1)
        for spans, color in zip(stack, colors):
            known = [(self.left + at * wide, span) for at, span in enumerate(spans) if span]
            edge = [(x, self.at(span[1])) for x, span in known] + [(x, self.at(span[0])) for x, span in reversed(known)]
            self.polygon(edge, color)

    def polygon(self, points, color, stroke="none"):
        if points:
            corners = ", ".join(f"({x:.1f}pt, {y:.1f}pt)" for x, y in points)
            self.out.append(placed(0, 0, f"polygon(fill: {color}, stroke: {stroke}, {corners})"))

    def scatter(self, plots):
        series = [each for plot in plots for each in plot["series"]]
        values = [value for each in series for value in each["across"] if value is not None and math.isfinite(value)]
        low, high, step = scale_of(min(values, default=0.0), max(values, default=1.0))
        wide = (self.right - self.left) / (high - low)
        for number in range(round((high - low) / step) + 1):
            tick = low + step * number
            self.out.append(label_at(self.left + (tick - low) * wide - 30, self.bottom + 2, 60, f"{tick:,.12g}"))
        for number, each in enumerate(series):
            points = [
                (self.left + (x - low) * wide, self.at(y)) if x is not None and y is not None else None
                for x, y in zip(each["across"], each["values"])
            ]
            style = next((item.get("val", "") for plot in plots for item in plot["element"].iter(CHART + "scatterStyle")), "")
            bare = each["element"].find(f"{CHART}spPr/{DRAWING}ln/{DRAWING}noFill") is not None or not style.startswith(("line", "smooth"))
            if bare:
                points = [pair for point in points for pair in (point, None)]
            self.polyline(points, self.color(each, number), marked=True)

    def pie(self, plot):
        """A pie, or a ring for each series around the one before."""
        radius = max(min(self.right - self.left, self.bottom - self.top) / 2 - 4, 5)
        rings = plot["series"][: 1 if plot["kind"] == "pie" else 8]
        hole = 0.0 if plot["kind"] == "pie" else radius * 0.4
        for number, series in enumerate(rings):
            step = (radius - hole) / len(rings)
            self.ring(plot, series, hole + step * number, hole + step * (number + 1))

    def ring(self, plot, series, inside, outside):
        values = [abs(value) if value is not None and math.isfinite(value) else 0.0 for value in series["values"]]
        total, angle = sum(values) or 1.0, -math.pi / 2
        x, y = (self.left + self.right) / 2, (self.top + self.bottom) / 2
        for at, value in enumerate(values):
            turn = 2 * math.pi * value / total
            steps = max(2, math.ceil(turn / 0.08))
            arc = [(math.cos(angle + turn * step / steps), math.sin(angle + turn * step / steps)) for step in range(steps + 1)]
            outer = [(x + outside * a, y + outside * b) for a, b in arc]
            inner = [(x + inside * a, y + inside * b) for a, b in reversed(arc)] if inside else [(x, y)]
            if value:
                self.polygon(outer + inner, self.color(series, at, at), "0.75pt + white")
            texts = [f"{value:,.12g}"] if self.shows(plot, series, "showVal") else []
            texts += [f"{100 * value / total:.0f} %"] if self.shows(plot, series, "showPercent") else []
            if texts and value:
                middle, far = angle + turn / 2, (inside + outside) / 2 if inside else outside * 0.65
                self.out.append(label_at(x + far * math.cos(middle) - 30, y + far * math.sin(middle) - 5, 60, " ".join(texts)))
            angle += turn
