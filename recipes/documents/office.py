"""OpenDocument text, RTF, EPUB and LaTeX into other documents: pandoc both reads and writes where it can write the target."""


def convert():
    if TARGET in WRITERS:
        arguments, given = pandoc_source()
        return write_pandoc(arguments, given)
    body, title = read_document()
    look_of_pages(body)
    return written(body, title)


run(convert)
