"""JSON as Python values, by the fast parser where it is exact."""

import json
import re

import orjson

LONG_NUMBER = re.compile(rb"[:\[,\s]-?\d{19}")
STRING = rb'("(?:[^"\\]|\\.)*+")'  # kept as it is, whatever it holds
COMMENT = re.compile(STRING + rb"|//[^\n]*|/\*.*?\*/", re.S)
TRAILING_COMMA = re.compile(STRING + rb"|,(?=\s*[}\]])")
DIGITS = bytes(48 if 48 <= byte < 58 else 32 for byte in range(256))


def exact_in_orjson(data):
    """Whether no whole number has so many digits that orjson would round it to a float."""
    return b"0" * 19 not in data.translate(DIGITS) or not LONG_NUMBER.search(b" " + data)


def parse_json(data, forgiving=True):
    """JSON as Python values; whole numbers of any length survive, NaN and infinity are let in."""
    try:
        if exact_in_orjson(data):
            return orjson.loads(data)
    except orjson.JSONDecodeError:
        pass
    try:
        return json.loads(data)
    except RecursionError:
        refuse("too_large", f"values are nested deeper than {MAX_DEPTH}")
    except ValueError as error:
        bare = uncommented(data) if forgiving else data
        if bare != data:
            warn("comments and commas before a closing bracket, which JSON has not, were passed over")
            return parse_json(bare, forgiving=False)
        refuse("damaged", f"this is not JSON: {error}")


def uncommented(data):
    """The text without the comments and the trailing commas that JSON for people has."""
    bare = COMMENT.sub(lambda found: found[1] or b" ", data)
    return TRAILING_COMMA.sub(lambda found: found[1] or b"", bare)


def json_lines(data):
    """The lines of newline-delimited JSON that hold a value; RFC 7464 begins each with a record separator."""
    return [line for line in (line.strip(b" \t\r\x1e") for line in data.split(b"\n")) if line]
