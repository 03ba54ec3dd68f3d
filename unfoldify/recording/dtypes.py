"""dtype arguments that the user read from a value → that value's dtype."""

from __future__ import annotations

import ast
import itertools
from typing import Any

import torch
from torch import fx

from unfoldify.recording.body import Body
from unfoldify.recording.moving import before
from unfoldify.recording.source import Position, parsed, site


def settle_dtypes(body: Body) -> None:
    """`dtype=x.dtype` was recorded as the dtype it was; where the source reads one, so does the
    graph.
    """
    graph = body.graph
    for node in list(graph.nodes):
        if not any(isinstance(value, torch.dtype) for value in (*node.args, *node.kwargs.values())):
            continue
        given = dtype_expression(node)
        if given is None or is_literal(handed_over(given, history(node, body))):
            continue
        node.args = tuple(read(graph, node, value, given) for value in node.args)
        node.kwargs = {key: read(graph, node, value, given) for key, value in node.kwargs.items()}


def dtype_expression(node: fx.Node) -> ast.expr | None:
    """What the user wrote for the dtype of a call; a layer of torch.nn makes what its input is."""
    if "layer" in node.meta:
        return ast.parse("input.dtype", mode="eval").body
    for position in node.meta.get("positions", ())[:1]:
        found = site(position)
        call = found.expression if found is not None else None
        if isinstance(call, ast.Call):
            for keyword in call.keywords:
                if keyword.arg == "dtype":
                    return keyword.value
            named = next((arg for arg in reversed(call.args) if mentions_dtype(arg)), None)
            literal = next(filter(is_literal, call.args), None)
            return named or variable_at(node, call) or literal or given_inside(node, call)
    return None


def given_inside(node: fx.Node, call: ast.Call) -> ast.expr | None:
    """A call of torch's own Python, in which the dtype was given: `Normal(mean, std).sample()`."""
    spread = any(keyword.arg is None for keyword in call.keywords)
    return (
        ast.parse("input.dtype", mode="eval").body
        if "dtype_from" in node.meta and not spread
        else None
    )


def history(node: fx.Node, body: Body | None) -> list[Position]:
    """The positions that led to a call, through the calls of modules around it."""
    found: list[Position] = list(node.meta.get("positions", ()))
    while body is not None:
        found.extend(body.positions)
        body = body.parent
    return found


def handed_over(expression: ast.expr, positions: list[Position]) -> ast.expr:
    """What a parameter stands for: the argument of the call around, as far out as it is one; or its
    default, where that call gives none.
    """
    for (code, offset), outer in itertools.pairwise(positions):
        if not isinstance(expression, ast.Name):
            break
        found = site(outer)
        call = found.expression if found is not None else None
        names = list(code.co_varnames[: code.co_argcount + code.co_kwonlyargcount])
        if expression.id not in names or not isinstance(call, ast.Call):
            break
        place = names.index(expression.id) - (names[0] == "self")
        given = {word.arg: word.value for word in call.keywords}
        starred = any(isinstance(arg, ast.Starred) for arg in call.args)
        if expression.id in given:
            expression = given[expression.id]
        elif not starred and 0 <= place < min(len(call.args), code.co_argcount):
            expression = call.args[place]
        else:
            default = default_of((code, offset), expression.id)
            return expression if starred or None in given or default is None else default
    return expression


def default_of(position: Position, parameter: str) -> ast.expr | None:
    """The default of a parameter of the function that the code at a position stands in."""
    found, file = site(position), parsed(position[0].co_filename)
    node: ast.AST | None = found.expression if found is not None else None
    while file is not None and node is not None and not isinstance(node, ast.FunctionDef):
        node = file.parents.get(node)
    if not isinstance(node, ast.FunctionDef):
        return None
    by_position = [*node.args.posonlyargs, *node.args.args]
    defaults = node.args.defaults
    pairs = [
        *zip(by_position[len(by_position) - len(defaults) :], defaults, strict=True),
        *zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True),
    ]
    return next((default for argument, default in pairs if argument.arg == parameter), None)


def mentions_dtype(expression: ast.expr) -> bool:
    return any(
        isinstance(n, ast.Attribute) and n.attr in ("dtype", "_dtype") for n in ast.walk(expression)
    ) or (isinstance(expression, ast.Name) and "dtype" in expression.id)


def variable_at(node: fx.Node, call: ast.Call) -> ast.expr | None:
    """The variable that stands where the call was given a dtype: `dt` of `x.to(device, dt)`."""
    places = [i for i, value in enumerate(reversed(node.args)) if isinstance(value, torch.dtype)]
    if not places or places[0] >= len(call.args):
        return None
    given = call.args[-1 - places[0]]
    return given if isinstance(given, ast.Name) else None


def is_literal(expression: ast.expr) -> bool:
    """`torch.float32`"""
    return (
        isinstance(expression, ast.Attribute)
        and isinstance(expression.value, ast.Name)
        and (expression.value.id == "torch" and expression.attr != "dtype")
    )


def variable_of(node: fx.Node, value: torch.dtype, given: ast.expr) -> fx.Node | None:
    """The dtype that the user keeps under the name that the call is given."""
    if not isinstance(given, ast.Name):
        return None
    for other in before(node):
        if is_kept_dtype(other) and other.args[0].meta["val"].dtype == value:  # type: ignore[union-attr]
            found = site(other.meta["positions"][0])
            if found is not None and found.targets == (given.id,):
                return other
    return None


def is_kept_dtype(node: fx.Node) -> bool:
    """`input_dtype = x.dtype`, as the user's own line."""
    is_read = node.target is getattr and node.args[1] == "dtype"
    return is_read and bool(node.meta.get("positions"))


def read(graph: fx.Graph, node: fx.Node, value: Any, given: ast.expr) -> Any:
    """The dtype of the nearest value that has it; of the one that the user names where it is near."""
    if not isinstance(value, torch.dtype) or not value.is_floating_point:
        return value
    wanted = (
        given.value.id
        if isinstance(given, ast.Attribute) and isinstance(given.value, ast.Name)
        else None
    )
    variable = variable_of(node, value, given)
    if variable is not None:
        return variable
    source = node.meta.get("dtype_from")
    if source is not None and source.meta["val"].dtype == value:
        with graph.inserting_before(node):
            return graph.call_function(getattr, (source, "dtype"))
    found = [
        n
        for n in before(node)
        if "val" in n.meta and n.meta["val"].dtype == value and n.target is not getattr
    ]
    if not found:
        return value
    best = next(
        (n for n in found if wanted is not None and wanted == n.meta.get("name", n.name)), found[0]
    )
    with graph.inserting_before(node):
        return graph.call_function(getattr, (best, "dtype"))
