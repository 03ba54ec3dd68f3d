"""What becomes of a value: what the user's statement does with it, and who reads it."""

from __future__ import annotations

import ast
import operator
from dataclasses import dataclass
from typing import Any

from torch import fx

from unfoldify.emit.named_sizes import word_of_size
from unfoldify.recording.calls import is_random
from unfoldify.recording.dtypes import is_kept_dtype
from unfoldify.recording.loops.loop import item_of_round
from unfoldify.recording.source import Site, site

METADATA = {"shape", "dtype", "device", "ndim"}


@dataclass(frozen=True)
class Use:
    """What the source says becomes of a value."""

    role: str  # Site.role, or "unknown"
    site: Site | None = None

    @property
    def statement(self) -> Any:
        return self.site.statement if self.site is not None else None


def use_of(node: fx.Node) -> Use:
    """The innermost place where a value is more than returned."""
    for position in node.meta.get("positions", ()):
        found = site(position)
        if found is None:
            return Use("unknown")
        if found.role != "returned":
            return Use(found.role, found)
    return Use("returned" if node.meta.get("positions") else "unknown")


def is_trivial(node: fx.Node) -> bool:
    """Never worth a line: attributes of self, shapes and dtypes, parts of a trivial value."""
    if node.op == "get_attr" or "inline" in node.meta:
        return True
    if node.target is getattr and node.args[1] in METADATA:
        return not is_kept_dtype(node)
    source = node.args[0] if node.args else None
    if node.target is getattr and isinstance(source, fx.Node) and source.meta.get("packed"):
        return not is_unpacked(source)
    if node.target is operator.getitem and isinstance(source, fx.Node):
        if "items" in source.meta and "val" not in node.meta:  # a number of a list
            return not is_unpacked(source)
        if is_shape(source):
            return not is_unpacked(source) and word_of_size(node) is None
        return is_gone_over(source)
    return False


def is_gone_over(node: fx.Node) -> bool:
    """Whether a loop goes over a value or a part of it, whose items are `xs[0]` elsewhere."""
    return any(is_sequence(user) for user in node.users)


def is_sequence(user: fx.Node) -> bool:
    is_part = user.target is operator.getitem and isinstance(user.args[1], slice)
    return user.target is item_of_round or (is_part and any(map(is_sequence, user.users)))


def is_shape(node: fx.Node) -> bool:
    return node.target is getattr and node.args[1] == "shape"


def is_unpacked(node: fx.Node) -> bool:
    """Whether the user took the value apart by `a, b = ...`, or more than one part is used."""
    if "length" not in node.meta or not parts(node):
        return False
    use = use_of(node)
    used = sum(1 for part in parts(node) if part.users or "kept" in part.meta)
    if use.role == "assigned" and use.site is not None and use.site.unpacks:
        targets = use.site.targets
        named = all(word or is_tuple_of_names(use.site, at) for at, word in enumerate(targets))
        if len(targets) == node.meta["length"] and named:
            return used > 0
    by_item = node.meta.get("packed") or "subscripted" in node.meta  # `pairs[0]`, as the user says
    return not is_shape(node) and not by_item and used > 1


def is_tuple_of_names(found: Site, at: int) -> bool:
    """Whether one of several targets is a tuple: `(h, c)` of `y, (h, c) = self.lstm(x)`."""
    inside = found.target.elts[at] if isinstance(found.target, (ast.Tuple, ast.List)) else None
    return isinstance(inside, (ast.Tuple, ast.List))


def parts(node: fx.Node) -> list[fx.Node]:
    """The nodes that take a value's items, by position or by the names of its fields."""
    return [user for user in node.users if position_of(user, node) is not None]


def position_of(part: fx.Node, whole: fx.Node) -> int | None:
    """Which item of a value a node is, if it is one."""
    if not part.args or part.args[0] is not whole:
        return None
    if part.target is operator.getitem and isinstance(part.args[1], int):
        return part.args[1]
    return part.meta.get("item") if part.target is getattr else None


def is_inner(part: fx.Node) -> bool:
    """Whether an item is a tuple itself, of which nothing but its items is used."""
    same = all(item.meta.get("loop") is part.meta.get("loop") for item in part.users)
    return "length" in part.meta and "kept" not in part.meta and only_parts(part) and same


def is_idle(node: fx.Node) -> bool:
    """An item of a result that nothing uses."""
    return (
        node.target is operator.getitem
        and not node.users
        and "item" in node.meta
        and "kept" not in node.meta
    )


def only_parts(node: fx.Node) -> bool:
    return len(parts(node)) == len(node.users)


def is_impure(node: fx.Node) -> bool:
    """Calls that keep their order among each other."""
    calls_modules = node.op == "call_module" or getattr(node.target, "calls_modules", False)
    return calls_modules or "mutates" in node.meta or is_random(node)


def count_uses(node: fx.Node) -> int:
    """How often a value occurs in the arguments of others."""
    total = 0

    def count(other: fx.Node) -> None:
        nonlocal total
        total += other is node

    for user in node.users:
        fx.node.map_arg((user.args, user.kwargs), count)
    return total


def through_operands(node: fx.Node) -> fx.Node:
    """The value behind nodes that are written as part of whatever uses them."""
    while is_trivial(node) and node.all_input_nodes:
        node = node.all_input_nodes[0]
    return node


def through_trivial(node: fx.Node | None) -> fx.Node | None:
    """The first user that is no trivial part, following single uses."""
    while node is not None and is_trivial(node):
        if count_uses(node) != 1:
            return None
        node = next(iter(node.users))
    return node
