"""Calls that one loop of the user's made again and again → one loop.

A recording is a straight line. Where the same places of the source made the same calls several
times in a row, only with the next module, the next item or the result of the round before, the
first round stays as the body of a loop and the others go.
"""

from __future__ import annotations

import itertools
import operator
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from torch import fx

from unfoldify.recording.body import Body
from unfoldify.recording.loops.folding import Calls, Folder
from unfoldify.recording.loops.items import Item
from unfoldify.recording.loops.kept import Kept
from unfoldify.recording.loops.loop import Loop, chain
from unfoldify.recording.loops.picked import Reading, read_singly
from unfoldify.recording.loops.rounds import candidates, is_aside, mark, rounds_before
from unfoldify.recording.loops.slots import FEWEST, Carried, Grown, NoLoop, Slots, slots_in
from unfoldify.recording.loops.structures import frozen, is_object, rows
from unfoldify.recording.loops.sums import whole_sums
from unfoldify.recording.loops.turns import read_alike
from unfoldify.recording.source import LoopHead, loop_heads

RULES = str(Path(__file__).parents[2] / "rules")
NO_HEAD = LoopHead((), 0, "")  # of a loop that is none in the user's file: of `torch.vmap`


def roll(graph: fx.Graph, *, over_modules: bool) -> None:
    """Fold, in place, every run of equal rounds; inner loops first.

    Loops over modules only with `over_modules`: their rounds are spelled out one by one before.
    """
    while True:
        whole_sums(graph)
        if roll_one(graph, over_modules):
            continue
        found = roll_one(graph, over_modules, displays=True) if over_modules else None
        if found is None:
            return
        while found is not None:  # its fellows in the rounds of a loop around
            found = roll_one(graph, over_modules, displays=True, like=found)


def roll_one(graph: fx.Graph, over_modules: bool, displays: bool = False, like: Any = None) -> Any:
    """Fold the first run of equal rounds, and tell what its rounds are like. With `displays` it may
    go over several values that are in no sequence, which they may be once another loop is one.
    """
    nodes = [node for node in graph.nodes if node.op not in ("placeholder", "output", "get_attr")]
    marks = [mark(node) for node in nodes]
    for start, length, rounds in candidates(nodes, marks):
        run, kind = nodes[start : start + length * rounds], marks[start : start + length]
        if like is not None and kind != like:
            continue
        before = rounds_before(marks, start, length)
        may_be_free = before == 0 or (rounds > 2 and before % rounds == 0)
        try:
            Roller(graph, run, length, displays).fold(over_modules, may_be_free=may_be_free)
        except NoLoop:
            continue
        return kind
    return None


