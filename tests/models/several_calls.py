"""Models whose first call leaves something behind, which the second may go by."""

from __future__ import annotations

import torch
from torch import nn, randn

from tests.models.by_value import ActNorm
from tests.models.example import example, refused

WAY_OUT = (
    " decides, and a file can say only one way.\nCall the model once before ({mode}; model(...)) if "
    "only its first call is another, or hand over what it keeps as an argument."
)


@example(randn(4, 3))
def set_before() -> nn.Module:
    """What the message asks for."""
    model = ActNorm().train()
    model(randn(4, 3))
    return model


@example(randn(4, 3))
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


@example(randn(4, 3))
class DividesByItsCalls(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 3)
        self.step = 0

    def forward(self, x):
        self.step += 1
        return self.fc(x) / self.step


@example(randn(4, 3))
class CoolsDown(nn.Module):
    """A temperature that training lowers and evaluation reads."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 3)
        self.temperature = 1.0

    def forward(self, x):
        y = (self.fc(x) / self.temperature).softmax(-1)
        if self.training:
            self.temperature = max(self.temperature * 0.9, 0.1)
        return y


@example(randn(4, 3))
class SphereMargin(nn.Module):
    """SphereFace: a weight that falls with the calls, computed by floats on the left."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 3)
        self.base, self.gamma, self.least, self.weight, self.calls = 1500.0, 0.1, 5.0, 1500.0, 0

    def forward(self, x):
        self.calls += 1
        self.weight = max(self.least, self.base * (1 + self.gamma * self.calls) ** (-1))
        return self.fc(x) / (1 + self.weight)


@example(randn(4, 3))
class TakesTurns(nn.Module):
    def __init__(self):
        super().__init__()
        self.heads = nn.Parameter(randn(3, 3))
        self.turn = 0

    def forward(self, x):
        y = x * self.heads[self.turn]
        self.turn = (self.turn + 1) % 3
        return y


class Decays(nn.Module):
    def __init__(self, rate):
        super().__init__()
        self.fc = nn.Linear(3, 3)
        self.rate = rate

    def forward(self, x):
        x = self.fc(x) * self.rate
        self.rate *= 0.5
        return x


@example(randn(4, 3))
class EachAtItsRate(nn.Module):
    """One class, constructed with two numbers; a rate of 0 stays what it is. One is called twice."""

    def __init__(self):
        super().__init__()
        self.one, self.two, self.none = Decays(1.0), Decays(0.3), Decays(0.0)

    def forward(self, x):
        return self.one(self.two(self.one(x))) + self.none(x)


@example(randn(4, 3))
class GoesOnFromItsLastState(nn.Module):
    """The state of the last call is read, and returned, before it is set."""

    def __init__(self):
        super().__init__()
        self.cell = nn.GRUCell(3, 3)
        self.state = torch.zeros(4, 3)

    def forward(self, x):
        last = self.state.detach()
        self.state = self.cell(x, last)
        return self.state, last


@example(randn(4, 2, 3))
class KeepsATupleOfStates(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(3, 3, batch_first=True)
        self.hidden = (torch.zeros(1, 4, 3), torch.zeros(1, 4, 3))

    def forward(self, x):
        y, hidden = self.lstm(x, self.hidden)
        self.hidden = tuple(h.detach() for h in hidden)
        return y


@refused(
    "`sum(self.seen)`\n  a second call does something else here: what the first one leaves in "
    "self.seen" + WAY_OUT.format(mode="model.eval()"),
    randn(4, 3),
)
class KeepsAList(nn.Module):
    def __init__(self):
        super().__init__()
        self.seen = []

    def forward(self, x):
        self.seen.append(x.mean())
        return x - sum(self.seen)
