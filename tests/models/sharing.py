"""Modules and parameters under several names, used twice, from elsewhere, or never."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn, randn

from tests.models.example import example


class Block(nn.Module):
    """The module that the others share."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 3)

    def forward(self, x, twice=False):
        x = self.fc(x)
        return self.fc(x) if twice else x

    def embed(self, x):
        return F.relu(self.fc(x))


class Parent(nn.Module):
    def __init__(self, block):
        super().__init__()
        self.block = block

    def forward(self, x):
        return self.block(x).tanh()


@example(randn(4, 3))
class OneLayerManyNames(nn.Module):
    def __init__(self):
        super().__init__()
        fc = nn.Linear(3, 3)
        self.a, self.b, self.net = fc, fc, nn.ModuleList([fc, nn.ReLU(), fc])
        self.p = nn.Parameter(torch.ones(3))
        self.q = self.p

    def forward(self, x):
        return self.net[0](self.b(self.a(x))) * self.q + self.p


@example(randn(4, 3))
class UsedTwice(nn.Module):
    def __init__(self):
        super().__init__()
        self.block = Block()

    def forward(self, x):
        return self.block(self.block(x) + 1)


@example(randn(4, 3))
class SharedBetweenParents(nn.Module):
    def __init__(self):
        super().__init__()
        block = Block()
        self.left, self.right = Parent(block), Parent(block)

    def forward(self, x):
        return self.left(x) + self.right(x)


@example(randn(4, 3))
class CalledWithDifferentGraphs(nn.Module):
    def __init__(self):
        super().__init__()
        self.block = Block()

    def forward(self, x):
        return self.block(x) + self.block(x, twice=True) + self.block(x, True)


@example(randn(4, 3))
class MethodThatIsNotForward(nn.Module):
    def __init__(self):
        super().__init__()
        self.block = Block()

    def forward(self, x):
        return self.block.embed(x) + self.block(x)


@example(randn(4, 3))
class WeightOfAChild(nn.Module):
    def __init__(self):
        super().__init__()
        self.block = Block()

    def forward(self, x):
        return F.linear(x, self.block.fc.weight.t(), self.block.fc.bias) + self.block(x)


@example(randn(4, 3))
class CalledNever(nn.Module):
    def __init__(self):
        super().__init__()
        self.used, self.spare, self.idle = Block(), Block(), nn.Conv2d(3, 4, 3)
        self.w = nn.Parameter(randn(2))

    def forward(self, x):
        return self.used(x)


@example(torch.randint(0, 9, (2, 7)))
class TiedEmbedding(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.head = nn.Embedding(9, 4), nn.Linear(4, 9, bias=False)
        self.head.weight = self.embed.weight

    def forward(self, tokens):
        b, n = tokens.shape
        logits = self.head(self.embed(tokens))
        return logits, F.cross_entropy(logits.view(b * n, -1), tokens.view(-1))


class Stash(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 3)

    def forward(self, x):
        self.kept = self.fc(x)
        return self.kept * 2


class UsesStash(nn.Module):
    def __init__(self, other):
        super().__init__()
        self.other = [other]

    def forward(self, x):
        return x + self.other[0].kept + self.other[0].fc(x)


@example(randn(4, 3))
class SideChannel(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = Stash()
        self.b = UsesStash(self.a)

    def forward(self, x):
        return self.b(self.a(x))


@example(randn(4, 3))
class Containers(nn.Module):
    def __init__(self):
        super().__init__()
        self.rows = nn.ModuleList([nn.ModuleList([nn.Linear(3, 3), nn.Linear(3, 3)]) for _ in "ab"])
        self.named = nn.ModuleDict({"first": nn.Linear(3, 3), "act": nn.GELU()})
        self.weights = nn.ParameterList([nn.Parameter(randn(3, 3)) for _ in range(2)])
        self.shifts = nn.ParameterDict({"a": nn.Parameter(randn(3))})

    def forward(self, x):
        for row in self.rows:
            for fc in row:
                x = fc(x)
        for layer in self.named.values():
            x = layer(x)
        for w in self.weights:
            x = torch.tanh(x @ w)
        return x + self.shifts["a"]


@example(randn(4, 3))
class SliceOfList(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(3, 3) for _ in range(5)])
        self.net = nn.Sequential(*[nn.Linear(3, 3) for _ in range(4)])

    def forward(self, x):
        for layer in self.layers[1:4]:
            x = layer(x).relu()
        x = self.layers[0](x)
        return self.net[1:3](x) + self.net[-1](x)


@example(randn(4, 3))
class SharedInsideShared(nn.Module):
    """A block twice in a list, and its inner layer under a name of the root."""

    def __init__(self):
        super().__init__()
        block = Block()
        self.blocks = nn.ModuleList([block, Parent(block), block])
        self.fc = block.fc

    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return self.fc(x)


@example(randn(4, 3))
class SameParameterInTwoModules(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(3, 3), nn.Linear(3, 3)
        self.b.weight = self.a.weight
        self.b.bias = self.a.bias

    def forward(self, x):
        return self.b(self.a(x).relu())


@example(randn(2, 3))
class RootLinear(nn.Linear):
    def __init__(self):
        super().__init__(3, 4)


@example(randn(2, 3))
def root_sequential():
    return nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Sequential(nn.Linear(4, 5)))


@example(randn(2, 3))
class NestedSequential(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            nn.Sequential(nn.Linear(3, 3), nn.ReLU()),
            nn.Sequential(Block(), nn.Sequential(nn.Linear(3, 3), nn.Identity())),
        )

    def forward(self, x):
        return self.net(x) + self.net[0](x) + self.net[1][1][0](x)


@example(randn(2, 3))
class ParametersInListsOfLists(nn.Module):
    def __init__(self):
        super().__init__()
        self.scales = nn.ParameterList(
            [nn.ParameterList([torch.ones(3), torch.ones(3) * at]) for at in range(1, 3)]
        )
        self.named = nn.ParameterDict({"a": nn.ParameterList([torch.ones(3)]), "b": torch.ones(3)})

    def forward(self, x):
        for scale, shift in self.scales:
            x = x * scale + shift
        return x * self.named["a"][0] + self.named["b"]


class Layers(nn.Sequential):
    """A Sequential of the user's that runs its last layer apart."""

    def forward(self, x):
        for layer in self[:-1]:
            x = layer(x)
        return self[-1](x.double()).float()


@example(randn(2, 3))
def slice_of_own_sequential():
    last = nn.LayerNorm(3, dtype=torch.float64)
    return nn.Sequential(nn.Linear(3, 3), Layers(nn.Tanh(), nn.GELU(), nn.Sigmoid(), last))


class Activated(nn.Module):
    """A block that takes the one activation of its default argument, as many as are built."""

    def __init__(self, act=nn.ReLU(True), drop=nn.Dropout(0.5)):  # noqa: B008
        super().__init__()
        self.net = nn.Sequential(nn.Linear(3, 3), act, nn.Linear(3, 3), act)
        self.drop = drop

    def forward(self, x):
        return self.drop(self.net(x))


@example(randn(4, 3))
class OneActivationManyPlaces(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.act = Activated(), nn.SiLU()
        self.blocks = nn.ModuleList([Activated(), self.act, Activated()])

    def forward(self, x):
        x = self.act(self.first(x))
        for block in self.blocks:
            x = block(x)
        return x
