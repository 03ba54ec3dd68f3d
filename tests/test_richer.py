"""A model that skips a call at its example's size is written with it, where that is right for all."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unfoldify import unfoldify


class Windows(nn.Module):
    """Pads to whole windows, and cuts the pads off: neither where the sides are multiples of 4."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 3)

    def forward(self, x: Tensor) -> Tensor:
        b, h, w, c = x.shape
        below, right = (4 - h % 4) % 4, (4 - w % 4) % 4
        if below > 0 or right > 0:
            x = F.pad(x, (0, 0, 0, right, 0, below))
        x = x.view(b, (h + below) // 4, 4, (w + right) // 4, 4, c)
        x = self.fc(x - x.mean((2, 4), keepdim=True)).reshape(b, h + below, w + right, c)
        if below > 0 or right > 0:
            x = x[:, :h, :w].contiguous()
        return x


class Skipping(nn.Module):
    """Resizes what an odd side has made too small."""

    def forward(self, x: Tensor) -> Tensor:
        up = F.interpolate(F.max_pool2d(x, 2), scale_factor=2)
        if up.shape != x.shape:
            up = F.interpolate(up, size=x.shape[2:])
        return torch.cat([x, up], 1)


class PadsUpToEight(nn.Module):
    """Without its condition the pad would cut off what is longer; where it is 0 nobody sees that."""

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[2] < 8:
            x = F.pad(x, (0, 8 - x.shape[2]))
        return x.unfold(2, 8, 1).sum(-1)


@pytest.mark.parametrize(
    ("model", "example", "others"),
    [
        (Windows, (2, 8, 8, 3), [(1, 8, 4, 3), (2, 9, 8, 3), (1, 6, 7, 3), (3, 1, 1, 3)]),
        (Skipping, (2, 3, 8, 8), [(1, 3, 8, 6), (2, 3, 9, 8), (1, 3, 7, 7), (3, 3, 2, 3)]),
    ],
)
def test_a_call_that_does_nothing_at_some_sizes(
    model: Callable[[], nn.Module], example: Sequence[int], others: list[Sequence[int]]
) -> None:
    original = model()
    result = unfoldify(original, (torch.randn(*example),))
    assert result.report.fixed_sizes == ()
    for shape in others:
        x = torch.randn(*shape)
        torch.testing.assert_close(result.module(x), original(x))


@pytest.mark.parametrize("size", [6, 8, 12])
def test_what_is_equal_where_a_pad_is_nothing_is_told_all_the_same(size: int) -> None:
    result = unfoldify(PadsUpToEight(), (torch.randn(2, 3, size),))
    x = torch.randn(2, 3, 20)
    told = bool(result.report.fixed_sizes)
    assert told or torch.equal(result.module(x), PadsUpToEight()(x))
