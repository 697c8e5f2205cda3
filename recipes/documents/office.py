"""OpenDocument text, RTF, EPUB and LaTeX into other documents: pandoc both reads and writes where it can write the target."""


def convert():
    if TARGET in WRITERS:
        arguments, given = pandoc_source()
        return write_pandoc(arguments, given)
    return written(*read_document())


run(convert)
