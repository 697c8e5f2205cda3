"""A Word document into another form: by the own reader for pages, Markdown, text and PDF; by pandoc for office formats."""


def convert():
    if TARGET in WRITERS:
        arguments, given = pandoc_source()
        return write_pandoc(arguments, given)
    if TARGET == "html":
        page, title, _ = word_html()
        save_html(page, OPTIONS.get("title") or title)
        return {"characters": len(page)}
    body, title = read_document()
    return globals()[f"write_{TARGET}"](body, OPTIONS.get("title") or title)


run(convert)
