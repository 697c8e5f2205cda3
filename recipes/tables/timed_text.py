"""Text with times, read tolerantly: SubRip and WebVTT cues, iCalendar entries (RFC 5545) and vCards (RFC 6350)."""

import html
import quopri
import re

TIME = r"(?:(\d{1,4}):)?(\d{1,2}):(\d{1,2})[,.](\d{1,3})"
TIMING = re.compile(rf"^\s*{TIME}\s*-->\s*{TIME}(.*)$")
MAX_RECORDS = 500_000


def source_lines():
    text = decoded(SOURCE.read_bytes()).decode()
    if not text.strip():
        refuse("empty", "there is no text in this file")
    return re.split(r"\r\n|\n|\r", text.replace("\0", "\ufffd"))


def milliseconds(hours, minutes, seconds, fraction):
    return ((int(hours or 0) * 60 + int(minutes)) * 60 + int(seconds)) * 1000 + int(fraction.ljust(3, "0"))


def clock(value, mark):
    seconds, fraction = divmod(value, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{mark}{fraction:03}"


def read_cues():
    """Cues as {start, end, text, settings}; times in milliseconds. A cue ends at an empty line or where the next begins."""
    cues, lines = [], source_lines()
    number = 0
    while number < len(lines):
        found = TIMING.match(lines[number])
        number += 1
        if not found:
            continue
        text = []
        while number < len(lines) and lines[number].strip() and not TIMING.match(lines[number]):
            text.append(lines[number].rstrip())
            number += 1
        if number < len(lines) and TIMING.match(lines[number]) and text and text[-1].strip().isdigit():
            text.pop()
        start, end = milliseconds(*found.groups()[:4]), milliseconds(*found.groups()[4:8])
        cues.append({"start": start, "end": end, "text": "\n".join(text), "settings": found[9].strip()})
        if len(cues) > MAX_RECORDS:
            refuse("too_large", f"there are more than {MAX_RECORDS} cues")
    if not cues:
        if lines[0].removeprefix("\ufeff").startswith("WEBVTT"):
            refuse("empty", "there is no cue in this file")
        refuse("damaged", "there is no line with a start and an end time")
    late = sum(one["end"] < one["start"] for one in cues)
    if late:
        warn(f"{late} cues end before they start; they are kept")
    return cues


def said(text):
    """What is said in a cue: no tags, no positions, no entities."""
    text = re.sub(
        r"\{\\[^}]*\}|<v(?:\.\S*)?\s+([^>]*)>|</?[A-Za-z0-9][^<>]*>",
        lambda found: f"{found[1]}: " if found[1] else "",
        text,
    )
    return html.unescape(text).strip()


# iCalendar and vCard --------------------------------------------------------------------------------------------------


def properties():
    """(name, parameters, value) of each content line, after long lines are put together again."""
    lines = []
    for line in source_lines():
        if line[:1] in (" ", "\t") and lines:
            lines[-1] += line[1:]
        elif (
            lines
            and re.search(r"ENCODING=QUOTED-PRINTABLE", lines[-1].partition(":")[0], re.I)
            and lines[-1].endswith("=")
        ):
            lines[-1] = lines[-1][:-1] + line
        elif line.strip():
            lines.append(line)
    for line in lines:
        found = re.match(r'(?:[\w-]+\.)?([\w-]+)((?:;[^":;]*(?:"[^"]*"[^":;]*)*)*):(.*)$', line, re.S)
        if not found:
            warn("lines that are not name:value are left out")
            continue
        parameters = {}
        for part in re.findall(r';((?:[^;"]|"[^"]*")*)', found[2]):
            key, _, value = part.partition("=")
            parameters.setdefault(key.upper(), value.strip('"'))
        value = found[3]
        if parameters.get("ENCODING", "").upper() == "QUOTED-PRINTABLE" or "QUOTED-PRINTABLE" in parameters:
            value = quopri.decodestring(value.encode()).decode(parameters.get("CHARSET", "utf-8"), "replace")
        yield found[1].upper(), parameters, value


def unescaped(value):
    return re.sub(r"\\(.)", lambda found: "\n" if found[1] in "nN" else found[1], value)


def moment(value):
    """A date or a date with time of RFC 5545 (3.3.4, 3.3.5) as ISO 8601; anything else as it is."""
    found = re.fullmatch(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)(Z?))?", value.strip())
    if not found:
        return value
    year, month, day, hour, minute, second, zone = found.groups()
    return f"{year}-{month}-{day}" + (f"T{hour}:{minute}:{second}{zone}" if hour else "")


