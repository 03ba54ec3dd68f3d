"""A function of the library → the same for the calls that one model makes of it.

Parameters that no call gives are at their defaults and go, with everything that they decide; a
stride that is the same along every axis is one number.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Mapping
from typing import Any

from unfoldify.emit.format import Remarked
from unfoldify.emit.functions.commented import returned
from unfoldify.emit.patch.excerpt import library


def specialized(
    function: ast.FunctionDef,
    fixed: Mapping[str, ast.expr],
    scalars: Mapping[str, int],
    given: set[str],
) -> ast.FunctionDef:
    """Without the parameters of `fixed`; those of `scalars` as one number for all axes, with that
    default; those of `given` are never None.
    """
    parameters = function.args
    defaults = dict(
        zip(reversed([a.arg for a in parameters.args]), reversed(parameters.defaults), strict=False)
    )
    defaults.update({name: ast.Constant(value) for name, value in scalars.items()})
    kept = [arg for arg in parameters.args if arg.arg not in fixed]
    values = [defaults[arg.arg] for arg in kept if arg.arg in defaults and arg.arg not in given]
    arguments = ast.arguments([], kept, None, [], [], None, values)
    work = Specialize(fixed, set(scalars) - set(fixed), given)
    return ast.FunctionDef(
        function.name, arguments, returned(work.block(function.body)), [], None, None, lineno=0
    )


class Specialize(ast.NodeTransformer):
    """Decides what is known; a statement that is decided away is left out."""

    def __init__(self, fixed: Mapping[str, ast.expr], scalars: set[str], given: set[str]) -> None:
        self.known = dict(fixed)
        self.scalars, self.given = scalars, given

    def block(self, body: list[Any]) -> list[Any]:
        done: list[Any] = []
        for statement in body:
            result = self.visit(statement)
            done += result if isinstance(result, list) else [result] if result is not None else []
        return done

    # -- statements ----------------------------------------------------------------------------

    def visit_Remarked(self, node: Remarked) -> Any:
        result = self.visit(node.statement)
        return Remarked(result, node.remark) if isinstance(result, ast.stmt) else result

    def visit_If(self, node: ast.If) -> Any:
        test = self.visit(node.test)
        if isinstance(test, ast.Constant):
            return self.block(node.body if test.value else node.orelse)
        return ast.If(test, self.block(node.body), self.block(node.orelse))

    def visit_Assign(self, node: ast.Assign) -> Any:
        value = self.visit(node.value)
        target = node.targets[0]
        if isinstance(target, ast.Tuple) and self.bind(target, value):
            return None
        if is_same(target, value) or pads_nothing(target, value):
            return None
        for part in ast.walk(target):  # from here on it is another value
            self.known.pop(part.id if isinstance(part, ast.Name) else "", None)
        return ast.Assign(node.targets, value, lineno=0)

    def bind(self, targets: ast.Tuple, value: ast.expr) -> bool:
        """`sh, sw = stride`, where both are known: they need no line."""
        words = [target.id for target in targets.elts if isinstance(target, ast.Name)]
        values: list[ast.expr] = []
        if isinstance(value, ast.Name) and value.id in self.scalars:
            values = [value] * len(words)
        elif isinstance(value, ast.Tuple) and all(is_plain(item) for item in value.elts):
            values = value.elts
        if len(words) != len(targets.elts) or len(values) != len(words):
            return False
        self.known.update(zip(words, values, strict=True))
        return True

    # -- expressions ---------------------------------------------------------------------------

    def visit_Name(self, node: ast.Name) -> ast.expr:
        is_read = isinstance(node.ctx, ast.Load) and node.id in self.known
        return copy.deepcopy(self.known[node.id]) if is_read else node

    def visit_IfExp(self, node: ast.IfExp) -> ast.expr:
        test = self.visit(node.test)
        if isinstance(test, ast.Constant):
            return self.expression(node.body if test.value else node.orelse)
        return ast.IfExp(test, self.expression(node.body), self.expression(node.orelse))

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        left, (right,) = self.expression(node.left), map(self.expression, node.comparators)
        if isinstance(node.ops[0], (ast.Is, ast.IsNot)) and is_none(right):
            positive = isinstance(node.ops[0], ast.Is)
            if isinstance(left, ast.Constant):
                return ast.Constant(is_none(left) is positive)
            if isinstance(left, ast.Name) and left.id in self.given:
                return ast.Constant(not positive)
        return ast.Compare(left, node.ops, [right])

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        left, right = self.expression(node.left), self.expression(node.right)
        values = [side.value if isinstance(side, ast.Constant) else None for side in (left, right)]
        if isinstance(node.op, (ast.Add, ast.Sub)) and values[1] == 0:
            return left
        if isinstance(node.op, ast.Add) and values[0] == 0:
            return right
        if isinstance(node.op, ast.Mult) and 0 in values:
            return ast.Constant(0)
        if isinstance(node.op, ast.Mult) and 1 in values:
            return right if values[0] == 1 else left
        return ast.BinOp(left, node.op, right)

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        """`stride[0]`"""
        value, index = self.expression(node.value), self.expression(node.slice)
        if isinstance(index, ast.Constant) and isinstance(index.value, int):
            if isinstance(value, ast.Name) and value.id in self.scalars:
                return value
            if isinstance(value, ast.Tuple):
                return value.elts[index.value]
        return ast.Subscript(value, index, node.ctx)

    def visit_Tuple(self, node: ast.Tuple) -> ast.expr:
        """`(*stride, 1)`, of one axis and one more."""
        items: list[ast.expr] = []
        for item in map(self.expression, node.elts):
            inner = item.value if isinstance(item, ast.Starred) else None
            if isinstance(inner, ast.Name) and inner.id in self.scalars:
                items.append(inner)
            elif isinstance(inner, ast.Tuple):
                items += inner.elts
            else:
                items.append(item)
        return ast.Tuple(items, node.ctx)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        node.keywords = [k for k in node.keywords if not (k.arg == "padding" and is_zero(k.value))]
        return node

    def expression(self, node: ast.expr) -> ast.expr:
        result: ast.expr = self.visit(node)
        return result


def parameters_of(function: str) -> list[str]:
    return [arg.arg for arg in library()[function].tree.args.args]


def arranged(
    given: Mapping[str, ast.expr], names: list[str]
) -> tuple[list[ast.expr], list[ast.keyword]]:
    """Arguments by position up to the first that is left out, the others by name."""
    args: list[ast.expr] = []
    while len(args) < len(names) and names[len(args)] in given:
        args.append(given[names[len(args)]])
    return args, [ast.keyword(n, given[n]) for n in names[len(args) :] if n in given]


def is_plain(node: ast.expr) -> bool:
    return isinstance(node, (ast.Constant, ast.Name))


def is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def is_same(target: ast.expr, value: ast.expr) -> bool:
    """`scale = scale`"""
    return isinstance(target, ast.Name) and isinstance(value, ast.Name) and target.id == value.id


def pads_nothing(target: ast.expr, value: ast.expr) -> bool:
    """`x = F.pad(x, (0, 0))`"""
    match value:
        case ast.Call(
            func=ast.Attribute(attr="pad"), args=[ast.Name(id=word), ast.Tuple(elts=pads)]
        ):
            nothing = all(map(is_zero, pads))
            return nothing and isinstance(target, ast.Name) and target.id == word
    return False


def is_zero(node: ast.expr) -> bool:
    if isinstance(node, ast.Tuple):
        return all(map(is_zero, node.elts))
    return isinstance(node, ast.Constant) and node.value == 0
