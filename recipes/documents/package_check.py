"""A document that is a zip: looked at before anything of it is unpacked."""

import zipfile


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
            if total > MAX_INFLATED_BYTES or (total > HARMLESS_BYTES and total > MAX_INFLATION * SOURCE.stat().st_size):
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
