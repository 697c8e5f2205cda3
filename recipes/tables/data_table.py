"""The table in a data tree: its records are found, and what is nested in a record becomes columns."""

UNTYPED = ("application/xml",)


def read_tables():
    sys.setrecursionlimit(max(sys.getrecursionlimit(), 8 * MAX_DEPTH))
    if SOURCE_TYPE == "application/x-pickle":
        return [table_of_pickle(read_pickle())]
    raw = SOURCE.read_bytes()
    if not raw.strip():
        refuse("empty", "there is no value in this file")
    if SOURCE_TYPE == "application/yaml":
        records = records_in(parse_yaml(decoded(raw)))
    elif SOURCE_TYPE == "application/toml":
        records = records_in(parse_toml(decoded(raw)))
    else:
        records = xml_records(parse_xml(raw))
    return [table_of_records(records)]


def xml_records(tree):
    """The records of an XML document: the entries of its largest list, wherever it is."""
    best, stack = [], [tree]
    while stack:
        value = stack.pop(0)
        if isinstance(value, list) and len(value) > len(best) and not all(isinstance(one, str) for one in value):
            best = value
        if isinstance(value, dict):
            stack += [one for key, one in value.items() if key != "#content"]
        elif isinstance(value, list) and len(value) <= 1:
            stack += value
    if not best:
        best = [next(iter(tree.values()))]
    return [trimmed(one) if isinstance(one, dict) else {"value": trimmed(one)} for one in best]


def trimmed(value):
    """White space around the text of an element is layout, not a cell's value."""
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, dict):
        return {key: trimmed(one) for key, one in value.items()}
    return [trimmed(one) for one in value] if isinstance(value, list) else value


def table_of_pickle(value):
    kind, library = type(value).__name__, type(value).__module__.split(".")[0]
    if library == "pandas" and kind in ("DataFrame", "Series"):
        frame = value if kind == "DataFrame" else value.to_frame(value.name if value.name is not None else "value")
        frame = tabular(frame)
        columns = [column_of_series(name, frame.iloc[:, number]) for number, name in enumerate(frame.columns)]
        return Table("Sheet1", columns, len(frame))
    if library == "numpy" and kind == "ndarray" and value.ndim == 2 and not value.dtype.names:
        columns = [column_of_values(f"column_{n + 1}", plain_data(value[:, n])) for n in range(value.shape[1])]
        return Table("Sheet1", columns, value.shape[0], headed=False)
    records = records_in(plain_data(value))
    return table_of_records(records)


def column_of_series(name, series):
    import pyarrow as pa

    try:
        return column_of_array(name, pa.Array.from_pandas(series))
    except (pa.ArrowException, TypeError, ValueError):
        return column_of_values(
            name, [None if value is None or value != value else plain_data(value) for value in series.tolist()]
        )
