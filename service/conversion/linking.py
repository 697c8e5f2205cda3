"""The program of one pair of formats, without the functions, classes and constants that this pair never reaches.

Recipes share files that know many formats, and all of a program is carried to where it runs, compiled there, and read by a
model that is to change it. With TARGET and SOURCE_TYPE known, a branch on them is taken or it is not; what only the other
branches call is left out. Owns what can be told from the text alone, and leaves in whatever it is not sure of. Knows nothing
of recipes.
"""

import ast
import functools
import operator
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain, islice
from typing import Any

from msgspec import Struct

KNOWN = frozenset({"TARGET", "SOURCE_TYPE"})
_ANYTHING = "*"  # the name of what looks up names that it makes up, or sets what is known
_MAKES_NAMES_UP = frozenset({"globals", "locals", "vars", "eval", "exec"})
_COMPARISONS: Mapping[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.In: lambda item, items: item in items,
    ast.NotIn: lambda item, items: item not in items,
}
_DECIDABLE = (ast.Name, ast.Constant, ast.Tuple, ast.Compare, ast.BoolOp, ast.UnaryOp)


class Guard(Struct, frozen=True):
    """A test of nothing but what is known, and how it must come out."""

    test: ast.expr
    wanted: bool


class Part(Struct, frozen=True):
    """Some lines of a file. They run where what they define is used, which is ``name``; always if that is empty.

    ``uses`` has the names that they use, by the guards under which they do; `{TARGET}` in a name stands for its value.
    """

    text: str
    name: str
    uses: Mapping[tuple[Guard, ...], frozenset[str]]


class File(Struct, frozen=True, eq=False):
    """A file in its parts; equal to none but itself, so that a program made of some can be remembered by them."""

    parts: tuple[Part, ...]


def cut(text: str) -> File:
    """Cut a file into its functions, its classes, its constants (``NAME = …``), and what is between them. Raises SyntaxError."""
    lines = text.splitlines(keepends=True)
    starts: list[int] = []
    groups: list[list[ast.stmt]] = []
    ends = 0
    for statement in ast.parse(text).body:
        if groups and (statement.lineno <= ends or not (_defined(statement) or _defined(groups[-1][-1]))):
            groups[-1].append(statement)
        else:
            groups.append([statement])
            starts.append(ends)
        ends = statement.end_lineno or statement.lineno
    stops = [*islice(starts, 1, None), len(lines)]
    return File(
        tuple(
            Part("".join(lines[start:stop]), _defined(group[0]) if len(group) == 1 else "", _uses(group))
            for group, start, stop in zip(groups, starts, stops, strict=True)
        )
    )


@functools.lru_cache(maxsize=64)
def linked(files: tuple[File, ...], *, target: str, source_type: str) -> str:
    """Return the files as one program, in order, without what is not reached where TARGET and SOURCE_TYPE are these."""
    known = {"TARGET": target, "SOURCE_TYPE": source_type}
    definitions: dict[str, list[Part]] = defaultdict(list)
    for part in chain.from_iterable(file.parts for file in files):
        definitions[part.name].append(part)
    reached = {""}
    found = [""]
    while found:
        for part in definitions.get(found.pop(), ()):
            for guards, names in part.uses.items():
                if all(_value(guard.test, known) == guard.wanted for guard in guards):
                    new = {name.format_map(known) for name in names} - reached
                    found += new
                    reached |= new
    if _ANYTHING in reached:
        reached |= definitions.keys()
    return "\n".join("".join(part.text for part in file.parts if part.name in reached) for file in files)


def _defined(statement: ast.stmt) -> str:
    """What a statement defines and does nothing else: a decorator may tell others of it, and so may the class of a class."""
    match statement:
        case ast.FunctionDef(name, decorator_list=[]) | ast.ClassDef(name, keywords=[], decorator_list=[]):
            return name
        case ast.Assign([ast.Name(name)]) if name.isupper():
            return name
    return ""


def _uses(statements: Iterable[ast.AST]) -> dict[tuple[Guard, ...], frozenset[str]]:
    uses: dict[tuple[Guard, ...], set[str]] = defaultdict(set)
    for statement in statements:
        for guards, name in _names(statement, ()):
            uses[guards].add(name)
    return {guards: frozenset(names) for guards, names in uses.items()}


def _names(node: ast.AST, guards: tuple[Guard, ...]) -> Iterator[tuple[tuple[Guard, ...], str]]:
    """Yield each name that is used below a node."""
    match node:
        case ast.Name(name, ast.Load()):
            yield guards, _ANYTHING if name in _MAKES_NAMES_UP else name
        case ast.Name(name) | ast.arg(name) if name in KNOWN:
            yield guards, _ANYTHING
        case ast.If(test, yes, no) if _is_decidable(test):
            yield from _names_of(yes, (*guards, Guard(test, wanted=True)))
            yield from _names_of(no, (*guards, Guard(test, wanted=False)))
        case ast.IfExp(test, yes, no) if _is_decidable(test):
            yield from _names(yes, (*guards, Guard(test, wanted=True)))
            yield from _names(no, (*guards, Guard(test, wanted=False)))
        case ast.Subscript(ast.Call(ast.Name("globals")), ast.JoinedStr(pieces)) | ast.Call(
            ast.Attribute(ast.Call(ast.Name("globals")), "get"), [ast.JoinedStr(pieces)]
        ) if (template := _template(pieces)) is not None:
            yield guards, template
        case _:
            yield from _names_of(ast.iter_child_nodes(node), guards)


def _names_of(nodes: Iterable[ast.AST], guards: tuple[Guard, ...]) -> Iterator[tuple[tuple[Guard, ...], str]]:
    return chain.from_iterable(_names(node, guards) for node in nodes)


def _template(pieces: Iterable[ast.expr]) -> str | None:
    """An f-string as one for str.format, if all it has in it is known."""
    words = []
    for piece in pieces:
        match piece:
            case ast.Constant(str(text)):
                words.append(text)
            case ast.FormattedValue(ast.Name(name), -1, None) if name in KNOWN:
                words.append(f"{{{name}}}")
            case _:
                return None
    return "".join(words)


def _is_decidable(test: ast.expr) -> bool:
    """Whether `_value` can tell it."""
    for node in ast.walk(test):
        match node:
            case ast.expr() if not isinstance(node, _DECIDABLE):
                return False
            case ast.Name(name) if name not in KNOWN:
                return False
            case ast.Compare(_, [kind]) if type(kind) in _COMPARISONS:
                pass
            case ast.Compare() | ast.USub() | ast.UAdd() | ast.Invert():
                return False
    return True


def _value(node: ast.expr, known: Mapping[str, str]) -> Any:
    match node:
        case ast.Constant(value):
            return value
        case ast.Name(name):
            return known[name]
        case ast.Tuple(items):
            return tuple(_value(item, known) for item in items)
        case ast.Compare(left, [kind], [right]):
            return _COMPARISONS[type(kind)](_value(left, known), _value(right, known))
        case ast.UnaryOp(_, operand):
            return not _value(operand, known)
        case ast.BoolOp(kind, values):
            return (all if isinstance(kind, ast.And) else any)(_value(value, known) for value in values)
    raise TypeError(node)
