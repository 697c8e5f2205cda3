"""A presentation as PDF, or its slides as pictures by way of that PDF."""


def convert():
    global SOURCE
    if TARGET == "pdf":
        return {"pages": slides_pdf(OUTPUT)}
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder, "slides.pdf")
        slides_pdf(made)
        SOURCE = made
        return draw(open_pdf())


run(convert)
