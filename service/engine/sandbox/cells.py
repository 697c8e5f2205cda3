"""What a cell compiles to, so that a program that comes again need not be compiled again.

Runs on the kernel's side. A cell is two pieces of code, as a notebook runs it: its statements, then the expression whose
value it shows. Cells that need IPython's own syntax or a top-level await have no pieces; IPython takes them whole.
"""

import __future__

import ast
import functools
import marshal
import operator
from types import CodeType

_FUTURES = functools.reduce(
    operator.or_, (getattr(__future__, name).compiler_flag for name in __future__.all_feature_names)
)


def name_of(number: int) -> str:
    """The file name of a cell's code: the same for the same place in any session, so that code can be carried over."""
    return f"<cell {number}>"


def compile_cell(source: str, number: int) -> list[CodeType] | None:
    """Compile a cell without running it, or None when only IPython can."""
    name = name_of(number)
    try:
        tree = ast.parse(source, name)
        shown = [tree.body.pop()] if tree.body and isinstance(tree.body[-1], ast.Expr) else []
        pieces = [compile(tree, name, "exec", dont_inherit=True)]
        futures = pieces[0].co_flags & _FUTURES
        pieces += [compile(ast.Interactive([node]), name, "single", futures, dont_inherit=True) for node in shown]
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # IPython says what is wrong with it, if anything is
        return None
    return pieces


def pack(pieces: list[CodeType]) -> bytes:
    """The pieces as bytes, for this version of Python only."""
    return marshal.dumps(pieces)


def unpack(packed: bytes, *, place: str, moved_to: str) -> list[CodeType]:
    """The pieces of `pack`, with each constant that names `place` naming `moved_to` instead."""
    pieces: list[CodeType] = marshal.loads(packed)  # noqa: S302 - made from this very source by a kernel that ran nothing else
    return pieces if place == moved_to else [_moved(piece, place, moved_to) for piece in pieces]


def _moved(code: CodeType, place: str, moved_to: str) -> CodeType:
    def constant(value: object) -> object:
        if isinstance(value, str):
            return value.replace(place, moved_to)
        if isinstance(value, tuple):
            return tuple(constant(each) for each in value)
        return _moved(value, place, moved_to) if isinstance(value, CodeType) else value

    return code.replace(co_consts=tuple(constant(value) for value in code.co_consts))
