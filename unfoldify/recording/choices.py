"""Numbers that are one or the other: `k = 8 if n > 8 else n`.

A run has one of them. Where it makes the same calls with the other, the file chooses as the model does.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import fx

from unfoldify.recording.decisions import Decision
from unfoldify.recording.modes import choose

COMPARISONS = (operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge)


@dataclass(frozen=True)
class Choice:
    """A call that has other numbers in another run, and its fellow there."""

    call: fx.Node
    fellow: fx.Node


def is_number(value: Any) -> bool:
    """Whether a value is a number, or a node that computes one of numbers."""
    if isinstance(value, fx.Node):
        held = value.meta.get("value")
        return "val" not in value.meta and isinstance(held, (int, float))
    return isinstance(value, (int, float))


def may_be_chosen(one: Any, other: Any) -> bool:
    """Whether one argument may be in the place of another: a number, or a word for a setting."""
    plain = (str, type(None))
    return all(is_number(each) or isinstance(each, plain) for each in (one, other))


def put_choices(
    decision: Decision, choices: list[Choice], at: fx.Node, known: Mapping[fx.Node, fx.Node]
) -> None:
    """Let calls take what a decision chooses, which is chosen before the call `at`; `known` are values
    of the other run → those of this one.
    """
    made: dict[tuple[Any, Any], fx.Node] = {}

    def chosen(mine: Any, other: Any) -> Any:
        meant = known.get(other, other)
        is_node = isinstance(mine, fx.Node)
        if mine is meant or (not is_node and type(mine) is type(meant) and mine == meant):
            return mine
        if not may_be_chosen(mine, meant):
            return mine
        if (mine, meant) not in made:
            made[mine, meant] = choice(decision, mine, meant, at)
        return made[mine, meant]

    for each in choices:
        arguments = each.call.args, each.call.kwargs
        each.call.args, each.call.kwargs = beside(
            arguments, (each.fellow.args, each.fellow.kwargs), chosen
        )


def choice(decision: Decision, mine: Any, other: Any, at: fx.Node) -> fx.Node:
    """`8 if n > 8 else n`, under the user's name for it."""
    asked = decision.condition
    both = (mine, other) if decision.outcome else (other, mine)
    with at.graph.inserting_before(at):
        made = at.graph.call_function(choose, (asked, *both))
    made.meta["value"] = mine.meta.get("value") if isinstance(mine, fx.Node) else mine
    if "positions" in asked.meta:
        made.meta["positions"] = asked.meta["positions"]
    if "loop" in at.meta:
        made.meta["loop"] = at.meta["loop"]
    if asked.target in COMPARISONS:
        asked.meta["inline"] = True
    return made


def beside(ours: Any, theirs: Any, chosen: Callable[[Any, Any], Any]) -> Any:
    """Arguments of one structure, with what is `chosen` of each two."""
    if isinstance(ours, (tuple, list)) and isinstance(theirs, (tuple, list)):
        pairs = zip(ours, theirs, strict=True)
        return type(ours)(beside(mine, other, chosen) for mine, other in pairs)
    if isinstance(ours, dict):
        return {key: beside(ours[key], theirs[key], chosen) for key in ours}
    if isinstance(ours, slice):
        parts = ((ours.start, theirs.start), (ours.stop, theirs.stop), (ours.step, theirs.step))
        return slice(*(beside(mine, other, chosen) for mine, other in parts))
    return chosen(ours, theirs)
