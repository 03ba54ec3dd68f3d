"""`x[:, 0] += y` runs as three calls, which take an item, change it and put it back: one statement."""

from __future__ import annotations

import ast
import operator
from typing import Any

from torch import fx

from unfoldify.emit.plan import Step
from unfoldify.emit.uses import use_of

OPERATORS: dict[object, type[ast.operator]] = {
    "add_": ast.Add,
    "sub_": ast.Sub,
    "mul_": ast.Mult,
    "div_": ast.Div,
    "pow_": ast.Pow,
    "remainder_": ast.Mod,
    "floor_divide_": ast.FloorDiv,
    "__iadd__": ast.Add,
    "__isub__": ast.Sub,
    "__imul__": ast.Mult,
    "__itruediv__": ast.Div,
    "__ipow__": ast.Pow,
    "__iand__": ast.BitAnd,
    "__ior__": ast.BitOr,
    "__ixor__": ast.BitXor,
    operator.add: ast.Add,
    operator.sub: ast.Sub,
    operator.mul: ast.Mult,
    operator.truediv: ast.Div,
}


def change_of(node: fx.Node, tree: list[fx.Node]) -> fx.Node | None:
    """The change that a statement makes to an item which it puts back, in place or, where nobody
    can tell, in a value of its own.
    """
    value = node.args[2]
    if "augments" in node.meta or not isinstance(value, fx.Node):
        return node.meta.get("augments")
    item = value.args[0] if value.target in OPERATORS else None
    if not isinstance(item, fx.Node) or not {item, value} <= set(tree):
        return None
    found = use_of(value).site
    is_the_users = found is not None and isinstance(found.expression, ast.AugAssign)
    same = item.target is operator.getitem and is_same(item.args, node.args[:2])
    return value if is_the_users and same and value.args[1] is not item else None


def join_augmented(steps: list[Step]) -> list[Step]:
    """The steps with one for each item that is taken, changed and put back."""
    taken: dict[fx.Node, int] = {}
    gone: set[int] = set()
    for at, step in enumerate(steps):
        if step.kind == "assign" and step.node.target is operator.getitem:
            taken[step.node] = at
        if at == 0 or step.kind != "effect" or step.node.target is not operator.setitem:
            continue
        change, item = steps[at - 1], step.node.args[2]
        start = taken.get(item) if isinstance(item, fx.Node) else None
        if start is not None and is_one_statement(steps[start : at + 1]):
            step.node.meta["augments"] = change.node
            step.tree = [*steps[start].tree, *change.tree, *step.tree]
            gone |= {start, at - 1}
    return [step for at, step in enumerate(steps) if at not in gone]


def is_one_statement(run: list[Step]) -> bool:
    """Whether steps begin by taking an item and end by changing it and putting it back, and what
    stands between, which computes the change, leaves everything else as it is.
    """
    first, *between, change, last = run
    item = first.node
    changes_it = (
        change.kind == "effect"
        and change.node.op == "call_method"
        and change.node.target in OPERATORS
        and len(change.node.args) == 2
        and change.node.args[0] is item
        and not change.node.kwargs
    )
    puts_it_back = (
        is_same(item.args, last.node.args[:2]) and first.tree == [item] and last.tree == [last.node]
    )
    alone = set(item.users) == {change.node, last.node} and change.node.args[1] is not item
    together = {
        (step.loop, step.node.meta.get("grad"), step.opens, step.node.meta.get("group"))
        for step in (first, change, last)
    }
    quiet = not any("mutates" in node.meta for step in between for node in step.tree)
    straight = all(step.opens is None and step.loop is first.loop for step in between)
    return changes_it and puts_it_back and alone and len(together) == 1 and quiet and straight


def is_same(one: Any, other: Any) -> bool:
    """Whether two places are written alike: the numbers in them may be computed twice, `i + 2`."""
    if isinstance(one, (tuple, list)) and type(one) is type(other):
        return len(one) == len(other) and all(map(is_same, one, other))
    if isinstance(one, slice) and isinstance(other, slice):
        return is_same((one.start, one.stop, one.step), (other.start, other.stop, other.step))
    if isinstance(one, fx.Node) and isinstance(other, fx.Node) and one is not other:
        numbers = "val" not in one.meta and "val" not in other.meta
        alike = (one.op, one.target, one.kwargs) == (other.op, other.target, other.kwargs)
        return numbers and alike and is_same(one.args, other.args)
    return type(one) is type(other) and bool(one == other)
