"""A mail message (RFC 5322 with MIME) or an Outlook .msg as headers, one body and attachments; nothing it refers to is fetched."""

import base64
from email import message_from_bytes, policy

HEADERS = ("From", "To", "Cc", "Bcc", "Reply-To", "Date", "Subject")
MAX_PARTS = 2000


class Mail:
    """What a message says: headers in order, the body as HTML or text, attachments as (name, media type, bytes)."""

    def __init__(self):
        self.headers, self.html, self.text, self.attachments, self.embedded = {}, "", "", [], {}


def part_text(part):
    """The text of a part, whatever its declared charset is worth."""
    raw = part.get_payload(decode=True) or b""
    name = part.get_content_charset() or ""
    try:
        return raw.decode(name) if name else decoded(raw).decode()
    except (LookupError, UnicodeError):
        return decoded(raw).decode()


def header(message, name):
    """A header as text; one that cannot be parsed comes as it stands."""
    try:
        return ", ".join(str(value) for value in message.get_all(name, []))
    except (ValueError, TypeError, IndexError, AttributeError, KeyError):
        return ", ".join(str(value) for key, value in message.raw_items() if key.lower() == name.lower())


def bytes_of(message):
    """A message inside another as it may be sent on; headers that cannot be are left out."""
    try:
        return message.as_bytes()
    except (LookupError, ValueError, TypeError, AttributeError):
        return (message.get_payload(decode=True) or b"") if not message.is_multipart() else b""


def read_message(message):
    """A Mail from a parsed message; messages inside it are attachments too, and their texts follow the body's."""
    mail = Mail()
    mail.headers = {name: " ".join(text.split()) for name in HEADERS if (text := header(message, name)).strip()}
    bodies, choices, told, outlook = [], {}, set(), []
    for number, part in enumerate(message.walk()):
        if number > MAX_PARTS:
            refuse("too_large", f"the message has more than {MAX_PARTS} parts")
        if part.is_multipart():
            choice = choices.get(part) or (part if part.get_content_subtype() == "alternative" else None)
            choices.update((inner, choice) for inner in part.get_payload() if choice)
        kind, name = part.get_content_type(), part.get_filename()
        if kind == "message/rfc822" and number and part.is_multipart():
            inner = part.get_payload(0)
            title = " ".join((name or header(inner, "Subject") or f"part-{number}").split()).removesuffix(".eml")
            mail.attachments.append((f"{title}.eml", kind, bytes_of(inner)))
        if kind == "message/delivery-status" and part.is_multipart():  # blocks of headers, to the parser messages (RFC 3464)
            status = b"\n".join(map(bytes_of, part.get_payload()))
            told.update(part.get_payload())
            mail.attachments.append((" ".join((name or "delivery-status.txt").split()), kind, status))
        if part.is_multipart() or part in told:
            continue
        attached = part.get_content_disposition() == "attachment" or name
        if kind in ("text/html", "text/plain") and not attached:
            bodies.append((choices.get(part, part), kind, part_text(part)))
        else:
            raw = part.get_payload(decode=True) or b""
            identifier = (part.get("Content-ID") or "").strip(" <>")
            if identifier and kind.startswith("image/"):
                mail.embedded[identifier] = f"data:{kind};base64,{base64.b64encode(raw).decode()}"
            packed = open_tnef(raw) if raw.startswith(TNEF) else None
            if packed and any(packed):
                outlook.append(packed)
            else:
                mail.attachments.append((" ".join((name or f"part-{number}").split()), kind, raw))
    for text, page, files in outlook:
        mail.attachments += [(" ".join(name.split()), "application/octet-stream", content) for name, content in files]
        if not any(body.strip() for _, _, body in bodies):
            bodies += [(message, kind, one) for kind, one in (("text/plain", text), ("text/html", page)) if one]
    put_together(mail, bodies)
    return mail


def put_together(mail, bodies):
    """The texts in their order, (what they are an alternative of, type, text) each, as one HTML and as one text: a text that has
    no alternative stands in both."""
    kinds = {(of, kind) for of, kind, _ in bodies}
    pages = [
        text if kind == "text/html" else text_html(text)
        for of, kind, text in bodies
        if kind == "text/html" or (of, "text/html") not in kinds
    ]
    texts = [
        text.replace("\r\n", "\n") if kind == "text/plain" else words_of(text)
        for of, kind, text in bodies
        if kind == "text/plain" or (of, "text/plain") not in kinds
    ]
    if any(kind == "text/html" for _, kind, _ in bodies):
        mail.html = pages[0] if len(pages) == 1 else "<hr>".join(map(inside_body, pages))
    if any(kind == "text/plain" for _, kind, _ in bodies):
        mail.text = texts[0] if len(texts) == 1 else "\n\n".join(text.strip("\n") for text in texts)


