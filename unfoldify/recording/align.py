"""Two recordings of one model, side by side: what differs between them is explained or refused.

The model runs again in the other mode, and again at other sizes and in another dtype. Where the
graphs agree but a constant differs, the constant is not one: it is `self.training`, a size, a
dtype.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from torch import fx

from unfoldify.recording.body import Body
from unfoldify.recording.loops.loop import Loop, chain, index_of_round, repeating
from unfoldify.recording.loops.ranges import of_loop, rounds_of
from unfoldify.recording.moving import note_run

Explain = Callable[["Place", Any, Any], Any]
REFUSED = "refused"  # of a node: one of its numbers goes by no size that can be named
_RUNS = itertools.count()


class Unalike(Exception):  # noqa: N818 (it says what two graphs are, and is no error)
    """The two graphs do not do the same."""

    def __init__(
        self, first: fx.Node | None, second: fx.Node | None, reason: str, *, withdrawn: bool = False
    ) -> None:
        super().__init__(reason)
        self.first, self.second = first, second
        self.withdrawn = withdrawn  # what explained a number in earlier runs was chance
        self.has_more = False  # whether the second run makes more calls


@dataclass(frozen=True)
class Place:
    """Where two recordings differ: a node of the first, and its fellow in the second."""

    body: Body
    node: fx.Node
    fellows: dict[fx.Node, fx.Node]
    run: int | None = None
    was: Mapping[int, Any] | None = (
        None  # the number in earlier runs; None: what it is in the first
    )

    def history(self, ours: Any) -> Mapping[int, Any]:
        """What the number at this place was in each earlier run."""
        if self.was is not None:
            return self.was
        return {run: ours for run in self.node.meta.get("in_runs", {}) if run != self.run}


def align(
    first: Body, second: Body, explain: Explain, run: int | None = None
) -> Iterator[tuple[Body, Body, Unalike]]:
    """Explain in `first` what differs in `second`; yields the pairs of bodies that are not alike."""
    run = next(_RUNS) if run is None else run
    try:
        fellows = matched(first, second, run)
        for node, fellow in fellows.items():
            compare(Place(first, node, fellows, run), fellow, explain)
            compare_loops(Place(first, node, fellows, run), fellow, explain)
    except Unalike as difference:
        yield first, second, difference
        return
    for node, fellow in fellows.items():
        if "body" in node.meta:
            yield from align(node.meta["body"], fellow.meta["body"], explain, run)


def matched(first: Body, second: Body, run: int | None = None) -> dict[fx.Node, fx.Node]:
    """Each node of the first graph with its fellow in the second."""
    ours, theirs = (
        [node for node in body.graph.nodes if not {"explains", "chance"} & node.meta.keys()]
        for body in (first, second)
    )
    fellows: dict[fx.Node, fx.Node] = {}
    for node, fellow in zip(ours, theirs, strict=False):
        if node.op != fellow.op or node.target != fellow.target:
            raise Unalike(node, fellow, f"{node.format_node()} / {fellow.format_node()}")
        if "body" in node.meta and node.meta["body"].module is not fellow.meta["body"].module:
            raise Unalike(node, fellow, "another module")
        fellows[node] = fellow
        note_run(node, fellow, run)
        if "val" in fellow.meta:
            node.meta["other"] = fellow.meta["val"]
        if "value" in fellow.meta:
            node.meta["other_value"] = fellow.meta["value"]
    if len(ours) != len(theirs):
        longer = ours if len(ours) > len(theirs) else theirs
        raise Unalike(ours[-1], theirs[-1], longer[min(len(ours), len(theirs))].format_node() or "")
    return fellows


def compare_loops(place: Place, fellow: fx.Node, explain: Explain) -> None:
    """A loop that goes round as often as something is long."""
    ours: Any = repeating(place.node.meta.get("loop"))
    theirs: Any = repeating(fellow.meta.get("loop"))
    if (ours is None) != (theirs is None):
        raise Unalike(place.node, fellow, "a loop in one run alone")
    if ours is None or ours.sequences:
        return
    head = next(
        node
        for node in place.body.graph.nodes
        if node.meta.get("head_of") is ours or node is place.node
    )
    if ours.counted:
        count = ours.index.args[0]
        if not holds(count, theirs.rounds, place):
            again = instead(replace(place, node=head), count, theirs.rounds, explain)
            ours.index.args = (ours.rounds if again is None else again,)
            ours.counted = again is not None
            if again is None:
                reason = f"{theirs.rounds} rounds, not as many as {count}"
                raise Unalike(place.node, fellow, reason, withdrawn=True)
        return
    if ours.rounds == theirs.rounds:
        return
    at_head = replace(place, node=head)
    count = users_range(at_head, ours, theirs.rounds)
    if count is None:
        count = explained(at_head, ours.rounds, theirs.rounds, explain)
    if count is None:
        raise Unalike(place.node, fellow, f"{ours.rounds} / {theirs.rounds} rounds")
    ours.counted = True
    if ours.index is None:
        with place.body.graph.inserting_before(head):
            ours.index = place.body.graph.call_function(index_of_round, (count,))
        ours.index.meta.update(head_of=ours, explains=ours.rounds, value=0)
    ours.index.args = (count,)


def users_range(place: Place, loop: Loop, rounds: int) -> fx.Node | None:
    """The range of the user's that a loop goes over, if it is as long in every run so far."""
    wanted: dict[Any, Any] = {**place.history(loop.rounds), place.run: rounds}
    for made in of_loop(loop, place.node):
        fellow = place.fellows.get(made)
        if fellow is None or len(made.meta["value"]) != loop.rounds:
            continue
        runs = {**made.meta.get("in_runs", {}), place.run: fellow.meta["value"]}
        if all(len(runs[run]) == n for run, n in wanted.items()):
            return made
    return None


