"""A document as one HTML tree: parsed without fetching anything, cleaned of what is not content; written as a page."""

import base64
import html as html_text
import re

from lxml import etree
from lxml import html as lxml_html

INVISIBLE = set(
    """
    script style noscript template object embed applet iframe frame frameset audio video canvas head link meta base
    svg param source track datalist
    """.split()
)
CONTAINERS = set(
    """
    address article aside body center dd details dialog dir div dl dt fieldset figcaption figure footer form header
    html legend li main menu nav p section summary hgroup search optgroup option
    """.split()
)
BLOCKS = CONTAINERS | set("blockquote h1 h2 h3 h4 h5 h6 hr ol pre table ul tbody thead tfoot tr td th caption".split())
REFERRING = {"rst", "org", "adoc", "wiki", "textile"}  # texts that people go on editing may name a picture that is elsewhere
SIDES = ("top", "right", "bottom", "left")
LINE_EM = 1.2  # height of a line of single spacing
PAGED = TARGET in ("pdf", "png", "jpg", "webp", "tiff", "zip")
TABLE_PARTS = {"caption", "colgroup", "col", "thead", "tbody", "tfoot", "tr"}
RIGHT_LETTERS = re.compile("[\u0590-\u08ff\ufb1d-\ufefc]+")
SAFE_LINK = re.compile(r"(https?|mailto|tel|ftp|news|irc|magnet|doi|sip|geo):|[^:]*$|[^:]*[/?#]", re.I)
HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.I)
PUNCTUATION = bytes(range(48)) + bytes(range(58, 65)) + bytes(range(91, 97)) + bytes(range(123, 128))
STYLE = (
    "body{max-width:50em;margin:2em auto;padding:0 1em;font-family:sans-serif;line-height:1.5}"
    "table{border-collapse:collapse}td,th{border:1px solid #bbb;padding:.2em .5em;vertical-align:top}"
    "li[data-mark]::marker{content:attr(data-mark) ' '}"
    "pre{overflow:auto;background:#f6f6f6;padding:.6em}img{max-width:100%}"
    ".page-break{border:0;break-after:page}"
    "blockquote{border-left:3px solid #ccc;margin-left:0;padding-left:1em}"
)


def parse_html(text):
    """Return (body, title) of an HTML document or fragment; nothing outside the text is read."""
    if not text.strip():
        refuse("empty", "the document has no content")
    parser = lxml_html.HTMLParser(huge_tree=True, recover=True, no_network=True, encoding="utf-8")
    try:
        tree = lxml_html.document_fromstring(
            re.sub(r"^\s*<\?xml[^>]*>", "", text).encode("utf-8", "replace"), parser=parser
        )
    except etree.ParserError:
        refuse("empty", "the document has no content")
    if any("Excessive depth" in error.message for error in parser.error_log):
        refuse("too_large", "the document is nested more than 2048 levels deep")
    sys.setrecursionlimit(20_000)
    title = tree.findtext(".//title")
    body = tree.find("body")
    if body is None:
        body = tree
    if tree.get("lang") and not body.get("lang"):
        body.set("lang", tree.get("lang"))
    if tree.get("dir") and not body.get("dir"):
        body.set("dir", tree.get("dir"))
    clean(body)
    return body, " ".join((title or "").split())


def clean(body):
    """Drop scripts, styles, hidden parts and links that run code; show a picture that is not embedded by its alt text."""
    doomed, remote = [], False
    for drawing in list(body.iter("svg")):
        if not any(each.tag == "svg" for each in drawing.iterancestors()):
            picture_svg(drawing)
    for element in body.iter():
        tag = element.tag
        if not isinstance(tag, str):
            doomed.append(element)
        elif tag in INVISIBLE or element.get("hidden") is not None or HIDDEN.search(element.get("style") or ""):
            if element is not body:
                doomed.append(element)
        elif tag == "a" and TARGET != "html" and "footnote-backref" in (element.get("class") or ""):
            doomed.append(element)
        elif tag == "img":
            if METAFILE_TYPES.match(element.get("src") or ""):
                draw_metafile(element)
            source = (element.get("src") or "").lstrip()
            if not source.lower().startswith("data:image/") and not (source and TARGET in REFERRING):
                remote = remote or bool(source)
                element.tag, alt = "span", element.get("alt") or ""
                element.attrib.clear()
                element.text = f"[{alt}]" if alt.strip() else ""
        elif tag == "a" and not SAFE_LINK.match((element.get("href") or "").strip()):
            element.attrib.pop("href", None)
        for name in [name for name in element.attrib if name.startswith("on") or name in ("srcset", "background")]:
            del element.attrib[name]
    for element in doomed:
        if element.tag == "svg":
            warn("embedded vector drawings were left out")
        if element.getparent() is not None:
            element.drop_tree()
    for part in list(body.iter("table", "thead", "tbody", "tfoot", "tr")):
        mend_table(part)
    if remote:
        warn("pictures that are not part of the file are shown by their alternative text")


def draw_metafile(image):
    """Show a picture of Windows (EMF, WMF), or its alternative text."""
    head, _, body = image.get("src").partition(",")
    try:
        found = metafile_picture(base64.b64decode(body)) if ";base64" in head else None
    except ValueError:
        found = None
    if found is None:
        warn(NOT_DRAWN)
        image.set("src", "")
        return
    image.set("src", f"data:image/{found[1]};base64,{base64.b64encode(found[0]).decode()}")
    if image.get("alt") in (None, "", "image"):  # as pandoc calls those of RTF
        image.set("alt", found[2])


