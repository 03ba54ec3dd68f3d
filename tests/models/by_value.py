"""Blocks that a value decides: what the first call sets up, what is mended where it must be."""

from __future__ import annotations

import torch
from torch import nn, randn

from tests.models.example import example


@example(randn(5, 3), randn(5, 3))
class Rotation(nn.Module):
    """Kabsch: a reflection is turned into a rotation."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 3)

    def forward(self, a, b):
        u, _, vt = torch.linalg.svd(self.fc(a).T @ b)
        r = vt.T @ u.T
        if torch.det(r) < 0:
            vt = torch.cat([vt[:2], -vt[2:]])
            r = vt.T @ u.T
        return r


class ActNorm(nn.Module):
    """Glow: the first batch in training sets what normalises all others."""

    def __init__(self):
        super().__init__()
        self.register_buffer("is_initialized", torch.zeros(1))
        self.bias = nn.Parameter(torch.zeros(1, 3))

    def forward(self, x):
        if self.training and not self.is_initialized:
            with torch.no_grad():
                self.bias.data.copy_(-x.mean(0, keepdim=True))
                self.is_initialized += 1.0
        return x + self.bias


@example(randn(4, 3))
class SetByItsFirstBatch(ActNorm):
    pass


@example(randn(4, 3))
class SetByAFlagOfPythons(nn.Module):
    def __init__(self):
        super().__init__()
        self.is_set = False
        self.bias = nn.Parameter(torch.zeros(1, 3))

    def forward(self, x):
        if not self.is_set:
            self.bias.data.copy_(-x.mean(0, keepdim=True))
            self.is_set = True
        return x + self.bias
