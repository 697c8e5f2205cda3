"""Decoding of request bodies into Structs, with OpenAI's own errors for what does not fit.

msgspec decodes and is right or wrong in microseconds; only when it says wrong is the JSON walked again against the same type, to name
the culprit with the code and dotted path that the vendor's clients expect (wire-contract §0.1). It knows no concrete request.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeVar

import msgspec
from msgspec import inspect

from service.engine.errors import InvalidRequest

T = TypeVar("T")
Json = Any  # a decoded JSON value: the wire's edge

_NAMES = {
    dict: "an object",
    list: "an array",
    str: "a string",
    bool: "a boolean",
    int: "an integer",
    float: "a decimal",
}


def parse_json(body: bytes) -> Json:
    """The JSON value of a body; an empty body is an empty object.

    Raises:
        InvalidRequest: The body is not JSON, or not UTF-8.
    """
    try:
        return msgspec.json.decode(body) if body.strip() else {}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidRequest(
            "We could not parse the JSON body of your request.", param=None, code="invalid_json"
        ) from error


def fit(value: Json, shape: type[T]) -> T:
    """``value`` as a ``shape``.

    Raises:
        InvalidRequest: It does not fit; ``param`` and ``code`` say where and why.
    """
    try:
        return msgspec.convert(value, shape)
    except msgspec.ValidationError as error:
        _walk(value, inspect.type_info(shape), "")
        raise InvalidRequest(str(error), param=None, code="invalid_value") from error


def fit_text(fields: Mapping[str, Json], shape: type[T]) -> T:
    """Like ``fit`` for query and form fields, whose numbers and booleans arrive as text.

    Raises:
        InvalidRequest: A value does not fit.
    """
    try:
        return msgspec.convert(fields, shape, strict=False)
    except msgspec.ValidationError as error:
        _walk(_typed(dict(fields)), inspect.type_info(shape), "")
        raise InvalidRequest(str(error), param=None, code="invalid_value") from error


def _natural(word: str) -> tuple[int, str]:
    """``4g`` before ``16g``: msgspec keeps no order of a Literal's values."""
    digits = word.rstrip("abcdefghijklmnopqrstuvwxyz")
    return (int(digits) if digits.isdecimal() else 0, word)


def _typed(text: Json) -> Json:
    if isinstance(text, dict):
        return {name: _typed(value) for name, value in text.items()}
    try:
        return int(text)
    except ValueError:
        return text


def _walk(value: Json, shape: inspect.Type, path: str) -> None:
    """Raise at the first place where ``value`` is not of this ``shape``, depth first."""
    walk = _WALKS.get(type(shape))
    if walk is not None:
        walk(value, shape, path)


def _walk_list(value: Json, shape: inspect.ListType, path: str) -> None:
    if not isinstance(value, list):
        raise _wrong_type(value, shape, path)
    _check_length(value, shape, path, "array")
    for index, item in enumerate(value):
        _walk(item, shape.item_type, f"{path}[{index}]")


def _walk_text(value: Json, shape: inspect.StrType, path: str) -> None:
    if not isinstance(value, str):
        raise _wrong_type(value, shape, path)
    _check_length(value, shape, path, "string")
    if shape.pattern is not None and not re.search(shape.pattern, value):
        raise InvalidRequest(
            f"Invalid '{path}': string does not match pattern. Expected a string that matches the pattern "
            f"'{shape.pattern}'.",
            param=path,
            code="invalid_value",
        )


def _walk_word(value: Json, shape: inspect.LiteralType, path: str) -> None:
    if not isinstance(value, str):
        raise _wrong_type(value, shape, path)
    if value not in shape.values:
        raise InvalidRequest.value(path, value, sorted(map(str, shape.values), key=_natural))


def _walk_constant(value: Json, shape: inspect.Type, path: str) -> None:
    if not isinstance(value, _JSON_TYPES[type(shape)]):
        raise _wrong_type(value, shape, path)


def _walk_struct(value: Json, shape: inspect.StructType, path: str) -> None:
    if not isinstance(value, dict):
        raise _wrong_type(value, shape, path)
    known = {field.encode_name for field in shape.fields} | {shape.tag_field}
    for name in value:
        if shape.forbid_unknown_fields and name not in known:
            raise InvalidRequest.unknown(_join(path, name))
    for field in shape.fields:
        if field.encode_name in value:
            _walk(value[field.encode_name], field.type, _join(path, field.encode_name))
        elif field.required:
            raise InvalidRequest.missing(_join(path, field.encode_name))


