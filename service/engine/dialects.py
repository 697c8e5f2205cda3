"""How models say that they want to run code, when it is not as a tool call: two explicit dialects, read from streamed text.

Pure: text goes in piece by piece and comes out as pieces of the answer. Which dialect a model speaks is a setting, never a guess.
"""

import json
import re
from collections.abc import Iterator
from typing import Literal, Protocol

from service.engine.models import Arguments, Code, CodeBegun, FunctionBegun, Piece, Text
from service.engine.program import OPENING_FENCE, closes_fence
from service.engine.request import PYTHON
from service.engine.wire import new_id

Dialect = Literal["tools", "fenced", "json"]

CALLING: dict[Dialect, str] = {
    "tools": "Call the tool `python` with complete code in its argument `code`.",
    "fenced": (
        "To run code, answer with one fenced block that begins with ```python and nothing after it; its output comes "
        "back as the next message. When you are done, answer without such a block."
    ),
    "json": (
        'To run code, answer with nothing but one JSON object: {"name": "python", "arguments": {"code": "…"}}; '
        "its output comes back as the next message. When you are done, answer in plain words."
    ),
}

FUNCTIONS = (  # in the dialect "json"; "fenced" cannot call the caller's functions
    "To call one of these functions, answer with nothing but one JSON object of its name and arguments: "
    '{"name": "…", "arguments": {…}}; its result comes back as the next message.'
)


class TextReader(Protocol):
    """Reads an answer's text as it streams in."""

    def feed(self, delta: str) -> Iterator[Piece]:
        """Yield what is certain so far."""
        ...

    def finish(self) -> Iterator[Piece]:
        """Yield the rest: no more text will come."""
        ...


class PlainText:
    """Text is text."""

    def feed(self, delta: str) -> Iterator[Piece]:
        """Yield it as it came."""
        yield Text(delta)

    def finish(self) -> Iterator[Piece]:
        """Nothing is held back."""
        yield from ()


class FencedText:
    """The first fenced ``python`` block is a call; what a model writes after it, it made up, and is dropped."""

    def __init__(self) -> None:
        self._line = ""
        self._fence: str | None = None
        self._is_begun = False  # the line: what was certain of it has been yielded
        self._is_over = False

    def feed(self, delta: str) -> Iterator[Piece]:
        """Yield whole lines, and of an unfinished line what cannot become a fence."""
        self._line += delta
        while not self._is_over and "\n" in self._line:
            line, _, self._line = self._line.partition("\n")
            yield from self._whole(line + "\n")
        if (
            not self._is_over
            and self._fence is None
            and self._line
            and (self._is_begun or not self._line.lstrip(" ").startswith(("`", "~")))
        ):
            yield Text(self._line)
            self._line, self._is_begun = "", True

    def finish(self) -> Iterator[Piece]:
        """Yield the last line; a block left open is run as it stands."""
        if self._line and not self._is_over:
            yield from self._whole(self._line)

    def _whole(self, line: str) -> Iterator[Piece]:
        bare, is_begun, self._is_begun = line.rstrip("\r\n"), self._is_begun, False
        if is_begun:
            yield Text(line)
        elif self._fence is not None:
            if closes_fence(bare, self._fence):
                self._is_over = True
            else:
                yield Code(line)
        elif opening := OPENING_FENCE.match(bare):
            self._fence = opening["fence"]
            yield CodeBegun()
        else:
            yield Text(line)


_WRAPPERS = (("```json", "```"), ("```", "```"), ("<tool_call>", "</tool_call>"))


