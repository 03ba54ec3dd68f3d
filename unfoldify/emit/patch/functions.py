"""Calls of functions and operators without hyper-parameters: `q @ k`, einsum, attention."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any

from torch import fx

from unfoldify.emit.patch.arguments import Source, literal
from unfoldify.emit.patch.constructors import OPEN
from unfoldify.emit.patch.order import is_module
from unfoldify.emit.patch.rulebook import Form, General, Rulebook, different, fingerprint
from unfoldify.emit.patch.sites import Call
from unfoldify.emit.patch.spell import Invocation, Operand, spell
from unfoldify.emit.spelling import signature
from unfoldify.lowering.lower import Lowering

Given = tuple[list[ast.expr], dict[str, ast.expr]]


def function_form(
    expression: ast.expr,
    calls: list[Call],
    texts: Any,
    namespace: Mapping[str, Any],
    rules: Rulebook,
) -> Form:
    """One form for all calls of a place; raises General where there are several."""
    calls = different(calls)
    how = rules.for_all(calls)
    forms: dict[str, Form] = {}
    for call in calls:
        form = one_form(expression, call, texts, namespace, how, rules.dialect)
        forms[fingerprint(form)] = form
    if len(forms) > 1:
        raise General("it is called in several forms")
    return next(iter(forms.values()))


def one_form(
    expression: ast.expr,
    call: Call,
    texts: Any,
    namespace: Mapping[str, Any],
    how: Lowering,
    dialect: str,
) -> Form:
    given = arguments(expression, namespace)
    if given is None:
        raise General("its arguments are not written out")
    pairs = matched(given, call.node)
    operands: dict[str, Source] = {}
    open_numbers: list[Operand] = []

    def argument(value: Any, node: ast.expr) -> Any:
        if (
            isinstance(value, (tuple, list))
            and isinstance(node, (ast.Tuple, ast.List))
            and len(value) == len(node.elts)
        ):
            return type(value)(argument(v, n) for v, n in zip(value, node.elts, strict=True))
        fixed = literal(node)
        if not isinstance(value, fx.Node) and fixed is not OPEN:
            return value
        like = value.meta.get("val") if isinstance(value, fx.Node) else None
        number = value.meta.get("value") if isinstance(value, fx.Node) else value
        if like is None and (isinstance(number, bool) or not isinstance(number, (int, float))):
            raise General("a flag is decided when the model is built or called")
        operand = Operand(len(operands), like, number)
        operands[operand.label] = Source(texts(node), node)
        if like is None:
            open_numbers.append(operand)
        return operand

    args = tuple(argument(value, node) for value, node in pairs[0])
    kwargs = {key: argument(value, node) for key, (value, node) in pairs[1].items()}
    spelling = spell(Invocation(call.node.op, call.node.target, args, kwargs), how, dialect)
    if any(spelling.uses(operand) == 0 for operand in open_numbers):
        raise General("a number is decided when the model is built or called")
    return Form(spelling, operands, None, spelling.group.text)


def arguments(expression: ast.expr, namespace: Mapping[str, Any]) -> Given | None:
    """A call's arguments, a method's own tensor first; None where some are spread."""
    match expression:
        case ast.BinOp(left=left, op=ast.MatMult(), right=right):
            return [left, right], {}
        case ast.Call(func=func, args=args, keywords=keywords):
            if any(isinstance(arg, ast.Starred) for arg in args) or any(
                k.arg is None for k in keywords
            ):
                return None
            first = (
                [func.value]
                if isinstance(func, ast.Attribute) and is_method(func, namespace)
                else []
            )
            return [*first, *args], {str(k.arg): k.value for k in keywords}
    return None


def is_method(func: ast.Attribute, namespace: Mapping[str, Any]) -> bool:
    """Whether what stands before the dot is a value, not a module that holds the function."""
    first: ast.expr = func.value
    while isinstance(first, ast.Attribute):
        first = first.value
    return not (isinstance(first, ast.Name) and is_module(namespace.get(first.id)))


Pair = tuple[Any, ast.expr]


def matched(given: Given, node: fx.Node) -> tuple[list[Pair], dict[str, Pair]]:
    """Recorded arguments with the expressions that they come from."""
    positional, named = given
    for written in (positional, list(flattened(positional))):
        if len(written) == len(node.args) and set(named) == set(node.kwargs):
            pairs = list(zip(node.args, written, strict=True))
            return pairs, {key: (node.kwargs[key], named[key]) for key in named}
    return [], by_parameter(given, node)


def by_parameter(given: Given, node: fx.Node) -> dict[str, Pair]:
    """The same by the names of the function's parameters; what is at its default is left out."""
    known = signature(node.target) if callable(node.target) else None
    try:
        assert known is not None
        written = known.bind(*given[0], **given[1]).arguments
        seen = known.bind(*node.args, **node.kwargs).arguments
    except (AssertionError, TypeError):
        raise General("its arguments are not written out") from None
    for name, value in seen.items():
        if name not in written and value is not known.parameters[name].default:
            raise General("its arguments are not written out")
    return {name: (seen[name], expression) for name, expression in written.items() if name in seen}


def flattened(nodes: list[ast.expr]) -> Iterator[ast.expr]:
    for node in nodes:
        if isinstance(node, (ast.List, ast.Tuple)):
            yield from node.elts
        else:
            yield node
