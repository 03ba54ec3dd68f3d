"""Models that give a buffer of another module a new value while they run."""

import torch
from torch import nn


class Child(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)
        self.register_buffer("u", torch.randn(4))

    def forward(self, x):
        return self.fc(x) * self.u


class OfItsChild(nn.Module):
    def __init__(self):
        super().__init__()
        self.child = Child()

    def forward(self, x):
        y = self.child(x)
        self.child.u = 0.9 * self.child.u + 0.1 * y.mean(0).detach()
        return self.child(y)


class Range(nn.Module):
    """Has no forward: its parent calls its methods."""

    def __init__(self):
        super().__init__()
        self.register_buffer("high", torch.zeros(()))
        self.register_buffer("scale", torch.ones(()))

    def update(self, x):
        self.high = torch.maximum(self.high, x.detach().abs().max())
        self.scale = self.high / 127

    def quantize(self, x):
        return torch.round(x / self.scale) * self.scale


class ByAMethod(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)
        self.seen = Range()

    def forward(self, x):
        y = self.fc(x)
        self.seen.update(y)
        return y + (self.seen.quantize(y) - y).detach()


def power_iteration(module, args):
    with torch.no_grad():
        u = module.weight @ module.u
        u = u / u.norm()
    module.u = u


class ByAHook(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)
        self.fc.register_buffer("u", torch.randn(4))
        self.fc.register_forward_pre_hook(power_iteration)

    def forward(self, x):
        return self.fc(x) * self.fc.u


class OfAWholeLayer(nn.Module):
    """A layer that is not spelled out reads the buffer itself."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)
        self.bn = nn.BatchNorm1d(4)

    def forward(self, x):
        y = self.fc(x)
        self.bn.running_mean = 0.5 * self.bn.running_mean + y.mean(0).detach()
        return self.bn(y)


class InALoop(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(Child() for _ in range(3))

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
            layer.u = 0.9 * layer.u + 0.1 * x.mean(0).detach()
        return x


class KeepsTheOldOne(nn.Module):
    def __init__(self):
        super().__init__()
        self.child = Range()
        self.fc = nn.Linear(4, 4)

    def forward(self, x):
        y = self.fc(x)
        old = self.child.high
        self.child.high = 0.5 * old + y.mean().detach()
        return y * (self.child.high - old + 1)


class Sets(nn.Module):
    def __init__(self, other):
        super().__init__()
        self.others = [other]
        self.fc = nn.Linear(4, 4)

    def forward(self, x):
        y = self.fc(x)
        self.others[0].u = y.mean(0).detach()
        return y


class OfItsSibling(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = Child()
        self.b = Sets(self.a)

    def forward(self, x):
        return self.a(self.b(x))


class OfItsParent(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("u", torch.randn(4))
        self.b = Sets(None)
        self.b.others = [self]

    def forward(self, x):
        return self.b(x) + 1


class Own(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)
        self.register_buffer("u", torch.randn(4))

    def forward(self, x):
        y = self.fc(x)
        self.u = 0.5 * self.u + y.mean(0).detach()
        return y


class OfItsOwn(nn.Module):
    """A module rebinds its own buffer: both calls are the same, and the parent reads what they left."""

    def __init__(self):
        super().__init__()
        self.a = Own()

    def forward(self, x):
        return self.a(self.a(x)) + self.a.u


class KeepsWhatACallRebinds(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = Own()

    def forward(self, x):
        old = self.a.u
        y = self.a(x)
        return y * (self.a.u - old)


class OfAnother(nn.Module):
    """A buffer is given what another one holds."""

    def __init__(self):
        super().__init__()
        self.a = Child()
        self.register_buffer("last", torch.zeros(4))

    def forward(self, x):
        y = self.a(x) + self.last
        self.last = self.a.u
        return y


class Swaps(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)
        self.register_buffer("u", torch.randn(4))
        self.register_buffer("v", torch.randn(4))

    def forward(self, x):
        self.u, self.v = self.v, self.u
        return self.fc(x) * self.u


class PutsItBack(nn.Module):
    """Nothing is rebound: the buffer is given what it holds."""

    def __init__(self):
        super().__init__()
        self.a = Child()

    def forward(self, x):
        self.a.u = self.a.u
        return self.a(x)
