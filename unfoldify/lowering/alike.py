"""Convolutions of one kind of block are spelled out alike, that their blocks can share a class.

In a stack with dilations 1, 2, 4, ... the first block would have other windows than all others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from inspect import BoundArguments
from typing import Any

from torch import fx

from unfoldify.lowering.lower import Rules, bound, layer_path, rule_of
from unfoldify.recording.body import Body
from unfoldify.recording.layers import is_torch_class


class Undecided(int):
    """A number that is another one in other blocks: rules write what holds for any."""


def let_dilations_be_alike(bodies: Iterable[Body], rules: Rules) -> None:
    """Where most calls of a place are dilated, rules take the others for dilated as well."""
    places: dict[Any, list[tuple[fx.Node, BoundArguments]]] = {}
    for body in bodies:
        for node, given, rest in convolutions(body, rules):
            places.setdefault((type(body.module), rest), []).append((node, given))
    for calls in places.values():
        plain = [(node, given) for node, given in calls if is_one(given.arguments["dilation"])]
        if plain and 2 * len(plain) < len(calls):
            for node, given in plain:
                leave_open(node, given)


def convolutions(body: Body, rules: Rules) -> Iterator[tuple[fx.Node, BoundArguments, Any]]:
    """(call, arguments, what else must be the same) of the convolutions in a class of the user's."""
    if is_torch_class(type(body.module)):
        return
    for node in body.graph.nodes:
        rule = rule_of(node, rules)
        given = bound(node, rule) if rule is not None and rule.kind == "conv" else None
        if given is None or "dilation" not in given.arguments:
            continue
        weight = given.arguments.get("weight")
        if not isinstance(weight, fx.Node) or "val" not in weight.meta:
            continue
        numbers = (given.arguments.get("stride"), given.arguments.get("groups"))
        kernel = tuple(weight.meta["val"].shape[2:])
        rest = (node.target, layer_path(node), kernel, repr(numbers), node.meta.get("positions"))
        yield node, given, rest


def is_one(dilation: Any) -> bool:
    numbers = dilation if isinstance(dilation, (tuple, list)) else (dilation,)
    return all(type(number) is int and number == 1 for number in numbers)


def leave_open(node: fx.Node, given: BoundArguments) -> None:
    """Put numbers that rules do not rely on in the place of a dilation of 1."""
    dilation, one = given.arguments["dilation"], Undecided(1)
    given.arguments["dilation"] = (
        type(dilation)(one for _ in dilation) if isinstance(dilation, (tuple, list)) else one
    )
    node.args, node.kwargs = given.args, given.kwargs
