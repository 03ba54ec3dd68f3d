"""A value goes by the name that the forward gives it, wherever it was made: names of helpers' results
and of the parts of arguments."""

from __future__ import annotations

import ast
from typing import Any

import pytest
import torch
from torch import Tensor, nn, randn

import unfoldify
from unfoldify.recording.words_of_arguments import words_of_parts


def sin_cos(x: Tensor) -> tuple[Tensor, Tensor]:
    angle = x * 0.1
    return torch.sin(angle), torch.cos(angle)


def summed(x: Tensor) -> Tensor:
    y = x.cumsum(0)
    return y


def twice(x: Tensor) -> Tensor:
    return summed(summed(x))


def kept_for_itself(x: Tensor) -> Tensor:
    weights = x.softmax(0)
    return x * weights


class Helped(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        sin, cos = sin_cos(x)
        message = summed(x * cos)
        further = twice(message * sin)
        pooled = kept_for_itself(further + message)
        return pooled * pooled.mean() + sin * cos + further


class InMethod(nn.Module):
    def halves(self, x: Tensor) -> Any:
        a, b = x.chunk(2, dim=-1)
        return b, a

    def forward(self, x: Tensor) -> Tensor:
        gate, value = self.halves(x)
        both = self.halves(value.sigmoid() + gate)
        return both[0] * both[1]


class NotHandedOn(nn.Module):
    """A helper's own names stay where its caller has no name for the value."""

    def forward(self, x: Tensor) -> Tensor:
        return summed(x) * kept_for_itself(x)


def body(model: nn.Module, *args: Any) -> list[str]:
    torch.manual_seed(0)
    tree = ast.parse(unfoldify.unfoldify(model, args).source)
    forward = next(
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.name == "forward"
    )
    return [line for statement in forward.body for line in ast.unparse(statement).splitlines()]


def test_what_a_helper_returns_has_the_callers_name() -> None:
    assert body(Helped(), randn(3, 4)) == [
        "angle = x * 0.1",
        "sin = torch.sin(angle)",
        "cos = torch.cos(angle)",
        "message = (x * cos).cumsum(0)",
        "y = (message * sin).cumsum(0)",
        "further = y.cumsum(0)",
        "pooled = further + message",
        "weights = pooled.softmax(0)",
        "pooled = pooled * weights",
        "return pooled * pooled.mean() + sin * cos + further",
    ]


def test_what_a_method_takes_apart_and_returns_in_another_order() -> None:
    lines = body(InMethod(), randn(3, 4))
    assert lines[0] == "value, gate = x.chunk(2, dim=-1)"
    assert lines[1:] == ["a, b = (value.sigmoid() + gate).chunk(2, dim=-1)", "return b * a"]


def test_a_helpers_own_names_stay() -> None:
    assert body(NotHandedOn(), randn(3, 4)) == [
        "y = x.cumsum(0)",
        "weights = x.softmax(0)",
        "return y * (x * weights)",
    ]


class State(nn.Module):
    def forward(self, x: Tensor, state: Any, batch: dict[str, Tensor]) -> Any:
        hidden, (cell, _) = state
        mask, scale = batch["_mask"], batch.get("s")
        hidden = (x + hidden + scale).tanh() * mask * hidden
        return hidden, cell + hidden * scale + cell * mask


def test_parts_of_arguments_have_the_names_that_forward_gives_them() -> None:
    x, hidden, cell, other, mask, scale = randn(6, 2, 4).unbind()
    lines = body(State(), x, (hidden, (cell, other)), {"_mask": mask, "s": scale})
    found = [line for line in lines if not line.startswith(("if ", "    raise"))]
    assert found == [
        "hidden = state[0]",
        "cell = state[1][0]",
        "mask = batch['_mask']",
        "scale = batch['s']",
        "hidden = (x + hidden + scale).tanh() * mask * hidden",
        "return (hidden, cell + hidden * scale + cell * mask)",
    ]


def of_a_variable_that_is_set_again(state: Any) -> Any:
    state = [state]
    first = state[0]
    return first


def by_an_index_that_is_no_constant(state: Any, n: int) -> Any:
    last = state[n]
    return last


def through_another_variable(batch: Any) -> Any:
    inner = batch.inner
    mask = inner["mask"]
    again = inner["mask"]
    return mask, again


@pytest.mark.parametrize(
    ("forward", "words"),
    [
        (of_a_variable_that_is_set_again, {}),
        (by_an_index_that_is_no_constant, {}),
        (
            through_another_variable,
            {("batch", "inner"): "inner", ("batch", "inner", "mask"): "mask"},
        ),
        (len, {}),
    ],
)
def test_words_of_parts(forward: Any, words: Any) -> None:
    assert words_of_parts(forward) == words
