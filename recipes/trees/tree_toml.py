"""TOML as a tree, by the standard library's parser."""

import re
import tomllib

LONG_KEY = re.compile(rb"""(?<![\w"'-])(?:[\w"'-]+[ \t]*\.[ \t]*){500}""")  # tomllib takes time by the square of a key's parts


def parse_toml(data):
    if LONG_KEY.search(data):
        refuse("too_large", f"values are nested deeper than {MAX_DEPTH}")
    try:
        return tomllib.loads(data.decode())
    except RecursionError:
        refuse("too_large", f"values are nested deeper than {MAX_DEPTH}")
    except ValueError as error:  # a number of thousands of digits, too
        refuse("damaged", f"this is not TOML: {error}")
