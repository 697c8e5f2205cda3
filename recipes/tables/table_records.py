"""Reads records: JSON in its usual shapes, newline-delimited JSON, GeoJSON and Parquet."""

import orjson
import pyarrow as pa


def read_json():
    data = decoded(SOURCE.read_bytes())
    if not data.strip():
        refuse("empty", "there is no value in this file")
    return [table_of_records(records_in(parse_json(data)))]


def read_ndjson():
    data = decoded(SOURCE.read_bytes())
    lines = json_lines(data)
    if not lines:
        refuse("empty", "there is no value in this file")
    joined = b"[" + b",".join(lines) + b"]"
    try:
        values = orjson.loads(joined) if exact_in_orjson(joined) else [parse_json(line) for line in lines]
    except orjson.JSONDecodeError:
        values = [parse_json(line) for line in lines]  # names the bad line's error, or forgives NaN
    if len(values) != len(lines):
        values = [parse_json(line) for line in lines]
    return [table_of_records(records_in(values))]


def records_in(value):
    """Find the records in the usual shapes: a list of objects or of rows, columns, one list in a wrapper, one object."""
    if isinstance(value, dict):
        if value.get("type") == "FeatureCollection" and isinstance(value.get("features"), list):
            return [feature_record(one) for one in value["features"] if isinstance(one, dict)]
        if isinstance(value.get("columns"), list) and isinstance(value.get("data"), list):
            return (
                [value["columns"], *value["data"]]
                if all(isinstance(row, list) for row in value["data"])
                else value["data"]
            )
        lists = [key for key, one in value.items() if isinstance(one, list)]
        lengths = {len(value[key]) for key in lists}
        if (
            len(lists) == len(value) > 1
            and len(lengths) == 1
            and not any(isinstance(v, (dict, list)) for k in lists for v in value[k][:5])
        ):
            return [dict(zip(value, row, strict=True)) for row in zip(*value.values(), strict=True)]
        inner = [key for key in lists if value[key] and all(isinstance(one, dict) for one in value[key])]
        if len(inner) == 1 and not any(isinstance(one, dict) for one in value.values()):
            if len(value) > 1:
                warn(
                    f"only the list {inner[0]!r}; left out: " + ", ".join(key for key in value if key != inner[0])[:200]
                )
            return value[inner[0]]
        return [value]
    if isinstance(value, list):
        return value
    return [{"value": value}]


def feature_record(feature):
    """A GeoJSON feature: its properties, with the geometry as JSON beside them (RFC 7946, section 3.2)."""
    record = dict(feature.get("properties") or {})
    for key, value in feature.items():
        if key not in ("type", "properties"):
            record[key if key not in record else f"feature_{key}"] = value
    return record


def flat(record, prefix=""):
    """Nested objects as columns named a.b; lists stay whole."""
    result = {}
    for key, value in record.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict) and value:
            result.update(flat(value, name + "."))
        else:
            result[name] = value
    return result


def table_of_records(records):
    if not records:
        refuse("empty", "there is no record in this file")
    if all(isinstance(record, list) for record in records):
        return table_of_lists(records)
    if not all(isinstance(record, dict) for record in records):
        records = [record if isinstance(record, dict) else {"value": record} for record in records]
    if OPTIONS.get("nested") == "columns":
        records = [flat(record) for record in records]
    names = {}
    for record in records:
        names.update(dict.fromkeys(record))
    if not names:
        refuse("empty", "the records of this file have no field")
    if len(names) > MAX_COLUMNS or len(names) * len(records) > MAX_CELLS:
        refuse("too_large", f"{len(records)} records with {len(names)} different keys")
    columns = [column_of_values(str(name), [record.get(name) for record in records]) for name in names]
    return Table("Sheet1", columns, len(records), bool(names))


def table_of_lists(records):
    width = max(map(len, records))
    if not width or width > MAX_COLUMNS or width * len(records) > MAX_CELLS:
        refuse("empty" if not width else "too_large", f"{len(records)} rows of up to {width} values")
    headed = len(records[0]) == width and all(isinstance(one, str) for one in records[0]) and len(records) > 1
    names = records[0] if headed else [f"column_{n}" for n in range(1, width + 1)]
    body = [row + [None] * (width - len(row)) for row in (records[1:] if headed else records)]
    return Table(
        "Sheet1",
        [column_of_values(*pair) for pair in zip(names, zip(*body, strict=True), strict=True)],
        len(body),
        headed,
    )


def read_parquet():
    import pyarrow.parquet as pq

    with SOURCE.open("rb") as file:
        magic = file.read(4)
    if magic == b"PARE":
        refuse("encrypted", "the Parquet file is encrypted")
    try:
        file = pq.ParquetFile(SOURCE)
        unpacked = sum(file.metadata.row_group(n).total_byte_size for n in range(file.num_row_groups))
        columns, rows = len(file.schema_arrow), file.metadata.num_rows
        if unpacked > MAX_INFLATED_BYTES or columns > MAX_COLUMNS or columns * rows > MAX_CELLS * 4:
            refuse("too_large", f"{rows} rows and {columns} columns, {unpacked} bytes unpacked")
        table = file.read()
    except (pa.ArrowException, OSError, ValueError) as error:
        if "crypt" in str(error):
            refuse("encrypted", "columns of the Parquet file are encrypted")
        refuse("damaged", f"the Parquet file cannot be read: {error}")
    columns = [column_of_array(name, table.column(n)) for n, name in enumerate(table.column_names)]
    return [Table("Sheet1", columns, table.num_rows)]
