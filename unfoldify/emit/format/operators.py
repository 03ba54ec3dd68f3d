"""Operators to documents: of a nested expression, those that bind loosest break first."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from .brackets import Level, group_at, if_broken, maybe_break, space_or_break
from .document import Document
from .omission import looseness
from .parentheses import OPERATORS
from .structure import Structure

COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Is: "is",
    ast.IsNot: "is not",
    ast.In: "in",
    ast.NotIn: "not in",
}

Operated: TypeAlias = "ast.BinOp | ast.BoolOp | ast.Compare"


@dataclass(frozen=True)
class Operator:
    """What stands between two operands."""

    text: str
    looseness: int


def operator_text(operator: ast.operator | ast.cmpop | ast.boolop) -> str:
    """The operator as it is written."""
    if isinstance(operator, ast.boolop):
        return "or" if isinstance(operator, ast.Or) else "and"
    if isinstance(operator, ast.cmpop):
        return COMPARISONS[type(operator)]
    return OPERATORS[type(operator)][0]


def flat(node: Operated, structure: Structure) -> list[ast.expr | Operator]:
    """Operand, operator, operand, ... of an expression and of those in it without parentheses."""
    operands: list[ast.expr]
    operators: list[ast.operator | ast.cmpop | ast.boolop]
    if isinstance(node, ast.BinOp):
        operands, operators = [node.left, node.right], [node.op]
    elif isinstance(node, ast.BoolOp):
        operands, operators = node.values, [node.op] * (len(node.values) - 1)
    else:
        operands, operators = [node.left, *node.comparators], [*node.ops]
    parts: list[ast.expr | Operator] = []
    for index, operand in enumerate(operands):
        if index:
            operator = operators[index - 1]
            parts.append(Operator(operator_text(operator), looseness(operator)))
        parts += _flat_operand(operand, structure)
    return parts


def _flat_operand(operand: ast.expr, structure: Structure) -> list[ast.expr | Operator]:
    if structure.is_parenthesized(operand):
        return [operand]
    match operand:
        case ast.BinOp() | ast.BoolOp() | ast.Compare():
            return flat(operand, structure)
    return [operand]


def operation(
    parts: list[ast.expr | Operator],
    level: Level,
    structure: Structure,
    operand_document: Callable[[ast.expr], Document],
) -> Document:
    """A flat sequence of operands and operators, grouped by how loosely the operators bind."""
    if len(parts) == 1 and isinstance(parts[0], ast.expr):
        return operand_document(parts[0])

    def side(start: int, stop: int) -> Document:
        return operation(parts[start:stop], level, structure, operand_document)

    loosest = max(part.looseness for part in parts if isinstance(part, Operator))
    pieces: list[Document] = []
    start = 0
    for index, part in enumerate(parts):
        if isinstance(part, Operator) and part.looseness == loosest:
            pieces.append(side(start, index))
            pieces += _operator(part, parts[index - 1], parts[index + 1], level, structure)
            start = index + 1
    pieces.append(side(start, len(parts)))
    return group_at(pieces, level)


def _operator(
    operator: Operator,
    left: ast.expr | Operator,
    right: ast.expr | Operator,
    level: Level,
    structure: Structure,
) -> list[Document]:
    simple = all(
        isinstance(side, ast.expr) and _is_simple(side) and not structure.is_parenthesized(side)
        for side in (left, right)
    )
    if operator.text == "**" and simple:
        return [maybe_break(level), "**", if_broken(" ", level)]
    return [space_or_break(level), operator.text, " "]


def _is_simple(operand: ast.expr) -> bool:
    """Whether `**` hugs it."""
    match operand:
        case ast.UnaryOp(op, inner):
            return not isinstance(op, ast.Not) and _is_simple(inner)
        case ast.Attribute(value):
            return _is_simple(value)
        case ast.Constant(value):
            return value is None or isinstance(value, (int, float, complex))
    return isinstance(operand, ast.Name)
