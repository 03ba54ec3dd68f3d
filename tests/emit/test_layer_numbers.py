"""Numbers that a layer has: read once they stay where they are, read again they have a name."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn, randn

import unfoldify


class Block(nn.Module):
    def __init__(self, kernel: tuple[int, int], stride: int = 1) -> None:
        super().__init__()
        padding = tuple(size // 2 for size in kernel)
        self.conv = nn.Conv2d(4, 4, kernel, stride=stride, padding=padding)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.relu(self.conv(x))


def forward_of(*blocks: Block) -> str:
    torch.manual_seed(0)
    source = unfoldify.unfoldify(nn.Sequential(*blocks), (randn(2, 4, 8, 8),)).source
    text = source[source.index("class Block") :]
    return text[text.index("    def forward") : text.index("return")]


def test_a_number_that_is_read_twice_has_a_name() -> None:
    assert forward_of(Block((3, 3)), Block((5, 5))).startswith(
        """\
    def forward(self, x):
        # conv
        k = self.conv.kernel_size[0]
        p = self.conv.padding[0]
        x = F.pad(x, (p, p, p, p))
        x = x.unfold(2, k, 1).unfold(3, k, 1)
"""
    )


def test_height_and_width_are_told_apart() -> None:
    text = forward_of(Block((3, 5)), Block((5, 3)))
    assert "        ph, pw = self.conv.padding\n        x = F.pad(x, (pw, pw, ph, ph))\n" in text
    assert "x.unfold(2, self.conv.kernel_size[0], 1).unfold(3, self.conv.kernel_size[1], 1)" in text


def test_numbers_that_all_blocks_share_are_written_as_they_are() -> None:
    text = forward_of(Block((3, 3)), Block((3, 3)))
    assert "x = F.pad(x, (1, 1, 1, 1))\n        x = x.unfold(2, 3, 1).unfold(3, 3, 1)" in text


class Attention(nn.Module):
    """Its own `k` and `p` are other things."""

    def __init__(self, kernel: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 4, kernel, padding=kernel // 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        k = self.conv(x)
        p = k.softmax(dim=-1)
        return p * k


def test_the_users_names_stay_theirs() -> None:
    model = nn.Sequential(Attention(3), Attention(5))
    source = unfoldify.unfoldify(model, (randn(2, 4, 8, 8),)).source
    assert "kernel_size = self.conv.kernel_size[0]" in source
    assert "padding = self.conv.padding[0]" in source
    assert "return p * k" in source
