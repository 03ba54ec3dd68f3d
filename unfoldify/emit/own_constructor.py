"""Arguments of the user's constructor: their order, and what is computed from them there."""

from __future__ import annotations

import ast
from typing import Any

from unfoldify.emit.lines import constant, name
from unfoldify.emit.words import constructor, is_self
from unfoldify.emit.written import OPERATORS
from unfoldify.merge import Kind

SIMPLE = (ast.Add, ast.Sub, ast.Mult, ast.FloorDiv)


def parameters_in_source(kind: Kind) -> list[str]:
    """The parameters of the user's constructor, in its order."""
    for cls in type(kind.module).__mro__:
        function = constructor(cls)
        if function is not None:
            return [arg.arg for arg in (*function.args.args, *function.args.kwonlyargs)][1:]
    return []


def users_word(own: ast.expr | None) -> str | None:
    """What the user calls a number: `dim`, or `width` of `config.width`."""
    if isinstance(own, ast.Attribute) and not own.attr.startswith("_"):
        return own.attr
    return own.id if isinstance(own, ast.Name) else None


def derived(own: ast.expr, values: list[Any], kind: Kind) -> ast.expr | None:
    """`4 * dim`, where the user writes so and it holds for every instance."""
    if not isinstance(own, ast.BinOp):
        return None
    for index, wanted in enumerate(values):
        if computed(own, index, kind) != wanted:
            return None
    return spelled(own, kind)


def computed(own: ast.expr, index: int, kind: Kind) -> Any:
    """The value of an expression for one instance, None where it is not known."""
    if isinstance(own, ast.BinOp) and isinstance(own.op, SIMPLE):
        sides = computed(own.left, index, kind), computed(own.right, index, kind)
        if not all(isinstance(side, int) for side in sides) or (
            isinstance(own.op, ast.FloorDiv) and sides[1] == 0
        ):
            return None
        return OPERATORS[type(own.op)](*sides)
    if isinstance(own, ast.Constant):
        return own.value
    if isinstance(own, ast.Name) and own.id in kind.parameters:
        return kind.parameters[own.id][index]
    if isinstance(own, ast.Name):
        return default_of(own.id, kind)
    if isinstance(own, ast.Attribute) and is_self(own.value):
        return fixed_attribute(own.attr, kind)
    return None


def default_of(word: str, kind: Kind) -> Any:
    """The default of a parameter of the user's constructor, where it is a number."""
    for cls in type(kind.module).__mro__:
        function = constructor(cls)
        if function is not None:
            names = [arg.arg for arg in function.args.args]
            defaults = dict(zip(reversed(names), reversed(function.args.defaults), strict=False))
            found = defaults.get(word)
            return found.value if isinstance(found, ast.Constant) else None
    return None


def fixed_attribute(label: str, kind: Kind) -> Any:
    """A number that the user's class keeps, the same in every instance: `self.expansion`."""
    found = {getattr(instance.module, label, None) for instance in kind.instances}
    value = found.pop() if len(found) == 1 else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def spelled(own: ast.expr, kind: Kind) -> ast.expr:
    if isinstance(own, ast.BinOp):
        return ast.BinOp(spelled(own.left, kind), own.op, spelled(own.right, kind))
    if isinstance(own, ast.Attribute):
        return constant(fixed_attribute(own.attr, kind))
    if isinstance(own, ast.Name):
        return name(own.id) if own.id in kind.parameters else constant(default_of(own.id, kind))
    return constant(ast.literal_eval(own))
