"""Paper, margins, headers and footers of OpenDocument texts and RTF, which pandoc passes over, as the writers of pages take them."""

STYLE = "{urn:oasis:names:tc:opendocument:xmlns:style:1.0}"
FO = "{urn:oasis:names:tc:opendocument:xmlns:xsl-fo-compatible:1.0}"
PARTS = {"header": "default", "header-first": "first", "header-left": "even", "footer": "default", "footer-first": "first", "footer-left": "even"}
RTF_PARTS = re.compile(rb"\{\\(header|footer)([rfl]?)(?![a-z])")
RTF_FIELD = re.compile(rb"\{\\field\b(?:[^{}]++|\{(?:[^{}]++|\{(?:[^{}]++|\{[^{}]*+\})*+\})*+\})*+\}")
RTF_COUNTED = re.compile(rb"\\fldinst[^\\]*?(?:\\[a-z]+\d* ?|[{} ])*?(NUMPAGES|PAGE)\b", re.I)
COUNTERS = {
    "\ue001": '<span class="page-number"></span>',
    "\ue002": '<span class="page-count"></span>',
    "\ue003": '<span class="tab fill"> </span>',
}
MAX_RUNNING = 200_000  # bytes of the headers and footers of an RTF


def look_of_pages(body):
    """Give a document its paper, headers and footers: in a PDF on every page, elsewhere each once."""
    looks = {"application/vnd.oasis.opendocument.text": odt_looks, "text/rtf": rtf_looks}.get(SOURCE_TYPE)
    if looks is None or not (PAGED or TARGET == "html"):
        return
    try:
        paper, parts = looks()
    except (KeyError, etree.XMLSyntaxError, zipfile.BadZipFile, OSError, EOFError, ValueError):
        return
    if paper:
        body.set("data-paper", " ".join(f"{side:g}" for side in paper))
    parts = {key: text for key, text in parts.items() if re.sub(r"<(?!img|span class=.page)[^>]*>|\s", "", text)}
    if not OPTIONS.get("headers", True) or not parts:
        return
    if not PAGED:
        for (kind, _), text in parts.items():
            part = lxml_html.fragment_fromstring(text, create_parent=kind)
            body.insert(0, part) if kind == "header" else body.append(part)
        return
    inner = "".join(f'<{kind} class="{which}">{text}</{kind}>' for (kind, which), text in parts.items())
    body.append(lxml_html.fragment_fromstring(f'<div class="running" data-section="0" data-start="" data-form="1">{inner}</div>'))


def odf_points(text):
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(cm|mm|in|pt)", text or "")
    return float(found.group(1)) * {"cm": 72 / 2.54, "mm": 72 / 25.4, "in": 72, "pt": 1}[found.group(2)] if found else 0.0


def odt_looks():
    with zipfile.ZipFile(SOURCE) as package:
        parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)
        styles, content = (etree.fromstring(package.read(f"{name}.xml"), parser) for name in ("styles", "content"))
    masters = {master.get(STYLE + "name"): master for master in styles.iter(STYLE + "master-page")}
    named = {style.get(STYLE + "name"): style for root in (styles, content) for style in root.iter(STYLE + "style")}
    first = next(content.iter(TEXT + "p", TEXT + "h"), None)
    style = named.get(first.get(TEXT + "style-name")) if first is not None else None
    wanted = style.get(STYLE + "master-page-name") if style is not None else ""
    master = masters.get(wanted or "Standard")
    master = next(iter(masters.values()), None) if master is None else master
    if master is None:
        return [], {}
    layout = next((each for each in styles.iter(STYLE + "page-layout") if each.get(STYLE + "name") == master.get(STYLE + "page-layout-name")), None)
    sides = layout.find(STYLE + "page-layout-properties") if layout is not None else None
    paper = []
    if sides is not None and odf_points(sides.get(FO + "page-width")) >= 50 and odf_points(sides.get(FO + "page-height")) >= 50:
        every = sides.get(FO + "margin")
        margins = [odf_points(sides.get(f"{FO}margin-{side}") or every) for side in ("top", "right", "bottom", "left")]
        edges = [margins[0], margins[2]]
        for at, kind in ((0, "header"), (2, "footer")):
            holder = layout.find(f"{STYLE}{kind}-style/{STYLE}header-footer-properties")
            if holder is not None and master.find(STYLE + kind) is not None:
                away = holder.get(f"{FO}margin-{'bottom' if kind == 'header' else 'top'}")
                margins[at] += odf_points(holder.get(FO + "min-height") or holder.get("{urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0}height")) + odf_points(away)
        paper = [odf_points(sides.get(FO + "page-width")), odf_points(sides.get(FO + "page-height")), *margins, *edges]
    parts = {}
    for part in master:
        name = part.tag[len(STYLE) :] if isinstance(part.tag, str) and part.tag.startswith(STYLE) else ""
        if name in PARTS and part.get(STYLE + "display") != "false":
            lines = [odf_line(line, named) for line in part.iter(TEXT + "p", TEXT + "h")]
            parts[name.partition("-")[0], PARTS[name]] = "".join(lines)
    return paper, parts


