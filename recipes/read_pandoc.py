"""What pandoc reads (OpenDocument text, RTF, EPUB, LaTeX) as one HTML tree."""


def read_document():
    arguments, given = pandoc_source()
    math = ["--mathjax"] if TARGET == "md" else []  # Markdown keeps the TeX, the rest gets letters
    page = pandoc([*arguments, "-t", "html", "--standalone", "--embed-resources", *math], given)
    body, title = parse_html(page.decode())
    for element in body.findall(".//span[@class='math inline']") + body.findall(".//span[@class='math display']") if math else ():
        mark, text = ("$$" if "display" in element.get("class") else "$"), element.text_content().strip()
        element.tag, element.text = "samp", f"{mark}{text[2:-2].strip()}{mark}"
        element.drop_tag()
    return body, "" if title in ("-", "stdin", SOURCE.stem) else title