def _walk_dict(value: Json, shape: inspect.DictType, path: str) -> None:
    if not isinstance(value, dict):
        raise _wrong_type(value, shape, path)
    if shape.max_length is not None and len(value) > shape.max_length:
        raise InvalidRequest(
            f"Invalid '{path}': too many properties. Expected an object with at most {shape.max_length} properties, "
            f"but got an object with {len(value)} properties instead.",
            param=path,
            code="object_above_max_properties",
        )
    for name, item in value.items():
        _walk(name, shape.key_type, _join(path, name))
        _walk(item, shape.value_type, _join(path, name))


def _walk_number(value: Json, shape: inspect.IntType | inspect.FloatType, path: str) -> None:
    is_integer = isinstance(shape, inspect.IntType)
    accepted = int if is_integer else (int, float)
    kind: Literal["integer", "decimal"] = "integer" if is_integer else "decimal"
    if isinstance(value, bool) or not isinstance(value, accepted):
        raise _wrong_type(value, shape, path)
    if shape.le is not None and value > shape.le:
        raise InvalidRequest.number(path, value, shape.le, above=True, kind=kind)
    if shape.ge is not None and value < shape.ge:
        raise InvalidRequest.number(path, value, shape.ge, above=False, kind=kind)


def _walk_union(value: Json, shape: inspect.UnionType, path: str) -> None:
    structs = [each for each in shape.types if isinstance(each, inspect.StructType)]
    if isinstance(value, dict) and structs:
        _walk(value, structs[0] if len(structs) == 1 else _tagged(value, structs, path), path)
        return
    for each in shape.types:
        if isinstance(value, _json_type(each)):
            _walk(value, each, path)
            return
    raise _wrong_type(value, shape, path)


def _tagged(value: dict[str, Json], structs: list[inspect.StructType], path: str) -> inspect.StructType:
    name = structs[0].tag_field or "type"
    if name not in value:
        raise InvalidRequest.missing(_join(path, name))
    for each in structs:
        if each.tag == value[name]:
            return each
    raise InvalidRequest.value(_join(path, name), str(value[name]), [str(each.tag) for each in structs])


_WALKS: dict[type[inspect.Type], Callable[[Json, Any, str], None]] = {
    inspect.UnionType: _walk_union,
    inspect.StructType: _walk_struct,
    inspect.ListType: _walk_list,
    inspect.DictType: _walk_dict,
    inspect.StrType: _walk_text,
    inspect.LiteralType: _walk_word,
    inspect.IntType: _walk_number,
    inspect.FloatType: _walk_number,
    inspect.BoolType: _walk_constant,
    inspect.NoneType: _walk_constant,
}
_JSON_TYPES: dict[type[inspect.Type], type | tuple[type, ...]] = {
    inspect.StructType: dict,
    inspect.DictType: dict,
    inspect.ListType: list,
    inspect.StrType: str,
    inspect.LiteralType: str,
    inspect.BoolType: bool,
    inspect.IntType: int,
    inspect.FloatType: (int, float),
    inspect.NoneType: type(None),
}


def _json_type(shape: inspect.Type) -> type | tuple[type, ...]:
    return _JSON_TYPES.get(type(shape), object)


def _wrong_type(value: Json, shape: inspect.Type, path: str) -> InvalidRequest:
    shapes = shape.types if isinstance(shape, inspect.UnionType) else (shape,)
    kinds = [_json_type(each) for each in shapes if not isinstance(each, inspect.NoneType)]
    names = list(
        dict.fromkeys(_NAMES.get(kind[-1] if isinstance(kind, tuple) else kind, "another type") for kind in kinds)
    )
    expected = names[0] if len(names) == 1 else f"one of {', '.join(names[:-1])} or {names[-1]}"
    got = "null" if value is None else _NAMES[type(value)]
    where = f"for '{path}'" if path else "of the request body"
    return InvalidRequest(
        f"Invalid type {where}: expected {expected}, but got {got} instead.", param=path or None, code="invalid_type"
    )


def _check_length(
    value: str | list[Json], shape: inspect.StrType | inspect.ListType, path: str, kind: Literal["string", "array"]
) -> None:
    article = "an" if kind == "array" else "a"
    for bound, is_passed, side, word in (
        (shape.max_length, shape.max_length is not None and len(value) > shape.max_length, "above_max", "long"),
        (shape.min_length, shape.min_length is not None and len(value) < shape.min_length, "below_min", "short"),
    ):
        if is_passed:
            extreme = "maximum" if word == "long" else "minimum"
            raise InvalidRequest(
                f"Invalid '{path}': {kind} too {word}. Expected {article} {kind} with {extreme} length {bound}, "
                f"but got {article} {kind} with length {len(value)} instead.",
                param=path,
                code=f"{kind}_{side}_length",
            )


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
