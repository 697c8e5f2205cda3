"""A PDF as text, as JSON, or as pictures of its pages."""

run(lambda: (extract if TARGET in ("txt", "json") else draw)(open_pdf()))
