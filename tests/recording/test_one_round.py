"""A loop over the single image or moment of an example is a loop over as many as come."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn, rand

import unfoldify


class Steps(nn.Module):
    """One moment."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.GRUCell(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        h = torch.zeros_like(x[:, 0])
        steps = []
        for t in range(x.shape[1]):
            h = self.cell(x[:, t], h)
            steps.append(h)
        return torch.stack(steps, 1)


class Images(nn.Module):
    """One image."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([self.fc(x[b]).tanh() for b in range(x.shape[0])])


class Single(nn.Module):
    """No loop: a single image has another way."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(rand(4))

    def forward(self, x: Tensor) -> Tensor:
        return (x * self.w).exp() if x.shape[0] == 1 else (x * self.w).tanh()


@pytest.mark.parametrize(
    ("build", "shape", "longer", "head"),
    [
        (Steps, (2, 1, 4), (3, 5, 4), "for t in range(x.shape[1]):"),
        (Images, (1, 3, 4), (5, 2, 4), "for b in range(x.shape[0]):"),
    ],
)
def test_a_loop_of_one_round(
    build: type[nn.Module], shape: tuple[int, ...], longer: tuple[int, ...], head: str
) -> None:
    model = build()
    result = unfoldify.unfoldify(model, (rand(shape),))
    assert head in result.source
    assert not result.report.fixed_sizes
    x = rand(longer)
    torch.testing.assert_close(result.module(x), model(x))


def test_what_is_done_for_one_alone_stands_under_an_if() -> None:
    model = Single()
    result = unfoldify.unfoldify(model, (rand(1, 3, 4),))
    assert "if x.shape[0] == 1:" in result.source
    assert not result.report.fixed_sizes
    for batch in (1, 4):
        x = rand(batch, 3, 4)
        torch.testing.assert_close(result.module(x), model(x))


def test_what_is_not_compared_is_of_the_example_itself() -> None:
    source = unfoldify.unfoldify(Single(), (rand(1, 3, 4),), check=False).source
    assert ".exp()" in source
