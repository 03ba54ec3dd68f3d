"""Which calls of a straight recording may be the rounds of a loop."""

from __future__ import annotations

import itertools
import operator
import re
from collections.abc import Iterator
from typing import Any

from torch import fx

from unfoldify.recording.loops.loop import SYNTHETIC, Loop

LONGEST = 400  # calls in one round


def mark(node: fx.Node) -> Any:
    """What is the same for one call in every round."""
    own = node.meta.get("rule_positions", node.meta.get("positions", ()))  # not what it results in
    where = (own, *(node.meta.get(key, ()) for key in ("call_positions", "outer")))
    if not any(where):
        where = () if is_aside(node) else ("unknown", id(node))
    target = re.sub(r"\d+", "#", node.target) if isinstance(node.target, str) else node.target
    loop: Loop | None = node.meta.get("loop") or node.meta.get("head_of")
    return (
        node.op,
        target,
        where,
        None if loop is None else (loop.rounds, len(loop.carried)),
        node.meta.get("grad"),
    )


def is_aside(node: fx.Node) -> bool:
    """A part of another value, or what belongs to a loop inside: it has no place in the user's file."""
    return node.target in (getattr, operator.getitem, *SYNTHETIC) or "inline" in node.meta


def candidates(nodes: list[fx.Node], marks: list[Any]) -> Iterator[tuple[int, int, int]]:
    """(start, calls in a round, rounds), short rounds first."""
    count = len(nodes)
    places: dict[Any, list[int]] = {}
    for index, this in enumerate(marks):
        places.setdefault(this, []).append(index)
    lengths = sorted({b - a for found in places.values() for a, b in itertools.pairwise(found)})
    for length in lengths:
        if length > LONGEST:
            return
        start = 0
        while start + 2 * length <= count:
            rounds = 1
            while (
                marks[start : start + length]
                == marks[start + rounds * length : start + (rounds + 1) * length]
            ):
                rounds += 1
            if rounds > 1:
                yield start, length, rounds
                start += 1
            else:
                start += 1


def rounds_before(marks: list[Any], start: int, length: int) -> int:
    """How many equal rounds stand in front of some: of the same loop, or in those of one around."""
    count = 0
    while start >= length * (count + 1) and (
        marks[start - length * (count + 1) : start - length * count]
        == marks[start : start + length]
    ):
        count += 1
    return count
