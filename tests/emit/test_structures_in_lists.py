"""A loop may put a tuple, a dict or an object of its round's values into a list, and stays a loop."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn, rand

import unfoldify


class State(NamedTuple):
    h: Tensor
    c: Tensor


@dataclass
class KeyValueCache:
    k: Tensor
    v: Tensor


class Layer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(rand(4))

    def forward(self, x: Tensor) -> Any:
        y = x * self.w
        return y, (y.sum(1), y.mean(1))


class Stack(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Layer() for _ in range(3))


class Pairs(Stack):
    """What a layer gives back goes into the list as it is."""

    def forward(self, x: Tensor) -> Any:
        states = []
        for layer in self.layers:
            y, state = layer(x)
            x = x + y
            states.append(state)
        return x, states


class Filled(Stack):
    """A list of nothing, filled by number."""

    def forward(self, x: Tensor) -> Any:
        h: list[Any] = [None for _ in self.layers]
        for i, layer in enumerate(self.layers):
            y, h[i] = layer(x)
            x = x + y
        return x, h


class Objects(Stack):
    """The object is made in the loop, and a tuple of the result holds the list's items."""

    def forward(self, x: Tensor) -> Any:
        caches = []
        for layer in self.layers:
            y, (total, mean) = layer(x)
            caches.append(KeyValueCache(total, mean))
            x = x + y
        return x, tuple(caches)


class Named(Stack):
    def forward(self, x: Tensor) -> Any:
        states = []
        for layer in self.layers:
            y, (h, c) = layer(x)
            states.append(State(h, c))
            x = x + y
        return {"x": x, "states": states}


class Dicts(Stack):
    """Of what the round began with, and in a structure of more than one level."""

    def forward(self, x: Tensor) -> Any:
        seen = []
        for layer in self.layers:
            y, (h, c) = layer(x)
            seen.append({"x": x, "state": (h, c), "depth": 1})
            x = x + y
        return x, seen


class Recurrence(nn.Module):
    """Over an axis: as many rounds as there are steps."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(rand(4))

    def forward(self, x: Tensor) -> Any:
        h = torch.zeros_like(x[:, 0])
        steps = []
        for t in range(x.shape[1]):
            gate = (x[:, t] * self.w).sigmoid()
            h = gate * h + x[:, t]
            steps.append((h, gate))
        return steps


class Differing(Stack):
    """What the last round adds to the list is another structure: no list of equal items."""

    def forward(self, x: Tensor) -> Any:
        states = []
        for i, layer in enumerate(self.layers):
            y, (h, c) = layer(x)
            states.append((h, c) if i < 2 else (c, h))
            x = x + y
        return x, states


class BesideTheList(Stack):
    """A part of the first round's state is used by itself as well: it stands before the loop."""

    def forward(self, x: Tensor) -> Any:
        states = []
        for layer in self.layers:
            y, state = layer(x)
            x = x + y
            states.append(state)
        return x + states[0][0].unsqueeze(1), states


WRITTEN: list[tuple[type[nn.Module], str]] = [
    (
        Pairs,
        """
        states = []
        for layer in self.layers:
            y, state = layer(x)
            x = x + y
            states.append(state)
        return x, states
        """,
    ),
    (
        Filled,
        """
        h = []
        for layer in self.layers:
            y, part = layer(x)
            x = x + y
            h.append(part)
        return x, h
        """,
    ),
    (
        Objects,
        """
        key_value_caches = []
        for layer in self.layers:
            y, (total, mean) = layer(x)
            x = x + y
            key_value_caches.append(KeyValueCache(k=total, v=mean))
        return x, (*key_value_caches,)
        """,
    ),
    (
        Named,
        """
        states = []
        for layer in self.layers:
            y, (h, c) = layer(x)
            x = x + y
            states.append(State(h=h, c=c))
        return {"x": x, "states": states}
        """,
    ),
    (
        Dicts,
        """
        values = []
        for layer in self.layers:
            y, (h, c) = layer(x)
            y = x + y
            values.append({"x": x, "state": (h, c), "depth": 1})
            x = y
        return y, values
        """,
    ),
    (
        BesideTheList,
        """
        z, (part, y) = self.layers[0](x)
        x = x + z
        states = []
        for layer in self.layers[1:]:
            z, state = layer(x)
            x = x + z
            states.append(state)
        return x + part.unsqueeze(1), [(part, y), *states]
        """,
    ),
    (
        Recurrence,
        """
        h = torch.zeros_like(x[:, 0])
        steps = []
        for t in range(x.shape[1]):
            gate = (x[:, t] * self.w).sigmoid()
            h = gate * h + x[:, t]
            steps.append((h, gate))
        return steps
        """,
    ),
]


@pytest.mark.parametrize(("build", "want"), WRITTEN)
def test_a_loop_that_collects_structures(build: type[nn.Module], want: str) -> None:
    result = unfoldify.unfoldify(build(), (rand(2, 3, 4),))
    assert not result.report.fixed_sizes
    body = result.source.rpartition("def forward(")[2].partition("\n")[2]
    assert textwrap.dedent(body).strip() == textwrap.dedent(want).strip()


def test_structures_that_differ_are_no_list_of_rounds() -> None:
    source = unfoldify.unfoldify(Differing(), (rand(2, 3, 4),)).source
    assert "return x, [(h, c), (h2, c2), (c3, h3)]" in source
    assert ".append(" not in source