def compare(place: Place, fellow: fx.Node, explain: Explain) -> None:
    """Walk the arguments of two fellows and explain each constant that differs."""
    node = place.node
    if node.target is index_of_round:  # `compare_loops` sees to how often it goes round
        return
    held, other = node.meta.get("constant"), fellow.meta.get("constant")
    if held is not None and other is not None and held.shape != other.shape:
        raise Unalike(node, fellow, "a constant of another shape, made by other means than torch's")
    walk = Walk(place, fellow, explain)
    args, kwargs = (
        walk.of(tuple(node.args), tuple(fellow.args)),
        walk.of(dict(node.kwargs), dict(fellow.kwargs)),
    )
    if node.meta.get("body") is None:
        node.args, node.kwargs = args, kwargs
    if walk.withdrawn:
        raise Unalike(node, fellow, walk.withdrawn[0], withdrawn=True)


@dataclass(frozen=True)
class Walk:
    """The arguments of two fellows, side by side."""

    place: Place
    fellow: fx.Node
    explain: Explain
    withdrawn: list[str] = field(default_factory=list)  # explanations that this run is against

    def of(self, ours: Any, theirs: Any) -> Any:
        """What the argument of the first is from now on."""
        if isinstance(ours, fx.Node):
            return self.of_node(ours, theirs)
        if (
            isinstance(ours, (tuple, list))
            and isinstance(theirs, (tuple, list))
            and len(ours) == len(theirs)
        ):
            return type(ours)(self.of(a, b) for a, b in zip(ours, theirs, strict=True))
        if isinstance(ours, dict) and isinstance(theirs, dict) and ours.keys() == theirs.keys():
            return {key: self.of(ours[key], theirs[key]) for key in ours}
        if isinstance(ours, slice) and isinstance(theirs, slice):
            parts = ((ours.start, theirs.start), (ours.stop, theirs.stop), (ours.step, theirs.step))
            return slice(*(self.of(a, b) for a, b in parts))
        if same_constant(ours, theirs):
            return ours
        if isinstance(theirs, fx.Node) and same_constant(ours, theirs.meta.get("explains")):
            return ours
        found = explained(self.place, ours, theirs, self.explain)
        if found is None:
            raise Unalike(self.place.node, self.fellow, f"{ours!r} / {theirs!r}")
        return found

    def of_node(self, ours: fx.Node, theirs: Any) -> Any:
        """A value of both, or what an earlier run explained: if it is wrong in this one, another
        explanation, and where there is none the number that it was.
        """
        if isinstance(theirs, fx.Node) and self.place.fellows.get(ours) is theirs:
            return ours
        meant = theirs.meta.get("explains", theirs) if isinstance(theirs, fx.Node) else theirs
        is_users = ours in self.place.fellows and not isinstance(meant, fx.Node)
        if is_users and same_constant(in_other_run(ours, self.place.fellows), meant):
            return ours
        if "explains" not in ours.meta or isinstance(meant, fx.Node):
            raise Unalike(self.place.node, self.fellow, "other operands")
        if holds(ours, meant, self.place):
            return ours
        again = instead(self.place, ours, meant, self.explain)
        if again is None:
            self.withdrawn.append(f"{ours.meta['explains']!r} / {meant!r}")
            return ours.meta["explains"]
        return again


