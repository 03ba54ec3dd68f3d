"""Values that are changed after they were made, under one name or several."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn, randn

from tests.models.example import example, refused


class Linear3(nn.Module):
    """The layer that the others use."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 4)


@example(randn(2, 6, 3))
class ItemsAssigned(Linear3):
    def forward(self, x):
        y = self.fc(x)
        y[:, 0] = 0
        y[..., 1:2] += 1
        y[:, 1:3] = y[:, 3:5] * 2
        return y


@example(randn(2, 6, 3))
class ViewChanged(Linear3):
    def forward(self, x):
        y = self.fc(x)
        flat = y.view(-1, 4)
        flat.mul_(2)
        y.clamp_(min=-1)
        return y, flat


@example(randn(2, 6, 3))
class AugmentedOperators(Linear3):
    def forward(self, x):
        y = self.fc(x)
        kept = y.clone()
        y += 1
        y *= kept
        y -= kept.mean()
        y /= 2
        return y


@example(randn(2, 3))
class TwoNames(Linear3):
    def forward(self, x):
        y = self.fc(x)
        other = y
        y += 1
        return other * y


@example(randn(2, 3))
class OutArgument(Linear3):
    def forward(self, x):
        y = self.fc(x)
        with torch.no_grad():
            place = torch.empty_like(y)
            torch.add(y, 1, out=place)
        return y * place


@example(randn(2, 3))
class CopyInto(Linear3):
    def forward(self, x):
        y = self.fc(x)
        place = torch.zeros_like(y)
        place.copy_(y)
        place[:, 0].fill_(1.0)
        return place


@example(randn(2, 3))
class FunctionalInPlace(Linear3):
    def forward(self, x):
        y = F.relu(self.fc(x), inplace=True)
        z = nn.functional.dropout(y, 0.5, self.training, inplace=True)
        return z.add_(1)


@example(randn(2, 3))
class LayersInPlace(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(3, 4), nn.ReLU(inplace=True), nn.Dropout(0.5, inplace=True)
        )

    def forward(self, x):
        y = self.net[0](x)
        z = self.net[1](y)
        return self.net[2](z), y


@example(randn(2, 12))
class PartsOfSplit(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(12, 12)

    def forward(self, x):
        q, _, v = self.fc(x).chunk(3, dim=-1)
        a, *rest = v.unbind(1)
        _, second = torch.split(x, [4, 8], dim=1)
        return q, a * len(rest), second.sum()


@example(randn(4, 3))
class InputChanged(Linear3):
    def forward(self, x):
        x = x.clone()
        x.t()[0] = 1.0
        return self.fc(x)


@example(randn(4, 5))
class IndexOperators(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(5, 5)

    def forward(self, x):
        y = self.fc(x)
        values, index = y.topk(2, dim=1)
        order = y.argsort(dim=1)
        ranked, _ = y.sort(dim=1)
        picked = y.gather(1, index) + torch.take_along_dim(y, order, 1)[:, :2]
        spread = torch.zeros_like(y).scatter(1, index, values).scatter_add(1, index, picked)
        spread.index_add_(0, torch.tensor([0, 1]), y[:2])
        chosen = torch.where(y > 0, y, -y)
        return (
            spread,
            chosen.cumsum(1),
            ranked.cumprod(0),
            y[y[:, :4].argmax(1)],
            y[[0, 2]],
            y[None, ..., -1],
        )


@example(randn(4, 5))
class BooleanIndex(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(5, 5)

    def forward(self, x):
        y = self.fc(x)
        y[x > 0] = 0.0
        y[x < -1] *= 2
        return y


@example(randn(4, 5, requires_grad=True).tanh(), randn(4, 5, requires_grad=True), randn(3, 5))
class ComputedInputChanged(nn.Module):
    """What an encoder computed is written to; it is no leaf, and so is no copy of it."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(5, 5)

    def forward(self, coordinates, leaf, other):
        coordinates += self.fc(coordinates) + leaf
        return coordinates * 2, self.fc(other)


@refused(
    "`leaf += self.fc(leaf)`\n  RuntimeError: a leaf Variable that requires grad is being used in an "
    "in-place operation.\nThe model could not be recorded. If it runs without unfoldify, please "
    "report what --traceback shows.",
    randn(4, 5, requires_grad=True),
)
class LeafChanged(nn.Module):
    """It does not run without unfoldify either."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(5, 5)

    def forward(self, leaf):
        leaf += self.fc(leaf)
        return leaf
