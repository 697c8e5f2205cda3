"""Cues, calendar entries and cards as rows."""

UNTYPED = ()


def read_tables():
    if SOURCE_TYPE == "text/calendar":
        records = read_calendar()
    elif SOURCE_TYPE == "text/vcard":
        records = read_cards()
    else:
        records = [
            {"start": clock(cue["start"], "."), "end": clock(cue["end"], "."), "text": said(cue["text"])}
            for cue in read_cues()
        ]
    if TARGET not in ("json", "ndjson"):
        records = [
            {key: "; ".join(value) if isinstance(value, list) else value for key, value in record.items()}
            for record in records
        ]
    return [table_of_records(records)]