ENTRIES = {"VEVENT": "event", "VTODO": "todo", "VJOURNAL": "journal", "VFREEBUSY": "busy"}
CALENDAR = {
    "SUMMARY": "summary",
    "DTSTART": "start",
    "DTEND": "end",
    "DUE": "due",
    "LOCATION": "location",
    "DESCRIPTION": "description",
    "UID": "uid",
    "RRULE": "repeats",
    "ORGANIZER": "organizer",
    "ATTENDEE": "attendees",
    "DTSTAMP": "stamp",
}
MOMENTS = {
    "DTSTART",
    "DTEND",
    "DUE",
    "DTSTAMP",
    "CREATED",
    "LAST-MODIFIED",
    "COMPLETED",
    "RECURRENCE-ID",
    "EXDATE",
    "RDATE",
}


def read_calendar():
    """Events, to-dos, journal entries and busy times, each with all of its properties; alarms and time zones are left out."""
    records, stack, calendars = [], [], 0
    for name, parameters, value in properties():
        if name == "BEGIN":
            stack.append(value.strip().upper())
            calendars += stack[-1] == "VCALENDAR"
            if stack[-1] in ENTRIES:
                records.append({"type": ENTRIES[stack[-1]]})
                if len(records) > MAX_RECORDS:
                    refuse("too_large", f"there are more than {MAX_RECORDS} entries")
        elif name == "END":
            if stack:
                stack.pop()
        elif stack and stack[-1] in ENTRIES:
            record, key = records[-1], CALENDAR.get(name, name.lower())
            text = (
                ", ".join(map(moment, value.split(",")))
                if name in MOMENTS
                else value
                if name == "RRULE"
                else unescaped(value)
            )
            if name in ("ATTENDEE", "ORGANIZER"):
                text = re.sub(r"^mailto:", "", text, flags=re.I)
                text = f"{parameters['CN']} <{text}>" if parameters.get("CN") else text
            if name == "DTSTART" and parameters.get("TZID"):
                record["timezone"] = parameters["TZID"]
            add_value(record, key, text)
    if not records:
        refuse("empty" if calendars else "damaged", "there is no event, to-do, journal entry or busy time in this file")
    order = [
        "type",
        "summary",
        "start",
        "end",
        "due",
        "timezone",
        "location",
        "description",
        "organizer",
        "attendees",
        "repeats",
        "uid",
    ]
    return [
        {key: record[key] for key in sorted(record, key=lambda one: order.index(one) if one in order else len(order))}
        for record in records
    ]


CARD = {
    "FN": "name",
    "EMAIL": "email",
    "TEL": "phone",
    "ORG": "organization",
    "TITLE": "title",
    "ADR": "address",
    "BDAY": "birthday",
    "URL": "url",
    "NOTE": "note",
}


def read_cards():
    records, inside = [], False
    for name, parameters, value in properties():
        if name == "BEGIN":
            inside = value.strip().upper() == "VCARD"
            if inside:
                records.append({"name": None})
        elif name == "END":
            inside = False
        elif inside and name == "N":
            parts = [unescaped(part) for part in re.split(r"(?<!\\);", value)]
            for key, part in zip(
                ("family_name", "given_name", "additional_names", "prefix", "suffix"), parts, strict=False
            ):
                if part:
                    records[-1][key] = part
        elif inside and name in ("PHOTO", "LOGO", "SOUND", "KEY"):
            warn("pictures, sounds and keys are left out")
        elif inside and name not in ("VERSION", "PRODID"):
            if name in ("ADR", "ORG"):
                value = ", ".join(part for part in re.split(r"(?<!\\);", value) if part)
            add_value(records[-1], CARD.get(name, name.lower()), unescaped(value))
    if not records:
        refuse("damaged", "there is no vCard in this file")
    for record in records:  # some have no FN
        parts = (record.get(key) for key in ("prefix", "given_name", "additional_names", "family_name", "suffix"))
        record["name"] = record["name"] or " ".join(filter(None, parts)) or record.get("organization")
    return records


def add_value(record, key, text):
    if record.get(key) is None:
        record[key] = text
    else:
        record[key] = [*(record[key] if isinstance(record[key], list) else [record[key]]), text]
