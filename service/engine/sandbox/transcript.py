"""What a cell put out, in order and within a cap: the first half and the last half of the text, and the pictures."""

from service.engine.sandbox.contract import Image, Logs

MAX_PICTURE_BYTES = 48 * 1024 * 1024
MAX_PICTURES = 1000


class Transcript:
    """Collects bytes of output and pictures. Both come from foreign code."""

    def __init__(self, max_bytes: int) -> None:
        self.received = 0
        self._head: list[bytearray | Image] = [bytearray()]
        self._head_left = max_bytes // 2
        self._tail = bytearray()
        self._tail_bytes = max_bytes - max_bytes // 2
        self._picture_bytes_left = MAX_PICTURE_BYTES
        self._pictures_left = MAX_PICTURES

    def write(self, text: bytes) -> None:
        """Add output. At most twice the cap is held."""
        self.received += len(text)
        if self._head_left:
            last = self._head[-1]
            if isinstance(last, Image):
                last = bytearray()
                self._head.append(last)
            last += text[: self._head_left]
            text, self._head_left = text[self._head_left :], self._head_left - min(len(text), self._head_left)
        self._tail += text
        if len(self._tail) > 2 * self._tail_bytes:
            del self._tail[: -self._tail_bytes]

    def show(self, png: bytes) -> None:
        """Add a picture; past either cap it is dropped."""
        if len(png) <= self._picture_bytes_left and self._pictures_left:
            self._picture_bytes_left -= len(png)
            self._pictures_left -= 1
            self._head.append(Image(png))

    def outputs(self) -> list[Logs | Image]:
        """What there is; bytes that are not UTF-8 become U+FFFD."""
        parts = [part if isinstance(part, Image) else bytes(part) for part in self._head]
        kept = bytes(self._tail[-self._tail_bytes :]) if self._tail_bytes else b""
        held = sum(len(part) for part in parts if isinstance(part, bytes)) + len(kept)
        if self.received > held:
            parts.append(b"\n[%d bytes of output are left out here]\n" % (self.received - held))
        parts.append(kept)
        outputs: list[Logs | Image] = []
        text = b""
        for part in [*parts, None]:
            if isinstance(part, bytes):
                text += part
                continue
            if text:
                outputs.append(Logs(text.decode(errors="replace")))
                text = b""
            if part is not None:
                outputs.append(part)
        return outputs
