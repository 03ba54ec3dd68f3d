"""What the user's own file says where a recorded call has a number: `math.sqrt(2)`, `8**-0.5`,
`len(self.blocks)`, or the name that the number had there.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from torch import fx, nn

from unfoldify.recording.source import site

OPERATORS: Mapping[type[ast.AST], Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Pow: operator.pow,
    ast.USub: operator.neg,
}
LARGEST = 64  # of an exponent, so that nothing is computed that was not meant to be


class Unknown(Exception):  # noqa: N818  (it is no error: the number is written as it is)
    """The value of an expression does not follow from the file alone."""


def as_written(node: fx.Node, value: float, module: nn.Module) -> ast.expr | None:
    """The user's expression of a number in a call, where it says more than the number does."""
    for expression in operands(node):
        if isinstance(expression, (ast.Constant, ast.Name)) or is_negative(expression):
            continue
        try:
            plain = evaluated(expression, module)
        except (Unknown, ArithmeticError, ValueError, TypeError):
            continue
        if type(plain) is type(value) and plain == value:
            return with_math(expression)
    return None


def word_of(node: fx.Node, key: int | str) -> str | None:
    """What the user calls a number of a call: the variable or attribute that it is read from."""
    found = operand_at(node, key)
    if isinstance(found, ast.Attribute) and is_self(found.value):
        return found.attr
    return found.id if isinstance(found, ast.Name) else None


def operand_at(node: fx.Node, key: int | str) -> ast.expr | None:
    """What the user's call is given there: under a keyword, or as one of all that it is given."""
    expression = expression_of(node)
    if isinstance(expression, ast.BinOp) and key in (0, 1):
        return (expression.left, expression.right)[int(key)]
    if isinstance(expression, ast.Call) and isinstance(key, int):
        given = [item for argument in expression.args for item in items(argument)]
        return given[key] if key < len(given) else None
    if isinstance(expression, ast.Call):
        return next((word.value for word in expression.keywords if word.arg == key), None)
    return None


def expression_of(node: fx.Node) -> Any:
    """The operator or call in the user's file that a node was recorded from."""
    positions = node.meta.get("positions", ())
    found = site(positions[0]) if positions and "group" not in node.meta else None
    return found.expression if found is not None else None


def operands(node: fx.Node) -> Iterator[ast.expr]:
    """All that the operator or call is given."""
    expression = expression_of(node)
    if isinstance(expression, ast.BinOp):
        yield from (expression.left, expression.right)
    elif isinstance(expression, ast.AugAssign):
        yield expression.value
    elif isinstance(expression, ast.Compare):
        yield from (expression.left, *expression.comparators)
    elif isinstance(expression, ast.Call):
        for argument in (*expression.args, *(keyword.value for keyword in expression.keywords)):
            yield from items(argument)


def items(expression: ast.expr) -> Iterator[ast.expr]:
    """An argument, or what it lists."""
    if isinstance(expression, (ast.Tuple, ast.List)):
        for element in expression.elts:
            yield from items(element)
    else:
        yield expression


def evaluated(expression: ast.expr, module: nn.Module) -> Any:
    """The value of an expression of literals, the module math, and lengths of parts of self."""
    match expression:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            return value
        case ast.UnaryOp(op=op, operand=operand) if type(op) in OPERATORS:
            return OPERATORS[type(op)](evaluated(operand, module))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATORS:
            values = evaluated(left, module), evaluated(right, module)
            if isinstance(op, ast.Pow) and abs(values[1]) > LARGEST:
                raise Unknown
            return OPERATORS[type(op)](*values)
        case ast.Attribute(value=ast.Name(id="math"), attr="pi" | "e" | "tau" as word):
            return getattr(math, word)
        case ast.Call(func=func, args=args, keywords=[]):
            function = math_word(func)
            if function is not None:
                return getattr(math, function)(*(evaluated(arg, module) for arg in args))
            if isinstance(func, ast.Name) and func.id == "len" and len(args) == 1:
                return length(args[0], module)
            raise Unknown
        case _:
            raise Unknown


def math_word(func: ast.expr) -> str | None:
    """The function of math that is called: `math.sqrt` or `sqrt`."""
    words = ("sqrt", "log", "log2", "log10", "exp", "ceil", "floor")
    match func:
        case ast.Attribute(value=ast.Name(id="math"), attr=word) if word in words:
            return word
        case ast.Name(id="sqrt"):
            return "sqrt"
    return None


def length(expression: ast.expr, module: nn.Module) -> int:
    """`len(self.blocks)`"""
    match expression:
        case ast.Attribute(value=ast.Name(id="self"), attr=label):
            found = module._modules.get(label)
            if isinstance(found, (nn.ModuleList, nn.Sequential, nn.ModuleDict)):
                return len(found)
    raise Unknown


def with_math(expression: ast.expr) -> ast.expr:
    """A copy that names the functions of math as the emitted file does."""

    class Math(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.expr:
            if node.id != "sqrt":
                return ast.Name(node.id, ast.Load())
            return ast.Attribute(ast.Name("math", ast.Load()), "sqrt", ast.Load())

    copied = ast.parse(ast.unparse(expression), mode="eval")
    Math().visit(copied)
    return copied.body


def is_negative(expression: ast.expr) -> bool:
    """`-1`"""
    return isinstance(expression, ast.UnaryOp) and isinstance(expression.operand, ast.Constant)


def is_self(expression: ast.expr) -> bool:
    return isinstance(expression, ast.Name) and expression.id == "self"
