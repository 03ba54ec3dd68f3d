"""A graph → the statements it will be written as: what gets a line of its own, what stands inside
another's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from torch import fx

from unfoldify.emit.inside import can_stand_inside
from unfoldify.emit.named_sizes import sizes_of_statement, word_of_size
from unfoldify.emit.uses import (
    is_idle,
    is_impure,
    is_inner,
    is_shape,
    is_trivial,
    is_unpacked,
    only_parts,
    parts,
    position_of,
    through_operands,
)
from unfoldify.recording.loops.loop import SYNTHETIC, Loop, chain


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


def is_taken_apart(argument: fx.Node) -> bool:
    """Whether the user has words for the parts of an argument: `hidden, cell = state`."""
    if not is_unpacked(argument) or not only_parts(argument):
        return False
    return all("name" in part.meta or is_taken_apart(part) for part in argument.users)


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
            if node in self.unpacked or (node.op == "placeholder" and not is_taken_apart(node)):
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
            elif can_stand_inside(node, len(self.tree(node))):
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
                *(value for each in loop.collected.values() for value in each.all_input_nodes),
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
