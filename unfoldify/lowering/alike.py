"""Convolutions of one kind of block are spelled out alike, that their blocks can share a class.

In a stack with dilations 1, 2, 4, ... the first block would have other windows than all others.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from typing import Any

from torch import fx

from unfoldify.lowering.lower import Rules, layer_path, rule_of
from unfoldify.recording.body import Body
from unfoldify.recording.layers import is_torch_class


class Undecided(int):
    """A number that is another one in other blocks: rules write what holds for any."""


def let_dilations_be_alike(bodies: Iterable[Body], rules: Rules) -> None:
    """Where most calls of a place are dilated, rules take the others for dilated as well."""
    places: dict[Any, list[tuple[fx.Node, Any]]] = {}
    for body in bodies:
        for node, dilation, rest in convolutions(body, rules):
            places.setdefault((type(body.module), rest), []).append((node, dilation))
    for calls in places.values():
        plain = [(node, dilation) for node, dilation in calls if is_one(dilation)]
        if plain and 2 * len(plain) < len(calls):
            for node, dilation in plain:
                give(node, rules, dilation)


def convolutions(body: Body, rules: Rules) -> Iterator[tuple[fx.Node, Any, Any]]:
    """(call, dilation, what else must be the same) of the convolutions in a class of the user's."""
    if is_torch_class(type(body.module)):
        return
    for node in body.graph.nodes:
        rule = rule_of(node, rules)
        if rule is None or rule.kind != "conv":
            continue
        given = arguments(node, rule.function)
        weight = given.get("weight")
        if not isinstance(weight, fx.Node) or "val" not in weight.meta or "dilation" not in given:
            continue
        numbers = (given.get("stride"), given.get("groups"))
        kernel = tuple(weight.meta["val"].shape[2:])
        rest = (node.target, layer_path(node), kernel, repr(numbers), node.meta.get("positions"))
        yield node, given["dilation"], rest


def arguments(node: fx.Node, function: Any) -> dict[str, Any]:
    """A call's arguments by name; {} where they do not fit."""
    try:
        return dict(inspect.signature(function).bind(*node.args, **node.kwargs).arguments)
    except TypeError:
        return {}


def is_one(dilation: Any) -> bool:
    numbers = dilation if isinstance(dilation, (tuple, list)) else (dilation,)
    return all(type(number) is int and number == 1 for number in numbers)


def give(node: fx.Node, rules: Rules, dilation: Any) -> None:
    """Put numbers that rules do not rely on in the place of a dilation of 1."""
    rule = rule_of(node, rules)
    assert rule is not None
    bound = inspect.signature(rule.function).bind(*node.args, **node.kwargs)
    one = Undecided(1)
    bound.arguments["dilation"] = (
        type(dilation)(one for _ in dilation) if isinstance(dilation, (tuple, list)) else one
    )
    node.args, node.kwargs = bound.args, bound.kwargs
