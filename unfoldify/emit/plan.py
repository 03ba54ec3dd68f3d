"""A graph → the statements it will be written as: what gets a line of its own, what stands inside
another's.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from torch import fx

from unfoldify.emit.named_sizes import sizes_of_statement, word_of_size
from unfoldify.recording.body import Construct
from unfoldify.recording.calls import is_random
from unfoldify.recording.loops.loop import (
    SYNTHETIC,
    Loop,
    block_runs,
    carried_value,
    chain,
    index_of_round,
    item_of_round,
)
from unfoldify.recording.source import Site, site

METADATA = {"shape", "dtype", "device", "ndim"}
VIEWS = {
    "transpose",
    "permute",
    "view",
    "reshape",
    "flatten",
    "unsqueeze",
    "squeeze",
    "t",
    "expand",
}
LARGEST_OPERAND = 2  # calls of an operand inside a line of a layer
LARGEST_EXPRESSION = 9  # calls in one expression, where it is not the user's own


@dataclass(frozen=True)
class Use:
    """What the source says becomes of a value."""

    role: str  # Site.role, or "unknown"
    site: Site | None = None

    @property
    def statement(self) -> Any:
        return self.site.statement if self.site is not None else None


@dataclass(eq=False)
class Step:
    """One statement: the value it is about, and all the nodes that its expression computes."""

    node: fx.Node
    kind: str  # "assign" | "unpack" | "sizes" | "effect" | "return" | "loop"
    tree: list[fx.Node] = field(default_factory=list)
    loop: Loop | None = None  # the innermost loop that the statement is in
    opens: Loop | None = None  # the loop whose head this is
    items: list[fx.Node] = field(
        default_factory=list
    )  # of an unpacking, by position; sizes of one tensor
    inner: dict[fx.Node, list[fx.Node]] = field(default_factory=dict)  # items that are unpacked too
    idle: dict[int, str] = field(default_factory=dict)  # names of items that nothing uses


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
        return True
    source = node.args[0] if node.args else None
    if node.target is getattr and isinstance(source, fx.Node) and source.meta.get("packed"):
        return not is_unpacked(source)
    if node.target is operator.getitem and isinstance(source, fx.Node):
        if "items" in source.meta and "val" not in node.meta:  # a number of a list
            return not is_unpacked(source)
        return is_shape(source) and not is_unpacked(source) and word_of_size(node) is None
    return False


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
    return not is_shape(node) and not node.meta.get("packed") and used > 1


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
    return node.op == "call_module" or "mutates" in node.meta or is_random(node)


def count_uses(node: fx.Node) -> int:
    """How often a value occurs in the arguments of others."""
    total = 0

    def count(other: fx.Node) -> None:
        nonlocal total
        total += other is node

    for user in node.users:
        fx.node.map_arg((user.args, user.kwargs), count)
    return total


class Planner:
    """Walks a graph once and decides, node by node."""

    def __init__(self, graph: fx.Graph) -> None:
        self.nodes = list(graph.nodes)
        self.order = {node: index for index, node in enumerate(self.nodes)}
        self.open: list[Loop] = []
        self.pending: dict[fx.Node, list[fx.Node]] = {}  # value without a line yet → its tree
        self.steps: list[Step] = []
        self.unpacked: set[fx.Node] = set()

    def plan(self) -> list[Step]:
        for node in self.nodes:
            if node.op == "placeholder" or node in self.unpacked:
                continue
            if node.target in SYNTHETIC or (is_trivial(node) and not is_unpacked(node)):
                continue
            if is_idle(node):
                continue
            self.enter_loops(node)
            if node.op == "output":
                self.emit(Step(node, "return"))
            elif is_unpacked(node) and (only_parts(node) or is_shape(node)):
                self.unpack(node)
            elif word_of_size(node) is not None:
                self.name_sizes(node)
            elif "kept" in node.meta:
                self.emit(Step(node, "assign"))
            elif not node.users:
                self.emit(Step(node, "effect"))
            elif self.can_wait(node):
                self.pending[node] = self.tree(node)
            else:
                self.emit(Step(node, "assign"))
        return self.steps

    def enter_loops(self, node: fx.Node) -> None:
        """Close and open loops until the innermost open one is the node's."""
        wanted = list(reversed(list(chain(node.meta.get("loop")))))
        while self.open and self.open[-1] not in wanted:
            self.flush_all(set())
            self.open.pop()
        for loop in wanted[len(self.open) :]:
            count = loop.index.args if loop.index is not None else ()
            tested = loop.test.args[:1] if loop.test is not None else ()
            read = [
                *loop.sequences,
                *(node for node in (*count, *tested) if isinstance(node, fx.Node)),
            ]
            self.flush_all(set(read))
            tree = [n for value in read for n in self.pending.get(value, ())]
            for other in tree:
                self.pending.pop(other, None)
            self.steps.append(
                Step(node, "loop", tree, self.open[-1] if self.open else None, opens=loop)
            )
            self.open.append(loop)

    def flush_all(self, but: set[fx.Node]) -> None:
        kept = {n for node in but for n in self.pending.get(node, ())}
        for node in list(self.pending):
            if node in self.pending and node not in kept:
                self.flush(node)

    def unpack(self, node: fx.Node) -> None:
        at = {part: position_of(part, node) or 0 for part in parts(node)}
        items = sorted(at, key=lambda part: at[part])
        by_position = {at[part]: part for part in reversed(items)}
        for part in items:
            first = by_position[at[part]]
            if part is not first:
                part.replace_all_uses_with(first)
        self.unpacked.update(items)
        used = [part for part in by_position.values() if part.users or "kept" in part.meta]
        step = Step(node, "unpack", items=used)
        for part in list(used):
            if is_inner(part):
                place = used.index(part)
                step.inner[part] = self.inner_items(part)
                used[place : place + 1] = step.inner[part]
        self.emit(step)

    def name_sizes(self, node: fx.Node) -> None:
        sizes = sizes_of_statement(node)
        self.unpacked.update(sizes)
        self.emit(Step(node, "sizes" if len(sizes) > 1 else "assign", items=sizes))

    def inner_items(self, part: fx.Node) -> list[fx.Node]:
        """The items of a tuple inside the tuple, each of them once, by position."""
        found: dict[int, fx.Node] = {}
        for item in sorted(part.users, key=lambda item: position_of(item, part) or 0):
            first = found.setdefault(position_of(item, part) or 0, item)
            if item is not first:
                item.replace_all_uses_with(first)
            self.unpacked.add(item)
        return [item for item in found.values() if item.users or "kept" in item.meta]

    def tree(self, node: fx.Node) -> list[fx.Node]:
        """The nodes that the expression of `node` computes, in recorded order, `node` last."""
        found: list[fx.Node] = []
        for operand in node.all_input_nodes:
            found.extend(self.pending.get(through_operands(operand), ()))
        return sorted({*found, node}, key=lambda other: self.order[other])

    def evaluated(self, node: fx.Node) -> Iterator[fx.Node]:
        """The nodes that the expression of `node` computes, in the order in which Python does."""
        for operand in node.all_input_nodes:
            inner = through_operands(operand)
            if inner in self.pending:
                yield from self.evaluated(inner)
        yield node

    def keep_order(self, node: fx.Node) -> None:
        """Give lines to the operands of `node` that Python would call sooner than the model did:
        `self.decode(self.embed(y), self.encode(x))` calls `embed` first.
        """
        while True:
            called = [other for other in self.evaluated(node) if is_impure(other)]
            recorded = sorted(called, key=lambda other: self.order[other])
            pairs = zip(recorded, called, strict=True)
            found = next(((early, late) for early, late in pairs if early is not late), None)
            if found is None:
                return
            self.flush(self.largest_without(*found, within=node))

    def largest_without(self, early: fx.Node, late: fx.Node, within: fx.Node) -> fx.Node:
        """The largest expression inside that of `within` that has `early` in it and not `late`."""
        around = [other for other in self.tree(within) if other is not within]
        trees = {other: set(self.tree(other)) for other in around}
        fitting = [other for other in around if early in trees[other] and late not in trees[other]]
        return max(fitting, key=lambda other: len(trees[other]))

    def emit(self, step: Step) -> None:
        """Write a statement; what may not be computed after it is written before."""
        self.keep_order(step.node)
        step.tree = self.tree(step.node)
        mine = set(step.tree)
        impure = any(is_impure(node) for node in step.tree)
        mutates = any("mutates" in node.meta for node in step.tree)
        for node in [node for node in self.pending if node not in mine]:
            theirs = self.pending.get(node, [])
            moved = mutates or any("mutates" in n.meta for n in theirs)
            if theirs and (moved or (impure and any(is_impure(n) for n in theirs))):
                self.flush_before(step, node)
        step.tree = self.tree(step.node)
        if sum("mutates" in node.meta for node in step.tree) and len(step.tree) > 1:
            for node in list(step.tree):
                if node is not step.node and node in self.pending and "mutates" in node.meta:
                    self.flush(node)
            step.tree = self.tree(step.node)
        for node in step.tree:
            self.pending.pop(node, None)
        step.loop = self.open[-1] if self.open else None
        self.steps.append(step)

    def flush_before(self, step: Step, node: fx.Node) -> None:
        """Write a waiting value before a statement, and first what of that ran even earlier."""
        theirs, mine = self.pending[node], step.tree
        moved = any("mutates" in n.meta for n in (*theirs, *mine))
        last = max((self.order[n] for n in theirs if moved or is_impure(n)), default=-1)
        if any(is_impure(n) and self.order[n] < last for n in mine):
            waiting = {n for n in (*mine, *theirs) if n in self.pending}
            for other in sorted(waiting, key=lambda other: self.order[other]):
                early = self.order[other] < last and other is not step.node
                if early and (moved or is_impure(other)):
                    self.flush(other)
        if node in self.pending:
            self.flush(node)

    def flush(self, node: fx.Node) -> None:
        """Give a waiting value a line after all."""
        self.keep_order(node)
        tree = self.tree(node)
        for other in tree:
            self.pending.pop(other, None)
        for other, waiting in self.pending.items():
            self.pending[other] = [n for n in waiting if n not in tree]
        self.steps.append(Step(node, "assign", tree, self.open[-1] if self.open else None))

    def can_wait(self, node: fx.Node) -> bool:
        """Whether a value may stand inside the expression that uses it."""
        if is_for_one_item(node):  # `self.encoder(x)[0]`
            return True
        if count_uses(node) != 1 or "own_line" in node.meta:
            return False
        user = through_trivial(next(iter(node.users)))
        if user is None or user.target is carried_value:
            return False
        if user.target in (
            item_of_round,
            index_of_round,
            block_runs,
        ):  # it stands in the head of a loop
            return not is_impure(node)
        if user.op == "output" and (node.meta.get("loop") is not None or "grad" in node.meta):
            return False
        if user.op != "output" and any(
            user.meta.get(k) != node.meta.get(k) for k in ("loop", "grad")
        ):
            return False
        if isinstance(node.target, Construct) or node.meta.get("chained"):
            return True
        use = use_of(node)
        group, other = node.meta.get("group"), user.meta.get("group")
        if user.target is setattr and group is None and is_assigned_to(use, user.args[1]):
            return True
        if group is not other:
            if group is None and is_view(node) and use.role == "nested":
                return len(self.tree(node)) <= LARGEST_OPERAND and is_operand(use, user)
            return (
                user.op == "output"
                and bool(node.meta.get("result"))
                and use.role in ("returned", "unknown")
            )
        if user.op == "output":
            return use.role == "returned" or (use.role == "nested" and in_return(use))
        if use.role != "nested" and not (use.role == "returned" and group is not None):
            return use.role == "assigned" and is_put_into(node, user) and same_statement(use, user)
        if (
            len(self.tree(node)) >= LARGEST_EXPRESSION
            and group is None
            and not same_expression(use, use_of(user))
        ):
            return False
        return same_statement(use, user) or group is not None


