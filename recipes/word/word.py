"""A Word document into another form: by the own reader for pages, Markdown, text and PDF; by pandoc for office formats that it reads whole."""


UNREAD = re.compile(rb"txbxContent|<w:altChunk|/diagram\b|/chart\"")


def has_unread():
    """Whether there is text in the body that pandoc passes over: boxes, diagrams, charts, documents inside the document."""
    check_package()
    package = Package(SOURCE)
    part = next(iter(package.related("", "officeDocument")), "word/document.xml")
    try:
        return part.lower() in package.names and UNREAD.search(package.read(part)) is not None
    except (zipfile.BadZipFile, OSError, EOFError, ValueError, zlib.error):
        refuse("damaged", f"the part {part} cannot be unpacked")


def convert():
    if TARGET in WRITERS and not has_unread():
        arguments, given = pandoc_source()
        return write_pandoc(arguments, given)
    if TARGET == "html":
        page, title, _ = word_html()
        save_html(page, OPTIONS.get("title") or title)
        return {"characters": len(page)}
    return written(*read_document())


run(convert)
