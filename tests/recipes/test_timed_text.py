"""Subtitles, calendars and contacts: every cue and every entry arrives, with its times and its words."""

import csv
import io
import json

import httpx

from tests.recipes.posting import post, refusal

SRT = "1\r\n00:00:01,000 --> 00:00:02,500\r\n<i>Hello</i> & <font color=red>you</font>\r\n\r\n2\r\n01:00:00,040 --> 01:00:01,000\r\nTwo\r\nlines --> here\r\n"
ICS = """BEGIN:VCALENDAR
VERSION:2.0
BEGIN:VTIMEZONE
TZID:Europe/Berlin
BEGIN:STANDARD
DTSTART:19701025T030000
END:STANDARD
END:VTIMEZONE
BEGIN:VEVENT
UID:1
DTSTART;TZID=Europe/Berlin:20240301T090000
DTEND;TZID=Europe/Berlin:20240301T100000
SUMMARY:Plan\\, then
  build
DESCRIPTION:one\\ntwo
ATTENDEE;CN="Zoë, Dr":mailto:zoe@example.org
ATTENDEE:mailto:b@example.org
BEGIN:VALARM
TRIGGER:-PT15M
DESCRIPTION:ring
END:VALARM
END:VEVENT
BEGIN:VTODO
SUMMARY:Buy
DUE;VALUE=DATE:20240302
END:VTODO
END:VCALENDAR
""".replace("\n", "\r\n").encode()


def test_srt_to_vtt_and_back(client: httpx.Client) -> None:
    """Times stay to the millisecond, italics stay, colours go, text is escaped where WebVTT needs it."""
    made = post(client, SRT.encode(), "srt", "vtt").decode()
    assert made.startswith(
        "WEBVTT\n\n00:00:01.000 --> 00:00:02.500\n<i>Hello</i> &amp; you\n\n01:00:00.040 --> 01:00:01.000\nTwo\n"
    )
    assert post(client, made.encode(), "vtt", "srt").decode().splitlines()[:3] == [
        "1",
        "00:00:01,000 --> 00:00:02,500",
        "<i>Hello</i> & you",
    ]


def test_what_is_said(client: httpx.Client) -> None:
    """As text there are only the words; speakers of WebVTT stay."""
    assert post(client, SRT.encode(), "srt", "txt") == b"Hello & you\nTwo\nlines --> here\n"
    vtt = b"WEBVTT\n\nNOTE nothing\n\n00:01.000 --> 00:02.000 line:0\n<v Ann>Hi &lt;you&gt;\n"
    assert post(client, vtt, "vtt", "txt") == b"Ann: Hi <you>\n"


def test_cues_as_rows(client: httpx.Client) -> None:
    """A cue is a row of start, end and words."""
    rows = list(csv.reader(io.StringIO(post(client, SRT.encode(), "srt", "csv").decode())))
    assert rows[1] == ["00:00:01.000", "00:00:02.500", "Hello & you"]


def test_calendar(client: httpx.Client) -> None:
    """Entries have unfolded text, ISO times, their zone and people by name; alarms and zones are not entries."""
    event, todo = json.loads(post(client, ICS, "ics", "json"))
    assert (event["summary"], event["start"], event["timezone"]) == (
        "Plan, then build",
        "2024-03-01T09:00:00",
        "Europe/Berlin",
    )
    assert (event["description"], event["attendees"]) == ("one\ntwo", ["Zoë, Dr <zoe@example.org>", "b@example.org"])
    assert (todo["type"], todo["due"]) == ("todo", "2024-03-02")
    assert "2024-03-01 09:00:00 to 2024-03-01 10:00:00: Plan, then build" in post(client, ICS, "ics", "txt").decode()


def test_busy_times_and_calendars_of_nothing(client: httpx.Client) -> None:
    """Busy times are entries too; a calendar that has no entry is empty, and text that is no calendar damaged."""
    busy = (
        ICS[: ICS.index(b"BEGIN:VEVENT")]
        + b"BEGIN:VFREEBUSY\r\nFREEBUSY:20240301T080000Z/PT3H\r\nEND:VFREEBUSY\r\nEND:VCALENDAR\r\n"
    )
    assert json.loads(post(client, busy, "ics", "json")) == [{"type": "busy", "freebusy": "20240301T080000Z/PT3H"}]
    assert refusal(client, b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n", "ics", "csv") == (422, "empty")
    assert refusal(client, b"hello\n", "ics", "csv", **{"from": "ics"}) == (422, "damaged")


def test_contacts(client: httpx.Client) -> None:
    """A card is a row; what it has twice is joined in CSV and a list in JSON."""
    card = b"BEGIN:VCARD\r\nVERSION:2.1\r\nN:Doe;Jo\r\nFN;ENCODING=QUOTED-PRINTABLE;CHARSET=UTF-8:Jo=C3=AB\r\nTEL;CELL:1\r\nitem1.TEL;TYPE=home:2\r\nEND:VCARD\r\n"
    assert json.loads(post(client, card, "vcf", "json"))[0] == {
        "name": "Joë",
        "family_name": "Doe",
        "given_name": "Jo",
        "phone": ["1", "2"],
    }
    assert b"1; 2" in post(client, card, "vcf", "csv")
    nameless = b"BEGIN:VCARD\r\nVERSION:3.0\r\nN:Doe;Jo;M.;Dr.;\r\nEND:VCARD\r\n"
    assert json.loads(post(client, nameless, "vcf", "json"))[0]["name"] == "Dr. Jo M. Doe"


def test_no_cue_at_all(client: httpx.Client) -> None:
    """Text without a time line is not subtitles; a file of them that holds none is empty."""
    assert refusal(client, b"WEBVTT\n\nNOTE nothing\n", "vtt", "srt") == (422, "empty")
    assert refusal(client, b"hello\n", "srt", "vtt", **{"from": "srt"}) == (422, "damaged")
