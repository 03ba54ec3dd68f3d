"""Tensors inside other values: found, named, exchanged."""

from __future__ import annotations

import collections
import dataclasses
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from unfoldify import nesting


class Pair(NamedTuple):
    first: Any
    second: Any


@dataclasses.dataclass
class Batch:
    keys: list[Tensor]
    name: str = "a"


class Cache:
    def __init__(self, keys: Tensor) -> None:
        self.keys = keys


ONE, TWO = torch.ones(1), torch.ones(2)


def test_paths_are_what_a_person_would_write() -> None:
    value = {"a": [ONE, (TWO, 3)], 5: Pair(Batch([ONE]), Cache(TWO)), "b c": None}
    assert [path for path, _ in nesting.walk(value, "x")] == [
        "x['a'][0]",
        "x['a'][1][0]",
        "x['a'][1][1]",
        "x[5].first.keys[0]",
        "x[5].first.name",
        "x[5].second.keys",
        "x['b c']",
    ]
    assert [path for path, _ in nesting.walk(Batch([ONE]))] == ["keys[0]", "name"]


def test_a_tensor_in_two_places_comes_once() -> None:
    assert [path for path, _ in nesting.tensors([ONE, TWO, ONE], "x")] == ["x[0]", "x[1]"]


def test_rebuilding_keeps_structure_and_identity_and_the_given() -> None:
    shared = [ONE]
    value = {"a": shared, "b": shared, "c": Pair(ONE, Cache(TWO)), "d": collections.deque([1])}
    new = nesting.rebuilt(value, lambda path, t: t + 1)
    assert new["a"] is new["b"]
    assert new["a"][0] is new["c"].first
    assert new["c"].second.keys.tolist() == [2, 2]
    assert type(new["c"]) is Pair
    assert value["a"][0] is ONE
    assert value["c"].second.keys is TWO


def test_what_contains_itself() -> None:
    loop: list[Any] = [ONE]
    loop.append(loop)
    new = nesting.rebuilt(loop, lambda path, t: t * 0)
    assert new[1] is new
    assert [path for path, _ in nesting.tensors(loop, "x")] == ["x[0]"]
    assert nesting.outline(loop, "x") == {"x": "list"}


def test_containers_by_kind() -> None:
    value = (collections.OrderedDict(a=[ONE]), Batch([]), Cache(ONE), torch.max(ONE, 0))
    assert nesting.outline(value, "x") == {
        "x": "tuple",
        "x[0]": "dict",
        "x[0]['a']": "list",
        "x[1]": "Batch",
        "x[1].keys": "list",
        "x[2]": "object Cache",
        "x[3]": "tuple",
    }


def test_arguments_go_by_the_names_in_forward() -> None:
    class Net(nn.Module):
        def forward(self, x: Tensor, *more: Tensor, flag: bool, **others: Tensor) -> None: ...

    named = nesting.arguments(Net(), (ONE, TWO), {"flag": True, "y": ONE})
    assert list(named) == ["x", "args[1]", "flag", "y"]
    args, kwargs = nesting.rebuilt_call(
        Net(), (ONE, TWO), {"flag": True, "y": ONE}, lambda path, t: t * 3
    )
    assert [a.tolist() for a in args] == [[3], [3, 3]]
    assert kwargs["flag"] is True
    assert kwargs["y"] is args[0]