def explained(place: Place, ours: Any, theirs: Any, explain: Explain) -> Any:
    """What a value is that was this in one run and that in the other; new nodes say what for."""
    known = set(place.body.graph.nodes)
    found = explain(place, ours, theirs)
    was: dict[Any, Any] = {**place.history(ours), place.run: theirs}
    for made in [node for node in place.body.graph.nodes if node not in known]:
        made.meta.update(explains=ours, was=was)
        before_blocks(made, place.node)
    return found


def before_blocks(made: fx.Node, reader: fx.Node) -> None:
    """What explains a number in a block that a value decides about stands before it, as far out as
    what it is made of: the other side, or what comes later, may read it too.
    """
    head = reader.meta.get("head_of")
    around = reader.meta.get("loop") if head is None else head.parent
    blocks = list(itertools.takewhile(lambda loop: loop.test is not None, chain(around)))
    for block in reversed(blocks):
        if block.test is not None and all(each < block.test for each in made.all_input_nodes):
            block.test.prepend(made)
            around = block.parent
            break
    if blocks and around is not None:
        made.meta["loop"] = around


def holds(made: fx.Node, meant: Any, place: Place) -> bool:
    """Whether what explained a number in earlier runs is right in this one."""
    computed = rounds_of(in_other_run(made, place.fellows))
    if computed is None:
        return same_constant(made.meta["explains"], meant)
    if same_constant(computed, meant) and "was" in made.meta:
        made.meta["was"] = {**made.meta["was"], place.run: meant}
    return same_constant(computed, meant)


def instead(place: Place, made: fx.Node, meant: Any, explain: Explain) -> Any:
    """Another explanation, that is right in all runs so far; None where there is none."""
    found = None
    if "was" in made.meta:
        again = replace(place, was=made.meta["was"])
        found = explained(again, made.meta["explains"], meant, explain)
    if found is None:
        place.node.meta[REFUSED] = True
    return found


def in_other_run(made: Any, fellows: Mapping[fx.Node, fx.Node]) -> Any:
    """What the expression that explains a number gives in another run; None if nobody can tell."""
    if isinstance(made, list):  # of tensors, which are nodes in that run, too
        return [fellows.get(item) or in_other_run(item, fellows) for item in made]
    if not isinstance(made, fx.Node):
        return made
    if made in fellows:
        fellow = fellows[made]
        return fellow.meta.get("value", fellow.meta.get("val"))
    args = [in_other_run(arg, fellows) for arg in made.args]
    if made.op != "call_function" or any(arg is None for arg in args):
        return None
    try:
        return made.target(*args)  # type: ignore[operator]
    except (AttributeError, TypeError, IndexError, ValueError, ZeroDivisionError):
        return None


def same_constant(ours: Any, theirs: Any) -> bool:
    if isinstance(ours, list) and isinstance(theirs, list):  # of a graph's own kind, too
        return list(ours) == list(theirs)
    if type(ours) is not type(theirs):
        return False
    if isinstance(ours, float) and math.isnan(ours):
        return math.isnan(theirs)
    try:
        return ours is theirs or bool(ours == theirs)
    except (RuntimeError, ValueError):
        return False
