"""LaTeX that pandoc cannot read, made readable: what its parser stumbles over becomes plain text, the rest stays LaTeX."""

MAX_TRIES = 80
ENVIRONMENT = re.compile(rb"\\(begin|end)\s*\{([^}]*)\}")
PARAGRAPH = re.compile(rb"\n[ \t]*\n|\n(?=\\(?:part|chapter|(?:sub)*section|paragraph)\b)")


def is_tex(text):
    """Whether pandoc reads it."""
    try:
        pandoc_once(["-f", "latex", "-t", "plain"], text)
    except Refusal as refusal:
        if refusal.code != "damaged":
            raise
        return False
    return True


def tex_blocks(body):
    """The paragraphs of a body; those inside an environment stay together."""
    blocks, held, depth = [], [], 0
    for paragraph in PARAGRAPH.split(body):
        held.append(paragraph)
        for kind, name in ENVIRONMENT.findall(re.sub(rb"(?<!\\)%.*", b"", paragraph)):
            depth += 0 if name == b"document" else 1 if kind == b"begin" else -1
        if depth <= 0:
            blocks.append(b"\n\n".join(held))
            held, depth = [], 0
    return blocks + PARAGRAPH.split(b"\n\n".join(held)) if held else blocks


def tex_words(block):
    """The words of a piece of LaTeX, its commands and comments gone, as LaTeX that means just them."""
    text = re.sub(r"(?<!\\)%.*", "", block.decode("utf-8", "replace"))
    text = re.sub(r"\\(?:begin|end)\s*\{[^}]*\}(?:\[[^\]]*\])?|\\(?:label|ref|vspace|hspace)\*?\{[^}]*\}", " ", text)
    text = re.sub(r"\\([&%$#_{}])", r"\1", re.sub(r"\\[A-Za-z@]+\*?(?:\[[^\]]*\])?|\\\\|(?<!\\)[{}$&~]", " ", text))
    return re.sub(r"([&%$#_{}])", r"\\\1", re.sub(r"[\\^~]", " ", text)).encode()


def mended(head, blocks, tries):
    """The blocks, each replaced by its words when it alone is what cannot be read."""
    if not blocks or (tries and tries.pop() and is_tex(head + b"\n\n".join(blocks) + b"\n\\end{document}")):
        return blocks
    if len(blocks) == 1:
        warn("parts of the LaTeX that cannot be read are kept as plain text")
        return [tex_words(blocks[0])]
    half = len(blocks) // 2
    return mended(head, blocks[:half], tries) + mended(head, blocks[half:], tries)


def repaired_tex(text):
    """LaTeX that pandoc reads, with every word of the body of ``text``."""
    head, begin, body = text.partition(b"\\begin{document}")
    if not begin:
        head, body = b"", text
    body = body.partition(b"\\end{document}")[0]
    tries = [True] * MAX_TRIES
    if not is_tex(head + b"\\begin{document}\n\\end{document}"):
        kept = re.findall(rb"(?m)^\\(?:title|author|date)\{.*\}[ \t]*$", head)
        head = b"\n".join([b"\\documentclass{article}", *kept])
        if not is_tex(head + b"\n\\begin{document}\n\\end{document}"):
            head = b"\\documentclass{article}"
        warn("a preamble that cannot be read was left out")
    head += b"\n\\begin{document}\n"
    return head + b"\n\n".join(mended(head, tex_blocks(body), tries)) + b"\n\\end{document}\n"
