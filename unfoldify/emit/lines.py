"""What a body of code is made of before it is text."""

from __future__ import annotations

import ast
from typing import Any

from unfoldify.emit.declare import Declaration
from unfoldify.emit.format import Blank, Remarked

BEFORE_SHAPE = "; "  # between what a line sums over and the shape of the example


class Hole(ast.Constant):
    """A number or a string that may differ between instances of a class: a constructor argument to
    be.
    """

    origin: Any = None

    @classmethod
    def of(cls, value: Any, origin: Any = None) -> Hole:
        hole = cls(value)
        hole.origin = origin
        return hole


class Declared(ast.expr):
    """The constructor call of a torch.nn layer, spelled out when it is known what differs between
    instances; `called` where it is not the class: `super().__init__`.
    """

    _fields = ()

    def __init__(self, declaration: Declaration, path: str, called: ast.expr | None = None) -> None:
        super().__init__()
        self.declaration, self.path, self.called = declaration, path, called


class ClassCall(ast.expr):
    """The constructor call of an emitted class, whose name and arguments are decided later."""

    _fields = ()

    def __init__(self, instance: Any, path: str) -> None:
        super().__init__()
        self.instance, self.path = instance, path


def remarked(code: ast.stmt, remark: str | None = None) -> ast.stmt:
    return Remarked(code, remark) if remark else code


def paragraphs(lines: list[ast.stmt]) -> list[ast.stmt]:
    """Without empty lines at the ends or in a row."""
    kept: list[ast.stmt] = []
    for line in lines:
        if isinstance(line, Blank) and (not kept or isinstance(kept[-1], Blank)):
            continue
        kept.append(line)
    while kept and isinstance(kept[-1], Blank):
        kept.pop()
    return kept


def name(identifier: str) -> ast.Name:
    return ast.Name(identifier, ast.Load())


def dotted(path: str) -> ast.expr:
    """`a.b.c` as an expression."""
    first, *rest = path.split(".")
    expression: ast.expr = name(first)
    for part in rest:
        expression = ast.Attribute(expression, part, ast.Load())
    return expression


def constant(value: Any) -> ast.expr:
    """A Python value as a literal; negative numbers as the operator that they are."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if value != value or value in (float("inf"), float("-inf")):
            return ast.Call(name("float"), [ast.Constant(repr(float(value)))], [])
        if value < 0 or (value == 0 and str(value).startswith("-")):
            return ast.UnaryOp(ast.USub(), ast.Constant(-value))
    if isinstance(value, tuple):
        return ast.Tuple([constant(item) for item in value], ast.Load())
    if isinstance(value, list):
        return ast.List([constant(item) for item in value], ast.Load())
    if isinstance(value, dict):
        return ast.Dict(
            [constant(key) for key in value], [constant(item) for item in value.values()]
        )
    return ast.Constant(value)


def assign(target: str | ast.expr, value: ast.expr) -> ast.Assign:
    left = ast.Name(target, ast.Store()) if isinstance(target, str) else target
    return ast.Assign([left], value, lineno=0)


_OPPOSITE: dict[type, type] = {
    ast.Lt: ast.GtE,
    ast.GtE: ast.Lt,
    ast.Gt: ast.LtE,
    ast.LtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
}


def opposite(condition: ast.expr) -> ast.expr:
    """What is true where a condition is not."""
    match condition:
        case ast.UnaryOp(ast.Not(), inner):
            return inner
        case ast.Compare(left, [operator], [right]) if type(operator) in _OPPOSITE:
            return ast.Compare(left, [_OPPOSITE[type(operator)]()], [right])
    return ast.UnaryOp(ast.Not(), condition)
