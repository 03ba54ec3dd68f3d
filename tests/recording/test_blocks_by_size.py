"""What a size decides stands under the user's `if`, and is right on both sides of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unfoldify import unfoldify


class PadsAnotherFour(nn.Module):
    """What is padded without the condition is another size."""

    def __init__(self) -> None:
        super().__init__()
        self.proj = nn.Conv1d(3, 3, 4, 4)

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[2] % 4 != 0:
            x = F.pad(x, (0, 4 - x.shape[2] % 4))
        return self.proj(x)


class PadsUpToEight(nn.Module):
    """Without its condition the pad would cut off what is longer; where it is 0 nobody sees that."""

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[2] < 8:
            x = F.pad(x, (0, 8 - x.shape[2]))
        return x.unfold(2, 8, 1).sum(-1)


class OneIsEnough(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        y = x[:, :, :1]
        if x.shape[2] > 1:
            y = y + x[:, :, 1:].mean(2, keepdim=True)
        return y


class TwoWays(nn.Module):
    """Two returns, and two layers."""

    def __init__(self) -> None:
        super().__init__()
        self.short, self.long = nn.Linear(3, 3), nn.Linear(3, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = x.transpose(1, 2)
        if x.shape[1] > 5:
            return self.long(x.flip(1))
        return self.short(x)


class Table(nn.Module):
    """A table that is long enough, or another one."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("table", self.of(6))

    def of(self, length: int) -> Tensor:
        return torch.arange(length).sqrt().float()

    def forward(self, x: Tensor) -> Tensor:
        length = x.shape[2]
        table = self.table
        if length > 6:
            table = self.of(length)
        return x + table[:length]


class Most(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        n = x.size(2)
        k = 4 if n > 4 else n
        return x.topk(k, dim=2)[0].mean(2)


class AtMost(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.most = 7

    def forward(self, x: Tensor) -> Tensor:
        count = 2 * x.shape[2] // 3
        if count > self.most:
            count = self.most
        return x[:, :, :count].sum(2) + x[:, :, count:].mean()


@pytest.mark.parametrize(
    ("model", "size", "text"),
    [
        (PadsAnotherFour, 8, "        if x.shape[2] % 4 != 0:\n            x = F.pad("),
        (PadsUpToEight, 9, "        if x.shape[2] < 8:\n            x = F.pad("),
        (OneIsEnough, 6, "        if x.shape[2] > 1:\n            y = y + x[:, :, 1:]"),
        (
            TwoWays,
            6,
            "        if x.shape[1] > 5:\n            x = x.flip(1)\n\n            # long\n",
        ),
        (TwoWays, 4, "        else:\n            # short\n"),
        (Table, 5, "if length > 6:\n            table = torch.arange("),
        (Most, 12, "k = 4 if n > 4 else n"),
        (Most, 3, "k = 4 if n > 4 else n"),
        (AtMost, 12, "7 if count > 7 else count"),
        (AtMost, 9, "7 if count > 7 else count"),
    ],
)
def test_the_users_if(model: Callable[[], nn.Module], size: int, text: str) -> None:
    original = model()
    result = unfoldify(original, (torch.randn(2, 3, size),))
    assert text in result.source
    assert result.report.fixed_sizes == ()
    for n in (1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 17, 30):
        x = torch.randn(3, 3, n)
        torch.testing.assert_close(result.module(x), original(x))


class MakesEven(nn.Module):
    """At an even length the pad fails, at an odd one what comes without it does."""

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[2] % 2:
            x = F.pad(x, (0, 1))
        return x[:, :, 0::2] + x[:, :, 1::2]


@pytest.mark.parametrize("size", [6, 7])
def test_the_other_side_is_seen_at_another_size(size: int) -> None:
    result = unfoldify(MakesEven(), (torch.randn(2, 3, size),))
    assert "if x.shape[2] % 2:\n            x = F.pad(" in result.source
    assert result.report.fixed_sizes == ()
    for n in (1, 2, 5, 8, 9):
        x = torch.randn(3, 3, n)
        torch.testing.assert_close(result.module(x), MakesEven()(x))


class Layer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        length = x.shape[1]
        if length % 4 != 0:
            x = F.pad(x, (0, 0, 0, 4 - length % 4))
        return self.fc(x.reshape(len(x), -1, 8)).reshape(x.shape)[:, :length]


class ManyLayers(nn.Module):
    """Each of them asks: to turn one after the other would take as many runs."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([Layer() for _ in range(30)])

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = x + layer(x)
        return x


def test_one_line_in_many_layers_is_turned_in_all_of_them() -> None:
    original = ManyLayers()
    result = unfoldify(original, (torch.randn(2, 8, 2),))
    assert result.source.count("if length % 4 != 0:\n            x = F.pad(") == 1
    assert result.source.count("class ") == 2
    assert result.report.fixed_sizes == ()
    for n in (3, 4, 9):
        x = torch.randn(3, n, 2)
        torch.testing.assert_close(result.module(x), original(x))


class GoesDeeper(nn.Module):
    """The larger the input, the more often it is halved."""

    def forward(self, x: Tensor) -> Tensor:
        return self.halved(x)

    def halved(self, x: Tensor) -> Tensor:
        if x.shape[2] <= 2:
            return x
        return x + F.interpolate(self.halved(F.avg_pool1d(x, 2)), size=x.shape[2])


class Pads(nn.Module):
    """As long as there is something left."""

    def forward(self, x: Tensor) -> Tensor:
        while x.shape[2] % 4 != 0:
            x = F.pad(x, (0, 1))
        return x.unflatten(2, (4, -1)).sum(2)


@pytest.mark.parametrize("model", [GoesDeeper, Pads])
def test_what_goes_on_by_a_size_is_told(model: Callable[[], nn.Module]) -> None:
    result = unfoldify(model(), (torch.randn(2, 3, 8),))
    assert result.report.fixed_sizes
    assert "if " not in result.source


class Checks(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        if x.shape[2] > 64:
            raise ValueError("too long")
        return x * 2


def test_a_check_of_a_size_is_no_block() -> None:
    result = unfoldify(Checks(), (torch.randn(2, 3, 8),))
    assert "if " not in result.source


@pytest.mark.parametrize("shape", [(2, 3, 8), (2, 3, 3)])
def test_both_sides_train_alike(shape: Sequence[int]) -> None:
    original = TwoWays()
    module = unfoldify(original, (torch.randn(2, 3, 6),)).module.train()
    x = torch.randn(shape)
    module(x).square().sum().backward()
    original.train()(x).square().sum().backward()
    for (name, mine), (_, other) in zip(
        module.named_parameters(), original.named_parameters(), strict=True
    ):
        assert (mine.grad is None) == (other.grad is None), name
        if other.grad is not None:
            torch.testing.assert_close(mine.grad, other.grad)
