"""A table as a chart."""

import re

MAX_POINTS = 20_000  # a picture shows no more
PALETTE = ["#3b6fb6", "#e07b39", "#4f9d69", "#b8475a", "#7d62a8", "#8a6d4b", "#d17fb0", "#6f7b87"]


def convert():
    table = next((table for table in read_tables() if table.columns and table.rows), None)
    if table is None:
        refuse("empty", "there is no row to draw")
    leave_out(table)
    for column in table.columns:
        if column.kind == "text":
            read_loosely(column)
    kind, x, series = choice(table)
    import matplotlib

    with matplotlib.rc_context({"font.family": add_fonts(table), "svg.fonttype": "path", "svg.hashsalt": "recast"}):
        save(draw(table, kind, x, series))
    return {"kind": kind, "x": x.name if x else "", "series": len(series), "points": len(series[0].text)}


def add_fonts(table):
    """Letters that matplotlib's own font lacks come from the fonts of the environment."""
    names = "".join(column.name for column in table.columns) + OPTIONS["title"]
    sample = names + "".join(text or "" for column in table.columns for text in column.text.slice(0, 500).to_pylist())
    families = ["DejaVu Sans"]
    if any(letter > "\u2fff" for letter in sample):
        import manimgx_fonts_cjk
        from matplotlib import font_manager

        for file in sorted(Path(manimgx_fonts_cjk.__file__).parent.rglob("*Sans*.[ot]t[fc]")):
            font_manager.fontManager.addfont(file)
            families.append(font_manager.FontProperties(fname=file).get_name())
    return families


