"""Pages of a PDF as pictures."""

run(lambda: draw(open_pdf()))