def mend_table(part):
    """Cells that stand outside a row get one; what else stands between rows and cells goes before the table, as in a browser."""
    rows, strays = part.tag != "tr", []
    proper = TABLE_PARTS if rows else {"td", "th"}
    if part.text and part.text.strip():
        strays.append(part.text)
    row = None
    for child in list(part):
        if rows and child.tag in ("td", "th"):
            if row is None:
                row = etree.Element("tr")
                child.addprevious(row)
            row.append(child)
        elif child.tag in proper:
            row = None
        elif child.tag != "form" or len(child) or (child.text or "").strip():
            strays.append(child)
        if child.tail and child.tail.strip():
            strays.append(child.tail)
        child.tail = None
    if strays:
        table = part if part.tag == "table" else next(part.iterancestors("table"), None)
        if table is not None:
            part.text = None
            place = etree.Element("div")
            table.addprevious(place)
            for stray in strays:
                if not isinstance(stray, str):
                    place.append(stray)
                elif len(place):
                    place[-1].tail = (place[-1].tail or "") + stray
                else:
                    place.text = (place.text or "") + stray


def direction_of(body):
    """Whether a document runs from right to left: as it says, else as most of its letters do; "" when they do not."""
    if body.get("dir") in ("rtl", "ltr"):
        return body.get("dir")
    text = body.text_content()
    right = sum(map(len, RIGHT_LETTERS.findall(text)))
    return "rtl" if right and right > 0.5 * sum(map(str.isalpha, text)) else ""


def runs_right_to_left(element):
    """Whether a paragraph runs from right to left: as it says, else as its first letter does."""
    if element.get("dir") in ("rtl", "ltr"):
        return element.get("dir") == "rtl"
    first = next(filter(str.isalpha, element.text_content()), "")
    return bool(RIGHT_LETTERS.match(first))


def weight(text):
    """How many bytes of ``text`` are letters, digits or marks past ASCII: cheap enough to compare a document with its source."""
    return len("".join(text.split()).encode("utf-8", "replace").translate(None, PUNCTUATION))


def compare(source, output):
    """Fail when the output carries less than 98 % of the letters of the source."""
    before, after = weight(source), weight(output)
    if after < 0.98 * before:
        raise RuntimeError(f"the output has {after} of the {before} letters of the source")


def inner_html(body):
    parts = [html_text.escape(body.text or "", quote=False)]
    parts += [etree.tostring(child, encoding="unicode", method="html") for child in body]
    return "".join(parts)


def place_cells(rows):
    """Put the cells of HTML rows on a grid: [(cell, x, y, width, height)], number of columns. Spans end where the table does."""
    taken, cells, columns = set(), [], 0
    for y, row in enumerate(rows):
        x = 0
        for cell in row:
            if cell.tag not in ("td", "th"):
                continue
            while (x, y) in taken:
                x += 1
            width, height = (
                int(cell.get(name)) if (cell.get(name) or "").isdecimal() and len(cell.get(name)) < 6 else 1
                for name in ("colspan", "rowspan")
            )
            width, height = max(1, min(width, 200)), min(height or len(rows), len(rows) - y)
            while width > 1 and any((x + step, y) in taken for step in range(width)):
                width -= 1
            if height > 1 and any((x + right, y + down) in taken for down in range(height) for right in range(width)):
                height = 1
            if width > 1 or height > 1:
                taken.update((x + right, y + down) for down in range(height) for right in range(width))
            cells.append((cell, x, y, width, height))
            x += width
            columns = max(columns, x)
    return cells, columns


def cell_words(cell):
    """The words of a cell on one line, apart where blocks or lines end."""
    parts = []
    for event, element in etree.iterwalk(cell, events=("start", "end")):
        if element.tag in BLOCKS or element.tag == "br":
            parts.append(" ")
        parts.append(element.text if event == "start" else element.tail if element is not cell else "")
    return " ".join("".join(filter(None, parts)).split())


def write_html(body, title):
    text = inner_html(body)
    save_html(text, title, body.get("lang"), direction_of(body))
    compare(body.text_content(), text)
    return {"characters": len(text)}


def written(body, title):
    """Have the writer of the target make the output from an HTML tree. Returns its facts."""
    title = OPTIONS.get("title") or title
    if TARGET in ("png", "jpg", "webp", "tiff", "zip"):
        return write_pictures(body, title)
    write = globals().get(f"write_{TARGET}")
    if write:
        return write(body, title)
    return write_pandoc(["-f", "html+tex_math_single_backslash"], inner_html(body).encode("utf-8", "replace"), title)


def save_html(text, title, lang=None, direction=None):
    attributes = "".join(
        f' {name}="{html_text.escape(value)}"' for name, value in (("lang", lang), ("dir", direction)) if value
    )
    OUTPUT.write_text(
        f'<!DOCTYPE html>\n<html{attributes}>\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html_text.escape(title or 'Document')}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n{text}\n</body>\n</html>\n",
        "utf-8",
        "replace",
    )
