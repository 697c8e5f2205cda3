"""XML as a tree and back. An attribute is the key @name, text beside attributes is #text, an element that stands more
than once is a list, and an element that mixes text with elements is a list #content, in its order. A name that XML
does not allow is written with _xHHHH_ escapes and read back from them."""

import html.entities
import re

DECLARATION = re.compile(rb"""(\s*<\?xml\b[^>]*?)\s+encoding\s*=\s*["']([\w.:-]+)["']""")
UNDECLARABLE = ("", "http://www.w3.org/XML/1998/namespace", "http://www.w3.org/2000/xmlns/")  # Namespaces in XML 1.0, 3
ENTITY = re.compile(rb"&([A-Za-z][\w.-]{0,63});")
MAX_ATTRIBUTES = 5000  # lxml takes time by the square of them
NAME_START = r"A-Z_a-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02ff\u0370-\u037d\u037f-\u1fff\u200c\u200d\u2070-\u218f\u2c00-\u2fef\u3001-\ud7ff\uf900-\ufdcf\ufdf0-\ufffd"
NOT_IN_NAME = re.compile(rf"^[^{NAME_START}]|[^{NAME_START}0-9.\u00b7\u0300-\u036f\u203f\u2040-]|_(?=x[0-9A-F]{{4}}_)")
ESCAPED_NAME = re.compile(r"_x([0-9A-F]{4,6})_")
NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")


def parse_xml(data):
    from lxml import etree

    parser = etree.XMLParser(
        resolve_entities="internal",
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        strip_cdata=True,
    )
    try:
        try:
            root = etree.fromstring(data, parser)
        except etree.XMLSyntaxError:
            better = mended(data)
            if better is None:
                raise
            root = etree.fromstring(better, parser)
    except etree.XMLSyntaxError as error:
        text = str(error)
        large = any(word in text for word in ("Excessive depth", "amplification", "loop", "huge"))
        refuse("too_large" if large else "damaged", f"this is not XML that can be read: {text}")
    if any(isinstance(one.tag, str) is False for one in root.iter()):
        warn("references to entities outside the file are left out")
    lists = repeated(root) | {name.strip() for name in OPTIONS.get("lists", "").split(",") if name.strip()}
    return {name_of(root): element_value(root, lists)}


def mended(data):
    """What people send as XML, as XML: in an encoding that libxml2 lacks or other than the one it declares, with white space
    before the declaration, or with HTML's names of characters and others that it does not declare. None when it has none of these faults."""
    declared = DECLARATION.match(data)  # which also says that its letters are those of ASCII
    try:
        text = data.decode(declared[2].decode())
    except (TypeError, LookupError, UnicodeError):
        text = ""
    text = text if "<?xml" in text else decoded(data).decode()
    text = DECLARATION.sub(rb"\1", text.strip("\ufeff\0 \t\r\n").encode("utf-8", "replace"), count=1)
    declared = {b"amp", b"lt", b"gt", b"quot", b"apos", *re.findall(rb"<!ENTITY\s+([\w.-]+)\s", text)}
    named = ENTITY.sub(lambda found: found[0] if found[1] in declared else character_named(found), text)
    return None if named == data else named


def character_named(found):
    known = html.entities.html5.get(found[1].decode() + ";")
    if known:
        warn("names of characters that only HTML knows, as &nbsp;, were read as HTML reads them")
        return known.encode()
    warn("names of entities that are declared nowhere were kept as they are written")
    return b"&amp;" + found[0][1:]


def repeated(root):
    """Names, by parent, that stand more than once somewhere: they are lists everywhere, so that records are alike."""
    found = set()
    for parent in root.iter():
        if len(parent) > 1:
            seen = set()
            for child in parent:
                if child.tag in seen:
                    found.add((parent.tag, child.tag))
                seen.add(child.tag)
    return found


def unescaped_name(name):
    if name == "_x0000_":  # the empty name
        return ""
    return ESCAPED_NAME.sub(letter_escaped, name) if "_x" in name else name


def letter_escaped(found):
    """The letter that an escape of a name means; what is past Unicode, or half a letter, is no escape."""
    code = int(found[1], 16)
    return chr(code) if code < 0xD800 or 0xDFFF < code < 0x110000 else found[0]


def name_of(element):
    local = unescaped_name(element.tag.rpartition("}")[2])
    return f"{element.prefix}:{local}" if element.prefix else local


def attribute_name(element, key):
    if not key.startswith("{"):
        return unescaped_name(key)
    space, _, local = key[1:].partition("}")
    local = unescaped_name(local)
    prefix = (
        "xml"
        if space == "http://www.w3.org/XML/1998/namespace"
        else next((one for one, url in element.nsmap.items() if url == space and one), "")
    )
    return f"{prefix}:{local}" if prefix else local


