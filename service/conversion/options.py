"""The options of a recipe: typed, bounded and documented in its file, given by callers as words.

Owns reading a word as what an option takes. Knows nothing of recipes or HTTP.

Exceptions: `OptionInvalid` ← `OptionUnknown`, `OptionRepeated`; all are the caller's fault.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Literal

from msgspec import Struct

OptionValue = str | int | float | bool

_TRUE, _FALSE = frozenset({"true", "1", "yes", "on"}), frozenset({"false", "0", "no", "off"})


class Option(Struct, frozen=True, forbid_unknown_fields=True, rename={"inputs": "from", "outputs": "to"}):
    """One typed, bounded, documented option. ``inputs``/``outputs`` (``from``/``to`` in the file) narrow where it applies."""

    type: Literal["string", "integer", "number", "boolean", "choice"]
    default: OptionValue
    description: str
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    max_length: int | None = None
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()


class OptionInvalid(Exception):
    """The value given for the option ``name`` is not what it ``takes`` (a phrase: "an integer from 1 to 10")."""

    def __init__(self, name: str, takes: str) -> None:
        super().__init__(name, takes)
        self.name = name
        self.takes = takes


class OptionUnknown(OptionInvalid):
    """No option ``name`` applies to this pair; ``offered`` are those that do (then ``takes`` is empty)."""

    def __init__(self, name: str, offered: tuple[str, ...]) -> None:
        super().__init__(name, "")
        self.offered = offered


class OptionRepeated(OptionInvalid):
    """The option ``name`` is given several values in one place (then ``takes`` is empty)."""

    def __init__(self, name: str) -> None:
        super().__init__(name, "")


def given_once(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the words of one query or form by name.

    Raises:
        OptionRepeated: Two values for one name: whichever were taken, the other would be lost in silence.
    """
    given: dict[str, str] = {}
    for name, word in pairs:
        if given.setdefault(name, word) != word:
            raise OptionRepeated(name)
    return given


def typed(offered: Mapping[str, Option], given: Mapping[str, str]) -> dict[str, OptionValue]:
    """Return the value of every offered option, with defaults for those not given.

    Raises:
        OptionInvalid: A value is not what its option takes; `OptionUnknown` if there is no such option.
    """
    for name in given:
        if name not in offered:
            raise OptionUnknown(name, tuple(offered))
    return {
        name: value_of(name, each, given[name]) if name in given else each.default for name, each in offered.items()
    }


def fault_of(option: Option) -> str | None:
    """Say what is wrong with an option's definition: its choices or its default; None if nothing is."""
    if (option.type == "choice") != bool(option.choices):
        return "choices belong to an option of type choice, and only there"
    text = str(option.default).lower() if option.type == "boolean" else str(option.default)
    try:
        value = value_of("", option, text)
    except OptionInvalid:
        value = None
    if value != option.default or (type(value) is not type(option.default) and option.type != "number"):
        return f"the default is not {takes(option)}"
    return None


def takes(option: Option) -> str:
    """Say in a phrase what an option takes: "an integer from 1 to 10"."""
    match option.type:
        case "choice":
            return "one of " + ", ".join(option.choices)
        case "boolean":
            return "true or false"
        case "string":
            return f"at most {option.max_length} characters" if option.max_length else "a text"
        case "integer" | "number":
            bounds = f" from {option.minimum:g}" if option.minimum is not None else ""
            bounds += f" to {option.maximum:g}" if option.maximum is not None else ""
            if option.minimum is None and option.maximum is not None:
                bounds = f" of at most {option.maximum:g}"
            elif option.minimum is not None and option.maximum is None:
                bounds = f" of at least {option.minimum:g}"
            return ("an integer" if option.type == "integer" else "a number") + bounds


def value_of(name: str, option: Option, text: str) -> OptionValue:
    """Read the word given for one option.

    Raises:
        OptionInvalid: It is not what the option takes.
    """
    try:
        value = _read(option, text)
    except ValueError:
        raise OptionInvalid(name, takes(option)) from None
    if isinstance(value, int | float) and not isinstance(value, bool):
        low, high = option.minimum, option.maximum
        if (low is not None and value < low) or (high is not None and value > high):
            raise OptionInvalid(name, takes(option))
    return value


def _read(option: Option, text: str) -> OptionValue:
    match option.type:
        case "integer":
            return int(text)
        case "number":
            number = float(text)
            if not math.isfinite(number):
                raise ValueError
            return number
        case "boolean":
            word = text.strip().lower()
            if word not in _TRUE | _FALSE:
                raise ValueError
            return word in _TRUE
        case "choice":
            if text not in option.choices:
                raise ValueError
            return text
        case "string":
            if option.max_length is not None and len(text) > option.max_length:
                raise ValueError
            return text
