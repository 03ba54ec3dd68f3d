"""What a recorded value was when the model ran at other sizes: which of its sizes move with them."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from typing import Any

from torch import fx

from unfoldify.recording.numbers.traced import Traced


def note_run(node: fx.Node, fellow: fx.Node, run: int | None = None) -> None:
    """Remember the shape or number that a node was in another run, of this number."""
    found = fellow.meta["val"].shape if "val" in fellow.meta else fellow.meta.get("value")
    node.meta.setdefault("runs", []).append(found)
    if run is not None:
        node.meta.setdefault("in_runs", {})[run] = found


def before(node: fx.Node) -> Iterator[fx.Node]:
    """The nodes in front of one, the nearest first."""
    current = node.prev
    while current.op != "root":
        yield current
        current = current.prev


def moves(node: fx.Node, dim: int) -> bool:
    """Whether a tensor had another size in some run."""
    own = node.meta["val"].shape
    runs = node.meta.get("runs", ())
    return any(shape is None or len(shape) != len(own) or shape[dim] != own[dim] for shape in runs)


def moves_at_all(node: fx.Node) -> bool:
    """Whether a tensor or number was another in some run."""
    own = node.meta["val"].shape if "val" in node.meta else node.meta.get("value")
    return any(found != own for found in node.meta.get("runs", ()))


def always_equal(a: int, b: int) -> bool:
    """Whether two numbers were the same in every run."""
    return bool(a == b) and all(
        x == y for x, y in zip(*padded(in_runs(a), in_runs(b), int(a)), strict=True)
    )


def in_runs(number: int) -> list[Any]:
    """What a number was in each of the other runs; of a plain one there is nothing to tell."""
    if not isinstance(number, Traced):
        return []
    node: Any = number.node
    if "runs" in node.meta:
        return list(node.meta["runs"])
    if node.target is operator.getitem and getattr(node.args[0], "target", None) is getattr:
        source, what = node.args[0].args
        if what == "shape":
            return [shape and shape[node.args[1]] for shape in source.meta.get("runs", ())]
    return [None]


def padded(a: list[Any], b: list[Any], value: int) -> tuple[list[Any], list[Any]]:
    """Both as long as the longer one: a plain number is the same in every run."""
    count = max(len(a), len(b))
    return a + [value] * (count - len(a)), b + [value] * (count - len(b))
