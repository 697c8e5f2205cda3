"""JSON as Python values, by the fast parser where it is exact."""

import json
import re

import orjson

LONG_NUMBER = re.compile(rb"[:\[,\s]-?\d{19}")
DIGITS = bytes(48 if 48 <= byte < 58 else 32 for byte in range(256))


def exact_in_orjson(data):
    """Whether no whole number has so many digits that orjson would round it to a float."""
    return b"0" * 19 not in data.translate(DIGITS) or not LONG_NUMBER.search(b" " + data)


def parse_json(data):
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
        refuse("damaged", f"this is not JSON: {error}")
