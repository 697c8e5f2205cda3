"""The pages of a document as pictures, by way of its PDF."""

import shutil
import tempfile


def write_pictures(body, title):
    global SOURCE
    write_pdf(body, title)
    with tempfile.TemporaryDirectory() as folder:
        SOURCE = Path(shutil.move(OUTPUT, Path(folder, "pages.pdf")))
        return draw(open_pdf())
