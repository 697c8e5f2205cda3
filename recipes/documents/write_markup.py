"""Markup languages that people write by hand, from pandoc's own tree, whose words are then looked for in what was written."""

from collections import Counter
from urllib.parse import unquote

MARKUPS = {
    "rst": "rst",
    "org": "org",
    "adoc": "asciidoc",
    "wiki": "mediawiki",
    "textile": "textile",
    "typ": "typst",
    "dbk": "docbook5",
}
KEPT_WORDS = 0.98


def write_markup(arguments, given):
    tree = json.loads(pandoc([*arguments, "-t", "json"], given))
    words, alternatives, pictures, headings = Counter(), Counter(), 0, []
    for node in tree_nodes(tree["blocks"]):
        kind, content = node["t"], node.get("c")
        if kind == "Header":
            headings.append(content[0])
        elif kind in ("RawBlock", "RawInline"):
            node["c"] = [content[0], ""]
        elif kind == "Image" and is_elsewhere(content[2][0]):
            alternatives.update(
                word for each in tree_nodes(content[1]) if each["t"] == "Str" for word in words_of(each["c"])
            )
        elif kind == "Image":
            shown = [text_node("["), *content[1], text_node("]")] if content[1] else []
            node["t"], node["c"] = "Span", [["", [], []], shown]
            pictures += 1
        elif kind == "Note" and TARGET == "adoc" and len(content) > 1:
            node["c"] = [{"t": "Para", "c": in_one_line(content)}]
        elif kind == "Str":
            words.update(words_of(content))
        elif kind in ("Code", "CodeBlock"):
            words.update(words_of(content[1]))
    words -= alternatives  # not every markup has a place for them
    if TARGET == "dbk":
        name_anchors(tree)
    if pictures:
        warn(f"{pictures} pictures are shown by their alternative text: a {TARGET} file holds none")
    extra, blocks = metadata(OPTIONS.get("title", "")), tree["blocks"]
    if TARGET in ("adoc", "dbk") and headings.count(1) == 1 and blocks[0]["t"] == "Header" and blocks[0]["c"][0] == 1:
        extra.append("--shift-heading-level-by=-1")  # the one heading above all others is the document's title
    written = written_tree(tree, extra)
    if words_kept(words, written) < KEPT_WORDS:
        unfold_tables(tree)
        written = written_tree(tree, extra)
    if not written.strip():
        refuse("empty", "the document has no content")
    kept = words_kept(words, written)
    if kept < KEPT_WORDS:
        raise RuntimeError(f"{kept:.1%} of {words.total()} words were written")
    if TARGET == "dbk":
        etree.fromstring(written, etree.XMLParser(huge_tree=True))
    OUTPUT.write_bytes(written)
    return {"words": words.total()}


def written_tree(tree, extra):
    return pandoc(["-f", "json", "-t", MARKUPS[TARGET], "--standalone", *extra], json.dumps(tree).encode())


def words_kept(words, written):
    """Which share of the words, weighed by their letters, is in what was written; what stands inside a word may part it or join it."""
    found = words & Counter(words_of(written.decode().replace("footnote:[", " ")))  # that mark follows a word at once
    letters = sum(len(word) * count for word, count in words.items())
    return sum(len(word) * count for word, count in found.items()) / letters if letters else 1.0


def words_of(text):
    return re.findall(r"[^\W_]+", text.casefold())


def tree_nodes(blocks):
    """Every element of a pandoc tree, parents first; without recursion, for documents nest deeper than Python's stack."""
    waiting = [blocks]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            if "t" in each:
                yield each
            waiting.extend(reversed(each.values()))
        elif isinstance(each, list):
            waiting.extend(reversed(each))


def is_elsewhere(address):
    """Whether a picture is only named, in a text that can name it too; a part of a package is nowhere once it has left the package."""
    in_text = SOURCE_TYPE.startswith("text/") and SOURCE_TYPE != "text/rtf"
    return TARGET in REFERRING and (
        address.startswith(("http:", "https:")) or (in_text and not address.startswith("data:"))
    )


def text_node(text):
    return {"t": "Str", "c": text}


def in_one_line(blocks):
    """What stands in some blocks, one after the other: a footnote of AsciiDoc is one paragraph."""
    inlines = []
    for block in tree_nodes(blocks):
        if block["t"] in ("Para", "Plain", "CodeBlock"):
            inlines += [{"t": "Space"}] if inlines else []
            inlines += [{"t": "Code", "c": block["c"]}] if block["t"] == "CodeBlock" else block["c"]
    return inlines


def name_anchors(tree):
    """Anchors as XML wants them: letters, digits and hyphens, each once."""
    seen = set()
    for node in tree_nodes(tree["blocks"]):
        content = node.get("c")
        if not isinstance(content, list):
            continue
        if node["t"] == "Link" and content[2][0].startswith("#"):
            content[2][0] = "#" + anchor(unquote(content[2][0][1:]))
        for attributes in content[:2]:
            if (
                isinstance(attributes, list)
                and len(attributes) == 3
                and isinstance(attributes[0], str)
                and attributes[0]
            ):
                name = anchor(attributes[0])
                attributes[0] = "" if name in seen else name
                seen.add(name)


def anchor(name):
    return "a-" * (not name[:1].isalpha()) + re.sub(r"[^\w.-]", "-", name)


def unfold_tables(tree):
    """Let the cells of a table inside a table stand one below the other, for a markup that cannot nest them so deep."""
    for outer in tree_nodes(tree["blocks"]):
        if outer["t"] != "Table":
            continue
        for inner in tree_nodes(outer["c"]):
            if inner["t"] == "Table":
                head, bodies, foot = inner["c"][3:6]
                rows = [*head[1], *(row for body in bodies for row in [*body[2], *body[3]]), *foot[1]]
                cells = [block for row in rows for cell in row[1] for block in cell[4]]
                inner["t"], inner["c"] = "Div", [["", [], []], cells]
