"""What the source of a class calls things: the arguments of its constructor, the order of its
attributes.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from torch import nn


@lru_cache(maxsize=1024)
def constructor(cls: type) -> ast.FunctionDef | None:
    """The `__init__` of a class itself, or None where its source is not at hand."""
    function = vars(cls).get("__init__")
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))  # type: ignore[arg-type]
    except (OSError, TypeError, SyntaxError, IndentationError):
        return None
    first = tree.body[0] if tree.body else None
    return first if isinstance(first, ast.FunctionDef) else None


@lru_cache(maxsize=1024)
def order_in_source(cls: Any) -> Mapping[str, int]:
    """attribute → its place among the assignments to self of the constructors, base classes first."""
    order: dict[str, int] = {}
    for ancestor in reversed(cls.__mro__):
        if ancestor in (object, nn.Module):
            continue
        function = constructor(ancestor)
        for label in assigned_attributes(function) if function is not None else ():
            order.setdefault(label, len(order))
    return order


def assigned_attributes(function: ast.FunctionDef) -> Iterator[str]:
    """The attributes of self that a constructor makes, from top to bottom."""
    located = (node for node in ast.walk(function) if isinstance(node, ast.expr))
    for node in sorted(located, key=lambda node: (node.lineno, node.col_offset)):
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.ctx, ast.Store)
            and is_self(node.value)
        ):
            yield node.attr
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in ("register_buffer", "register_parameter", "add_module")
            and node.args
            and isinstance(node.args[0], ast.Constant)
        ):
            yield str(node.args[0].value)


def is_self(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "self"


@lru_cache(maxsize=1024)
def given_arguments(cls: Any) -> Mapping[tuple[str, Any], list[ast.expr]]:
    """(attribute path, argument's position or name) → what the user's constructor gives there.

    Items of a list that a loop or a comprehension fills have the path `blocks.*:Block`.
    """
    function = next((found for c in cls.__mro__ if (found := constructor(c)) is not None), None)
    given: dict[tuple[str, Any], list[ast.expr]] = {}
    if function is None:
        return given
    appended = appended_calls(function)
    for node in from_top_to_bottom(function):
        match node:
            case ast.Assign(targets=[ast.Attribute(value=holder, attr=label)], value=value):
                if is_self(holder):
                    note_calls(value, label, appended, given)
            case ast.Call(
                func=ast.Attribute(value=ast.Attribute(value=holder, attr=label), attr="append"),
                args=[value],
            ):
                if is_self(holder):
                    note_calls(value, f"{label}.*", appended, given)
            case ast.Call(
                func=ast.Attribute(value=ast.Call(func=ast.Name(id="super")), attr="__init__"),
                args=args,
            ):
                note_items(args, "", appended, given)
    return given


def from_top_to_bottom(function: ast.FunctionDef) -> list[ast.expr | ast.stmt]:
    nodes = [n for n in ast.walk(function) if isinstance(n, (ast.expr, ast.stmt))]
    return sorted(nodes, key=lambda node: (node.lineno, node.col_offset))


def appended_calls(function: ast.FunctionDef) -> dict[str, list[ast.expr]]:
    """The name of a list and the calls that it is made of."""
    found: dict[str, list[ast.expr]] = {}
    for node in from_top_to_bottom(function):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=label), attr="append"), args=[item]):
                found.setdefault(label, []).append(item)
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id=label), attr="extend"),
                args=[ast.List(elts=items)],
            ):
                found.setdefault(label, []).extend(items)
            case ast.Assign(targets=[ast.Name(id=label)], value=ast.List(elts=items)):
                found.setdefault(label, []).extend(items)
            case ast.Assign(targets=[ast.Name(id=label)], value=ast.ListComp(elt=item)):
                found.setdefault(label, []).append(item)
    return found


def note_calls(
    value: ast.expr,
    path: str,
    appended: Mapping[str, list[ast.expr]],
    given: dict[tuple[str, Any], list[ast.expr]],
) -> None:
    """What a call is given, and the calls among its arguments."""
    if isinstance(value, ast.IfExp):
        note_calls(value.body, path, appended, given)
        return
    if not isinstance(value, ast.Call):
        return
    if path.endswith("*"):
        callee = value.func.attr if isinstance(value.func, ast.Attribute) else value.func
        path += f":{callee.id if isinstance(callee, ast.Name) else callee}"
    for position, argument in enumerate(value.args):
        if isinstance(argument, ast.Starred):
            break
        given.setdefault((path, position), []).append(argument)
    for keyword in value.keywords:
        if keyword.arg:
            given.setdefault((path, keyword.arg), []).append(keyword.value)
    items = value.args
    if len(items) == 1 and isinstance(items[0], ast.List):
        items = items[0].elts
    note_items(items, path, appended, given)


def note_items(
    items: list[ast.expr],
    path: str,
    appended: Mapping[str, list[ast.expr]],
    given: dict[tuple[str, Any], list[ast.expr]],
) -> None:
    """The calls in a container."""
    for position, item in enumerate(items):
        inner = item.value if isinstance(item, ast.Starred) else item
        if isinstance(inner, (ast.ListComp, ast.GeneratorExp)):
            found, index = [inner.elt], "*"
        elif isinstance(inner, ast.Name):
            found, index = appended.get(inner.id, []), "*"
        else:
            found, index = [inner], str(position)
        for each in found:
            note_calls(each, f"{path}.{index}" if path else index, appended, given)
