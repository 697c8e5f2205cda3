"""The parts of an Office file (OOXML) and the relations between them, read without trusting any of it."""

import base64
import posixpath
import zipfile
import zlib

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
V = "{urn:schemas-microsoft-com:vml}"
STRICT = [
    (b"http://purl.oclc.org/ooxml/wordprocessingml/main", W[1:-1].encode()),
    (b"http://purl.oclc.org/ooxml/officeDocument/relationships", R[1:-1].encode()),
    (b"http://purl.oclc.org/ooxml/drawingml/main", A[1:-1].encode()),
    (b"http://purl.oclc.org/ooxml/officeDocument/math", MATH[1:-1].encode()),
]


class Package:
    """The parts of an Office file and the relations between them."""

    def __init__(self, path):
        self.zip = zipfile.ZipFile(path)
        self.names = {name.lower(): name for name in self.zip.namelist()}
        self.known = {}

    def read(self, name):
        return self.zip.read(self.names[name.lower()])

    def xml(self, name):
        """The root of a part, None when there is no such part; a part that is not well-formed is read as far as it goes."""
        if name.lower() not in self.names:
            return None
        try:
            raw = self.read(name)
        except (zipfile.BadZipFile, OSError, EOFError, ValueError, zlib.error):
            refuse("damaged", f"the part {name} cannot be unpacked")
        for strict, plain in STRICT:
            raw = raw.replace(strict, plain)
        options = {
            "resolve_entities": False,
            "no_network": True,
            "huge_tree": True,
            "remove_comments": True,
            "remove_pis": True,
        }
        try:
            return etree.fromstring(raw, etree.XMLParser(**options))
        except etree.XMLSyntaxError:
            root = etree.fromstring(raw, etree.XMLParser(recover=True, **options)) if raw.strip() else None
            if root is not None:
                warn(f"the part {name} is damaged: it was read as far as it goes")
            return root

    def relations(self, name):
        """{id: (kind, target, outside)} of a part."""
        if name not in self.known:
            folder, _, base = name.rpartition("/")
            root = self.xml(f"{folder}/_rels/{base}.rels".lstrip("/"))
            self.known[name] = {
                item.get("Id"): (
                    item.get("Type", "").rpartition("/")[2],
                    item.get("Target", "")
                    if item.get("TargetMode") == "External"
                    else posixpath.normpath(posixpath.join("/" + folder, item.get("Target", ""))).lstrip("/"),
                    item.get("TargetMode") == "External",
                )
                for item in (root if root is not None else ())
                if isinstance(item.tag, str)
            }
        return self.known[name]

    def related(self, name, kind):
        return [target for found, target, outside in self.relations(name).values() if found == kind and not outside]