class Roller:
    """Checks that rounds are a loop, then folds them; raises NoLoop where they are none."""

    def __init__(
        self, graph: fx.Graph, nodes: list[fx.Node], length: int, displays: bool = False
    ) -> None:
        self.graph = graph
        self.rounds = [nodes[i : i + length] for i in range(0, len(nodes), length)]
        self.place = {
            node: (r, o) for r, nodes_ in enumerate(self.rounds) for o, node in enumerate(nodes_)
        }
        self.loop = Loop(len(self.rounds), parent=self.rounds[0][0].meta.get("loop"))
        self.slots = Slots(self.rounds, self.place, self.loop.modules, displays)
        self.carried: list[Carried] = []
        self.grown: list[Grown] = []
        self.kept: dict[Any, Kept] = {}

    def fold(self, over_modules: bool, *, may_be_free: bool = True) -> None:
        first = self.rounds[0]
        if all(is_taken_apart(node) for node in first):
            raise NoLoop
        if "picked" in first[0].meta:  # by what comes behind the loop before
            raise NoLoop
        self.check_inner_loops()
        self.loop.head = self.users_head()
        if self.loop.head is None or (len(self.rounds) == 2 and self.turns_back(self.loop.head)):
            raise NoLoop
        calls: Calls = []
        for offset, node in enumerate(first):
            fellows = [nodes[offset] for nodes in self.rounds]
            args = self.slots.of([f.args for f in fellows])
            kwargs = self.slots.of([f.kwargs for f in fellows])
            self.check_call(fellows)
            if not over_modules and not read_alike(fellows):  # later their lines are there
                raise NoLoop
            calls.append((node, args, kwargs))
        if self.loop.modules and not over_modules:
            raise NoLoop
        if self.slots.is_free() and (not may_be_free or self.turns_back(self.loop.head)):
            raise NoLoop  # a part of the user's loop, where any values would do
        if not self.slots.is_worth_it() or self.is_cut_apart():
            raise NoLoop
        arguments = [(args, kwargs) for _, args, kwargs in calls]
        self.carried = list(slots_in(arguments, Carried))
        self.grown = list(dict.fromkeys(slots_in(arguments, Grown)))
        outside, singly = self.uses_outside()
        picked = read_singly(singly, self.place, len(self.rounds) - 1)
        if picked and not (over_modules and self.slots.saves(FEWEST) and self.is_of_lists(calls)):
            raise NoLoop
        if picked is None or any(self.is_of_a_turn(u) for each in picked.values() for _, u in each):
            raise NoLoop
        lists = self.with_lists(picked)
        ends = [grown.end for grown in self.grown]
        kept = [each.value for each in (*outside, *lists)]
        if any(value is end for value in kept for end in ends) or len(ends) > len({*ends}):
            raise NoLoop  # one value in two lists
        Folder(self.graph, self.loop, self.rounds).fold(calls, outside, lists)

    def users_head(self) -> LoopHead | None:
        """The head of the user's loop that the rounds are of: not of one inside, nor of one around
        a call of `torch.vmap`, whose rounds have none.
        """
        first = self.rounds[0]
        inside = {loop.head for node in first for loop in chain(node.meta.get("loop"))}
        is_rule = self.is_of_one_rule()
        places = rule_positions(first) if is_rule else all_positions(first)
        # rounds of several layers are not those of a loop in the rule that spells each of them out
        users = (p for p in places if is_rule or not p[0].co_filename.startswith(RULES))
        heads = (head for position in users for head in loop_heads(position))
        found = next((head for head in heads if head not in inside), None)
        return found or (NO_HEAD if any("round" in node.meta for node in first) else None)

    def is_of_one_rule(self) -> bool:
        """Whether one call is spelled out by all rounds: it is the rule that goes round."""
        nodes = [node for nodes in self.rounds[:2] for node in nodes if "group" in node.meta]
        return bool(nodes) and len({id(node.meta["group"]) for node in nodes}) == 1

    def turns_back(self, head: LoopHead) -> bool:
        """Whether a round starts in the middle of the user's: with two of them any numbers would do
        for an index.
        """
        offsets = [
            next((offset for code, offset in places if head in loop_heads((code, offset))), None)
            for places in (list(all_positions([node])) for node in self.rounds[0])
        ]
        found = [offset for offset in offsets if offset is not None]
        calls = [not is_aside(node) for node in self.rounds[0]]
        begins = next((offset for call, offset in zip(calls, offsets, strict=True) if call), None)
        return found != sorted(found) or (begins is None and self.slots.is_free())

    def is_of_a_turn(self, user: fx.Node) -> bool:
        """Whether what reads a value is a part of the user's loop itself, that the rounds leave out."""
        head = self.loop.head
        return head is not NO_HEAD and any(head in loop_heads(p) for p in all_positions([user]))

    def is_of_lists(self, calls: Calls) -> bool:
        """Whether the rounds are as many whatever the sizes are: a tensor's may be more another time,
        and the items that are read by their numbers would not be all.
        """
        slots = slots_in([(args, kwargs) for _, args, kwargs in calls], Item)
        over = [slot.sequence.meta for slot in slots]
        return not any("length" in known and "count" not in known for known in over)

    def is_cut_apart(self) -> bool:
        """Whether a loop around knows a value of one of the rounds; of a block's the last round's may
        be, which are those of the loop.
        """
        around = list(chain(self.loop.parent))
        known = (node for loop in around for node in (*loop.carried.values(), *loop.collected))
        ends = (self.place.get(node) for loop in around for node in loop.ends)
        return any(node in self.place for node in known) or any(
            place is not None and place[0] < len(self.rounds) - 1 for place in ends
        )

    def check_call(self, fellows: list[fx.Node]) -> None:
        """The same call in all rounds, but for the module that it is of."""
        if fellows[0].op == "call_module":
            self.slots.note_module([str(f.target) for f in fellows])
            bodies: list[Body] = [f.meta["body"] for f in fellows if "body" in f.meta]
            takes = {
                tuple(p.name for p in body.parameters if p.node is not None) for body in bodies
            }
            methods = {f.meta.get("method") for f in fellows if "body" in f.meta}
            if len(takes) > 1 or len(methods) > 1 or len(bodies) not in (0, len(fellows)):
                raise NoLoop
        groups: list[Any] = [f.meta.get("group") for f in fellows]
        layers = [f.meta["layer"] for f in fellows if "layer" in f.meta and "group" not in f.meta]
        if len(set(map(id, layers))) < len(layers):
            raise NoLoop  # one call of a layer makes its own calls: they are no rounds of the user's
        spelled = [group for group in groups if group is not None]
        if not spelled:
            return
        if (
            len(spelled) < len(groups)
            or len({(g.function, g.text, g.style, g.why) for g in spelled}) > 1
        ):
            raise NoLoop
        self.slots.note_module([group.layer for group in spelled])

    def check_inner_loops(self) -> None:
        """Every round holds whole inner loops, and none of them reaches out of its round."""
        for node in self.rounds[0]:
            loop = node.meta.get("loop")
            while loop is not self.loop.parent:
                if loop is None:
                    raise NoLoop
                loop = loop.parent

    def uses_outside(self) -> tuple[dict[Kept, list[fx.Node]], list[Reading]]:
        """The lists of values behind the loop, with their users; and who reads a value by itself."""
        outside: dict[Kept, list[fx.Node]] = {}
        singly: list[Reading] = []
        for node, (_, offset) in self.place.items():
            for user in node.users:
                if user in self.place:
                    continue
                found = self.keepers(node, user, offset)
                for kept, holder in found or ():
                    outside.setdefault(kept, [])
                    outside[kept] += [holder] if holder not in outside[kept] else []
                if found is None:
                    singly.append((node, user))
        return outside, singly

    def with_lists(self, picked: dict[int, list[Reading]]) -> dict[Kept, list[Reading]]:
        """The lists that are to hold what is read of single rounds."""
        rows = {offset: tuple(nodes[offset] for nodes in self.rounds) for offset in picked}
        return {self.one_kept(rows[offset][0], rows[offset]): picked[offset] for offset in picked}

    def keepers(
        self, node: fx.Node, user: fx.Node, offset: int | None = None
    ) -> list[tuple[Kept, fx.Node]] | None:
        """The lists in which a call behind the loop is given a value, each with that call; None
        where it takes it by itself. An object made of the value is in such a list instead of it.
        """
        lists = itertools.chain(
            self.lists(offset) if offset is not None else (), self.lists_of_structures(user)
        )
        kept = next((k for k in lists if k.is_all_that(user, node)), None)
        if kept is not None:
            return [(kept, user)]
        if not is_object(user) or not user.users:
            return None
        found = [self.keepers(user, holder) for holder in user.users]
        if any(each is None for each in found):
            return None
        return [pair for each in found for pair in each or ()]

    def lists(self, offset: int) -> Iterator[Kept]:
        """The lists that a loop may fill with a value: as each round finds it, or as it leaves it."""
        fellows = tuple(nodes[offset] for nodes in self.rounds)
        for grown in self.grown:
            if grown.end is fellows[0]:
                yield self.one_kept(grown, (*grown.initial, *fellows))
        for carried in self.carried:
            if carried.end is fellows[0] and isinstance(carried.initial, fx.Node):
                yield self.one_kept(carried, (carried.initial, *fellows[:-1]))
        yield self.one_kept(fellows[0], fellows)

    def lists_of_structures(self, user: fx.Node) -> Iterator[Kept]:
        """The lists, among what a call behind the loop is given, that hold tuples of each round's
        values, or lists or dicts of them.
        """
        for value, row in rows(
            [*user.args, *user.kwargs.values()], len(self.rounds), self.in_any_round
        ):
            yield self.one_kept(value, row)

    def in_any_round(self, values: list[Any]) -> Any:
        """What a value in a structure is, given what it is in each round."""
        found = self.slots.of(values)
        if isinstance(found, Carried) and found not in self.carried:
            raise NoLoop  # nothing of the rounds takes it over from the one before
        if any(isinstance(v, fx.Node) and v.op == "get_attr" and v is not found for v in values):
            raise NoLoop  # parameters, which the loop's variable would have to stand for
        return found

    def one_kept(self, value: Any, values: tuple[Any, ...]) -> Kept:
        """What stands for a list of values: the same for all that use such a list."""
        return self.kept.setdefault(frozen(values), Kept(value, values))


def is_taken_apart(node: fx.Node) -> bool:
    """Whether a call only takes one part of a value: a size of a shape, one of several results."""
    if node.target is operator.getitem and isinstance(node.args[0], fx.Node):
        return not ("val" in node.meta and "val" in node.args[0].meta)
    return node.target is getattr


def rule_positions(nodes: list[fx.Node]) -> Iterator[Any]:
    """Where the calls of a rule stand in it."""
    for node in nodes:
        yield from node.meta.get("rule_positions", node.meta.get("positions", ()))


def all_positions(nodes: list[fx.Node]) -> Iterator[Any]:
    """Where calls stand, without what is around the rounds that they are of."""
    for node in nodes:
        around = node.meta.get("round", ())
        for key in ("call_positions", "positions", "outer"):
            yield from (each for each in node.meta.get(key, ()) if each not in around)
