"""Typst set by its own compiler, which sees one folder with one file in it."""

import datetime
import re
import tempfile

NEEDS_MORE = ("file not found", "would escape", "package", "access denied", "failed to load file", "failed to download")


def convert():
    import typst

    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "main.typ")
        source.write_bytes(decoded(SOURCE.read_bytes()))
        try:
            made = typst.compile(
                str(source),
                root=folder,
                font_paths=fonts(),
                ignore_system_fonts=True,
                format=TARGET,
                timestamp=int(datetime.datetime.combine(datetime.date.today(), datetime.time()).timestamp()),  # one day, one result
                **({"ppi": float(OPTIONS["dpi"])} if TARGET == "png" else {}),
            )
        except typst.TypstError as error:
            message = re.sub(r"\s+", " ", str(error))[:300]
            kind = "unsupported" if any(each in message for each in NEEDS_MORE) else "damaged"
            refuse(kind, f"Typst cannot set it: {message}")
        except BaseException as error:  # the compiler's own, PanicException, which cannot be imported
            if type(error).__name__ != "PanicException":
                raise
            refuse("damaged", "Typst cannot set it: the compiler gave up on it")
    pages = made if isinstance(made, list) else [made]
    if TARGET == "pdf":
        OUTPUT.write_bytes(pages[0])
        import pypdfium2

        with pypdfium2.PdfDocument(OUTPUT) as written:
            return {"pages": len(written)}
    number = OPTIONS["page"]
    if number > len(pages):
        refuse("unsupported", f"there is no page {number}: the document has {len(pages)}")
    if len(pages) > 1:
        warn(f"this is page {number} of {len(pages)}")
    OUTPUT.write_bytes(pages[number - 1])
    return {"pages": len(pages)}


run(convert)
