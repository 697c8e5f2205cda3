"""A Python script as a notebook: cells at the marks of the percent format, one cell when there are none."""


def script_cells(text):
    """Cells of a script: at its percent marks, else one; comment blocks marked [markdown] become text."""
    cells, current, kind = [], [], "code"

    def close():
        lines = current[:]
        while lines and not lines[0].strip():
            del lines[0]
        while lines and not lines[-1].strip():
            del lines[-1]
        if lines:
            source = "\n".join(re.sub(r"^# ?", "", line) for line in lines) if kind == "markdown" else "\n".join(lines)
            cells.append((kind, source))
        current.clear()

    for line in text.replace("\r\n", "\n").split("\n"):
        mark = re.match(r"# ?%%(.*)|# In ?\[[ \d]*\]:", line)
        if mark:
            close()
            kind = "markdown" if "[markdown]" in (mark.group(1) or "") or "[md]" in (mark.group(1) or "") else "code"
        else:
            current.append(line)
    close()
    return cells


def write_ipynb():
    cells = script_cells(decoded(SOURCE.read_bytes()).decode())
    if not cells:
        refuse("empty", "the script has no lines")
    made = []
    for number, (kind, source) in enumerate(cells):
        cell = {"cell_type": kind, "id": f"cell-{number}", "metadata": {}, "source": source.splitlines(keepends=True)}
        made.append(cell | ({"execution_count": None, "outputs": []} if kind == "code" else {}))
    metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    OUTPUT.write_text(
        json.dumps(
            {"cells": made, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}, indent=1, ensure_ascii=False
        )
        + "\n",
        "utf-8",
        "replace",
    )
    back = json.loads(OUTPUT.read_text("utf-8"))["cells"]
    if ["".join(cell["source"]) for cell in back] != [source for _, source in cells]:
        raise RuntimeError("the notebook does not read back")
    return {"cells": len(cells)}
