"""Equations of Office documents (OMML) as LaTeX."""

MATH = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
# fmt: off
TEX_SYMBOLS = {
    "α": r"\alpha", "β": r"\beta", "γ": r"\gamma", "δ": r"\delta", "ε": r"\varepsilon", "ϵ": r"\epsilon", "ζ": r"\zeta", "η": r"\eta",
    "θ": r"\theta", "ι": r"\iota", "κ": r"\kappa", "λ": r"\lambda", "μ": r"\mu", "ν": r"\nu", "ξ": r"\xi", "π": r"\pi", "ρ": r"\rho",
    "σ": r"\sigma", "τ": r"\tau", "υ": r"\upsilon", "φ": r"\varphi", "ϕ": r"\phi", "χ": r"\chi", "ψ": r"\psi", "ω": r"\omega",
    "Γ": r"\Gamma", "Δ": r"\Delta", "Θ": r"\Theta", "Λ": r"\Lambda", "Ξ": r"\Xi", "Π": r"\Pi", "Σ": r"\Sigma", "Φ": r"\Phi",
    "Ψ": r"\Psi", "Ω": r"\Omega", "∞": r"\infty", "±": r"\pm", "∓": r"\mp", "×": r"\times", "÷": r"\div", "⋅": r"\cdot", "·": r"\cdot",
    "≤": r"\leq", "≥": r"\geq", "≠": r"\neq", "≈": r"\approx", "≡": r"\equiv", "∼": r"\sim", "∝": r"\propto", "∈": r"\in", "∉": r"\notin",
    "⊂": r"\subset", "⊆": r"\subseteq", "∪": r"\cup", "∩": r"\cap", "∅": r"\emptyset", "∀": r"\forall", "∃": r"\exists", "¬": r"\neg",
    "∧": r"\wedge", "∨": r"\vee", "→": r"\rightarrow", "←": r"\leftarrow", "↔": r"\leftrightarrow", "⇒": r"\Rightarrow",
    "⇔": r"\Leftrightarrow", "∂": r"\partial", "∇": r"\nabla", "∑": r"\sum", "∏": r"\prod", "∫": r"\int", "∬": r"\iint", "∭": r"\iiint",
    "∮": r"\oint", "⋃": r"\bigcup", "⋂": r"\bigcap", "√": r"\surd", "…": r"\ldots", "⋯": r"\cdots", "′": "'", "−": "-", "∗": "*", "ℏ": r"\hbar",
    "ℝ": r"\mathbb{R}", "ℕ": r"\mathbb{N}", "ℤ": r"\mathbb{Z}", "ℂ": r"\mathbb{C}", "ℚ": r"\mathbb{Q}", "∘": r"\circ", "⊕": r"\oplus", "⊗": r"\otimes",
    "%": r"\%", "#": r"\#", "&": r"\&", "_": r"\_", "{": r"\{", "}": r"\}", "$": r"\$", "\\": r"\backslash", "~": r"\sim",
}
ACCENTS = {"̂": "hat", "̃": "tilde", "̄": "bar", "̅": "bar", "⃗": "vec", "̇": "dot", "̈": "ddot", "̌": "check", "̆": "breve", "́": "acute", "̀": "grave"}
FUNCTIONS = {"sin", "cos", "tan", "cot", "sec", "csc", "sinh", "cosh", "tanh", "arcsin", "arccos", "arctan", "log", "ln", "lg", "exp", "lim",
             "max", "min", "sup", "inf", "det", "dim", "ker", "gcd", "arg", "deg", "hom", "Pr"}
FENCES = {"{": r"\{", "}": r"\}", "⟨": r"\langle", "⟩": r"\rangle", "‖": r"\|", "⌊": r"\lfloor", "⌋": r"\rfloor", "⌈": r"\lceil", "⌉": r"\rceil", "": "."}
# fmt: on


def tex_of(element):
    """The LaTeX of one OMML element and what is in it."""
    kind = element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""
    rule = TEX_RULES.get(kind)
    return rule(element) if rule else "".join(map(tex_of, element))


def _text(element):
    plain = element.find(f"{MATH}rPr/{MATH}nor") is not None
    text = "".join(node.text or "" for node in element if isinstance(node.tag, str) and node.tag.endswith("}t"))
    if plain:
        return rf"\text{{{text}}}" if text.strip() else r"\ " * bool(text)
    text = text.replace("\u2061", "")
    if text in FUNCTIONS:
        return f"\\{text} "
    pieces = [TEX_SYMBOLS.get(letter, letter) for letter in text]
    return "".join(piece + " " if piece[:1] == "\\" and piece[-1:].isalpha() else piece for piece in pieces)


