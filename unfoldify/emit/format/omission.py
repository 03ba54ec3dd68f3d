"""Whether an expression reads well without parentheses around it when it breaks.

It does if its own brackets can take the break: at its end or its beginning, and only if no operator
of the loosest kind occurs twice, for a sum of three breaks better before each `+`.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass

from .parentheses import OPERATORS
from .structure import Structure

_ATTRIBUTE, _POWER, _INVERSION, _PRODUCT, _SUM, _SHIFT, _BIT_AND, _BIT_XOR, _BIT_OR = range(1, 10)
_COMPARISON, _BOOLEAN, _CONDITIONAL = range(10, 13)
_LOOSENESS: dict[str, int] = {
    **dict.fromkeys("+-", _SUM),
    **dict.fromkeys(["*", "@", "/", "%", "//"], _PRODUCT),
    "**": _POWER,
    "<<": _SHIFT,
    ">>": _SHIFT,
    "|": _BIT_OR,
    "^": _BIT_XOR,
    "&": _BIT_AND,
}
_DISPLAYS = (ast.Dict, ast.List, ast.Set, ast.ListComp, ast.SetComp, ast.DictComp)


def looseness(operator: ast.operator | ast.cmpop | ast.boolop) -> int:
    """How loosely an operator binds: the loosest of an expression break first."""
    if isinstance(operator, ast.cmpop):
        return _COMPARISON
    if isinstance(operator, ast.boolop):
        return _BOOLEAN
    return _LOOSENESS[OPERATORS[type(operator)][0]]


def can_omit_parentheses(node: ast.expr, structure: Structure) -> bool:
    """Whether an expression that is too long for its line can do without parentheses around it."""
    scan = _Scan(structure)
    scan.enter(node)
    if not scan.has_brackets or scan.count > 1:
        return False
    if scan.loosest <= _ATTRIBUTE:
        return True
    ends = [scan.last, scan.first]
    return any(
        end is not None and not isinstance(end, ast.Subscript) and structure.brackets(end)
        for end in ends
    )


@dataclass
class _Scan:
    """What an expression consists of, not looking into brackets."""

    structure: Structure
    loosest: int = 0
    count: int = 0
    has_brackets: bool = False
    last: ast.expr | None = None
    first: ast.expr | None = None
    has_first: bool = False

    def visit(self, node: ast.expr) -> None:
        self.last = node
        if self.structure.is_parenthesized(node):
            self.has_brackets = True
        else:
            self.enter(node)
        if not self.has_first:
            self.has_first, self.first = True, node

    def meet(self, looseness: int, times: int = 1) -> None:
        if looseness > self.loosest:
            self.loosest, self.count = looseness, times
        elif looseness == self.loosest:
            self.count += times

    def enter(self, node: ast.expr) -> None:
        match node:
            case ast.Call(func=inner) | ast.Subscript(value=inner):
                self.has_brackets = True
                self.visit(inner)
                self.last = node
            case ast.Attribute(value=inner):
                self.visit(inner)
                if self.structure.brackets(inner) is not None:
                    self.meet(_ATTRIBUTE)
                self.last = node
            case ast.GeneratorExp():
                self.has_brackets = True
            case ast.Tuple() if not self.structure.is_bare_tuple(node):
                self.has_brackets = True
            case _ if isinstance(node, _DISPLAYS):
                self.has_brackets = True
            case _:
                self.meet_operators(node)
                for part in parts(node):
                    self.visit(part)

    def meet_operators(self, node: ast.expr) -> None:
        match node:
            case ast.BoolOp(values=values):
                self.meet(_BOOLEAN, len(values) - 1)
            case ast.BinOp(op=operator):
                self.meet(looseness(operator))
            case ast.IfExp():
                self.meet(_CONDITIONAL, 2)
            case ast.Compare(ops=operators):
                self.meet(_COMPARISON, len(operators))
            case ast.UnaryOp(op=sign):
                if isinstance(sign, ast.Invert):
                    self.meet(_INVERSION)
                self.has_first = True
            case ast.Lambda() | ast.Await() | ast.Yield() | ast.YieldFrom() | ast.Starred():
                self.has_first = True


def parts(node: ast.expr) -> list[ast.expr]:
    """The expressions directly in an operator or keyword expression, in the order of the text."""
    match node:
        case ast.IfExp():
            return [node.body, node.test, node.orelse]
        case ast.Lambda():
            return [*node.args.defaults, *filter(None, node.args.kw_defaults), node.body]
        case ast.JoinedStr() | ast.Constant() | ast.Name() | ast.Slice():
            return []
    return [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]
