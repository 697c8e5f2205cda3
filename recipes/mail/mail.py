"""A mail message as JSON, as a zip of its attachments, or as a document."""

import hashlib
import zipfile


def message_text(mail):
    """The text of the message; from its HTML when it has no other."""
    if mail.text.strip() or not mail.html.strip():
        return mail.text.replace("\r\n", "\n")
    return words_of(mail.html)


def write_json_mail():
    mail = read_mail()
    found = {
        "headers": {name.lower(): text for name, text in mail.headers.items()},
        "text": message_text(mail),
        "html": mail.html or None,
        "attachments": [
            {"name": name, "media_type": kind, "bytes": len(raw), "sha256": hashlib.sha256(raw).hexdigest()}
            for name, kind, raw in mail.attachments
        ],
    }
    OUTPUT.write_text(json.dumps(found, ensure_ascii=False, indent=1), "utf-8", "replace")
    json.loads(OUTPUT.read_text("utf-8"))
    return {"attachments": len(mail.attachments), "characters": len(found["text"])}


def write_attachments():
    """The attachments under safe, distinct names."""
    mail, names = read_mail(), set()
    if not mail.attachments:
        refuse("empty", "the message has no attachments")
    with zipfile.ZipFile(OUTPUT, "w", zipfile.ZIP_DEFLATED) as package:
        for number, (name, _, raw) in enumerate(mail.attachments, 1):
            plain = (
                re.sub(r"[\x00-\x1f<>:\"|?*]", "_", re.split(r"[\\/]", name)[-1]).strip(" .")[:150]
                or f"attachment-{number}"
            )
            if plain.lower() in names:
                plain = f"{number}-{plain}"
            names.add(plain.lower())
            package.writestr(zipfile.ZipInfo(plain), raw, zipfile.ZIP_DEFLATED)
    with zipfile.ZipFile(OUTPUT) as package:
        if package.testzip() or len(package.namelist()) != len(mail.attachments):
            raise RuntimeError("the zip does not read back")
    return {"attachments": len(mail.attachments)}


def convert():
    if TARGET == "json":
        return write_json_mail()
    if TARGET == "zip":
        return write_attachments()
    return written(*read_document())


run(convert)
