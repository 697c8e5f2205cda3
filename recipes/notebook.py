"""Notebooks into scripts and back; every other target by way of one HTML tree."""


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


def convert():
    if TARGET == "ipynb":
        return write_ipynb()
    if TARGET == "py":
        return write_script()
    body, title = read_document()
    title = OPTIONS.get("title") or title
    write = globals().get(f"write_{TARGET}")
    return (
        write(body, title)
        if write
        else write_pandoc(["-f", "html+tex_math_single_backslash"], inner_html(body).encode("utf-8", "replace"), title)
    )


run(convert)
