"""YAML: the 1.2 core schema over libyaml's events, with alias and depth limits; and an emitter that quotes whatever
another reader could take for something else."""

import json
import re

MAX_NODES = 5_000_000  # after aliases are followed
CORE = (
    (re.compile(r"~|null|Null|NULL|"), lambda text: None),
    (re.compile(r"true|True|TRUE"), lambda text: True),
    (re.compile(r"false|False|FALSE"), lambda text: False),
    (re.compile(r"[-+]?[0-9]+"), int),
    (re.compile(r"0o[0-7]+"), lambda text: int(text[2:], 8)),
    (re.compile(r"0x[0-9a-fA-F]+"), lambda text: int(text[2:], 16)),
    (re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"), float),
    (re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"), lambda text: float(text.lower().replace(".", ""))),
)


def plain_scalar(text):
    """What YAML 1.2 (section 10.3) takes an unquoted scalar for: "no" and 12:30 are strings, 010 is ten."""
    if text[:1].isalpha() and text[:1] not in "nNtTfF":
        return text
    for pattern, value in CORE:
        if pattern.fullmatch(text):
            return value(text) if len(text) < 4000 else text
    return text


def scalar_of(event):
    tag = event.tag or ""
    if event.value == "<<" and event.implicit[0] and not tag:
        return MERGE
    if tag == "!" or tag == "tag:yaml.org,2002:str":
        return event.value
    if tag in (
        "",
        "tag:yaml.org,2002:null",
        "tag:yaml.org,2002:bool",
        "tag:yaml.org,2002:int",
        "tag:yaml.org,2002:float",
    ):
        value = plain_scalar(event.value) if event.implicit[0] or tag else event.value
        return float(value) if tag.endswith(":float") and isinstance(value, int) else value
    if not tag.startswith("tag:yaml.org,2002:"):
        warn(f"the tag {tag} is not kept, its value is")
    return event.value


MERGE = object()  # an unquoted <<, where a key stands: YAML 1.1, still in wide use


class Open:
    """A collection that is being read: its value, how many nodes it has, the key that waits for a value."""

    def __init__(self, value, anchor):
        self.value, self.anchor, self.nodes, self.key, self.waiting = value, anchor, 1, None, False

    def add(self, value, nodes):
        self.nodes += nodes
        if isinstance(self.value, dict) and not self.waiting:
            self.key, self.waiting = value if isinstance(value, str) or value is MERGE else key_text(value), True
            return
        if value is MERGE:
            value = "<<"
        if isinstance(self.value, list):
            self.value.append(value)
        else:
            self.waiting = False
            if self.key is MERGE and not isinstance(value, (dict, list)):
                self.key = "<<"
            if self.key is MERGE:
                for source in reversed(value) if isinstance(value, list) else [value]:
                    if isinstance(source, dict):
                        self.value.update({key: one for key, one in source.items() if key not in self.value})
            else:
                if self.key in self.value:
                    warn(f"the key {self.key!r} stands more than once: the last one is kept")
                self.value[self.key] = value


def key_text(value):
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def parse_yaml(data):
    import yaml

    documents, stack, anchors = [], [Open([], None)], {}
    try:
        for event in yaml.parse(data.decode(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            if isinstance(event, yaml.ScalarEvent):
                value, nodes = scalar_of(event), 1
                if event.anchor:
                    anchors[event.anchor] = value, 1
            elif isinstance(event, yaml.AliasEvent):
                if any(one.anchor == event.anchor for one in stack) or event.anchor not in anchors:
                    refuse(
                        "unsupported" if event.anchor in anchors or stack else "damaged",
                        f"the alias *{event.anchor} refers to itself or to nothing",
                    )
                value, nodes = anchors[event.anchor]
                if stack[-1].nodes + nodes > MAX_NODES:
                    refuse("too_large", f"aliases unfold to more than {MAX_NODES} values")
            elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
                stack.append(Open({} if isinstance(event, yaml.MappingStartEvent) else [], event.anchor))
                if len(stack) > MAX_DEPTH:
                    refuse("too_large", f"values are nested deeper than {MAX_DEPTH}")
                continue
            elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
                closed = stack.pop()
                value, nodes = closed.value, closed.nodes
                if nodes > MAX_NODES:
                    refuse("too_large", f"there are more than {MAX_NODES} values")
                if closed.anchor:
                    anchors[closed.anchor] = value, nodes
            elif isinstance(event, yaml.DocumentStartEvent):
                anchors.clear()
                continue
            else:
                continue
            stack[-1].add(value, nodes)
    except yaml.YAMLError as error:
        refuse("damaged", f"this is not YAML: {' '.join(str(error).split())}")
    documents = stack[0].value
    if not documents:
        refuse("empty", "there is no value in this file")
    if len(documents) > 1:
        warn(f"the {len(documents)} documents of the file became one list")
    return documents[0] if len(documents) == 1 else documents


# ----------------------------------------------------------------------------------------------------------------------

SAFE_PLAIN = re.compile(r"[\w/(][\w./+@%(),;=$&'-]*(?:[ :][\w./+@%(),;=$&'-]+)*")
# What YAML 1.1 or 1.2 readers take for something other than a string, and what is long enough to look like it.
RESERVED = re.compile(r"(?:y|n|yes|no|on|off|true|false|null|nan|inf)|0[xob].*|.*:[ \t].*|.*:|[\d_.+eE:-]+", re.I)
BLOCK = re.compile(
    r"[^\s\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff][^\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]*"
)
UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]")


def yaml_string(text, indent):
    if len(text) < 200 and SAFE_PLAIN.fullmatch(text) and not RESERVED.fullmatch(text):
        return text
    if "\n" in text and indent is not None and BLOCK.fullmatch(text) and not re.search(r"[ \t](\n|$)", text):
        body = text.rstrip("\n")
        mark = {0: "|-", 1: "|"}.get(len(text) - len(body), "|+")
        lines = (text if mark == "|+" else body).removesuffix("\n").split("\n")
        pad = " " * indent
        return mark + "\n" + "\n".join(pad + line if line else "" for line in lines)
    quoted = json.dumps(text, ensure_ascii=False)
    return UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", quoted)


def yaml_scalar(value, indent=None):
    if isinstance(value, str):
        return yaml_string(value, indent)
    if value is None:
        return "null"
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, float):
        if value != value:
            return ".nan"
        return repr(value) if abs(value) < float("inf") else (".inf" if value > 0 else "-.inf")
    return str(value)


def yaml_lines(value, indent, out, lead):
    """Write a collection; ``lead`` is what stands before its first entry on that line ("- " inside a list)."""
    pad = " " * indent
    entries = value.items() if isinstance(value, dict) else ((None, one) for one in value)
    for key, one in entries:
        out.append(lead if lead is not None else pad)
        lead = None
        head = "-" if key is None else yaml_string(str(key), None) + ":"
        if isinstance(one, (dict, list)) and one:
            if key is None:
                yaml_lines(one, indent + 2, out, "- ")
            else:
                out.append(head + "\n")
                yaml_lines(one, indent + 2, out, None)
        else:
            empty = "{}" if isinstance(one, dict) else "[]"
            out.append(f"{head} {empty if isinstance(one, (dict, list)) else yaml_scalar(one, indent + 2)}\n")


def emit_yaml(value):
    if not isinstance(value, (dict, list)) or not value:
        return (
            ("{}" if isinstance(value, dict) else "[]") if isinstance(value, (dict, list)) else yaml_scalar(value)
        ) + "\n"
    out = []
    yaml_lines(value, 0, out, None)
    return "".join(out)
