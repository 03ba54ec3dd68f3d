"""Arrays that numpy makes of sizes are made by torch in the file; others are constants."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from unfoldify import unfoldify

Make = Callable[[Tensor], Tensor]


class Made(nn.Module):
    def __init__(self, make: Make) -> None:
        super().__init__()
        self.make, self.weight = make, nn.Parameter(torch.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        return self.make(x) * self.weight


class Subsequent(nn.Module):
    """The annotated transformer's mask."""

    def forward(self, x: Tensor) -> Tensor:
        shape = (1, x.size(1), x.size(1))
        mask = np.triu(np.ones(shape), k=1).astype("uint8")
        return (x @ x.transpose(1, 2)).masked_fill(torch.from_numpy(mask) == 0, 0.0)


class Positions(nn.Module):
    """A table of sines, changed in place."""

    def forward(self, x: Tensor) -> Tensor:
        angles = np.arange(x.size(1))[:, None] / np.power(10000, np.arange(4) / 4.0)
        table = np.array(angles)
        table[:, 0::2] = np.sin(table[:, 0::2])
        table[:, 1::2] = np.cos(table[:, 1::2])
        return x + torch.from_numpy(table).float()


class Grid(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        gx, gy = np.meshgrid(np.arange(x.shape[2]), np.arange(x.shape[1]))
        return x[:, None] * torch.from_numpy(np.stack([gx, gy])).float()


SHAPES = [(1, 2, 4), (3, 9, 4), (2, 40, 4)]


def check(model: nn.Module, *texts: str) -> None:
    result = unfoldify(model, (torch.randn(2, 6, 4),))
    for text in texts:
        assert text in result.source
    assert result.report.fixed_sizes == ()
    for shape in SHAPES:
        x = torch.randn(shape)
        torch.testing.assert_close(result.module(x), model(x))


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (
            lambda x: x * torch.from_numpy(np.arange(x.size(1)))[:, None],
            "torch.arange(x.shape[1])",
        ),
        (
            lambda x: x * torch.tensor(np.linspace(0, 1, x.size(1)))[:, None].float(),
            "torch.linspace(0, 1, x.shape[1], dtype=torch.float64)",
        ),
        (
            lambda x: x.sum(1) * torch.FloatTensor(np.zeros((x.size(0), 4)) + 1),
            "torch.zeros(x.shape[0], 4, dtype=torch.float64) + 1",
        ),
        (
            lambda x: x * torch.LongTensor(np.tile(np.array(range(x.shape[1])), [4, 1])).t(),
            "torch.arange(x.shape[1]).tile((4, 1))",
        ),
        (
            lambda x: x.sum(1) / torch.from_numpy(np.full((x.size(0), 1), x.size(1))),
            "torch.full((x.shape[0], 1), x.shape[1])",
        ),
        (
            lambda x: x[:, np.arange(x.size(1))[::-1].copy()],  # torch knows no steps backwards
            "x[:, list(range(x.shape[1] - 1, -1, -1))]",
        ),
    ],
)
def test_an_array_of_a_size(make: Make, text: str) -> None:
    check(Made(make), text)


def test_a_mask_of_ones() -> None:
    check(Subsequent(), "torch.triu(torch.ones(1, x.shape[1], x.shape[1], dtype=torch.float64), 1)")


def test_a_table_that_is_changed_in_place() -> None:
    check(Positions(), "torch.sin(table[:, 0::2])", "torch.cos(table[:, 1::2])")


def test_several_arrays_at_once() -> None:
    check(Grid(), "torch.meshgrid(torch.arange(", 'indexing="xy"')


def test_an_array_of_plain_numbers_stays_a_constant() -> None:
    model = Made(lambda x: x * torch.from_numpy(np.arange(4)))
    source = unfoldify(model, (torch.randn(2, 6, 4),)).source
    assert "self.constant0 = torch.arange(4)" in source


def test_what_numpy_rounds_stays_a_constant() -> None:
    def make(x: Tensor) -> Tensor:
        return x + torch.from_numpy(np.sin(np.arange(x.size(1), dtype=np.float32)))[:, None]

    result = unfoldify(Made(make), (torch.randn(2, 6, 4),))
    assert "torch.sin" not in result.source
    assert any("something else" in told for told in result.report.fixed_sizes)


def test_numpy_is_itself_again() -> None:
    before = np.arange, np.ones
    unfoldify(Subsequent(), (torch.randn(2, 6, 4),))
    assert (np.arange, np.ones) == before
