"""What pandoc reads (OpenDocument text, RTF, EPUB, LaTeX) as one HTML tree."""


def read_document():
    arguments, given = pandoc_source()
    math = ["--mathjax=data:,"] if PAGED or TARGET == "md" else []  # these keep the TeX, the rest gets letters
    page = pandoc([*arguments, "-t", "html", "--standalone", "--embed-resources", *math], given)
    body, title = parse_html(page.decode())
    for cited in body.xpath(".//span[@data-cites][not(node())]"):
        cited.text = f"[{', '.join(cited.get('data-cites').split())}]"
    for back in body.xpath(".//a[contains(@class, 'footnote-back')]") if TARGET != "html" else ():
        back.drop_tree()
    for formula in body.xpath(".//span[starts-with(@class, 'math')]") if math else ():
        formula.text = inner_formula(formula.text_content())
    return body, "" if title in ("-", "stdin", SOURCE.stem) else title


def inner_formula(tex):
    """A formula without its number, its environment as it may stand inside a display: \\begin{align} as aligned."""
    tex = re.sub(r"\\label\s*\{[^{}]*\}|\\(?:nonumber|notag)\b|\\(?:begin|end)\{(?:equation|displaymath)\*?\}", "", tex)
    return re.sub(r"\\(begin|end)\{(align|gather)\*?\}", r"\\\1{\2ed}", tex)
