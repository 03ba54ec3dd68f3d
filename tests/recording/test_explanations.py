"""What explains a number at two sizes may be chance: it has to be right at all that were tried."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from unfoldify import unfoldify

FAST = [4, 8, 16, 24, 36, 48, 64]


class Steps(nn.Module):
    """As many steps as a size says."""

    def __init__(self, count: Callable[[Tensor], int]) -> None:
        super().__init__()
        self.cell, self.count = nn.Linear(4, 4), count

    def forward(self, x: Tensor) -> Tensor:
        h = torch.zeros(x.shape[0], 4)
        outs = []
        for t in range(self.count(x)):
            h = torch.tanh(self.cell(x[:, t]) + h)
            outs.append(h)
        return torch.stack(outs, 1)


class TeacherForced(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.emb, self.cell, self.out = nn.Embedding(8, 4), nn.Linear(4, 4), nn.Linear(4, 8)

    def forward(self, target: Tensor) -> Tensor:
        h = torch.zeros(target.shape[0], 4)
        outs = []
        token = target[:, 0]
        for t in range(1, target.shape[1]):
            h = torch.tanh(self.cell(self.emb(token)) + h)
            outs.append(self.out(h))
            token = target[:, t]
        return torch.stack(outs, 1)


class Pyramid(nn.Module):
    """Halves its input until it is short: no size says how often."""

    def __init__(self, shortest: int) -> None:
        super().__init__()
        self.conv, self.shortest = nn.Conv1d(4, 4, 3, padding=1), shortest

    def forward(self, x: Tensor) -> Tensor:
        while x.shape[2] > self.shortest:
            x = self.conv(torch.max_pool1d(x, 2))
        return x.mean(2)


class Padded(nn.Module):
    """A length from a table, which nobody sees looked up."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        n = FAST[bisect.bisect_left(FAST, 2 * x.shape[1] - 1)]
        return torch.fft.rfft(self.fc(x), n, dim=1).abs()


@pytest.mark.parametrize("shape", [(2, 4), (2, 5), (3, 4), (4, 8)])
@pytest.mark.parametrize(
    ("count", "text"),
    [
        (lambda x: x.shape[1] // 2, "range(x.shape[1] // 2)"),
        (lambda x: x.shape[1] - 1, "range(x.shape[1] - 1)"),
    ],
)
def test_the_steps_of_a_sequence(
    shape: tuple[int, int], count: Callable[[Tensor], int], text: str
) -> None:
    model = Steps(count)
    result = unfoldify(model, (torch.randn(*shape, 4),))
    assert text in result.source
    for b, n in itertools.product((1, 3), (2, 6, 9)):
        x = torch.randn(b, n, 4)
        torch.testing.assert_close(result.module(x), model(x))


def test_the_batch_does_not_say_how_long_a_target_is() -> None:
    result = unfoldify(TeacherForced(), (torch.randint(8, (2, 5)),))
    assert "for t in range(1, target.shape[1]):" in result.source
    assert result.report.fixed_sizes == ()


@pytest.mark.parametrize(("shortest", "rounds"), [(1, 4), (2, 3)])
def test_what_no_size_says_is_a_number_and_told(shortest: int, rounds: int) -> None:
    result = unfoldify(Pyramid(shortest), (torch.randn(2, 4, 16),))
    assert f"for _ in range({rounds}):" in result.source
    assert any("x: 3x4x32" in told for told in result.report.fixed_sizes)


def test_a_length_from_a_table_is_no_multiple_of_the_batch() -> None:
    result = unfoldify(Padded(), (torch.randn(2, 12, 4),))
    assert "torch.fft.rfft(x, 24, dim=1)" in result.source
    assert any("x: 2x13x4" in told for told in result.report.fixed_sizes)


class SamePadded(nn.Module):
    """What is padded goes by what the stride leaves of the length, as TensorFlow's SAME does."""

    def __init__(self) -> None:
        super().__init__()
        self.pads = [nn.ConstantPad1d((left, 1), 0) for left in range(2)]
        self.conv = nn.Conv1d(3, 6, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        padded: Tensor = self.pads[x.shape[2] % 2](x)
        return self.conv(padded)


def test_a_quotient_of_nothing_explains_no_number() -> None:
    """For batches of 2 and 4, `x.shape[0] // 3` is 0 and 1, and so is the remainder of 6 and of 7."""
    model = SamePadded()
    result = unfoldify(model, (torch.randn(2, 3, 6),))
    assert "//" not in result.source
    assert "with x: 2x3x7 it does something else" in " ".join(result.source.split())
    x = torch.randn(5, 3, 8)
    torch.testing.assert_close(result.module(x), model(x))
