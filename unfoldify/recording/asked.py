"""Where in a run its questions are asked, and which of them two runs have in common."""

from __future__ import annotations

from torch import fx

from unfoldify.recording.body import Body
from unfoldify.recording.capture import Recording
from unfoldify.recording.decisions import Decision

ROOTS = ("placeholder", "get_attr")


def parted(decision: Decision) -> tuple[list[fx.Node], list[fx.Node]]:
    """The calls of a body before a decision and after it."""
    nodes = list(decision.body.graph.nodes)
    place = nodes.index(decision.after) + 1
    parts = nodes[:place], nodes[place:]
    first, second = ([n for n in part if n.op not in ROOTS] for part in parts)
    return first, second


def decided_between(base: Recording, turned: Recording, number: int, theirs: int) -> list[int]:
    """The decisions of the turned run that it makes before both meet: what comes from there on, both
    are asked.
    """
    mine, other = asked_behind(base, number), asked_behind(turned, theirs)
    while mine and other and base.decisions[mine[-1]].place == turned.decisions[other[-1]].place:
        mine.pop()
        other.pop()
    return other


def asked_behind(run: Recording, number: int) -> list[int]:
    """What is asked after a decision; after one by a size, which may be turned in many layers at once,
    what is asked in the same one.
    """
    asked = run.decisions[number]
    later = range(number + 1, len(run.decisions))
    return [n for n in later if not asked.by_size or is_in(run.decisions[n].body, asked.body)]


def is_in(body: Body | None, outer: Body) -> bool:
    """Whether a body is another, or called from there."""
    while body is not None and body is not outer:
        body = body.parent
    return body is outer


def place_of(decision: Decision, first: Decision) -> float:
    """How many calls, of the body in which another decision was made, come between the two."""
    body, after = decision.body, decision.after
    while body is not first.body:
        if body.parent is None or body.call is None:
            return float("inf")
        nodes = [node for node in body.parent.graph.nodes if node.op not in ROOTS]
        body, after = body.parent, nodes[nodes.index(body.call) - 1]
    later = parted(first)[1]
    return later.index(after) + 1.0 if after in later else 0.0
