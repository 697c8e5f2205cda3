"""Formulas of pages: MathML keeps its structure as LaTeX, and is typeset in a PDF."""

from pathlib import Path

import httpx
import pytest

from tests.recipes.converting import run
from tests.recipes.reading import pdf_text


@pytest.mark.parametrize(
    ("inner", "expected"),
    [
        ("<mfrac><mi>a</mi><mn>2</mn></mfrac>", r"\frac{a}{2}"),
        ("<msqrt><msup><mi>b</mi><mn>2</mn></msup><mo>&minus;</mo><mn>4</mn></msqrt>", r"\sqrt{b^{2}-4}"),
        ("<mroot><mi>x</mi><mn>3</mn></mroot>", r"\sqrt[3]{x}"),
        (
            "<munderover><mo>&sum;</mo><mi>i</mi><mi>n</mi></munderover><msub><mi>a</mi><mi>i</mi></msub>",
            r"\sum _{i}^{n}a_{i}",
        ),
        ("<msubsup><mi>x</mi><mi>i</mi><mn>2</mn></msubsup>", "x_{i}^{2}"),
        ("<mi>sin</mi><mo>&#x2061;</mo><mi>x</mi><mo>+</mo><mi>rate</mi>", r"\sin x+\mathrm{rate}"),
        ("<mover><mi>v</mi><mo>→</mo></mover><munder><mi>u</mi><mo>_</mo></munder>", r"\vec{v}\underline{u}"),
        ("<mtable><mtr><mtd><mn>1</mn></mtd><mtd><mn>0</mn></mtd></mtr></mtable>", r"\begin{matrix}1 & 0\end{matrix}"),
        ("<mfenced><mi>a</mi><mi>b</mi></mfenced>", r"\left(a,b\right)"),
        ("<mtext>50% off</mtext>", r"\text{50\% off}"),
        ('<semantics><mi>E</mi><annotation encoding="application/x-tex">E = mc^2</annotation></semantics>', "E = mc^2"),
    ],
)
def test_elements_become_latex(client: httpx.Client, tmp_path: Path, inner: str, expected: str) -> None:
    """Every element becomes the command that says the same; what the author wrote in LaTeX wins."""
    made = run(client, tmp_path, f"<p>vor <math>{inner}</math> nach</p>".encode(), "html", "md")
    assert made.output.read_text("utf-8").strip() == f"vor ${expected}$ nach"


def test_formulas_are_typeset(client: httpx.Client, tmp_path: Path) -> None:
    """No command is left to read in a PDF."""
    source = b'<p>vor</p><math display="block"><mfrac><mi>a</mi><mn>2</mn></mfrac><mtext>50%</mtext></math><p>nach</p>'
    found = pdf_text(run(client, tmp_path, source, "html", "pdf").output)
    assert "\\" not in found
    assert "50%" in found
