"""A document into another form: the reader of its type makes one HTML tree, the writer of the target takes it."""


def convert():
    body, title = read_document()
    return globals()[f"write_{TARGET}"](body, OPTIONS.get("title") or title)


run(convert)
