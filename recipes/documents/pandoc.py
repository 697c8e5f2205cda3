"""pandoc as a separate program: sandboxed (it opens no file but its input, and no address), with a time and a memory limit."""

import datetime
import hashlib
import importlib.util
import shutil
import subprocess
import tempfile
import zipfile

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
WRITERS = {
    "docx": "docx",
    "odt": "odt",
    "rtf": "rtf",
    "epub": "epub3",
    "tex": "latex",
    "pptx": "pptx",
    "ipynb": "ipynb",
    "fb2": "fb2",
    **MARKUPS,
}
INCLUDES = {  # what names another file, by reader
    "rst": rb"(?m)^[ \t]*(?:\.\. +(?:literal)?include::.*|:file:.*)$",
    "asciidoc": rb"(?m)^include::.*$",
    "typst": rb"(?m)^[ \t]*#(?:include|import)\b.*$|#read\([^()\n]*\)",
}
SECONDS = 90


def pandoc_path():
    spec = importlib.util.find_spec("pypandoc")
    bundled = Path(spec.origin).parent / "files" / "pandoc" if spec and spec.origin else None
    found = str(bundled) if bundled and bundled.is_file() else shutil.which("pandoc")
    if not found:
        raise RuntimeError("pandoc is not installed here")
    return found


def pandoc(arguments, given=None):
    """Run pandoc and return what it wrote to its standard output; LaTeX that it cannot read is made readable first."""
    try:
        return pandoc_once(arguments, given)
    except Refusal as refusal:
        if refusal.code != "damaged" or arguments[:2] != ["-f", "latex"]:
            raise
    return pandoc_once(arguments, repaired_tex(given))


def pandoc_once(arguments, given=None):
    command = [
        pandoc_path(),
        "+RTS",
        "-M640m",
        "-RTS",
        "--sandbox",
        "--syntax-highlighting=none",
        "--wrap=none",
        *arguments,
    ]
    with tempfile.TemporaryDirectory() as folder:
        try:
            done = subprocess.run(
                command,
                input=given,
                capture_output=True,
                cwd=folder,
                timeout=SECONDS,
                check=False,
                env={"HOME": folder, "TMPDIR": folder, "LANG": "C.UTF-8", "SOURCE_DATE_EPOCH": "315619200"},
            )
        except subprocess.TimeoutExpired:
            refuse("too_large", f"pandoc did not finish within {SECONDS} seconds")
    complaint = done.stderr.decode("utf-8", "replace").strip()
    if done.returncode == 251 or "heap exhausted" in complaint.lower():
        refuse("too_large", "the document needs more memory than pandoc is given")
    if done.returncode:
        refuse("damaged", f"pandoc cannot read it: {complaint.splitlines()[0][:300] if complaint else done.returncode}")
    if (
        "Could not fetch resource" in complaint
        or "Could not determine image size" in complaint
        or "replacing image with description" in complaint.lower()
    ):
        warn("pictures that are not part of the file are shown by their alternative text")
    return done.stdout


def check_package():
    """Refuse a zip that is damaged, encrypted or a bomb before anything inflates it."""
    raw = SOURCE.open("rb").read(8)
    if raw.startswith(b"\xd0\xcf\x11\xe0"):
        import olefile

        with olefile.OleFileIO(SOURCE) as container:
            if container.exists("EncryptedPackage") or container.exists("EncryptionInfo"):
                refuse("encrypted", "the document is protected by a password")
        refuse("unsupported", "this is an old binary Office document under a new name")
    try:
        with zipfile.ZipFile(SOURCE) as package:
            entries = package.infolist()
            names = {entry.filename for entry in entries}
            total = sum(entry.file_size for entry in entries)
            if total > MAX_INFLATED_BYTES or (total > 1 << 20 and total > MAX_INFLATION * SOURCE.stat().st_size):
                refuse("too_large", f"the package unpacks to {total} bytes")
            if (
                any(entry.flag_bits & 1 for entry in entries)
                or "META-INF/encryption.xml" in names
                and "META-INF/rights.xml" in names
            ):
                refuse("encrypted", "the document is protected by a password")
            if "META-INF/manifest.xml" in names and b"encryption-data" in package.read("META-INF/manifest.xml"):
                refuse("encrypted", "the document is protected by a password")
    except (zipfile.BadZipFile, OSError, ValueError, RuntimeError, NotImplementedError) as error:
        refuse("damaged", f"the package cannot be opened: {error}")


def metadata(title):
    return ["-M", f"title={title}"] if title else []


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
    named = rb"&(?!(?:amp|lt|gt|quot|apos);)([A-Za-z]\w*);"
    if b"<!ENTITY" not in raw:
        raw = re.sub(named, lambda match: character_reference(match.group(1)), raw)
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


def write_pandoc(arguments, given, title=""):
    """Let pandoc write OUTPUT, and look at what it wrote. ``title`` is used where a format must have one."""
    asked = OPTIONS.get("title", "")
    if TARGET in MARKUPS:
        return write_markup(arguments, given)
    writer, extra = WRITERS[TARGET], metadata(asked)
    if TARGET == "epub":
        digest = hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:32]
        extra = [
            *metadata(asked or title or "Document"),
            "-M",
            f"identifier=urn:sha256:{digest}",
            "--epub-title-page=false",
        ]
    if TARGET == "fb2":
        extra = metadata(asked or title)
    output = pandoc([*arguments, "-t", writer, "--standalone", *extra, "-o", "-"], given)
    if TARGET == "tex":
        output, left_out = re.subn(rb"\\pandocbounded\{\\includegraphics(\[[^\]]*\])?\{[^}]*\}\}", b"", output)
        if left_out:
            warn(f"{left_out} pictures were left out: a single TeX file cannot hold them")
    OUTPUT.write_bytes(output)
    return check_written()


def check_written():
    """Open the package again, or look at the first and last characters of a text format; return what can be counted."""
    if TARGET in ("docx", "odt", "epub", "pptx"):
        with zipfile.ZipFile(OUTPUT) as package:
            if package.testzip():
                raise RuntimeError("the package that was written is damaged")
            slides = sum(1 for name in package.namelist() if re.fullmatch(r"ppt/slides/slide\d+\.xml", name))
            return {"slides": slides} if TARGET == "pptx" else {"parts": len(package.namelist())}
    text = OUTPUT.read_bytes()
    if TARGET == "fb2":
        return {"paragraphs": sum(1 for _ in etree.fromstring(text, etree.XMLParser(huge_tree=True)).iter("{*}p"))}
    if TARGET == "ipynb":
        return {"cells": len(json.loads(text)["cells"])}
    if not text.strip().endswith((b"}", b"\0")) or (TARGET == "rtf" and not text.startswith(b"{\\rtf")):
        raise RuntimeError(f"what was written is not {TARGET}")
    return {"characters": len(text)}
