"""Data trees: JSON, YAML, TOML and XML into each other; what was written is read back and compared."""

import datetime
import json
import tomllib

import orjson

READERS = {
    "application/json": lambda data: parse_json(data),
    "application/geo+json": lambda data: parse_json(data),
    "application/yaml": lambda data: parse_yaml(data),
    "application/toml": lambda data: parse_toml(data),
    "application/x-ndjson": lambda data: [parse_json(line) for line in json_lines(data)],
}


def read_tree():
    if SOURCE_TYPE == "application/x-pickle":
        return plain_data(read_pickle())
    raw = SOURCE.read_bytes()
    if not raw.strip():
        refuse("empty", "there is no value in this file")
    if SOURCE_TYPE in READERS:
        return READERS[SOURCE_TYPE](decoded(raw))
    return parse_xml(raw)


def settled(value, depth=0):
    """The tree in the words of JSON: text keys, dates as ISO 8601 text."""
    if depth > MAX_DEPTH:
        refuse("too_large", f"values are nested deeper than {MAX_DEPTH}")
    if isinstance(value, dict):
        return {key if isinstance(key, str) else key_text(key): settled(one, depth + 1) for key, one in value.items()}
    if isinstance(value, list):
        return [settled(one, depth + 1) for one in value]
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, str) and not value.isascii():
        return value.encode(errors="replace").decode()
    return value


def finite(value):
    """NaN and infinity, which JSON has no word for, become null."""
    if isinstance(value, float) and not abs(value) < float("inf"):
        warn("NaN and infinity are written as null")
        return None
    if isinstance(value, dict):
        return {key: finite(one) for key, one in value.items()}
    return [finite(one) for one in value] if isinstance(value, list) else value


def for_toml(value):
    """TOML has no null, no list at its top and no whole numbers past 64 bits."""
    if isinstance(value, dict):
        kept = {key: for_toml(one) for key, one in value.items() if one is not None}
        if len(kept) < len(value):
            warn("null is left out: TOML has none")
        return kept
    if isinstance(value, list):
        if any(one is None for one in value):
            warn("null in a list is an empty string: TOML has none")
        return ["" if one is None else for_toml(one) for one in value]
    if isinstance(value, int) and not -(1 << 63) <= value < 1 << 63:
        warn("whole numbers past 64 bits are text")
        return str(value)
    return value


def write_tree(value):
    """Write TARGET and read it back."""
    if TARGET == "json":
        value = finite(value)
        option = orjson.OPT_INDENT_2 if OPTIONS["indent"] else 0
        try:
            text = orjson.dumps(value, option=option).decode()
        except orjson.JSONEncodeError:  # whole numbers past 64 bits
            text = json.dumps(value, ensure_ascii=False, indent=2 if OPTIONS["indent"] else None)
        check(parse_json(text.encode()), value)
    elif TARGET == "yaml":
        text = emit_yaml(value)
        check(parse_yaml(text.encode()), value)
    elif TARGET == "toml":
        import tomli_w

        value = for_toml(value if isinstance(value, dict) else {"items" if isinstance(value, list) else "value": value})
        text = tomli_w.dumps(value)
        check(tomllib.loads(text), value, ordered=False)  # tables stand behind the values beside them
    else:
        from lxml import etree

        text = emit_xml(value)
        etree.fromstring(text.encode(), etree.XMLParser(huge_tree=True, no_network=True, resolve_entities=False))
    OUTPUT.write_text(text.rstrip("\n") + "\n", "utf-8")


def check(read, written, ordered=True):
    if not same(read, written, ordered):
        raise RuntimeError(f"the {TARGET} does not read back as what was written")


def same(one, other, ordered):
    """Equality that tells 1 from 1.0 and from True, and knows NaN."""
    if isinstance(one, dict) and isinstance(other, dict):
        alike = list(one) == list(other) if ordered else one.keys() == other.keys()
        return alike and all(same(one[key], other[key], ordered) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(same(*pair, ordered) for pair in zip(one, other, strict=True))
    return type(one) is type(other) and (one == other or (one != one and other != other))


def leaves(value):
    if isinstance(value, (dict, list)):
        return sum(map(leaves, value.values() if isinstance(value, dict) else value))
    return 1


def convert():
    sys.setrecursionlimit(max(sys.getrecursionlimit(), 8 * MAX_DEPTH))
    value = settled(read_tree())
    write_tree(value)
    return {"values": leaves(value)}


run(convert)
