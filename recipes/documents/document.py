"""A document into another form: the reader of its type makes one HTML tree, the writer of the target takes it."""


def convert():
    return written(*read_document())


run(convert)
