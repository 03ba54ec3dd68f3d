"""Which expressions of a tree need parentheses around them."""

from __future__ import annotations

import ast
from enum import IntEnum, auto


class Binds(IntEnum):
    """How tightly an expression holds together, from loose to tight."""

    NAMED = auto()
    TUPLE = auto()
    YIELD = auto()
    TEST = auto()
    OR = auto()
    AND = auto()
    NOT = auto()
    COMPARE = auto()
    BIT_OR = auto()
    BIT_XOR = auto()
    BIT_AND = auto()
    SHIFT = auto()
    SUM = auto()
    PRODUCT = auto()
    SIGN = auto()
    POWER = auto()
    AWAIT = auto()
    ATOM = auto()


OPERATORS: dict[type[ast.operator], tuple[str, Binds]] = {
    ast.BitOr: ("|", Binds.BIT_OR),
    ast.BitXor: ("^", Binds.BIT_XOR),
    ast.BitAnd: ("&", Binds.BIT_AND),
    ast.LShift: ("<<", Binds.SHIFT),
    ast.RShift: (">>", Binds.SHIFT),
    ast.Add: ("+", Binds.SUM),
    ast.Sub: ("-", Binds.SUM),
    ast.Mult: ("*", Binds.PRODUCT),
    ast.MatMult: ("@", Binds.PRODUCT),
    ast.Div: ("/", Binds.PRODUCT),
    ast.Mod: ("%", Binds.PRODUCT),
    ast.FloorDiv: ("//", Binds.PRODUCT),
    ast.Pow: ("**", Binds.POWER),
}

_BINDS: dict[type[ast.expr], Binds] = {
    ast.NamedExpr: Binds.NAMED,
    ast.Tuple: Binds.TUPLE,
    ast.Yield: Binds.YIELD,
    ast.YieldFrom: Binds.YIELD,
    ast.Lambda: Binds.TEST,
    ast.IfExp: Binds.TEST,
    ast.Compare: Binds.COMPARE,
    ast.Await: Binds.AWAIT,
}

_BARE_TUPLES: dict[type[ast.AST], tuple[str, ...]] = {
    ast.Return: ("value",),
    ast.Yield: ("value",),
    ast.Assign: ("targets",),
    ast.For: ("target",),
    ast.AsyncFor: ("target",),
    ast.comprehension: ("target",),
    ast.Subscript: ("slice",),
}

_LOOSEST: dict[type[ast.AST], dict[str, Binds]] = {
    ast.Assign: {"value": Binds.YIELD},
    ast.AugAssign: {"value": Binds.YIELD},
    ast.AnnAssign: {"value": Binds.YIELD},
    ast.Expr: {"value": Binds.YIELD},
    ast.If: {"test": Binds.NAMED},
    ast.While: {"test": Binds.NAMED},
    ast.comprehension: {"iter": Binds.OR, "ifs": Binds.OR},
    ast.Compare: {"left": Binds.BIT_OR, "comparators": Binds.BIT_OR},
    ast.IfExp: {"body": Binds.OR, "test": Binds.OR},
    ast.Starred: {"value": Binds.BIT_OR},
    ast.Await: {"value": Binds.ATOM},
    ast.Call: {"func": Binds.ATOM},
    ast.Attribute: {"value": Binds.ATOM},
    ast.Subscript: {"value": Binds.ATOM},
}


def binds(node: ast.AST) -> Binds:
    """How tightly the parts of an expression hold together without parentheses around it."""
    match node:
        case ast.BoolOp():
            return Binds.OR if isinstance(node.op, ast.Or) else Binds.AND
        case ast.UnaryOp():
            return Binds.NOT if isinstance(node.op, ast.Not) else Binds.SIGN
        case ast.BinOp():
            return OPERATORS[type(node.op)][1]
        case ast.Tuple() if len(node.elts) < 2:
            return Binds.ATOM  # always written with its own
        case ast.expr():
            return _BINDS.get(type(node), Binds.ATOM)
    return Binds.ATOM


def parenthesized(tree: ast.AST) -> frozenset[int]:
    """The ids of the expressions below a tree around which parentheses are written.

    Those that the grammar asks for, and those by which ruff shows what binds where: `-(x**2)`.
    """
    found: set[int] = set()
    for parent in ast.walk(tree):
        for field, value in ast.iter_fields(parent):
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.expr) and _is_parenthesized(parent, field, child):
                    found.add(id(child))
    return frozenset(found)


def _is_parenthesized(parent: ast.AST, field: str, child: ast.expr) -> bool:
    if isinstance(child, ast.Tuple) and len(child.elts) > 1:
        if field in _BARE_TUPLES.get(type(parent), ()):
            starred = any(isinstance(element, ast.Starred) for element in child.elts)
            return field == "slice" and starred
        return not (
            isinstance(parent, ast.Assign)
            and any(isinstance(target, ast.Tuple) for target in parent.targets)
        )
    match parent:
        case ast.BinOp():
            return _is_parenthesized_operand(parent, field, child)
        case ast.UnaryOp():
            power = isinstance(child, ast.BinOp) and isinstance(child.op, ast.Pow)
            return power or binds(child) < binds(parent)
        case ast.BoolOp():
            return binds(child) <= binds(parent)
        case ast.Attribute() if isinstance(child, ast.Constant):
            return type(child.value) in (int, float)
        case ast.Call() if field == "args" and isinstance(child, ast.NamedExpr):
            return False
        case ast.AnnAssign(simple=0) if field == "target":
            return isinstance(child, ast.Name)
        case ast.keyword(arg=None) | ast.Dict() if field == "value" or _is_unpacked(parent, child):
            return binds(child) < Binds.BIT_OR
        case ast.FormattedValue():
            return binds(child) < Binds.OR and (
                _ends_with_lambda(child) or binds(child) < Binds.TEST
            )
    return binds(child) < _LOOSEST.get(type(parent), {}).get(field, Binds.TEST)


def _ends_with_lambda(node: ast.expr) -> bool:
    """Whether its colon would count as that of an f-string's field."""
    return (
        _ends_with_lambda(node.orelse)
        if isinstance(node, ast.IfExp)
        else isinstance(node, ast.Lambda)
    )


def _is_unpacked(parent: ast.AST, child: ast.expr) -> bool:
    return isinstance(parent, ast.Dict) and any(
        key is None and value is child
        for key, value in zip(parent.keys, parent.values, strict=True)
    )


def _is_parenthesized_operand(parent: ast.BinOp, field: str, child: ast.expr) -> bool:
    if isinstance(parent.op, ast.Pow):
        return binds(child) < (Binds.AWAIT if field == "left" else Binds.SIGN)
    if field == "left":
        return binds(child) < binds(parent)
    return binds(child) <= binds(parent)
