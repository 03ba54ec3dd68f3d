"""Graphs that are the same but for some numbers."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from torch import fx

from unfoldify.recording.body import Body
from unfoldify.recording.loops.loop import Loop, chain

Place = tuple[int, tuple[Any, ...]]  # which node, and the way to a number in its arguments
FIXED = (operator.getitem, getattr)  # of which a number says what a value is


@dataclass(frozen=True)
class Form:
    """A graph taken apart into what has to be the same, and its numbers."""

    same: Any
    numbers: dict[Place, int | float] = field(default_factory=dict)


def form_of(body: Body) -> Form:
    """Two graphs of equal `same` do the same with other numbers."""
    nodes = list(body.graph.nodes)
    index = {node: at for at, node in enumerate(nodes)}
    loops: dict[Loop, int] = {}
    numbers: dict[Place, int | float] = {}
    same: list[Any] = [tuple(parameter.name for parameter in body.parameters)]
    for at, node in enumerate(nodes):
        is_free = node.op in ("call_function", "call_method") and node.target not in FIXED
        given: dict[Any, int | float] | None = {} if is_free else None

        def leaf(value: Any, way: tuple[Any, ...], found: Any = given) -> Any:
            if isinstance(value, fx.Node):
                return ("node", index[value])
            if found is not None and type(value) in (int, float):
                found[way] = value
                return ("number", type(value).__name__)
            return (type(value).__name__, repr(value))

        arguments = tree(node.args, ("args",), leaf), tree(node.kwargs, ("kwargs",), leaf)
        numbers.update({(at, way): value for way, value in (given or {}).items()})
        same.append((node.op, node.target, arguments, known_of(node, index, loops)))
    return Form(tuple(same), numbers)


def tree(value: Any, way: tuple[Any, ...], leaf: Any) -> Any:
    """A structure of arguments with something hashable for each leaf."""
    if isinstance(value, (tuple, list)):
        items = (tree(item, (*way, at), leaf) for at, item in enumerate(value))
        return (type(value).__name__, *items)
    if isinstance(value, dict):
        return ("dict", *((key, tree(item, (*way, key), leaf)) for key, item in value.items()))
    if isinstance(value, slice):
        parts = ((part, getattr(value, part)) for part in ("start", "stop", "step"))
        return ("slice", *(tree(item, (*way, part), leaf) for part, item in parts))
    return leaf(value, way)


def known_of(node: fx.Node, index: dict[fx.Node, int], loops: dict[Loop, int]) -> Any:
    """What else decides about the lines that a node becomes."""
    meta = node.meta
    group = meta.get("group")
    around = []
    for loop in chain(meta.get("loop") or meta.get("head_of")):
        pairs = (*loop.sequences.items(), *loop.carried.items(), *loop.collected.items())
        ends = tuple((index[one], index[other]) for one, other in pairs)
        around.append((loops.setdefault(loop, len(loops)), loop.rounds, loop.counted, ends))
    words = tuple(repr(meta.get(key)) for key in ("length", "item", "items", "name", "remark"))
    flags = tuple(key in meta for key in ("kept", "val", "value", "mutates", "inline", "result"))
    told = None if group is None else (group.function, group.text, group.style, group.why)
    places = tuple(meta.get(key) for key in ("positions", "call_positions", "outer"))
    return tuple(around), words, flags, told, places, inner_forms(meta.get("body"))


def inner_forms(body: Body | None) -> Any:
    """What a module does that is called, in both modes."""
    if body is None:
        return ()
    form = form_of(body)
    return form.same, tuple(form.numbers.items()), inner_forms(body.other_mode)


def differing(forms: list[Form]) -> Iterator[tuple[Place, tuple[int | float, ...]]]:
    """The places of the numbers that differ, and what each of the graphs has there."""
    for place, first in forms[0].numbers.items():
        values = tuple(form.numbers[place] for form in forms)
        if any(type(value) is not type(first) or value != first for value in values):
            yield place, values


def put(node: fx.Node, way: tuple[Any, ...], value: fx.Node) -> None:
    """Let a node stand in the place of a number."""
    holder, *steps = way
    setattr(node, holder, replaced(getattr(node, holder), steps, value))


def replaced(tree_: Any, steps: list[Any], value: fx.Node) -> Any:
    if not steps:
        return value
    first, *rest = steps
    if isinstance(tree_, dict):
        return {k: replaced(v, rest, value) if k == first else v for k, v in tree_.items()}
    if isinstance(tree_, slice):
        parts = {part: getattr(tree_, part) for part in ("start", "stop", "step")}
        parts[first] = replaced(parts[first], rest, value)
        return slice(*parts.values())
    items = [replaced(v, rest, value) if at == first else v for at, v in enumerate(tree_)]
    return type(tree_)(items)
