"""Subtitles as subtitles of the other kind, or as the text that is said; a calendar as an agenda."""


def srt(cues):
    lines = []
    for number, cue in enumerate(cues, 1):
        text = (
            re.sub(r"<(?!/?[biu]>)[^<>]*>", "", re.sub(r"<v(?:\.\S*)?\s+([^>]*)>", r"\1: ", cue["text"]))
            if SOURCE_TYPE == "text/vtt"
            else cue["text"]
        )
        text = html.unescape(text) if SOURCE_TYPE == "text/vtt" else text
        lines.append(f"{number}\n{clock(cue['start'], ',')} --> {clock(cue['end'], ',')}\n{shielded(text)}\n")
    return "\n".join(lines)


def vtt(cues):
    lines = ["WEBVTT\n"]
    for cue in cues:
        if SOURCE_TYPE == "text/vtt":
            text = cue["text"]
        else:
            kept = re.split(r"(</?[biu]>)", re.sub(r"\{\\[^}]*\}|</?font[^<>]*>", "", cue["text"]))
            text = "".join(
                part if number % 2 else html.escape(html.unescape(part), quote=False)
                for number, part in enumerate(kept)
            )
        settings = f" {cue['settings']}" if cue["settings"] and SOURCE_TYPE == "text/vtt" else ""
        lines.append(f"{clock(cue['start'], '.')} --> {clock(cue['end'], '.')}{settings}\n{shielded(text)}\n")
    return "\n".join(lines)


def shielded(text):
    """Text of a cue has no empty line and no arrow, which would end it."""
    return re.sub(r"\n\s*\n+", "\n", text.strip("\n")).replace("-->", "->")


def agenda(records):
    lines = []
    for record in sorted(records, key=lambda one: str(one.get("start", ""))):
        when = " to ".join(str(record[key]).replace("T", " ") for key in ("start", "end") if record.get(key))
        where = f" ({record['location']})" if record.get("location") else ""
        lines.append(f"{when or 'no date'}: {record.get('summary', '')}{where}")
        for key in ("description", "attendees", "repeats"):
            value = record.get(key)
            if value:
                lines.append("    " + (", ".join(value) if isinstance(value, list) else value).replace("\n", "\n    "))
    return "\n".join(lines)


def convert():
    if SOURCE_TYPE == "text/calendar":
        records = read_calendar()
        OUTPUT.write_text(agenda(records) + "\n", "utf-8")
        return {"entries": len(records)}
    cues = read_cues()
    text = {"srt": srt, "vtt": vtt, "txt": lambda cues: "\n".join(filter(None, (said(cue["text"]) for cue in cues)))}[
        TARGET
    ](cues)
    OUTPUT.write_text(text.rstrip("\n") + "\n", "utf-8")
    if TARGET != "txt" and len(re.findall(r"(?m)^[\d:.,]+ --> ", text)) != len(cues):
        raise RuntimeError("cues were lost")
    return {"cues": len(cues)}


run(convert)
