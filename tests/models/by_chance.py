"""Blocks that a drawn number decides: dropped layers, early returns, noise now and then."""

from __future__ import annotations

import random

import torch
from torch import nn, randn

from tests.models.example import example, refused

WAY_OUT = "\nChoose with torch.where, or unfoldify the model with this switched off."


class Residual(nn.Module):
    """Stochastic depth: training returns early, now and then."""

    def __init__(self, dropped=0.3):
        super().__init__()
        self.fc = nn.Linear(4, 4)
        self.dropped = dropped

    def forward(self, x):
        if self.training and torch.rand(1).item() < self.dropped:
            return x
        return x + torch.relu(self.fc(x))


@example(randn(3, 4))
class StochasticDepth(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = nn.ModuleList(Residual(0.1 * n) for n in range(1, 4))

    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return x


class WithWeights(nn.Module):
    """A layer as those of language models, which returns a tuple."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, hidden):
        return torch.tanh(self.fc(hidden)), None


@example(randn(3, 4))
class LayerDrop(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(WithWeights() for _ in range(3))
        self.layerdrop = 0.4

    def forward(self, hidden):
        for layer in self.layers:
            skipped = False
            if self.training:
                probability = torch.rand([])
                if probability < self.layerdrop:
                    skipped = True
            if not skipped:
                outputs = layer(hidden)
                hidden = outputs[0]
        return hidden


@example(randn(3, 4))
class DropsByPythonsNumbers(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(4, 4) for _ in range(3))

    def forward(self, x):
        for layer in self.layers:
            if self.training and random.random() < 0.3:
                continue
            x = torch.relu(layer(x))
        return x


@example(randn(3, 4))
class NoiseNowAndThen(nn.Module):
    """Evaluation has no such block."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x):
        if self.training and torch.rand(()) > 0.5:
            x = x + 0.1 * torch.randn_like(x)
        return self.fc(x)


@example(randn(2, 4, 4))
class TeacherForcing(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell, self.out = nn.GRUCell(4, 4), nn.Linear(4, 4)

    def forward(self, x):
        hidden, given, ys = torch.zeros(x.shape[0], 4), x[:, 0], []
        for t in range(1, x.shape[1]):
            hidden = self.cell(given, hidden)
            y = self.out(hidden)
            ys.append(y)
            given = x[:, t] if torch.rand(1).item() < 0.5 else y
        return torch.stack(ys, 1)


@example(randn(5, 4))
class SkipsItsStatistics(nn.Module):
    """Skipped, a block updates no running statistics and draws no dropout."""

    def __init__(self):
        super().__init__()
        self.fc, self.norm, self.dropout = nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Dropout(0.2)

    def forward(self, x):
        if self.training and torch.rand(1) < 0.5:
            return x
        return x + self.dropout(self.norm(self.fc(x)))


@example(randn(2, 3, 5, 5))
class BernoulliDepth(nn.Module):
    """As the first implementations of stochastic depth: survivors are scaled in evaluation."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)
        self.survives = torch.distributions.Bernoulli(torch.tensor([0.6]))

    def forward(self, x):
        if self.training:
            if torch.equal(self.survives.sample(), torch.ones(1)):
                return torch.relu(x + self.conv(x))
            return torch.relu(x)
        return torch.relu(x + 0.6 * self.conv(x))


class TwoWays(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Linear(4, 4), nn.Linear(4, 4)


@example(randn(3, 4))
class OneOfTwoWays(TwoWays):
    """Evaluation goes one of them."""

    def forward(self, x):
        if self.training and torch.rand(1) < 0.5:
            return self.one(x)
        return self.two(x)


@example(randn(3, 4))
class AlwaysByChance(TwoWays):
    def forward(self, x):
        if random.random() < 0.5:
            x = self.one(x)
        else:
            x = torch.relu(self.two(x)) + 1
        return x * 2


@example(randn(3, 4))
class OneOfThreeWays(TwoWays):
    def forward(self, x):
        r = torch.rand(1).item()
        if r < 0.3:
            x = x + torch.randn_like(x)
        elif r < 0.6:
            x = self.one(x) * torch.rand(1)
        return self.two(x)


@example(randn(3, 4))
class EachBlockByChance(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = nn.ModuleList(AlwaysByChance() for _ in range(3))

    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return x


def kept(layers, rate):
    """Which layers run is drawn for all of them at first, and one at least is kept."""
    dropped = torch.zeros(len(layers)).uniform_(0.0, 1.0) < rate
    if all(dropped):
        dropped[random.randrange(len(layers))] = False
    return [layer for layer, is_dropped in zip(layers, dropped, strict=True) if not is_dropped]


@example(randn(3, 4))
class DropsOfAList(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(
            nn.ModuleList([nn.Linear(4, 4), nn.Linear(4, 4)]) for _ in range(2)
        )

    def forward(self, x):
        layers = kept(self.layers, 0.4) if self.training else self.layers
        for one, two in layers:
            x = x + torch.relu(one(x))
            x = x + two(x)
        return x


@refused(
    "`torch.rand(1) < 0.5`\n  what the model draws decides here about more than what stands under an "
    "`if`, and a file can say only one way." + WAY_OUT,
    randn(3, 4),
)
class AsOftenAsItIsDrawn(TwoWays):
    def forward(self, x):
        while torch.rand(1) < 0.5:
            x = torch.tanh(self.one(x))
        return self.two(x)
