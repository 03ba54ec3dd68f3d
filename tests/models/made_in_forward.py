"""Parameters and layers that a forward makes: for one call, or for good in the first one."""

from __future__ import annotations

import torch
from torch import nn, randn

from tests.models.example import example, refused


class Linear3(nn.Module):
    """The layer that the others use."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 3)


@example(randn(4, 3))
class ParameterForOneCall(Linear3):
    def forward(self, x):
        gamma = nn.Parameter(torch.zeros(1))
        beta = nn.Parameter(torch.ones(3, device=x.device), requires_grad=False)
        return gamma * x + self.fc(x) * beta


@example(randn(4, 3))
class ParameterReplaced(Linear3):
    """Each call makes the parameter anew from what it was."""

    def __init__(self):
        super().__init__()
        self.shares = nn.Parameter(torch.ones(3))

    def forward(self, x):
        self.shares = nn.Parameter(torch.softmax(self.shares, -1))
        return self.fc(x) * self.shares[0] + x * self.shares[1]


@example(randn(4, 3))
class LayerForOneCall(Linear3):
    """Its weights are drawn in every call."""

    def forward(self, x):
        return nn.Linear(x.shape[-1], 7)(self.fc(x))


@example(randn(4, 3))
class PlainLayersForOneCall(Linear3):
    def forward(self, x):
        x = nn.LayerNorm(x.shape[-1])(nn.ReLU()(self.fc(x)))
        return nn.Softmax(dim=-1)(nn.Dropout(0.2)(nn.BatchNorm1d(x.shape[-1])(x)))


class LayerKept(Linear3):
    def __init__(self):
        super().__init__()
        self.head = None

    def forward(self, x):
        if self.head is None:
            self.head = nn.Linear(x.shape[-1], 2)
        return self.head(self.fc(x))


@refused(
    "`nn.Linear(x.shape[-1], 2)`\n  head.weight is made in the model's first "
    "call, and unfoldify changes no model.\nCall the model once, model(*args), and then unfoldify.",
    randn(4, 3),
)
class LayerMadeInTheFirstCall(LayerKept):
    pass


@example(randn(4, 3))
def layer_made_before() -> nn.Module:
    """What the message asks for."""
    model = LayerKept()
    model(randn(4, 3))
    return model
