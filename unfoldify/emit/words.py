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
def class_source(cls: type) -> ast.ClassDef | None:
    """The definition of a class, or None where its source is not at hand."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(cls)))
    except (OSError, TypeError, SyntaxError, IndentationError):
        return None
    first = tree.body[0] if tree.body else None
    return first if isinstance(first, ast.ClassDef) else None


@lru_cache(maxsize=1024)
def constructor(cls: type) -> ast.FunctionDef | None:
    """The `__init__` of a class itself."""
    source = class_source(cls)
    for node in source.body if source is not None else ():
        if isinstance(node, ast.FunctionDef) and node.name == "__init__":
            return node
    return None


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
def argument_words(cls: Any) -> Mapping[tuple[str, Any], str]:
    """(attribute path, argument's position or name) → the constructor's parameter that the user
    passed there.
    """
    function = constructor(cls)
    if function is None:
        return {}
    parameters = {arg.arg for arg in (*function.args.args, *function.args.kwonlyargs)} - {"self"}
    words: dict[tuple[str, Any], str] = {}
    for node in ast.walk(function):
        if (
            isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Attribute)
            and is_self(node.targets[0].value)
        ):
            note_calls(node.value, node.targets[0].attr, parameters, words)
    return words


def note_calls(
    value: ast.expr, path: str, parameters: set[str], words: dict[tuple[str, Any], str]
) -> None:
    if isinstance(value, ast.IfExp):
        note_calls(value.body, path, parameters, words)
        return
    if not isinstance(value, ast.Call):
        return
    for position, argument in enumerate(value.args):
        if isinstance(argument, ast.Name) and argument.id in parameters:
            words.setdefault((path, position), argument.id)
        elif isinstance(argument, ast.Call):
            note_calls(argument, f"{path}.{position}", parameters, words)
    for keyword in value.keywords:
        if isinstance(keyword.value, ast.Name) and keyword.value.id in parameters and keyword.arg:
            words.setdefault((path, keyword.arg), keyword.value.id)