def draw(table, kind, x, series):
    from matplotlib.figure import Figure

    dpi = OPTIONS["dpi"]
    figure = Figure(figsize=(OPTIONS["width"] / dpi, OPTIONS["height"] / dpi), dpi=dpi, layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_prop_cycle(color=PALETTE)
    data = [[None if value is None else float(value) for value in one.values.to_pylist()] for one in series]
    numeric_x = x is not None and x.kind in (*NUMERIC, "date", "datetime")
    if kind == "histogram":
        for one, values in zip(series, data, strict=True):
            axes.hist(
                [value for value in values if value is not None],
                bins="auto" if len(values) < 100_000 else 100,
                alpha=0.75,
                label=one.name,
            )
    elif kind == "pie":
        pie(axes, x, data[0], table.rows)
    elif kind in ("bar", "barh"):
        bars(axes, kind, x, series, data, table.rows)
    else:
        along = x.values.to_pylist() if numeric_x else list(range(1, table.rows + 1))
        lines(axes, kind, along, series, data)
        if x is not None and not numeric_x and table.rows <= MAX_BARS:
            axes.set_xticks(
                along, [clipped(text) for text in x.text.to_pylist()], rotation=45, ha="right", rotation_mode="anchor"
            )
    flat = kind in ("bar", "barh", "line", "area", "scatter")
    if flat and x is not None:
        (axes.set_ylabel if kind == "barh" else axes.set_xlabel)(clipped(x.name, 60))
    if kind != "pie":
        axes.grid(axis="x" if kind == "barh" else "y", color="#dddddd", linewidth=0.7)
        axes.set_axisbelow(True)
        if len(series) > 1:
            axes.legend(frameon=False)
        elif kind == "histogram" or kind == "barh":
            axes.set_xlabel(clipped(series[0].name, 60))
        else:
            axes.set_ylabel(clipped(series[0].name, 60))
    if OPTIONS["title"]:
        axes.set_title(literal(OPTIONS["title"]), loc="left", fontweight="bold")
    return figure


def literal(text):
    """Text as it is: a dollar sign would begin a formula."""
    return re.sub(r"[\x00-\x1f]", " ", text).replace("$", r"\$")


def clipped(text, letters=24):
    text = " ".join((text or "").split())
    return literal(text if len(text) <= letters else text[: letters - 1] + "…")


def lines(axes, kind, along, series, data):
    step = -(-len(along) // MAX_POINTS)
    if step > 1:
        warn(f"every {step}th of {len(along)} points is drawn")
    for one, values in zip(series, data, strict=True):
        points = [pair for pair in list(zip(along, values, strict=True))[::step] if pair[0] is not None]
        if kind != "scatter":
            points.sort(key=lambda pair: pair[0])
        xs, ys = [pair[0] for pair in points], [float("nan") if pair[1] is None else pair[1] for pair in points]
        name = literal(one.name)
        if kind == "scatter":
            axes.scatter(xs, ys, s=18, alpha=0.7, label=name, linewidths=0)
        else:
            (line,) = axes.plot(xs, ys, label=name, linewidth=1.8, marker="o" if len(xs) <= 30 else None, markersize=4)
            if kind == "area":
                axes.fill_between(xs, ys, alpha=0.25, color=line.get_color())


def bars(axes, kind, x, series, data, rows):
    labels = x.text.to_pylist() if x is not None else [str(number) for number in range(1, rows + 1)]
    labels, data = summed(labels, data)
    if len(labels) > MAX_BARS:
        order = sorted(range(len(labels)), key=lambda n: -(data[0][n] or 0))[:MAX_BARS]
        warn(f"the {MAX_BARS} largest of {len(labels)} bars are drawn")
        labels, data = [labels[n] for n in order], [[values[n] for n in order] for values in data]
    size = 0.8 / len(series)
    for number, (one, values) in enumerate(zip(series, data, strict=True)):
        places = [place + (number - (len(series) - 1) / 2) * size for place in range(len(labels))]
        (axes.barh if kind == "barh" else axes.bar)(
            places, [value or 0 for value in values], size, label=literal(one.name)
        )
    shown = [clipped(label) for label in labels]
    if kind == "barh":
        axes.set_yticks(range(len(labels)), shown)
        axes.invert_yaxis()
    elif max(map(len, shown), default=0) * len(shown) > 90:
        axes.set_xticks(range(len(labels)), shown, rotation=45, ha="right", rotation_mode="anchor")
    else:
        axes.set_xticks(range(len(labels)), shown)


def summed(labels, data):
    """One bar for each label: rows of the same label are added up."""
    places = {label: place for place, label in enumerate(dict.fromkeys(labels))}
    if len(places) == len(labels):
        return labels, data
    warn("rows of the same label are added up")
    totals = [[0.0] * len(places) for _ in data]
    for total, values in zip(totals, data, strict=True):
        for label, value in zip(labels, values, strict=True):
            total[places[label]] += value or 0
    return list(places), totals


def pie(axes, x, values, rows):
    labels = x.text.to_pylist() if x is not None else [str(number) for number in range(1, rows + 1)]
    labels, (values,) = summed(labels, [values])
    pairs = sorted(
        ((value, label) for value, label in zip(values, labels, strict=True) if value and value > 0),
        reverse=True,
        key=lambda pair: pair[0],
    )
    if len(pairs) < len(labels):
        warn("slices that are not above zero are left out")
    if not pairs:
        refuse("unsupported", "a pie needs numbers above zero")
    shown, rest = pairs[:11], sum(value for value, _ in pairs[11:])
    if rest:
        shown.append((rest, f"{len(pairs) - 11} others"))
    axes.pie(
        [value for value, _ in shown],
        labels=[clipped(label) for _, label in shown],
        autopct="%1.0f%%",
        startangle=90,
        counterclock=False,
    )


def save(figure):
    if TARGET in ("jpg", "webp"):
        figure.savefig(OUTPUT, format={"jpg": "jpeg"}.get(TARGET, TARGET), dpi=OPTIONS["dpi"])
    else:
        figure.savefig(OUTPUT, format=TARGET, dpi=OPTIONS["dpi"], metadata={"Date": None} if TARGET == "svg" else None)
    if TARGET in ("png", "jpg", "webp"):
        from PIL import Image

        with Image.open(OUTPUT) as picture:
            picture.load()
            if abs(picture.width - OPTIONS["width"]) > 1 or abs(picture.height - OPTIONS["height"]) > 1:
                raise RuntimeError(f"the picture is {picture.size}")
            if all(low == high for low, high in picture.convert("RGB").getextrema()):
                raise RuntimeError("nothing was drawn")


run(convert)
