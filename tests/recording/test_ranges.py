"""Loops over ranges of sizes keep the user's range: its start, its step, its sums."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from unfoldify import unfoldify


class OverFrames(nn.Module):
    """A layer for each of some windows, which a range begins."""

    def __init__(self, begins: Callable[[Tensor], range], width: int) -> None:
        super().__init__()
        self.fc, self.begins, self.width = nn.Linear(width, 4), begins, width

    def forward(self, x: Tensor) -> Tensor:
        frames = []
        for i in self.begins(x):
            frames.append(self.fc(x[:, i : i + self.width]))
        return torch.stack(frames, dim=1)


class EveryOther(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([x[:, 2 * i] for i in range(x.size(1) // 2)], 1)


class Framed(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        out = torch.zeros_like(x)
        for i in range(0, x.size(1) - 3, 2):
            out[:, i : i + 4] += x[:, i : i + 4].softmax(1)
        return out


class FromTheEnd(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        h = torch.zeros(x.size(0), 4)
        for t in range(x.size(1) - 1, -1, -1):
            h = torch.tanh(self.cell(x[:, t]) + h)
        return h


class Neighbours(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        length = x.size(1)
        h = torch.zeros(x.size(0), 4)
        for t in range(1, length):
            h = torch.tanh(self.cell(x[:, t] - x[:, t - 1]) + h)
        return h


class Padded(nn.Module):
    """As many blocks as a length lacks: the index is not used."""

    def forward(self, x: Tensor) -> Tensor:
        pads = [torch.zeros(x.size(0), 1) for _ in range(8 - x.size(1) % 8)]
        return torch.cat([x, *pads], 1)


class ByNumber(nn.Module):
    """What a loop reads is another number than it counts."""

    def forward(self, x: Tensor) -> Tensor:
        total = torch.zeros(x.size(0))
        for number, i in enumerate(range(1, x.size(1), 2)):
            total = total + x[:, number] * x[:, i]
        return total


def check(model: nn.Module, head: str, *shapes: tuple[int, ...]) -> None:
    first, *others = shapes
    result = unfoldify(model, (torch.randn(first),))
    assert head in result.source
    assert result.report.fixed_sizes == ()
    for shape in others:
        x = torch.randn(shape)
        torch.testing.assert_close(result.module(x), model(x))


@pytest.mark.parametrize("shape", [(2, 12), (2, 13), (3, 16)])
def test_a_step_stays(shape: tuple[int, int]) -> None:
    check(
        Framed(), "for i in range(0, x.shape[1] - 3, 2):", shape, (1, 4), (2, 9), (3, 10), (1, 31)
    )


def test_a_loop_that_only_takes_items_is_one() -> None:
    check(EveryOther(), "for i in range(x.shape[1] // 2)", (2, 6, 3), (1, 2, 3), (2, 7, 3))


def test_down_to_the_beginning() -> None:
    head = "for t in range(x.shape[1] - 1, -1, -1):"
    check(FromTheEnd(), head, (2, 6, 4), (1, 1, 4), (3, 9, 4))


def test_from_the_second_on() -> None:
    check(Neighbours(), "for t in range(1, length):", (2, 6, 4), (1, 2, 4), (3, 9, 4))


def test_an_index_that_is_not_read_has_no_name() -> None:
    check(Padded(), "for _ in range(8 - x.shape[1] % 8)", (2, 6), (1, 8), (3, 9))


def test_a_number_beside_what_is_counted() -> None:
    result = unfoldify(ByNumber(), (torch.randn(2, 8),))
    for n in (2, 5, 12):
        x = torch.randn(2, n)
        torch.testing.assert_close(result.module(x), ByNumber()(x))


def test_a_range_that_a_function_hands_over() -> None:
    model = OverFrames(lambda x: range(0, x.shape[1] - 7, 4), 8)
    result = unfoldify(model, (torch.randn(2, 24),))
    for n in (8, 12, 27):
        x = torch.randn(2, n)
        told = bool(result.report.fixed_sizes)
        assert told or torch.equal(result.module(x), model(x))


def test_a_range_of_a_plain_number_is_that_number() -> None:
    class Four(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            for i in range(1, 9, 2):
                x = x.roll(i, 1)
            return x

    source = unfoldify(Four(), (torch.randn(2, 6),)).source
    assert "range(4)" in source