def inside_body(page):
    found = re.search(r"<body[^>]*>(.*?)(?:</body>|$)", page, re.S | re.I)
    return found.group(1) if found else page


def words_of(page):
    lines = []
    if page.strip():
        plain_lines(parse_html(page)[0], lines, "")
    return re.sub(r"\n{3,}", "\n\n", "".join(lines)).strip()


def read_outlook():
    """An Outlook message: the streams of its OLE file, as [MS-OXMSG] 2.1 names them."""
    import olefile

    mail = Mail()
    try:
        with olefile.OleFileIO(SOURCE) as container:

            def text(tag, folder=""):
                for suffix, name in (("001F", "utf-16-le"), ("001E", None), ("0102", None)):
                    stream = f"{folder}__substg1.0_{tag}{suffix}"
                    if container.exists(stream):
                        raw = container.openstream(stream).read()
                        return (raw.decode(name, "replace") if name else decoded(raw).decode()).rstrip("\0")
                return ""

            def raw(tag, folder):
                stream = f"{folder}__substg1.0_{tag}0102"
                return container.openstream(stream).read() if container.exists(stream) else b""

            sent = message_from_bytes(text("007D").encode(), policy=policy.default)
            sender = " ".join(
                filter(
                    None,
                    (
                        text("0C1A"),
                        f"<{text('5D01') or text('0C1F')}>" if "@" in (text("5D01") or text("0C1F")) else "",
                    ),
                )
            )
            mail.headers = {
                name: value
                for name, value in (
                    ("From", sender),
                    ("To", text("0E04")),
                    ("Cc", text("0E03")),
                    ("Date", header(sent, "Date")),
                    ("Subject", text("0037")),
                )
                if value.strip()
            }
            mail.html, mail.text = text("1013"), text("1000")
            for folder in sorted({entry[0] for entry in container.listdir() if entry[0].startswith("__attach")}):
                name = text("3707", folder + "/") or text("3704", folder + "/") or folder
                mail.attachments.append(
                    (name, text("370E", folder + "/") or "application/octet-stream", raw("3701", folder + "/"))
                )
    except (OSError, ValueError, IndexError) as error:
        refuse("damaged", f"this Outlook message cannot be read: {error}")
    if not mail.headers and not mail.text and not mail.html:
        refuse("damaged", "the file has no Outlook message inside")
    return mail


def read_mail():
    if SOURCE_TYPE == "application/vnd.ms-outlook":
        return read_outlook()
    try:
        return read_internet_message()
    except RecursionError:
        refuse("too_large", "the parts of the message are nested too deep")


def read_internet_message():
    raw = SOURCE.read_bytes().lstrip(b"\r\n")
    message = message_from_bytes(raw, policy=policy.default)
    if not message.keys():
        refuse("damaged", "this is not a mail message: it has no headers")
    if message.get_content_type() in ("multipart/encrypted", "application/pkcs7-mime") and "signed" not in str(
        message.get("Content-Type")
    ):
        refuse("encrypted", "the message is encrypted")
    if message.get_content_maintype() == "multipart" and not message.is_multipart():
        message = message_from_bytes(true_type(raw) + raw, policy=policy.default)
    return read_message(message)


def true_type(raw):
    """A first header for a message in parts whose boundary is not in its body: the boundary that is, or that it is text."""
    body = re.split(rb"\r?\n\r?\n", raw, maxsplit=1)[-1]
    found = re.search(rb'^--([^\s"][^"\r\n]{0,200}?)[ \t]*\r?\n(?=[A-Za-z-]+:)', body, re.M)
    return b'Content-Type: multipart/alternative; boundary="%b"\r\n' % found[1] if found else b"Content-Type: text/plain\r\n"


def body_html(mail):
    """The body as HTML, pictures of the message itself in place of their cid: references."""
    if mail.html.strip():
        page = inside_body(mail.html)
        for identifier, uri in mail.embedded.items():
            page = page.replace(f"cid:{identifier}", uri)
        return page
    return text_html(mail.text)


def read_document():
    mail = read_mail()
    rows = "".join(
        f"<tr><th>{name}</th><td>{html_text.escape(text, quote=False)}</td></tr>" for name, text in mail.headers.items()
    )
    listed = "".join(
        f"<li>{html_text.escape(name, quote=False)} ({html_text.escape(kind, quote=False)}, {len(raw)} bytes)</li>"
        for name, kind, raw in mail.attachments
    )
    page = f"<table>{rows}</table><hr>{body_html(mail)}" + (
        f"<hr><p>Attachments:</p><ul>{listed}</ul>" if listed else ""
    )
    return parse_html(page)[0], mail.headers.get("Subject", "")
