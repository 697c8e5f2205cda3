"""JSON as Python values, by the fast parser where it is exact."""

import json
import re

import orjson

LONG_NUMBER = re.compile(rb"[:\[,\s]-?\d{19}|\d[eE]\+?\d{3}")


def parse_json(data):
    """JSON as Python values; whole numbers of any length survive, NaN and infinity are let in."""
    try:
        if not LONG_NUMBER.search(data):
            return orjson.loads(data)
    except orjson.JSONDecodeError:
        pass
    try:
        return json.loads(data)
    except RecursionError:
        refuse("too_large", f"values are nested deeper than {MAX_DEPTH}")
    except ValueError as error:
        refuse("damaged", f"this is not JSON: {error}")
