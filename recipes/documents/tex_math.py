"""Formulas in LaTeX as Typst expressions of calls and string literals; one that uses more than this knows stays LaTeX."""

TEX_TOKEN = re.compile(r"\\[A-Za-z]+\*?|\\.|[{}^_&]|\s+|.", re.S)
# fmt: off
TEX_LETTERS = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "varepsilon": "ε", "epsilon": "ϵ", "zeta": "ζ", "eta": "η", "theta": "θ", "vartheta": "ϑ",
    "iota": "ι", "kappa": "κ", "lambda": "λ", "mu": "μ", "nu": "ν", "xi": "ξ", "pi": "π", "rho": "ρ", "varrho": "ϱ", "sigma": "σ", "varsigma": "ς",
    "tau": "τ", "upsilon": "υ", "varphi": "φ", "phi": "ϕ", "chi": "χ", "psi": "ψ", "omega": "ω", "Gamma": "Γ", "Delta": "Δ", "Theta": "Θ", "Lambda": "Λ",
    "Xi": "Ξ", "Pi": "Π", "Sigma": "Σ", "Upsilon": "Υ", "Phi": "Φ", "Psi": "Ψ", "Omega": "Ω", "infty": "∞", "pm": "±", "mp": "∓", "times": "×", "div": "÷",
    "cdot": "⋅", "ast": "∗", "star": "⋆", "circ": "∘", "bullet": "∙", "leq": "≤", "le": "≤", "geq": "≥", "ge": "≥", "neq": "≠", "ne": "≠", "approx": "≈",
    "equiv": "≡", "sim": "∼", "simeq": "≃", "cong": "≅", "propto": "∝", "ll": "≪", "gg": "≫", "in": "∈", "notin": "∉", "ni": "∋", "subset": "⊂", "subseteq": "⊆",
    "supset": "⊃", "supseteq": "⊇", "cup": "∪", "cap": "∩", "setminus": "∖", "emptyset": "∅", "varnothing": "∅", "forall": "∀", "exists": "∃", "neg": "¬",
    "lnot": "¬", "wedge": "∧", "land": "∧", "vee": "∨", "lor": "∨", "rightarrow": "→", "to": "→", "leftarrow": "←", "gets": "←", "leftrightarrow": "↔",
    "Rightarrow": "⇒", "implies": "⇒", "Leftarrow": "⇐", "Leftrightarrow": "⇔", "iff": "⇔", "mapsto": "↦", "uparrow": "↑", "downarrow": "↓", "longrightarrow": "⟶",
    "partial": "∂", "nabla": "∇", "sum": "∑", "prod": "∏", "coprod": "∐", "int": "∫", "iint": "∬", "iiint": "∭", "oint": "∮", "bigcup": "⋃", "bigcap": "⋂",
    "bigoplus": "⨁", "bigotimes": "⨂", "oplus": "⊕", "otimes": "⊗", "ldots": "…", "dots": "…", "cdots": "⋯", "vdots": "⋮", "ddots": "⋱", "hbar": "ℏ", "ell": "ℓ",
    "Re": "ℜ", "Im": "ℑ", "aleph": "ℵ", "prime": "′", "langle": "⟨", "rangle": "⟩", "lfloor": "⌊", "rfloor": "⌋", "lceil": "⌈", "rceil": "⌉", "mid": "∣",
    "parallel": "∥", "perp": "⊥", "angle": "∠", "triangle": "△", "top": "⊤", "bot": "⊥", "vdash": "⊢", "models": "⊨", "backslash": "\\", "surd": "√", "dagger": "†",
    "lvert": "|", "rvert": "|", "lVert": "‖", "rVert": "‖", "vert": "|", "Vert": "‖", "colon": ":", "degree": "°",
}
TEX_OPERATORS = {"sin", "cos", "tan", "cot", "sec", "csc", "sinh", "cosh", "tanh", "arcsin", "arccos", "arctan", "log", "ln", "lg", "exp", "lim", "limsup",
                 "liminf", "max", "min", "sup", "inf", "det", "dim", "ker", "gcd", "arg", "deg", "hom", "Pr"}
