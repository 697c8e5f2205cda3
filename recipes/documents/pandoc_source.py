"""What pandoc is given to read: a package as it is, a text in UTF-8 that names no other file, XML without a document type."""

import datetime

READERS = {
    "application/vnd.oasis.opendocument.text": "odt",
    "text/rtf": "rtf",
    "application/epub+zip": "epub",
    "text/x-tex": "latex",
    "text/x-rst": "rst",
    "text/x-org": "org",
    "text/asciidoc": "asciidoc",
    "text/x-mediawiki": "mediawiki",
    "text/x-textile": "textile",
    "text/x-typst": "typst",
    "text/troff": "man",
    "application/docbook+xml": "docbook",
    "application/x-fictionbook+xml": "fb2",
    "application/vnd.oasis.opendocument.text-template": "odt",
}  # every other type that comes here is a kind of Word document
INCLUDES = {  # what names another file, by reader
    "rst": rb"(?m)^[ \t]*(?:\.\. +(?:literal)?include::.*|:file:.*)$",
    "asciidoc": rb"(?m)^include::.*$",
    "typst": rb"(?m)^[ \t]*#(?:include|import)\b.*$|#read\([^()\n]*\)",
}


def pandoc_source():
    """The arguments and the standard input for reading SOURCE with pandoc."""
    reader = READERS.get(SOURCE_TYPE, "docx")
    if reader in ("docx", "odt", "epub"):
        check_package()
        return ["-f", reader, str(readable_odt() if reader == "odt" else SOURCE)], None
    raw = SOURCE.read_bytes()
    if reader in ("docbook", "fb2"):
        return ["-f", reader], etree.tostring(plain_xml(raw), encoding="utf-8")
    if reader == "rtf" and b"{\\rtf" not in raw[:100]:
        refuse("damaged", "this is not an RTF document")
    text = rtf_unicode(raw) if reader == "rtf" else decoded(raw)
    if reader == "latex":  # in its sandbox pandoc takes every day for the first of 1970
        today = datetime.date.today()
        text = re.sub(rb"\\today(?![A-Za-z])", f"{today:%B} {today.day}, {today.year}".encode(), text)
    if reader in INCLUDES:  # pandoc ends at a file that it may not open
        text, left_out = re.subn(INCLUDES[reader], b"", text)
        if left_out:
            warn(f"{left_out} other files that the document includes were left out")
    if reader == "mediawiki" and b"{{" in text:
        warn("templates are left out: what they stand for is in the wiki")
    if reader == "man" and re.search(rb"(?m)^\.Dd\s", text):
        reader = "mdoc"
    return ["-f", reader], text


def plain_xml(raw):
    """The root of an XML document: its own entities are in their places, and those of DocBook and HTML as characters."""
    parser = etree.XMLParser(
        resolve_entities="internal", no_network=True, load_dtd=False, recover=False, huge_tree=False
    )
    declared = {b"amp", b"lt", b"gt", b"quot", b"apos", *re.findall(rb"<!ENTITY\s+([\w.-]+)\s+[\"']", raw)}
    elsewhere = set(re.findall(rb"<!ENTITY\s+([\w.-]+)\s+(?:SYSTEM|PUBLIC)\b", raw))
    raw = re.sub(
        rb"&([A-Za-z][\w.-]*);",
        lambda found: found[0] if found[1] in declared else b"" if found[1] in elsewhere else character_reference(found[1]),
        raw,
    )
    if elsewhere:
        warn(f"{len(elsewhere)} other files that the document includes were left out")
    try:
        root = etree.fromstring(raw, parser)
    except etree.XMLSyntaxError as error:
        refuse("damaged", f"the document is not well-formed XML: {error}")
    if SOURCE_TYPE == "application/x-fictionbook+xml":
        rows_to_paragraphs(root)
    return root


def rows_to_paragraphs(book):
    """pandoc does not read the tables of a FictionBook."""
    for table in list(book.iterfind(".//{*}table")):
        for row in list(table):
            row.text = " | ".join(" ".join("".join(cell.itertext()).split()) for cell in row)
            row.tag = table.tag.replace("}table", "}p") if "}" in table.tag else "p"
            del row[:]
            table.addprevious(row)
        warn("the rows of tables became paragraphs")
        table.getparent().remove(table)


def character_reference(name):
    character = html_text.entities.html5.get(f"{name.decode()};")
    return "".join(f"&#{ord(each)};" for each in character).encode() if character else b"&amp;" + name + b";"
