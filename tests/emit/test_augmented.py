"""An item that is taken, changed and put back is one statement; whatever else is done to it, several."""

from __future__ import annotations

import torch
from torch import Tensor, nn, randn

import unfoldify


class Scaled(nn.Module):
    """Boxes as detectors decode them."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)


class Augmented(Scaled):
    def forward(self, x: Tensor, grid: Tensor) -> Tensor:
        boxes = self.fc(x).clone()
        boxes[..., 0] += grid
        boxes[:, 1] *= self.fc(x)[:, 1] * 2
        boxes[x > 0] -= 1
        for column in range(2, 4):
            boxes[:, column] /= 2
        with torch.no_grad():
            boxes[:, 0] /= 3
        return boxes


class Apart(Scaled):
    """Written in several statements, the item goes on by a name of its own."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        boxes = self.fc(x).clone()
        left = boxes[:, 0]
        left += 1
        boxes[:, 0] = left
        boxes[:, 1] = boxes[:, 2] + 1
        return boxes, left


def test_an_item_is_changed_in_one_statement() -> None:
    source = unfoldify.unfoldify(Augmented(), (randn(3, 4), randn(3))).source
    assert "boxes[..., 0] += grid\n" in source
    assert "boxes[:, 1] *= linear(x, self.fc)[:, 1] * 2\n" in source
    assert "] -= 1\n" in source
    assert "boxes[:, column] /= 2\n" in source
    assert "        with torch.no_grad():\n            boxes[:, 0] /= 3\n" in source
    assert "part" not in source


def test_what_has_a_name_keeps_it() -> None:
    source = unfoldify.unfoldify(Apart(), (randn(3, 4),)).source
    assert "left = boxes[:, 0]\n" in source
    assert "boxes[:, 0] = left\n" in source
    assert "boxes[:, 1] = boxes[:, 2] + 1\n" in source
    assert "+=" not in source