TEX_ACCENTS = {"hat": "\u0302", "widehat": "\u0302", "tilde": "\u0303", "widetilde": "\u0303", "bar": "\u0304", "vec": "\u20d7", "dot": "\u0307",
               "ddot": "\u0308", "check": "\u030c", "breve": "\u0306", "acute": "\u0301", "grave": "\u0300"}
TEX_AROUND = {"overline": "math.overline", "underline": "math.underline", "overbrace": "math.overbrace", "underbrace": "math.underbrace", "boxed": "box.with(stroke: 0.5pt, inset: 2pt)"}
TEX_FACES = {"mathbb": "math.bb", "mathcal": "math.cal", "mathscr": "math.cal", "mathfrak": "math.frak", "mathbf": "math.bold", "boldsymbol": "math.bold",
             "bm": "math.bold", "mathsf": "math.sans", "mathit": "math.italic", "mathrm": "math.upright", "mathtt": "math.mono"}
TEX_SPACES = {",": 0.17, ":": 0.22, ";": 0.28, " ": 0.33, "!": -0.17, "quad": 1, "qquad": 2, "enspace": 0.5, "thinspace": 0.17}
# fmt: on
TEX_SILENT = {
    "displaystyle",
    "textstyle",
    "limits",
    "nolimits",
    "left.",
    "right.",
    "nonumber",
    "notag",
    "big",
    "Big",
    "bigg",
    "Bigg",
    "bigl",
    "bigr",
    "Bigl",
    "Bigr",
    "mathstrut",
}
TEX_DELIMITED = {
    "matrix": "none",
    "pmatrix": '"("',
    "bmatrix": '"["',
    "vmatrix": '"|"',
    "Vmatrix": '"‖"',
    "Bmatrix": '"{"',
    "array": "none",
    "smallmatrix": "none",
}


class UnknownTeX(Exception):
    """This formula uses what is not known here."""


def joined_math(pieces):
    """A code block of pieces; it begins with content, for symbols alone would join to plain text."""
    return "{[];" + ";".join(pieces) + "}"


