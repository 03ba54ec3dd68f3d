"""The arguments of a call as a person gives them: defaults dropped, later ones by name."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable
from typing import Any

from torch import fx

from unfoldify.emit.spelling import (
    signature,
)
from unfoldify.emit.uses import use_of

POSITIONAL_LIMIT = 2  # arguments that need no name, where the user's own call does not say
UNSAID = ("dtype", "device", "layout", "out")  # None where they are not given, in all of torch


def tidied(
    target: Callable[..., Any],
    given: tuple[Any, ...],
    keywords: dict[str, Any],
    written: int | None,
    *,
    method: bool,
) -> tuple[list[Any], dict[str, Any]]:
    """Arguments without those that say what is so anyway."""
    args = list(given)
    known = signature(target)
    if known is None:
        return args, {k: v for k, v in keywords.items() if v is not None or k not in UNSAID}
    parameters = list(known.parameters.values())
    if method and parameters and parameters[0].name in ("self", "input"):
        parameters = parameters[1:]
    if any(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in parameters):
        defaults = {p.name: p.default for p in parameters}
        return args, {
            k: v
            for k, v in keywords.items()
            if not same(defaults.get(k, inspect.Parameter.empty), v)
        }
    if len(args) > len(parameters):
        return args, keywords
    bound = {p.name: value for p, value in zip(parameters, args, strict=False)}
    bound.update(keywords)
    kept = {
        p.name: bound[p.name]
        for p in parameters
        if p.name in bound and not same(p.default, bound[p.name]) and not p.name.startswith("_")
    }
    positional: list[Any] = []
    limit = written if written is not None else max(POSITIONAL_LIMIT, required(parameters))
    for parameter in parameters:
        fits = (
            parameter.kind is not parameter.KEYWORD_ONLY
            and parameter.name in kept
            and len(positional) < limit
        )
        if not fits:
            break
        positional.append(kept.pop(parameter.name))
    for key, value in bound.items():
        if key not in {p.name for p in parameters}:
            kept[key] = value
    return positional, kept


def required(parameters: list[inspect.Parameter]) -> int:
    return sum(p.default is p.empty for p in parameters)


def same(default: Any, value: Any) -> bool:
    if default is inspect.Parameter.empty or isinstance(value, fx.Node):
        return False
    return type(default) is type(value) and (default is value or default == value)


def given_by_position(node: fx.Node) -> int | None:
    """How many arguments the user's own call gives by position, where the source is at hand."""
    if "group" in node.meta:
        return None
    use = use_of(node)
    expression = use.site.expression if use.site is not None else None
    if not isinstance(expression, ast.Call) or any(
        isinstance(arg, ast.Starred) for arg in expression.args
    ):
        return None
    called = (
        expression.func.attr
        if isinstance(expression.func, ast.Attribute)
        else getattr(expression.func, "id", None)
    )
    target = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", None)
    if called != target:
        return None
    method = (
        node.op == "call_function"
        and isinstance(expression.func, ast.Attribute)
        and is_value(expression.func.value)
    )
    return len(expression.args) + method


def is_value(expression: ast.expr) -> bool:
    """Whether what a function is taken from is a value rather than torch or one of its modules."""
    first = expression
    while isinstance(first, ast.Attribute):
        first = first.value
    return not (
        isinstance(first, ast.Name)
        and first.id in ("torch", "F", "nn", "einops", "math", "functional")
    )