class JsonText:
    """An answer that is one JSON object with ``name`` and ``arguments`` is a call; it may stand in a fence or a ``tool_call`` tag.

    Args:
        functions: Names of the caller's functions, which may be called too.
        runs_code: Whether ``python`` is the code interpreter.
    """

    def __init__(self, functions: list[str], *, runs_code: bool) -> None:
        self._runs_code = runs_code
        self._names = {*functions, *([PYTHON] if runs_code else [])}
        self._text = ""
        self._is_plain = False

    def feed(self, delta: str) -> Iterator[Piece]:
        """Yield text once it is certain that it is none of a call."""
        self._text += delta
        begun = self._text.lstrip()
        if begun and not begun.startswith(("{", "`", "<")):
            self._is_plain = True
        if self._is_plain and self._text:
            yield Text(self._text)
            self._text = ""

    def finish(self) -> Iterator[Piece]:
        """Yield the call, or the text that was not one after all."""
        if not self._text:
            return
        call = _call(_unwrapped(self._text.strip()), self._names, runs_code=self._runs_code)
        if call is None:
            yield Text(self._text)
        elif call[0] == PYTHON and self._runs_code:
            yield CodeBegun()
            yield Code(call[1])
        else:
            yield FunctionBegun(call_id=new_id("call"), name=call[0])
            yield Arguments(call[1])


def _unwrapped(text: str) -> str:
    for before, after in _WRAPPERS:
        if text.startswith(before) and text.endswith(after) and len(text) >= len(before) + len(after):
            return text.removeprefix(before).removesuffix(after)
    return text


def _call(text: str, names: set[str], *, runs_code: bool) -> tuple[str, str] | None:
    try:
        value = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict) or value.get("name") not in names:
        return None
    arguments = value.get("arguments", value.get("parameters"))
    if value["name"] != PYTHON or not runs_code:
        return value["name"], json.dumps(arguments)
    code = arguments.get("code") if isinstance(arguments, dict) else arguments
    return (PYTHON, code) if isinstance(code, str) else None


class CodeArgument:
    """Reads ``{"code": "…"}`` while it streams in, so that code can be shown as it is written.

    Arguments that are not such an object are code themselves: the interpreter will say what is wrong with them.
    """

    _BEGIN = re.compile(r'\s*\{\s*"code"\s*:\s*"')

    def __init__(self) -> None:
        self._rest = ""
        self._is_inside = False
        self._is_over = False

    def feed(self, delta: str) -> str:
        """The code that is certain so far and was not given before."""
        self._rest += delta
        if not self._is_inside:
            begin = self._BEGIN.match(self._rest)
            if begin is None:
                return ""
            self._is_inside = True
            self._rest = self._rest[begin.end() :]
        return "" if self._is_over else self._unescaped()

    def finish(self) -> str:
        """The code that was held back."""
        if self._is_inside:
            return ""
        try:
            value = json.loads(self._rest, strict=False)
        except (ValueError, RecursionError):
            return self._rest
        code = value.get("code") if isinstance(value, dict) else value
        return code if isinstance(code, str) else self._rest

    def _unescaped(self) -> str:
        out: list[str] = []
        text, position = self._rest, 0
        while position < len(text):
            char = text[position]
            if char == '"':
                self._is_over = True
                break
            if char != "\\":
                out.append(char)
                position += 1
                continue
            length = self._escape_length(text, position)
            if position + length > len(text):
                break
            out.append(_meant(text[position : position + length]))
            position += length
        self._rest = text[position:]
        return "".join(out)

    @staticmethod
    def _escape_length(text: str, position: int) -> int:
        """Return 2 for a short escape, 6 for a ``u`` one, 12 for a surrogate pair; more than is there while it is not known."""
        kind = text[position + 1 : position + 2]
        if kind != "u":
            return 2
        first = text[position + 2 : position + 6]
        is_high = re.fullmatch("[dD][89abAB][0-9a-fA-F]{2}", first) is not None
        return 12 if is_high and text[position + 6 : position + 8] in ("", "\\", "\\u") else 6


def _meant(escape: str) -> str:
    """What an escape stands for; one that JSON has not, as in a regular expression, for itself, and half a character for U+FFFD."""
    try:
        text: str = json.loads(f'"{escape}"', strict=False)
    except ValueError:
        return escape
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
