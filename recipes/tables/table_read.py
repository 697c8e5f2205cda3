"""Which reader takes which input; every table recipe begins here."""

UNTYPED = ("text/csv", "text/tab-separated-values")  # what says nothing about the kinds of its values


def read_tables():
    if SOURCE_TYPE in UNTYPED:
        return [read_delimited("\t" if SOURCE_TYPE == "text/tab-separated-values" else ",")]
    if SOURCE_TYPE in ("application/json", "application/geo+json"):
        return read_json()
    if SOURCE_TYPE == "application/x-ndjson":
        return read_ndjson()
    if SOURCE_TYPE == "application/vnd.apache.parquet":
        return read_parquet()
    return read_book()
