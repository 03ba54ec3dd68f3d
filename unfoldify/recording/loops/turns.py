"""Whether a call reads the same in every round, once it is spelled out.

`F.conv2d(x, w.transpose(i, -1))` is one call at one place, but with a 5x1 kernel it is other lines
than with a 1x5 one, and a module that is given the number of the round may sum over another axis in
each. Such rounds are no loop, or not before their lines are there to be compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import fx

from unfoldify.lowering.lower import RuleRecorder, rule_of
from unfoldify.recording.align import same_constant
from unfoldify.recording.body import Body
from unfoldify.recording.loops.loop import Loop, chain
from unfoldify.rules import RULES, Decline, Rule

Fellows = dict[fx.Node, fx.Node]


def read_alike(fellows: Sequence[fx.Node]) -> bool:
    """Whether one call of a loop, given as it is in each round, is the same lines in all of them."""
    first, *others = fellows
    if not all(same_body(first, other) for other in others):
        return False
    rule = rule_of(first, RULES)
    if rule is None or rule.kind == "recurrent":  # whose lines are a loop, over any length
        return True
    if len({shapes(node) for node in fellows}) == 1 and len(set(map(numbers, fellows))) == 1:
        return True
    ours = lines(first, rule)
    return all(lines(other, rule) == ours for other in others)


def same_body(one: fx.Node, other: fx.Node) -> bool:
    """Whether two calls of one module do the same; modules are compared where classes are made."""
    ours: Body | None = one.meta.get("body")
    theirs: Body | None = other.meta.get("body")
    if ours is None or theirs is None or ours.module is not theirs.module:
        return True
    return same_graph(ours.graph, theirs.graph)


def same_graph(ours: fx.Graph, theirs: fx.Graph) -> bool:
    """Whether two graphs make the same calls, of the same values and numbers."""
    if len(ours.nodes) != len(theirs.nodes):
        return False
    fellows: Fellows = {}
    for node, fellow in zip(ours.nodes, theirs.nodes, strict=True):
        if node.op != "placeholder" and (node.op, node.target) != (fellow.op, fellow.target):
            return False
        fellows[node] = fellow
        if not same_values((node.args, node.kwargs), (fellow.args, fellow.kwargs), fellows):
            return False
        if counts(node) != counts(fellow) or not read_alike([node, fellow]):
            return False
    return True


def counts(node: fx.Node) -> list[int]:
    """How often the loops around a call go round, where that is a number and no sequence's length."""
    around: Loop | None = node.meta.get("loop")
    return [loop.rounds for loop in chain(around) if not loop.sequences]


def same_values(ours: Any, theirs: Any, fellows: Fellows) -> bool:
    """Whether arguments are the same, but for values that are each other's fellows."""
    if isinstance(ours, fx.Node):
        return fellows.get(ours) is theirs
    if isinstance(ours, (tuple, list)):
        return (
            type(ours) is type(theirs)
            and len(ours) == len(theirs)
            and all(same_values(a, b, fellows) for a, b in zip(ours, theirs, strict=True))
        )
    if isinstance(ours, dict):
        return (
            isinstance(theirs, dict)
            and ours.keys() == theirs.keys()
            and all(same_values(ours[key], theirs[key], fellows) for key in ours)
        )
    if isinstance(ours, slice):
        parts = ("start", "stop", "step")
        return isinstance(theirs, slice) and all(
            same_values(getattr(ours, part), getattr(theirs, part), fellows) for part in parts
        )
    return same_constant(ours, theirs)


def shapes(node: fx.Node) -> tuple[Any, ...]:
    """The shapes of a call's operands."""
    return tuple(n.meta["val"].shape if "val" in n.meta else None for n in node.all_input_nodes)


def numbers(node: fx.Node) -> str:
    """A call's other arguments, and what its operands are where they are numbers."""
    values = fx.node.map_arg((node.args, node.kwargs), lambda n: n.meta.get("value"))
    return repr(values)


def lines(node: fx.Node, rule: Rule) -> Any:
    """What spelling out a call would make of it, or why it is left as it is."""
    recorder = RuleRecorder(node.graph, node)
    place = {operand: f"operand {i}" for i, operand in enumerate(node.all_input_nodes)}
    try:
        made = recorder.run(rule, "product")
    except Decline as reason:
        return str(reason)
    place.update({new: f"line {i}" for i, new in enumerate(made)})
    told = [repr((n.op, n.target, named(n.args, place), named(n.kwargs, place))) for n in made]
    recorder.undo(made)
    return told


def named(value: Any, place: dict[fx.Node, str]) -> Any:
    """Arguments with what they stand for in the place of nodes."""
    return fx.node.map_arg(value, lambda n: place.get(n, n.name))
