"""What pandoc reads (OpenDocument text, RTF, EPUB, LaTeX) as one HTML tree."""


def read_document():
    arguments, given = pandoc_source()
    math = ["--mathjax=data:,"] if TARGET in ("md", "pdf") else []  # these keep the TeX, the rest gets letters
    page = pandoc([*arguments, "-t", "html", "--standalone", "--embed-resources", *math], given)
    body, title = parse_html(page.decode())
    return body, "" if title in ("-", "stdin", SOURCE.stem) else title