def odf_line(line, named):
    """A paragraph of a header as HTML: its words, tabs and numbers of pages."""
    marks = {"page-number": "\ue001", "page-count": "\ue002", "tab": "\ue003", "line-break": "\ue004", "s": " "}
    words = []
    for event, element in etree.iterwalk(line, events=("start", "end")):
        mark = marks.get(element.tag[len(TEXT) :]) if isinstance(element.tag, str) and element.tag.startswith(TEXT) else None
        if event == "start":
            words.append(mark or element.text or "")
        elif element is not line:
            words.append(element.tail or "")
    name, align = line.get(TEXT + "style-name"), ""
    for _ in range(10):  # styles above each other
        looks = named[name].find(STYLE + "paragraph-properties") if name in named else None
        align = align or (looks.get(FO + "text-align", "") if looks is not None else "")
        name = named[name].get(STYLE + "parent-style-name") if name in named else None
    align = {"center": "center", "end": "right", "right": "right"}.get(align)
    text = html_text.escape("".join(words), quote=False).replace("\ue004", "<br>")
    return f'<p style="text-align:{align}">{counters(text)}</p>' if align else f"<p>{counters(text)}</p>"


def counters(text):
    for mark, markup in COUNTERS.items():
        text = text.replace(mark, markup)
    return text


def rtf_looks():
    raw = SOURCE.read_bytes()
    said = {
        name: int(number)
        for name, number in re.findall(rb"\\(paperw|paperh|margl|margr|margt|margb|headery|footery)(\d{1,5})(?!\d)", raw[:MAX_RUNNING])[::-1]
    }
    paper = []
    if said.get(b"paperw", 0) > 1000 and said.get(b"paperh", 0) > 1000:
        usual = {b"margl": 1800, b"margr": 1800, b"margt": 1440, b"margb": 1440, b"headery": 720, b"footery": 720}
        order = (b"paperw", b"paperh", b"margt", b"margr", b"margb", b"margl", b"headery", b"footery")
        paper = [(usual | said)[name] / 20 for name in order]
    groups = {}
    for found in RTF_PARTS.finditer(raw):
        key = found.group(1).decode(), {b"f": "first", b"l": "even"}.get(found.group(2), "default")
        inner = rtf_group(raw, found.end())
        if key not in groups and inner is not None:
            groups[key] = inner
    if not groups:
        return paper, {}
    fonts = raw.find(b"{\\fonttbl")
    head = raw[: min(raw.find(b"{", 1), 300)] + (b"{\\fonttbl" + rtf_group(raw, fonts + 9) + b"}" if fonts >= 0 and rtf_group(raw, fonts + 9) else b"")
    text = b"\\par\\pard {\\uc0 \\u-8187 }\\par\\pard ".join(marked_counters(inner) for inner in groups.values())
    page = pandoc(["-f", "rtf", "-t", "html", "--embed-resources", "--standalone"], rtf_unicode(head + b"\\pard " + text + b"\\par}"))
    body = parse_html(page.decode())[0]
    texts = re.split("<p>\\s*\ue005\\s*</p>", inner_html(body))
    return paper, dict(zip(groups, map(counters, texts))) if len(texts) == len(groups) else {}


def rtf_group(raw, start):
    """What stands in a group of RTF from ``start`` to its end; None when it has none, or is very long."""
    depth = 1
    for brace in re.finditer(rb"\\[\\{}]|[{}]", raw[start : start + MAX_RUNNING]):
        depth += {b"{": 1, b"}": -1}.get(brace.group(), 0)
        if depth == 0:
            return raw[start : start + brace.start()]
    return None


def marked_counters(inner):
    """A header whose numbers of pages and tabs are letters of private use."""

    def field(found):
        kind = RTF_COUNTED.search(found.group())
        return found.group() if kind is None else b"{\\uc0 \\u-8191 }" if kind.group(1).upper() == b"PAGE" else b"{\\uc0 \\u-8190 }"

    return re.sub(rb"\\(?:chpgn|tab)(?![a-z]) ?", lambda found: b"{\\uc0 \\u-8191 }" if b"chpgn" in found.group() else b"{\\uc0 \\u-8189 }", RTF_FIELD.sub(field, inner))
