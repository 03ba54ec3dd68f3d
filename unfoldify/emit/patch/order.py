"""Which parts of a statement may be computed earlier than Python would."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

import torch

from unfoldify.emit.patch.syntax import FUNCTIONS, UserFile
from unfoldify.recording.calls import RANDOM

COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
METHODS = frozenset(
    name for name in dir(torch.Tensor) if not name.startswith("_") and not name.endswith("_")
) - {"backward", "register_hook", "requires_grad", "retain_grad", "apply", "map", "set"}
# a statement whose own expression is computed once, before anything in it runs
HEADERS: Mapping[type[ast.stmt], tuple[str, ...]] = {
    ast.Assign: ("value",),
    ast.AnnAssign: ("value",),
    ast.AugAssign: ("value",),
    ast.Return: ("value",),
    ast.Expr: ("value",),
    ast.If: ("test",),
    ast.For: ("iter",),
    ast.Raise: ("exc",),
}


def can_hoist(file: UserFile, place: ast.expr) -> bool:
    """Whether a place is computed exactly once when its statement runs: it may go above it."""
    statement = file.statement(place)
    if not file.source.stands_alone(statement) and not has_block(statement):
        return False
    if first_of_line(file, statement) is False or is_elif(file, statement):
        return False
    parts = [getattr(statement, name) for name in HEADERS.get(type(statement), ())]
    node: ast.AST = place
    for above in file.above(place):
        if above is statement:
            return node in parts
        if isinstance(
            above, (ast.Lambda, *COMPREHENSIONS, ast.comprehension, ast.Await, ast.Yield)
        ):
            return False
        if isinstance(above, ast.IfExp) and node is not above.test:
            return False
        if isinstance(above, ast.BoolOp) and node is not above.values[0]:
            return False
        if isinstance(above, ast.Compare) and node in above.comparators[1:]:
            return False
        if isinstance(above, (ast.JoinedStr, ast.FormattedValue, ast.YieldFrom, *FUNCTIONS)):
            return False
        node = above
    return False


def has_block(statement: ast.stmt) -> bool:
    """Whether a statement ends with other statements and not with its own line."""
    return isinstance(statement, (ast.If, ast.For))


def first_of_line(file: UserFile, statement: ast.stmt) -> bool:
    line = file.source.line(statement.lineno).encode()[: statement.col_offset].decode()
    return not line.strip()


def is_elif(file: UserFile, statement: ast.stmt) -> bool:
    """An `elif` is an `if` that stands alone in another's `else`; nothing fits in between."""
    return isinstance(statement, ast.If) and file.source.segment(statement).startswith("elif")


def is_reference(node: ast.AST) -> bool:
    """A name, an attribute or a constant: reading it earlier or later is the same."""
    if isinstance(node, ast.Attribute):
        return is_reference(node.value)
    return isinstance(node, (ast.Name, ast.Constant))


def is_pure(node: ast.AST, namespace: Mapping[str, Any]) -> bool:
    """Whether an expression changes and draws nothing: operators, views, torch's functions."""
    if isinstance(node, ast.Call):
        if not is_pure_function(node.func, namespace) or any(
            k.arg in ("inplace", "out") for k in node.keywords
        ):
            return False
    elif isinstance(
        node, (ast.Await, ast.Yield, ast.YieldFrom, ast.NamedExpr, ast.Lambda, *COMPREHENSIONS)
    ):
        return False
    return all(is_pure(child, namespace) for child in ast.iter_child_nodes(node))


def is_pure_function(func: ast.expr, namespace: Mapping[str, Any]) -> bool:
    label = (
        func.attr
        if isinstance(func, ast.Attribute)
        else func.id
        if isinstance(func, ast.Name)
        else ""
    )
    if any(part in label for part in RANDOM) or label.endswith("_"):
        return False
    if isinstance(func, ast.Name):
        home = getattr(namespace.get(label), "__module__", None) or ""
        return home.partition(".")[0] in ("torch", "einops") or label in (
            "len",
            "int",
            "float",
            "range",
            "tuple",
        )
    if not isinstance(func, ast.Attribute):
        return False
    first: ast.expr = func.value
    while isinstance(first, ast.Attribute):
        first = first.value
    if isinstance(first, ast.Name) and first.id == "self" and func.value is first:
        return False  # a method or module of the model
    if isinstance(first, ast.Name) and is_module(namespace.get(first.id)):
        return getattr(namespace.get(first.id), "__name__", "").partition(".")[0] in (
            "torch",
            "math",
            "einops",
        )
    return label in METHODS


def is_module(value: Any) -> bool:
    return type(value).__name__ == "module"
