"""Pictures of the HTML tree in WordprocessingML: as they are where Word knows their format, as PNG otherwise, no wider than the text."""

import base64
import io


class WordPictures:
    """The pictures of one Word document; its runs and the width of its text are the subclass's."""

    def picture(self, element, marks):
        from PIL import Image

        alt, (head, _, body) = element.get("alt") or "", (element.get("src") or "").partition(",")
        try:
            if is_svg(head):
                drawing, width, _ = svg_bytes(element.get("src"))
                raw = svg_png(drawing, width)
                if not (element.get("width") or "").isdecimal():
                    element.set("width", f"{width:.0f}")
            else:
                raw = base64.b64decode(body if ";base64" in head else "")
            image = Image.open(io.BytesIO(raw))
            suffix = {"PNG": "png", "JPEG": "jpeg", "GIF": "gif"}.get(image.format)
            if not suffix:
                buffer, suffix = io.BytesIO(), "png"
                if image.width * image.height > MAX_PIXELS // 4:
                    raise ValueError("too many pixels")
                image.convert("RGBA" if "A" in image.getbands() else "RGB").save(buffer, "png", compress_level=1)
                raw = buffer.getvalue()
        except (ValueError, OSError, SyntaxError, Image.DecompressionBombError):
            warn("a picture of an unknown or damaged format is shown by its alternative text")
            return [self.run(f"<w:t>{xml_text(f'[{alt}]')}</w:t>", marks)] if alt else []
        self.media.append((f"image{len(self.media) + 1}.{suffix}", raw))
        asked = element.get("width") or ""
        width = float(asked) if asked.isdecimal() else image.width
        scale = min(1.0, self.room / 15 / max(width, 1)) * width / max(image.width, 1)
        cx, cy, number = (
            int(max(image.width * scale, 1) * 9525),
            int(max(image.height * scale, 1) * 9525),
            len(self.media),
        )
        return [
            self.run(
                f'<w:drawing><wp:inline><wp:extent cx="{cx}" cy="{cy}"/><wp:docPr id="{number}" name="Picture {number}" descr={quoteattr(ILLEGAL.sub("", alt))}/>'
                '<a:graphic><a:graphicData uri="http://schemas.openxmlformats.org/drawingml/2006/picture"><pic:pic>'
                f'<pic:nvPicPr><pic:cNvPr id="{number}" name="Picture {number}"/><pic:cNvPicPr/></pic:nvPicPr><pic:blipFill><a:blip r:embed="m{number}"/><a:stretch><a:fillRect/></a:stretch></pic:blipFill>'
                f'<pic:spPr><a:xfrm><a:off x="0" y="0"/><a:ext cx="{cx}" cy="{cy}"/></a:xfrm><a:prstGeom prst="rect"><a:avLst/></a:prstGeom></pic:spPr></pic:pic></a:graphicData></a:graphic></wp:inline></w:drawing>',
                frozenset(),
            )
        ]
