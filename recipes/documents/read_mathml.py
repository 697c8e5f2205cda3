"""Formulas of pages (MathML) as LaTeX, which every writer knows: the author's own where it is given along, else from the elements."""

MATHML_SIGNS = {
    "∑": r"\sum ",
    "∏": r"\prod ",
    "∫": r"\int ",
    "∞": r"\infty ",
    "≤": r"\leq ",
    "≥": r"\geq ",
    "≠": r"\neq ",
    "→": r"\to ",
    "±": r"\pm ",
    "×": r"\times ",
    "⋅": r"\cdot ",
    "·": r"\cdot ",
    "∂": r"\partial ",
    "∈": r"\in ",
    "−": "-",
    "{": r"\{",
    "}": r"\}",
    "\u2061": "",  # these three say how to read what stands side by side: apply, times, and
    "\u2062": "",
    "\u2063": "",
}
MATHML_FUNCTIONS = {"sin", "cos", "tan", "cot", "log", "ln", "exp", "lim", "max", "min", "sup", "inf", "det", "dim", "gcd"}
MATHML_OVER = {
    "^": "hat",
    "ˆ": "hat",
    "~": "tilde",
    "˜": "tilde",
    "¯": "overline",
    "‾": "overline",
    r"\to": "vec",
    "⃗": "vec",
    "˙": "dot",
    "¨": "ddot",
    "⏞": "overbrace",
}
MATHML_UNDER = {r"\_": "underline", "̲": "underline", "⏟": "underbrace"}
TEX_SPECIAL = re.compile(r"([%#&_{}$])")


def mathml_tex(element):
    """The LaTeX of one element and what is in it."""
    tag = element.tag.rpartition(":")[2] if isinstance(element.tag, str) else ""
    text = " ".join((element.text or "").split())
    parts = [child for child in element if isinstance(child.tag, str)]
    if tag == "mi":
        if text in MATHML_FUNCTIONS:
            return f"\\{text} "
        return MATHML_SIGNS.get(text) or (rf"\mathrm{{{_literal(text)}}}" if len(text) > 1 else _literal(text))
    if tag in ("mn", "mo"):
        return MATHML_SIGNS.get(text, f"\\{text} " if text in MATHML_FUNCTIONS else _literal(text))
    if tag in ("mtext", "ms"):
        return rf"\text{{{_literal(element.text_content())}}}"
    if tag == "semantics":
        return next(filter(None, map(_own_tex, parts)), "") or (mathml_tex(parts[0]) if parts else "")
    if tag in ("annotation", "annotation-xml", "mphantom", "mprescripts", "none"):
        return ""
    if tag == "mspace":
        return r"\ "
    inner = [mathml_tex(part) for part in parts]
    if tag in MATHML_RULES and len(inner) == MATHML_RULES[tag][0]:
        return MATHML_RULES[tag][1](element, *inner)
    if tag == "msqrt":
        return rf"\sqrt{{{''.join(inner)}}}"
    if tag == "mfenced":
        opened, closed, comma = (element.get(name, usual) for name, usual in (("open", "("), ("close", ")"), ("separators", ",")))
        return rf"\left{_fence(opened)}{(comma[:1]).join(inner)}\right{_fence(closed)}"
    if tag == "mtable":
        rows = [" & ".join(mathml_tex(cell) for cell in row) for row in parts]
        return r"\begin{matrix}" + r" \\ ".join(rows) + r"\end{matrix}"
    return _literal(text) + "".join(inner) if tag == "math" else "".join(inner) or _literal(text)


def _literal(text):
    return TEX_SPECIAL.sub(r"\\\1", text.replace("\\", r"\backslash "))


def _fence(sign):
    return {"": ".", "{": r"\{", "}": r"\}"}.get(sign, sign[:1])


def _own_tex(part):
    return " ".join((part.text or "").split()) if "tex" in part.get("encoding", "").lower() else ""


def _scripts(base, low="", high=""):
    base = base if len(base) == 1 or re.fullmatch(r"\\[A-Za-z]+ ?", base) else f"{{{base}}}"
    return base + (f"_{{{low}}}" if low else "") + (f"^{{{high}}}" if high else "")


def _marked(marks, base, mark, as_script):
    return rf"\{marks[mark.strip()]}{{{base}}}" if mark.strip() in marks else as_script


def _fraction(element, above, below):
    form = r"\binom" if element.get("linethickness", "").startswith("0") else r"\frac"
    return f"{form}{{{above}}}{{{below}}}"


MATHML_RULES = {  # how many children each has, and what they become
    "mfrac": (2, _fraction),
    "mroot": (2, lambda _, base, degree: rf"\sqrt[{degree}]{{{base}}}"),
    "msup": (2, lambda _, base, high: _scripts(base, "", high)),
    "msub": (2, lambda _, base, low: _scripts(base, low)),
    "msubsup": (3, lambda _, base, low, high: _scripts(base, low, high)),
    "mover": (2, lambda _, base, high: _marked(MATHML_OVER, base, high, _scripts(base, "", high))),
    "munder": (2, lambda _, base, low: _marked(MATHML_UNDER, base, low, _scripts(base, low))),
    "munderover": (3, lambda _, base, low, high: _scripts(base, low, high)),
}


def formulas_to_tex(body):
    """Put in place of every <math> the LaTeX that says the same, marked as the other readers mark formulas."""
    for formula in [element for element in body.iter() if isinstance(element.tag, str) and element.tag.rpartition(":")[2] == "math"]:
        own = formula.get("alttext") or next(filter(None, map(_own_tex, formula.iter("annotation"))), "")
        tex = re.sub(r"^\{\\displaystyle\s*(.*)\}$", r"\1", own.strip(), flags=re.S) or mathml_tex(formula).strip()
        display = formula.get("display") == "block" or formula.get("mode") == "display"
        tail = formula.tail
        formula.clear()
        formula.tag, formula.tail = "span", tail
        formula.set("class", f"math {'display' if display else 'inline'}")
        formula.text = (rf"\[{tex}\]" if display else rf"\({tex}\)") if tex else ""