class Formula:
    """A recursive-descent reader of one formula."""

    def __init__(self, tex):
        self.tokens, self.at = TEX_TOKEN.findall(tex), 0
        if len(self.tokens) > 5000:
            raise UnknownTeX("long")

    def peek(self):
        while self.at < len(self.tokens) and self.tokens[self.at].isspace():
            self.at += 1
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self):
        token = self.peek()
        if not token:
            raise UnknownTeX("ends early")
        self.at += 1
        return token

    def row(self, ends, depth):
        """Pieces up to a token of ``ends``, which is not taken."""
        if depth > 40:
            raise UnknownTeX("deep")
        out = []
        while self.peek() not in ends:
            token = self.peek()
            if token in ("^", "_"):
                base, scripts = out.pop() if out else '""', {}
                while self.peek() in ("^", "_"):
                    kind = "t" if self.take() == "^" else "b"
                    if kind in scripts:
                        raise UnknownTeX("double script")
                    scripts[kind] = self.argument(depth)
                out.append(f"math.attach({base}, {', '.join(f'{kind}: {script}' for kind, script in scripts.items())})")
            elif token == "'":
                self.take()
                out.append(f"math.attach({out.pop() if out else chr(34) * 2}, t: symbol({quoted('′')}))")
            else:
                piece = self.atom(depth)
                if piece:
                    out.append(piece)
        return out

    def group(self, ends, depth):
        return joined_math(self.row(ends, depth) or ['""'])

    def argument(self, depth):
        if self.peek() == "{":
            self.take()
            inner = self.group(("}", ""), depth + 1)
            self.close("}")
            return inner
        return self.atom(depth + 1) or '""'

    def close(self, wanted):
        if self.take() != wanted:
            raise UnknownTeX(wanted)

    def raw(self):
        """The text of a braced argument, with its spaces."""
        self.close("{")
        parts, depth = [], 1
        while depth:
            token = self.tokens[self.at] if self.at < len(self.tokens) else self.take()
            self.at += 1
            depth += (token == "{") - (token == "}")
            parts.append(re.sub(r"^\\([%#&_{}$])$", r"\1", token) if depth else "")
        return "".join(parts)

    def atom(self, depth):
        token = self.take()
        if token == "{":
            inner = self.group(("}", ""), depth + 1)
            self.close("}")
            return inner
        if token in ("}", "&"):
            raise UnknownTeX(token)
        if not token.startswith("\\"):
            return f"symbol({quoted(token)})" if len(token) == 1 and not token.isdigit() else quoted(token)
        name = token[1:].rstrip("*")
        if name in TEX_LETTERS:
            return f"symbol({quoted(TEX_LETTERS[name])})"
        if name in ("{", "}", "%", "#", "$", "_", "&", "|"):
            return f"symbol({quoted('‖' if name == '|' else name)})"
        if name in TEX_SPACES:
            return f"h({TEX_SPACES[name]}em)"
        if name in TEX_SILENT:
            return ""
        if name in TEX_OPERATORS:
            return f"math.op({quoted(name)}" + (
                ", limits: true)" if name in ("lim", "limsup", "liminf", "max", "min", "sup", "inf") else ")"
            )
        return self.command(name, depth)

    def command(self, name, depth):
        if name in ("frac", "dfrac", "tfrac", "cfrac", "binom"):
            return f"math.{'binom' if name == 'binom' else 'frac'}({self.argument(depth)}, {self.argument(depth)})"
        if name == "sqrt":
            index = ""
            if self.peek() == "[":
                self.take()
                index = self.group(("]", ""), depth + 1) + ", "
                self.close("]")
            return f"math.root({index}{self.argument(depth)})" if index else f"math.sqrt({self.argument(depth)})"
        if name in ("text", "textrm", "mathrm", "operatorname", "textbf", "textit", "mbox", "mathop"):
            return f"math.op({quoted(self.raw())})" if name == "operatorname" else quoted(self.raw())
        if name in TEX_ACCENTS:
            return f"math.accent({self.argument(depth)}, {quoted(TEX_ACCENTS[name])})"
        if name in TEX_AROUND:
            return f"{TEX_AROUND[name]}({self.argument(depth)})"
        if name in TEX_FACES:
            return f"{TEX_FACES[name]}({self.argument(depth)})"
        if name == "left":
            opened = self.fence()
            inner = self.row(("\\right", ""), depth + 1)
            self.close("\\right")
            return f"math.lr({joined_math(filter(None, [opened, *inner, self.fence()]))})"
        if name in ("begin",):
            return self.environment(self.raw().rstrip("*"), depth)
        raise UnknownTeX(name)

    def fence(self):
        token = self.take()
        letter = "" if token == "." else TEX_LETTERS.get(token[1:], {"\\|": "‖"}.get(token, token.lstrip("\\")))
        return f"symbol({quoted(letter)})" if letter else ""

    def environment(self, name, depth):
        if name == "array" and self.peek() == "{":
            self.raw()
        rows = [[]]
        while True:
            rows[-1].append(self.group(("&", "\\\\", "\\end", ""), depth + 1))
            token = self.take()
            if token == "\\\\":
                rows.append([])
            elif token == "\\end":
                self.raw()
                break
        rows = [row for row in rows if row != [joined_math(['""'])]]
        width = max(map(len, rows), default=0)
        if name in TEX_DELIMITED:
            cells = ", ".join("(" + ", ".join(row + ['""'] * (width - len(row))) + ",)" for row in rows)
            return f"math.mat(delim: {TEX_DELIMITED[name]}, {cells})"
        lines = [joined_math(row) for row in rows]
        if name == "cases":
            return f"math.cases({', '.join(lines)})"
        if name in ("aligned", "align", "split", "gathered", "gather", "equation", "eqnarray", "multline"):
            return joined_math([";linebreak();".join(lines)])
        raise UnknownTeX(name)


def typst_formula(tex, display):
    """A Typst expression for ``tex``, None when it uses something unknown."""
    try:
        reader = Formula(tex)
        pieces = reader.row(("",), 0)
    except UnknownTeX:
        return None
    return f"math.equation(block: {'true' if display else 'false'}, {joined_math(pieces)})" if pieces else None
