"""Models whose first call leaves something behind, which the second may go by."""

from __future__ import annotations

import torch
from torch import nn, randn

from tests.models.example import example, refused

WAY_OUT = (
    " decides, and a file can say only one way.\nCall the model once before ({mode}; model(...)) if "
    "only its first call is another, or hand over what it keeps as an argument."
)


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


@refused(
    "`self.training and not self.is_initialized`\n  a second call does something else here: what the "
    "first one leaves in buffers" + WAY_OUT.format(mode="model.train()"),
    randn(4, 3),
)
class SetByItsFirstBatch(ActNorm):
    pass


@example(randn(4, 3), fixed=True)
def set_before() -> nn.Module:
    """What the message asks for."""
    model = ActNorm().train()
    model(randn(4, 3))
    return model


@refused(
    "`self.top.copy_(top)`\n  a second call does something else here: what "
    "the first one leaves in self.seen" + WAY_OUT.format(mode="model.train()"),
    randn(4, 3),
)
class CountsItsCalls(nn.Module):
    """An observer of a quantised model, with a counter in Python."""

    def __init__(self):
        super().__init__()
        self.seen = 0
        self.register_buffer("top", torch.ones(1))

    def forward(self, x):
        if self.training:
            top = x.abs().max().detach()
            self.seen += 1
            if self.seen > 1:
                self.top.copy_(0.9 * self.top + 0.1 * top)
            else:
                self.top.copy_(top)
        return x / self.top


@refused(
    "what the first one leaves in self.hidden" + WAY_OUT.format(mode="model.eval()"),
    randn(4, 3),
)
class KeepsItsState(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell = nn.GRUCell(3, 3)
        self.hidden = None

    def forward(self, x):
        if self.hidden is None:
            self.hidden = torch.zeros_like(x)
        self.hidden = self.cell(x, self.hidden)
        return self.hidden


@example(randn(2, 4, 3))
class KeepsItsMask(nn.Module):
    """The second call takes the mask that the first has made: it is the same one."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 3)
        self.mask = None

    def forward(self, x):
        n = x.shape[1]
        if self.mask is None or self.mask.shape[0] < n:
            self.mask = torch.full((n, n), float("-inf")).triu(1)
        q = self.fc(x)
        return (q @ q.mT + self.mask[:n, :n]).softmax(-1) @ q


@example(randn(4, 3))
class KeepsWhatNobodyReads(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 3)
        self.last, self.calls, self.history = None, 0, []

    def forward(self, x):
        self.last = self.fc(x)
        self.calls += 1
        self.history.append(self.calls)
        return self.last
