"""A document into another form: the reader of its type makes one HTML tree, the writer of the target takes it."""


def convert():
    body, title = read_document()
    title = OPTIONS.get("title") or title
    write = globals().get(f"write_{TARGET}")
    return (
        write(body, title)
        if write
        else write_pandoc(["-f", "html+tex_math_single_backslash"], inner_html(body).encode("utf-8", "replace"), title)
    )


run(convert)
