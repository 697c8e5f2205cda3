"""PDF into plain text or JSON with the text, the outline and the properties."""


def outline(pdf):
    entries = []
    for mark in pdf.get_toc(max_depth=8):
        target = mark.get_dest()
        entries.append(
            {
                "level": mark.level + 1,
                "title": mark.get_title(),
                "page": target.get_index() + 1 if target and target.get_index() is not None else None,
            }
        )
        if len(entries) >= 10_000:
            break
    return entries


def extract(pdf):
    """The text of the chosen pages as TARGET."""
    numbers = chosen_pages(len(pdf))
    pages, empty = [], []
    for number in numbers:
        page = pdf[number]
        text = page_text(page)
        if not text.strip():
            empty.append(number)
        pages.append(
            {
                "page": number + 1,
                "width": round(page.get_width(), 2),
                "height": round(page.get_height(), 2),
                "text": text,
            }
        )
        page.close()
    if TARGET == "txt":
        say_without_text(empty, numbers)
        OUTPUT.write_text("\n\n".join(page["text"] for page in pages).strip() + "\n", "utf-8", "replace")
    else:
        if empty:
            warn(f"no_text_layer: there is no text on {len(empty)} of {len(numbers)} pages")
        properties = {name.lower(): text for name, text in pdf.get_metadata_dict(skip_empty=True).items()}
        found = {"pages_total": len(pdf), "metadata": properties, "outline": outline(pdf), "pages": pages}
        OUTPUT.write_text(json.dumps(found, ensure_ascii=False, indent=1), "utf-8", "replace")
        if len(json.loads(OUTPUT.read_text("utf-8"))["pages"]) != len(numbers):
            raise RuntimeError("the JSON does not read back")
    return {"pages": len(numbers), "characters": sum(len(page["text"]) for page in pages)}