def is_for_one_item(node: fx.Node) -> bool:
    """Whether one item is all that is read of a tuple, at once."""
    live = [user for user in node.users if not is_idle(user)]
    if len(live) != 1 or "length" not in node.meta or "own_line" in node.meta:
        return False
    item = live[0]
    same = all(item.meta.get(key) == node.meta.get(key) for key in ("loop", "grad"))
    return same and item.target is operator.getitem and item.args[0] is node and not is_shape(node)


def is_put_into(node: fx.Node, user: fx.Node) -> bool:
    """Whether a value is what becomes of items of another: `x[:, 0] = value`."""
    return user.target is operator.setitem and user.args[2] is node


def through_operands(node: fx.Node) -> fx.Node:
    """The value behind nodes that are written as part of whatever uses them."""
    while is_trivial(node) and node.all_input_nodes:
        node = node.all_input_nodes[0]
    return node


def is_view(node: fx.Node) -> bool:
    """Another look at the same numbers: it may stand inside a line of the layer that it is for."""
    if node.target is operator.getitem or (node.target is getattr and node.args[1] in ("T", "mT")):
        return "val" in node.meta
    return node.op == "call_method" and node.target in VIEWS


def is_operand(use: Use, user: fx.Node) -> bool:
    """Whether a value is an operand of the very call that the lines of a layer spell out."""
    calls = map(site, user.meta.get("call_positions", ()))
    return any(found is not None and found.statement == use.statement for found in calls)


def is_assigned_to(use: Use, label: Any) -> bool:
    """Whether the user's statement is `self.label = ...`"""
    return use.role == "assigned" and use.site is not None and use.site.targets == (label,)


def in_return(use: Use) -> bool:
    return use.site is not None and use.site.targets == ()


def through_trivial(node: fx.Node | None) -> fx.Node | None:
    """The first user that is no trivial part, following single uses."""
    while node is not None and is_trivial(node):
        if count_uses(node) != 1:
            return None
        node = next(iter(node.users))
    return node


def same_statement(use: Use, user: fx.Node) -> bool:
    return use.statement is not None and any(
        found is not None and found.statement == use.statement
        for found in (site(position) for position in user.meta.get("positions", ()))
    )


def same_expression(use: Use, other: Use) -> bool:
    return use.statement is not None and use.statement == other.statement
