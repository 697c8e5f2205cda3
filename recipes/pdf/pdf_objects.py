"""A PDF written object by object, for programs that already know what stands where on each page."""

import zlib


class Pdf:
    """A PDF, written object by object (ISO 32000-1, 7.5)."""

    def __init__(self, file):
        self.file, self.offsets, self.pages = file, {}, []
        self.next = 3  # 1 is the catalogue, 2 the page tree
        file.write(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")

    def put(self, body, stream=None, number=None):
        if number is None:
            number, self.next = self.next, self.next + 1
        self.offsets[number] = self.file.tell()
        length = b"" if stream is None else b" /Length %d" % len(stream)
        self.file.write(b"%d 0 obj\n<<%b%b>>\n" % (number, body, length))
        if stream is not None:
            self.file.write(b"stream\n%b\nendstream\n" % stream)
        self.file.write(b"endobj\n")
        return number

    def page(self, width, height, resources, content):
        """A page of width by height points; content is drawn with the resources, a dictionary's inside."""
        packed = zlib.compress(content)
        content = self.put(b"", content) if len(packed) >= len(content) else self.put(b"/Filter /FlateDecode", packed)
        body = b"/Type /Page /Parent 2 0 R /MediaBox [0 0 %.4f %.4f] /Resources <<%b>> /Contents %d 0 R"
        self.pages.append(self.put(body % (width, height, resources, content)))

    def close(self):
        kids = b" ".join(b"%d 0 R" % number for number in self.pages)
        self.put(b"/Type /Catalog /Pages 2 0 R", number=1)
        self.put(b"/Type /Pages /Count %d /Kids [%b]" % (len(self.pages), kids), number=2)
        start = self.file.tell()
        self.file.write(b"xref\n0 %d\n0000000000 65535 f \n" % self.next)
        self.file.writelines(b"%010d 00000 n \n" % self.offsets[number] for number in range(1, self.next))
        self.file.write(b"trailer\n<</Size %d /Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (self.next, start))

    def check(self, pages):
        """Every object stands where the table at the end says, and there are as many pages as asked for; returns their number."""
        with OUTPUT.open("rb") as file:
            for number, offset in self.offsets.items():
                file.seek(offset)
                if not file.read(20).startswith(b"%d 0 obj" % number):
                    raise RuntimeError(f"object {number} of the PDF is not where it should be")
        if len(self.pages) != pages:
            raise RuntimeError(f"wrote {len(self.pages)} pages instead of {pages}")
        return pages
