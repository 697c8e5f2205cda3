"""Source code and other text as lines of (appearance, text) pieces: what Pygments makes of it, and how a style shows that."""

LANGUAGES = {  # media type: Pygments' name for the lexer, Markdown's name for the fence
    "text/x-python": ("python", "python"),
    "text/x-c": ("c", "c"),
    "text/x-c++": ("cpp", "cpp"),
    "text/x-csharp": ("csharp", "csharp"),
    "text/x-java": ("java", "java"),
    "text/x-php": ("php", "php"),
    "text/x-ruby": ("ruby", "ruby"),
    "text/css": ("css", "css"),
    "text/javascript": ("javascript", "javascript"),
    "application/x-sh": ("bash", "bash"),
    "application/typescript": ("typescript", "typescript"),
    "text/x-go": ("go", "go"),
    "text/x-rust": ("rust", "rust"),
    "text/x-kotlin": ("kotlin", "kotlin"),
    "text/x-swift": ("swift", "swift"),
    "text/x-scala": ("scala", "scala"),
    "text/x-r": ("r", "r"),
    "text/x-lua": ("lua", "lua"),
    "text/x-perl": ("perl", "perl"),
    "text/x-sql": ("sql", "sql"),
    "application/xml": ("xml", "xml"),
    "application/rss+xml": ("xml", "xml"),
    "application/atom+xml": ("xml", "xml"),
    "application/json": ("json", "json"),
    "application/geo+json": ("json", "json"),
    "application/x-ndjson": ("json", "json"),
    "application/yaml": ("yaml", "yaml"),
    "application/toml": ("toml", "toml"),
    "text/html": ("html", "html"),
    "text/markdown": ("markdown", "markdown"),
    "text/x-tex": ("tex", "latex"),
}
MAX_COLOURED = 1_500_000  # characters; lexers take a second for each million


def tokens(text):
    """The text in (token, piece) pairs whose pieces join to the text again."""
    from pygments.lexers import get_lexer_by_name
    from pygments.token import Token
    from pygments.util import ClassNotFound

    name = LANGUAGES.get(SOURCE_TYPE, ("text", ""))[0]
    if name == "text" or not text:
        return [(Token.Text, text)]
    if len(text) > MAX_COLOURED:
        warn(f"the text is longer than {MAX_COLOURED} characters and was not coloured")
        return [(Token.Text, text)]
    try:
        pairs = list(get_lexer_by_name(name, stripnl=False, ensurenl=False).get_tokens(text))
    except (ClassNotFound, RecursionError):
        pairs = []
    if "".join(piece for _, piece in pairs) != text:
        warn("the text could not be read as code and was not coloured")
        return [(Token.Text, text)]
    return pairs


class Look:
    """The colours of a Pygments style, and which of its few distinct appearances each token has."""

    def __init__(self, name):
        from pygments.styles import get_style_by_name
        from pygments.token import Token

        self.style = get_style_by_name(name)
        dark = sum(rgb(self.style.background_color)) < 384
        if dark and TARGET in ("pdf", "rtf", "tex"):
            warn("a dark style needs a dark page: the default style was used")
            self.style, dark = get_style_by_name("default"), False
        self.background, self.foreground = self.style.background_color, "#f0f0f0" if dark else "#111111"
        self.known, self.kinds = {}, []
        self.plain = self.of(Token.Text)

    def of(self, token):
        """The number of the token's appearance: (colour, bold, italic, underline)."""
        if token not in self.known:
            styled = token
            while not self.style.styles_token(styled):  # some lexers have kinds of their own, within a usual one
                styled = styled.parent
            style = self.style.style_for_token(styled)
            kind = (f"#{style['color']}" if style["color"] else self.foreground, style["bold"], style["italic"], style["underline"])
            if kind not in self.kinds:
                self.kinds.append(kind)
            self.known[token] = self.kinds.index(kind)
        return self.known[token]


def rgb(colour):
    colour = colour.lstrip("#")
    colour = "".join(digit * 2 for digit in colour) if len(colour) == 3 else colour
    return tuple(int(colour[at : at + 2], 16) for at in (0, 2, 4))


def lines_of(pairs, look):
    """Lines of (appearance, text) pieces; neighbours that look the same are joined. The last line is empty when the text ends in a newline."""
    lines, line = [], []
    for token, piece in pairs:
        kind = look.of(token)
        first, *rest = piece.split("\n")
        if first:
            join_piece(line, kind, first)
        for part in rest:
            lines.append(line)
            line = [(kind, part)] if part else []
    lines.append(line)
    return lines


def join_piece(line, kind, text):
    if line and (line[-1][0] == kind or text.isspace()):
        line[-1] = (line[-1][0], line[-1][1] + text)
    else:
        line.append((kind, text))


def plain(lines):
    return "\n".join("".join(text for _, text in line) for line in lines)
