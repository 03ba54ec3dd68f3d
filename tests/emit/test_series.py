"""Blocks that differ in one argument are built by a comprehension over it."""

from __future__ import annotations

import ast

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import unfoldify
from unfoldify.emit.series import series


@pytest.mark.parametrize(
    ("items", "wanted"),
    [
        ("B(1), B(2), B(4), B(8)", "(B(2 ** i) for i in range(4))"),
        ("B(4, 8), B(8, 8), B(16, 8), B(32, 8)", "(B(2 ** i, 8) for i in range(2, 6))"),
        ("B(n=8), B(n=12), B(n=16), B(n=20)", "(B(n=n) for n in range(8, 24, 4))"),
        ("B(p=0.1), B(p=0.2), B(p=0.4), B(p=0.3)", "(B(p=p) for p in (0.1, 0.2, 0.4, 0.3))"),
        (
            "B(1), B(2), B(4), B(1), B(2), B(4)",
            "(B(2 ** i) for _ in range(2) for i in range(3))",
        ),
        ("B(8, n=8), B(9, n=9), B(11, n=11), B(2, n=2)", "(B(value, n=value) for value in (8, 9, 11, 2))"),
        ("B(n, n=1), B(n, n=2), B(n, n=3), B(n, n=4)", "(B(n, n=value) for value in range(1, 5))"),
        ("B(-1), B(-2), B(-3), B(-4)", "(B(value) for value in range(-1, -5, -1))"),
        ("B(True), B(False), B(False), B(True)", "(B(value) for value in (True, False, False, True))"),
    ],
)  # fmt: skip
def test_one_argument_differs(items: str, wanted: str) -> None:
    found = series(calls(items))
    assert found is not None
    assert ast.unparse(ast.fix_missing_locations(found)) == wanted
    namespace = {"B": lambda *args, **kwargs: (args, kwargs), "n": 7}
    built = list(eval(ast.unparse(found), namespace))
    assert built == list(eval(f"[{items}]", namespace))


@pytest.mark.parametrize(
    "items",
    [
        "B(1), B(2), B(4)",  # too few
        "B(1, 2), B(2, 3), B(3, 5), B(4, 7)",  # two arguments differ
        "B(1), B(2), C(3), B(4)",
        "B(1), B(2), B(3), B(4, 5)",
        "B(a), B(b), B(c), B(d)",  # no numbers
        "B(1), B(2), 3, B(4)",
    ],
)
def test_other_items_stay(items: str) -> None:
    assert series(calls(items)) is None


def calls(items: str) -> list[ast.expr]:
    tree = ast.parse(f"[{items}]", mode="eval").body
    assert isinstance(tree, ast.List)
    return tree.elts


class Block(nn.Module):
    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.dilation = dilation
        self.conv = nn.Conv1d(channels, channels, 3, dilation=dilation)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.conv(F.pad(x, (2 * self.dilation, 0))).relu()
        return out


class Stack(nn.Module):
    def __init__(self, *dilations: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Block(4, dilation) for dilation in dilations)

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            x = block(x)
        return x


def written(*dilations: int) -> str:
    return unfoldify.unfoldify(Stack(*dilations), torch.randn(2, 4, 9)).source


def test_dilations_of_a_stack_are_one_class() -> None:
    text = written(1, 2, 4, 8)
    assert "self.blocks = nn.ModuleList(Block(2**i) for i in range(4))" in text
    assert "F.pad(x, (2 * self.dilation, 0))" in text
    assert "out[..., : -2 * self.dilation]" in text
    assert text.count("class ") == 2


def test_a_stack_that_is_mostly_undilated_keeps_its_windows() -> None:
    text = written(1, 1, 1, 2)
    assert ".unfold(2, 3, 1)" in text
    assert text.count("class ") == 3
    assert "torch.stack" not in written(1, 1)


class Around(nn.Module):
    """A number of its own, which its layer has as well."""

    def __init__(self, dilation: int) -> None:
        super().__init__()
        self.dilation = dilation
        self.conv = nn.Conv1d(4, 4, 3, padding=dilation, dilation=dilation)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.conv(F.pad(x, (self.dilation, 0)))
        return out


def test_a_number_goes_by_one_name() -> None:
    model = nn.Sequential(*(Around(dilation) for dilation in (1, 2, 3)))
    inline = unfoldify.unfoldify(model, torch.randn(2, 4, 9)).source
    assert "F.pad(input, (self.dilation, 0))" in inline or "F.pad(x, (self.dilation, 0))" in inline
    assert "self.conv." not in inline.replace("self.conv.weight", "").replace("self.conv.bias", "")
    text = unfoldify.unfoldify(model, torch.randn(2, 4, 9), layout="functions").source
    assert "padding=self.dilation,\n            dilation=self.dilation,\n" in text


def test_a_number_that_only_a_layer_has_is_read_there() -> None:
    class Padded(nn.Module):
        def __init__(self, padding: int) -> None:
            super().__init__()
            self.conv = nn.Conv1d(4, 4, 3, padding=padding)

        def forward(self, x: Tensor) -> Tensor:
            out: Tensor = self.conv(x)
            return out

    model = nn.Sequential(*(Padded(padding) for padding in (1, 2, 3)))
    text = unfoldify.unfoldify(model, torch.randn(2, 4, 9)).source
    assert "p = self.conv.padding[0]\n        out = F.pad(x, (p, p))\n" in text


class Twice(nn.Module):
    """Two equal layers of torch, or containers of such, in each kind of container."""

    def __init__(self) -> None:
        super().__init__()
        self.heads = nn.ModuleList([nn.Linear(8, 4, bias=False), nn.Linear(8, 4, bias=False)])
        self.towers = nn.ModuleList(
            [nn.Sequential(nn.Linear(8, 4), nn.Tanh()), nn.Sequential(nn.Linear(8, 4), nn.Tanh())]
        )
        self.deep = nn.Sequential(
            nn.Sequential(nn.Linear(8, 8), nn.Tanh()),
            nn.Sequential(nn.Linear(8, 8), nn.Tanh()),
            nn.Linear(8, 8),
        )
        self.acts = nn.ModuleList([nn.ReLU(), nn.ReLU()])
        self.pair = nn.Sequential(nn.Linear(8, 8, bias=False), nn.Linear(8, 8, bias=False))

    def forward(self, x: Tensor) -> list[Tensor]:
        x = self.acts[0](self.pair(self.deep(x)))
        return [head(x) + tower(x) for head, tower in zip(self.heads, self.towers, strict=True)]


def test_two_equal_layers_are_a_comprehension_where_it_is_shorter() -> None:
    text = unfoldify.unfoldify(Twice(), torch.randn(3, 8)).source
    assert "self.heads = nn.ModuleList(nn.Linear(8, 4, bias=False) for _ in range(2))" in text
    assert "nn.Sequential(nn.Linear(8, 4), nn.Tanh()) for _ in range(2)" in text
    assert "*(nn.Sequential(nn.Linear(8, 8), nn.Tanh()) for _ in range(2))" in text


def test_two_short_layers_and_those_of_a_chain_are_written_one_by_one() -> None:
    text = unfoldify.unfoldify(Twice(), torch.randn(3, 8)).source
    assert "self.acts = nn.ModuleList([nn.ReLU(), nn.ReLU()])" in text
    assert text.count("nn.Linear(8, 8, bias=False)") == 2
