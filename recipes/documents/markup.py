"""Markdown, HTML and plain text into each other."""

RISKY = re.compile(r"javascript\s*:|vbscript\s*:|\son\w+\s*=|<svg", re.I)


def convert():
    if TARGET == "html" and SOURCE_TYPE != "text/html":
        text = read_html_source()
        if not RISKY.search(text):  # the usual document: no need of a tree
            heading = re.search(r"<h1[^>]*>(.*?)</h1>", text, re.S)
            title = re.sub(r"\s+", " ", html_text.unescape(re.sub(r"<[^>]+>", "", heading.group(1)))) if heading else ""
            save_html(text, OPTIONS.get("title") or title.strip())
            return {"characters": len(text)}
    if TARGET == "md" and SOURCE_TYPE == "text/plain":
        text = re.sub(
            r"(?m)^([ \t]*)([#>+*=|-]|\d+[.)](?=\s))",
            r"\1\\\2",
            decoded(SOURCE.read_bytes()).decode().replace("\r\n", "\n"),
        )
        OUTPUT.write_text(re.sub(r"(?m)(?<=\S)$(?=\n[^\n])", "\\\\", text), "utf-8")
        return {"characters": len(text)}
    return written(*read_document())


run(convert)