def _part(element, name):
    found = element.find(MATH + name)
    return tex_of(found).strip() if found is not None else ""


def _property(element, name, default):
    found = element.find(f"{MATH}{element.tag.rpartition('}')[2]}Pr/{MATH}{name}")
    return default if found is None else found.get(f"{MATH}val", "")


def _base(element, name="e"):
    base = _part(element, name)
    return base if len(base) <= 1 or re.fullmatch(r"\\[A-Za-z]+", base) else f"{{{base}}}"


def _fraction(element):
    form = _property(element, "type", "bar")
    top, bottom = _part(element, "num"), _part(element, "den")
    return (
        f"{{{top}}}/{{{bottom}}}"
        if form == "lin"
        else rf"\binom{{{top}}}{{{bottom}}}"
        if form == "noBar"
        else rf"\frac{{{top}}}{{{bottom}}}"
    )


def _root(element):
    degree = _part(element, "deg")
    return rf"\sqrt[{degree}]{{{_part(element, 'e')}}}" if degree else rf"\sqrt{{{_part(element, 'e')}}}"


def _big(element):
    sign = _property(element, "chr", "∫")
    low, high = _part(element, "sub"), _part(element, "sup")
    return (
        TEX_SYMBOLS.get(sign, sign)
        + (f"_{{{low}}}" if low else "")
        + (f"^{{{high}}}" if high else "")
        + f" {_part(element, 'e')}"
    )


def _fence(element):
    left, right, middle = (
        _property(element, "begChr", "("),
        _property(element, "endChr", ")"),
        _property(element, "sepChr", "|"),
    )
    parts = [tex_of(part).strip() for part in element.findall(f"{MATH}e")]
    return rf"\left{FENCES.get(left, left)} {f' {middle} '.join(parts)} \right{FENCES.get(right, right)}"


def _matrix(element):
    rows = [
        " & ".join(tex_of(cell).strip() for cell in row.findall(f"{MATH}e")) for row in element.findall(f"{MATH}mr")
    ]
    return rf"\begin{{matrix}} {_joined(rows)} \end{{matrix}}"


def _joined(rows):
    return r" \\ ".join(rows)


def _function(element):
    return f"{_part(element, 'fName')} {_part(element, 'e')}"


def _accent(element):
    return rf"\{ACCENTS.get(_property(element, 'chr', '̂'), 'hat')}{{{_part(element, 'e')}}}"


TEX_RULES = {
    "r": _text,
    "f": _fraction,
    "rad": _root,
    "nary": _big,
    "d": _fence,
    "m": _matrix,
    "func": _function,
    "acc": _accent,
    "sSup": lambda e: f"{_base(e)}^{{{_part(e, 'sup')}}}",
    "sSub": lambda e: f"{_base(e)}_{{{_part(e, 'sub')}}}",
    "sSubSup": lambda e: f"{_base(e)}_{{{_part(e, 'sub')}}}^{{{_part(e, 'sup')}}}",
    "sPre": lambda e: f"{{}}_{{{_part(e, 'sub')}}}^{{{_part(e, 'sup')}}}{_base(e)}",
    "bar": lambda e: rf"\{'underline' if _property(e, 'pos', 'bot') == 'bot' else 'overline'}{{{_part(e, 'e')}}}",
    "limLow": lambda e: f"{_part(e, 'e')}_{{{_part(e, 'lim')}}}",
    "limUpp": lambda e: f"{_part(e, 'e')}^{{{_part(e, 'lim')}}}",
    "groupChr": lambda e: (
        rf"\{'underbrace' if _property(e, 'pos', 'bot') == 'bot' else 'overbrace'}{{{_part(e, 'e')}}}"
    ),
    "borderBox": lambda e: rf"\boxed{{{_part(e, 'e')}}}",
    "eqArr": lambda e: (
        rf"\begin{{aligned}} {_joined([tex_of(row).strip() for row in e.findall(f'{MATH}e')])} \end{{aligned}}"
    ),
} | dict.fromkeys(
    (
        "rPr",
        "ctrlPr",
        "fPr",
        "radPr",
        "naryPr",
        "dPr",
        "mPr",
        "funcPr",
        "accPr",
        "sSupPr",
        "sSubPr",
        "sSubSupPr",
        "oMathParaPr",
    ),
    lambda e: "",
)