def element_value(element, lists):
    if len(element.attrib) > MAX_ATTRIBUTES:
        refuse("too_large", f"an element has more than {MAX_ATTRIBUTES} attributes")
    parent = element.getparent()
    above = parent.nsmap if parent is not None else {}
    value = {
        f"@xmlns:{prefix}" if prefix else "@xmlns": url
        for prefix, url in element.nsmap.items()
        if above.get(prefix) != url
    }
    for key, text in element.attrib.items():
        value["@" + attribute_name(element, key)] = text
    children = [child for child in element if isinstance(child.tag, str)]
    texts = [element.text, *(child.tail for child in element)]
    if children and any(text and text.strip() for text in texts):
        content = [element.text] if element.text else []
        for child in element:
            if isinstance(child.tag, str):
                content.append({name_of(child): element_value(child, lists)})
            if child.tail:
                content.append(child.tail)
        value["#content"] = content
        return value
    for child in children:
        name, one = name_of(child), element_value(child, lists)
        if (element.tag, child.tag) in lists or name in lists:
            value.setdefault(name, []).append(one)
        elif name in value:
            value[name] = value[name] if isinstance(value[name], list) else [value[name]]
            value[name].append(one)
        else:
            value[name] = one
    if children:
        return value
    text = "".join(text for text in texts if text) or None
    if value:
        return value | ({"#text": text} if text is not None else {})
    return text


# ----------------------------------------------------------------------------------------------------------------------


def xml_text(value):
    text = value if isinstance(value, str) else bare_text(value)
    if NOT_XML.search(text):
        warn("characters that XML cannot hold were replaced")
        text = NOT_XML.sub("\ufffd", text)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#13;")


def bare_text(value):
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value) if isinstance(value, float) else str(value)


def xml_name(name, prefixes):
    """A name as XML allows it; a colon is one of namespaces only where its prefix is declared."""
    prefix, _, local = name.partition(":")
    if local and prefix in prefixes and ":" not in local:
        return f"{prefix}:{plain_name(local)}"
    return plain_name(name)


def plain_name(name):
    return NOT_IN_NAME.sub(lambda found: f"_x{ord(found[0]):04X}_", name) if name else "_x0000_"


def declared_prefix(key, value):
    """The prefix that the attribute @xmlns:prefix declares, or None."""
    space, _, prefix = key.partition(":")
    if space == "@xmlns" and prefix not in ("", "xml", "xmlns") and isinstance(value, str) and value not in UNDECLARABLE:
        return prefix if plain_name(prefix) == prefix else None
    return None


def write_element(name, value, out, pad, prefixes=frozenset({"xml"})):
    """One element, or one for each value of a list; ``pad`` is None inside mixed content, where white space is text."""
    if isinstance(value, list):
        for one in value:
            write_element(name, {"item": one} if isinstance(one, list) else one, out, pad, prefixes)
        return
    line, before = "\n" if pad is not None else "", pad or ""
    if not isinstance(value, dict):
        name, text = xml_name(name, prefixes), xml_text(value)
        out.append(f"{before}<{name}>{text}</{name}>{line}" if text else f"{before}<{name}/>{line}")
        return
    new = {prefix for key, one in value.items() if (prefix := declared_prefix(key, one))}
    prefixes = prefixes | new if new else prefixes
    name = xml_name(name, prefixes)
    attributes = "".join(
        f' {attribute_key(key[1:], prefixes, new)}="{xml_text(one).replace(chr(34), "&quot;").replace(chr(10), "&#10;").replace(chr(9), "&#9;")}"'
        for key, one in value.items()
        if is_attribute(key, one)
    )
    rest = {key: one for key, one in value.items() if not is_attribute(key, one)}
    if "#content" in rest and isinstance(rest["#content"], list):
        out.append(f"{before}<{name}{attributes}>")
        for part in rest["#content"]:
            if isinstance(part, dict):
                for key, one in part.items():
                    write_element(key, one, out, None, prefixes)
            else:
                out.append(xml_text(part))
        out.append(f"</{name}>{line}")
    elif set(rest) <= {"#text"}:
        text = xml_text(rest.get("#text"))
        out.append(
            f"{before}<{name}{attributes}>{text}</{name}>{line}" if text else f"{before}<{name}{attributes}/>{line}"
        )
    else:
        out.append(f"{before}<{name}{attributes}>{line}")
        for key, one in rest.items():
            write_element(key, one, out, None if pad is None else pad + "  ", prefixes)
        out.append(f"{before}</{name}>{line}")


def attribute_key(key, prefixes, new):
    space, _, prefix = key.partition(":")
    return key if space == "xmlns" and prefix in new else xml_name(key, prefixes)


def is_attribute(key, value):
    return key.startswith("@") and len(key) > 1 and not isinstance(value, (dict, list))


def emit_xml(value):
    """XML has one root: the only key of a mapping, or <root>; the entries of a list are <item>."""
    if (
        isinstance(value, dict)
        and len(value) == 1
        and not isinstance(next(iter(value.values())), list)
        and not next(iter(value)).startswith(("@", "#"))
    ):
        name, value = next(iter(value.items()))
    else:
        name, value = "root", {"item": value} if isinstance(value, list) else value
    out = ['<?xml version="1.0" encoding="UTF-8"?>\n']
    write_element(name, value, out, "")
    return "".join(out)
