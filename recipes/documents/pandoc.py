"""pandoc as a separate program: sandboxed (it opens no file but its input, and no address), with a time and a memory limit."""

import hashlib
import importlib.util
import shutil
import subprocess
import tempfile
import zipfile

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


def metadata(title):
    return ["-M", f"title={title}"] if title else []


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
