"""Tables: write what was read as another format."""

import pyarrow as pa


def write_tables(tables):
    if TARGET in ("json", "ndjson", "parquet"):
        for table in tables:
            leave_out(table)
    if SOURCE_TYPE in UNTYPED and TARGET in ("json", "ndjson", "parquet", "xlsx", "ods"):
        for table in tables:
            for column in table.columns:
                settle(column, dates=TARGET not in ("json", "ndjson"))
    if TARGET == "xlsx":
        write_xlsx(tables, OUTPUT)
    elif TARGET == "ods":
        write_ods(tables, OUTPUT)
    elif TARGET == "zip":
        write_sheet_files(tables)
    elif TARGET in ("html", "md", "xml", "json"):
        write = {"html": write_html, "md": write_markdown, "xml": write_xml, "json": write_json}[TARGET]
        with OUTPUT.open("wb") as out:
            write(tables, out)
    else:
        write_single(tables)


def write_single(tables):
    if len(tables) > 1:
        refuse(
            "unsupported",
            f"a {TARGET} file holds one table, not {len(tables)}: choose one sheet, or the format zip for all",
        )
    if TARGET == "ndjson" and not tables[0].rows:
        refuse("empty", "there is no row: the output would be an empty file")
    if not tables[0].columns:
        refuse("empty", "the sheet is empty")
    if TARGET == "parquet":
        write_parquet(tables[0], OUTPUT)
        return
    with OUTPUT.open("wb") as out:
        if TARGET == "ndjson":
            write_records(tables[0], out, b"\n")
        else:
            delimiter = NAMED_DELIMITERS[OPTIONS.get("output_delimiter", "comma")] if TARGET == "csv" else "\t"
            write_delimited(tables[0], out, delimiter)


def write_parquet(table, path):
    import pyarrow.parquet as pq

    columns = [column.values if column.values is not None else column.text for column in table.columns]
    whole_table = pa.Table.from_arrays(columns, names=unique_names(table.columns))
    pq.write_table(whole_table, path, compression="zstd")
    metadata = pq.read_metadata(path)
    if (metadata.num_rows, metadata.num_columns) != (table.rows, len(columns)):
        raise RuntimeError("the Parquet file does not hold what was written")


def write_sheet_files(tables):
    """Every sheet as a CSV file in a zip."""
    import io

    files = Zip(OUTPUT)
    for name, table in zip(sheet_names(tables), tables, strict=True):
        text = io.BytesIO()
        if table.columns:
            write_delimited(table, text, ",")
        files.add(f"{name}.csv", [text.getvalue()])
    files.close()


def convert():
    tables = read_tables()
    write_tables(tables)
    return {
        "tables": len(tables),
        "rows": sum(one.rows for one in tables),
        "columns": max(len(one.columns) for one in tables),
    }


run(convert)
