"""A call that is other lines in another round is no loop; one of other shapes alone is."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn, rand

import unfoldify


class TurnedWindow(nn.Module):
    """A separable filter: one window, turned to the next axis in each round."""

    def __init__(self) -> None:
        super().__init__()
        self.window = nn.Parameter(rand(3, 1, 1, 5))

    def forward(self, x: Tensor) -> Tensor:
        for i in range(2):
            x = F.conv2d(x, self.window.transpose(2 + i, -1), groups=3)
        return x


class Blur(nn.Module):
    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        return F.conv2d(x, w, groups=3)


class TurnedWindowInside(nn.Module):
    """The same, with the filter in a module."""

    def __init__(self) -> None:
        super().__init__()
        self.blur, self.window = Blur(), nn.Parameter(rand(3, 1, 1, 5))

    def forward(self, x: Tensor) -> Tensor:
        for i in range(2):
            x = self.blur(x, self.window.transpose(2 + i, -1))
        return x


class Mean(nn.Module):
    def forward(self, x: Tensor, i: int) -> Tensor:
        return x + x.mean(dim=i, keepdim=True)


class AnotherAxis(nn.Module):
    """A module that is told which axis, a number, is no contraction and differs all the same."""

    def __init__(self) -> None:
        super().__init__()
        self.mean, self.w = Mean(), nn.Parameter(rand(4))

    def forward(self, x: Tensor) -> Tensor:
        for i in range(2):
            x = self.mean(x, i) * self.w
        return x


class Padded(nn.Module):
    """The number of the round is an argument of the convolution itself."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(rand(3, 3, 3))

    def forward(self, x: Tensor) -> Tensor:
        for i in range(3):
            x = F.conv1d(x, self.w, padding=i, dilation=i + 1)
        return x


class Shrinking(nn.Module):
    """The image is another size in each round, and the lines are the same."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(rand(3, 3, 3, 3))

    def forward(self, x: Tensor) -> Tensor:
        for _ in range(3):
            x = F.conv2d(x, self.w).tanh()
        return x


class Prefixes(nn.Module):
    """Each moment looks at all before it; the first one sees a single moment."""

    def forward(self, q: Tensor, k: Tensor) -> Tensor:
        seen = []
        for t in range(q.shape[1]):
            scores = torch.einsum("bd,bkd->bk", q[:, t], k[:, : t + 1])
            seen.append(torch.bmm(scores.softmax(-1).unsqueeze(1), k[:, : t + 1]))
        return torch.cat(seen, dim=1)


class SameMean(AnotherAxis):
    def forward(self, x: Tensor) -> Tensor:
        for _ in range(3):
            x = self.mean(x, 1) * self.w
        return x


IMAGE = (rand(2, 3, 12, 12),)


def test_the_kernel_is_another_in_each_round() -> None:
    source = unfoldify.unfoldify(TurnedWindow(), IMAGE).source
    assert "# conv2d, 5x1, depthwise\n" in source
    assert "# conv2d, 1x5, depthwise\n" in source


def test_the_kernel_is_another_in_each_call_of_a_module() -> None:
    source = unfoldify.unfoldify(TurnedWindowInside(), IMAGE).source
    assert "self.blur(x, self.window.transpose(2, -1))" in source
    assert "self.blur.forward2(x, self.window.transpose(3, -1))" in source


def test_a_number_is_another_in_each_call_of_a_module() -> None:
    source = unfoldify.unfoldify(AnotherAxis(), (rand(2, 3, 4),)).source
    assert "x.mean(dim=0, keepdim=True)" in source
    assert "x.mean(dim=1, keepdim=True)" in source


def test_a_number_of_a_call_is_the_rounds() -> None:
    result = unfoldify.unfoldify(Padded(), (rand(2, 3, 12),))
    assert [row.kind for row in result.report.layers] == ["conv"] * 3
    assert "F.conv1d" not in result.source


@pytest.mark.parametrize(
    ("model", "args", "head"),
    [
        (Shrinking, IMAGE, "for _ in range(3):"),
        (Prefixes, (rand(2, 4, 6), rand(2, 4, 6)), "for t in range(q.shape[1]):"),
        (SameMean, (rand(2, 3, 4),), "for _ in range(3):"),
    ],
)
def test_rounds_of_other_shapes_stay_a_loop(
    model: type[nn.Module], args: tuple[Tensor, ...], head: str
) -> None:
    result = unfoldify.unfoldify(model(), args)
    assert result.source.count(head) == 1
    assert not result.report.fixed_sizes


def test_a_call_that_stays_as_it_is_stays_a_loop() -> None:
    source = unfoldify.unfoldify(TurnedWindow(), IMAGE, skip=["conv"]).source
    assert "for i in range(2):" in source
    assert source.count("F.conv2d(") == 1
