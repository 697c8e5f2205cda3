"""Notebooks into scripts and back."""


def write_script():
    """Cells as a script in the percent format, which editors and jupytext know."""
    found = notebook()
    if language(found) not in ("python", "python3", "ipython"):
        warn(f"the notebook is written in {language(found)}, not Python")
    out = []
    for cell in found["cells"]:
        source = source_of(cell).strip("\n")
        if cell.get("cell_type") == "code":
            lines = ["# " + line if re.match(r"\s*[%!]", line) else line for line in source.split("\n")]
            out.append("# %%\n" + "\n".join(lines))
        elif source:
            out.append("# %% [markdown]\n" + "\n".join(("# " + line).rstrip() for line in source.split("\n")))
    OUTPUT.write_text("\n\n".join(out) + "\n", "utf-8", "replace")
    return {"cells": len(out)}


run(write_ipynb if TARGET == "ipynb" else write_script)
