"""Office documents into PDF by LibreOffice, as a separate program without a network: the layout stays as its authors made it."""

import shutil
import subprocess
import tempfile

SUFFIXES = {
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/msword": "doc",
    "application/vnd.oasis.opendocument.text": "odt",
    "text/rtf": "rtf",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "application/vnd.ms-excel": "xls",
    "application/vnd.oasis.opendocument.spreadsheet": "ods",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": "pptx",
    "application/vnd.ms-powerpoint": "ppt",
    "application/vnd.oasis.opendocument.presentation": "odp",
    "application/vnd.oasis.opendocument.graphics": "odg",
}
PARTS = {  # of LibreOffice, which distributions install one by one: what opens which suffix, and the library it is
    "docx doc odt rtf": ("Writer", "libswlo.so"),
    "xlsx xls ods": ("Calc", "libsclo.so"),
    "pptx ppt odp odg": ("Impress and Draw", "libsdlo.so"),
}
SECONDS = 110
SETTINGS = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry" xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
<item oor:path="/org.openoffice.Office.Common/Security/Scripting"><prop oor:name="MacroSecurityLevel" oor:op="fuse"><value>3</value></prop></item>
<item oor:path="/org.openoffice.Office.Common/Security/Scripting"><prop oor:name="DisableMacrosExecution" oor:op="fuse"><value>true</value></prop></item>
<item oor:path="/org.openoffice.Office.Writer/Content/Update"><prop oor:name="Link" oor:op="fuse"><value>0</value></prop></item>
<item oor:path="/org.openoffice.Office.Calc/Content/Update"><prop oor:name="Link" oor:op="fuse"><value>0</value></prop></item>
</oor:items>
"""


def refuse_protected():
    """LibreOffice would wait for a password that nobody can type."""
    head = SOURCE.open("rb").read(8)
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        import struct

        import msoffcrypto
        from msoffcrypto.exceptions import FileFormatError

        with SOURCE.open("rb") as file:
            try:
                protected = msoffcrypto.OfficeFile(file).is_encrypted()
            except (FileFormatError, OSError, ValueError, IndexError, KeyError, AttributeError, struct.error) as error:
                refuse("damaged", f"the document cannot be read: {error}")
        if protected:
            refuse("encrypted", "the document is protected by a password")
    elif head.startswith(b"PK"):
        import zipfile

        try:
            with zipfile.ZipFile(SOURCE) as package:
                total = sum(entry.file_size for entry in package.infolist())
                if total > MAX_INFLATED_BYTES or (total > HARMLESS_BYTES and total > MAX_INFLATION * SOURCE.stat().st_size):
                    refuse("too_large", f"the package unpacks to {total} bytes")
                if "META-INF/manifest.xml" in package.namelist() and b"encryption-data" in package.read(
                    "META-INF/manifest.xml"
                ):
                    refuse("encrypted", "the document is protected by a password")
        except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
            refuse("damaged", f"the package cannot be opened: {error}")


def refuse_missing(program, suffix):
    """Without the part that opens this type LibreOffice says of every document that it cannot be loaded."""
    part, library = next(named for suffixes, named in PARTS.items() if suffix in suffixes.split())
    if not Path(os.path.realpath(program)).with_name(library).exists():
        refuse("unsupported", f"the LibreOffice of this machine lacks the part that opens {suffix}: {part}")


def convert():
    global SOURCE
    import pypdfium2

    refuse_protected()
    program = shutil.which("soffice")
    if not program:
        raise RuntimeError("LibreOffice is not on this machine")
    with tempfile.TemporaryDirectory() as folder:
        profile, source = Path(folder, "profile"), Path(folder, f"document.{SUFFIXES.get(SOURCE_TYPE, 'docx')}")
        Path(profile, "user").mkdir(parents=True)
        Path(profile, "user", "registrymodifications.xcu").write_text(SETTINGS)
        shutil.copyfile(SOURCE, source)
        command = [
            program,
            f"-env:UserInstallation=file://{profile}",
            "--headless",
            "--norestore",
            "--nolockcheck",
            "--convert-to",
            "pdf",
            "--outdir",
            folder,
            str(source),
        ]
        environment = {
            "HOME": folder,
            "TMPDIR": folder,
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "LANG": "C.UTF-8",
            "SAL_USE_VCLPLUGIN": "svp",
        }
        made, complaint = source.with_suffix(".pdf"), ""
        for _ in range(2):  # with a fresh profile LibreOffice sometimes ends at once, without a word
            try:
                done = subprocess.run(
                    command, capture_output=True, cwd=folder, timeout=SECONDS / 2, check=False, env=environment
                )
            except subprocess.TimeoutExpired:
                refuse("too_large", f"LibreOffice did not finish within {SECONDS // 2} seconds")
            complaint = (done.stderr + done.stdout).decode("utf-8", "replace").strip()
            if made.is_file():
                break
        else:
            refuse_missing(program, source.suffix[1:])
            refuse("damaged", f"LibreOffice cannot open the document: {complaint[-200:] or done.returncode}")
        if TARGET != "pdf":
            SOURCE = made
            return draw(open_pdf())
        shutil.copyfile(made, OUTPUT)
    with pypdfium2.PdfDocument(str(OUTPUT)) as pdf:
        return {"pages": len(pdf)}


run(convert)
