"""Names that clash with keywords, builtins, imports and each other, and names that would be code."""

# ruff: noqa: A001, A002 -- hiding builtins is what these models do

from __future__ import annotations

from collections import OrderedDict

import einops
import torch
from einops.layers.torch import Rearrange
from torch import nn, randn

from tests.models.example import example, refused


@example(randn(4, 3))
class AttributesNamedAsKeywords(nn.Module):
    def __init__(self):
        super().__init__()
        self.add_module("lambda", nn.Linear(3, 3))
        self.class_ = nn.Linear(3, 3)
        self.def_ = nn.ModuleDict({"a b": nn.Linear(3, 3), "in": nn.Linear(3, 3), "0": nn.ReLU()})
        self.register_parameter("w-x", nn.Parameter(randn(3)))

    def forward(self, input):
        None_ = getattr(self, "lambda")(input)
        return self.def_["in"](self.def_["a b"](self.class_(None_))) * getattr(self, "w-x")


@example(randn(4, 3))
class KeywordAsSecondName(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc, self.w = nn.Linear(3, 3), nn.Parameter(randn(3))
        self.add_module("in", self.fc)
        self.register_parameter("is", self.w)

    def forward(self, x):
        return getattr(self, "in")(self.fc(x)) * self.w


@example(randn(4, 3))
class AttributesNamedAsImports(nn.Module):
    def __init__(self):
        super().__init__()
        self.F, self.nn, self.torch = nn.Linear(3, 3), nn.Linear(3, 3), nn.Linear(3, 3)
        self.einops = self.Tensor = nn.Parameter(randn(3))

    def forward(self, x):
        torch_ = self.torch(x)
        return self.nn(self.F(torch_)) * self.einops + self.Tensor


@example(*randn(3, 4, 3))
class ArgumentsNamedAsImports(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 3)

    def forward(self, torch, rearrange, F):
        range, sum, len = self.fc(torch), self.fc(rearrange), F.relu()
        return range * sum - len.softmax(-1)


@example(randn(4, 3))
class LocalsNamedAsBuiltins(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 3)
        self.layers = nn.ModuleList([nn.Linear(3, 3) for _ in range(3)])

    def forward(self, x):
        float = list = self.fc(x)
        for zip in self.layers:
            list = zip(list).tanh() + float
        return torch.full((1,), 2.0) * list


@example(randn(4, 3))
class NamesThatWouldBeCode(nn.Module):
    def __init__(self):
        super().__init__()
        self.add_module('x"]; raise SystemExit #', nn.Linear(3, 3))
        self.add_module("__import__('os')", nn.Linear(3, 3))
        self.add_module("a\nb", nn.Linear(3, 3))

    def forward(self, x):
        for layer in self.children():
            x = layer(x)
        return {"quote\"'\\": x}


class torch_nn(nn.Module):
    """A class called as nothing should be."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 3)

    def forward(self, self_):
        return self.fc(self_)


@example(randn(4, 3))
class ClassesOfOneName(nn.Module):
    def __init__(self):
        super().__init__()

        class Block(nn.Module):
            def __init__(self):
                super().__init__()
                self.fc = nn.Linear(3, 3)

            def forward(self, x):
                return self.fc(x).relu()

        first = Block

        class Block(nn.Module):
            def forward(self, x):
                return x * 2

        self.a, self.b, self.c = first(), Block(), torch_nn()

    def forward(self, x):
        return self.a(self.b(self.c(x)))


@example(randn(4, 3))
class Linear(nn.Module):
    """The user's own class, named as torch's."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(randn(3, 3))
        self.inner = nn.Linear(3, 3)

    def forward(self, x):
        return self.inner(x @ self.weight)


@example(randn(2, 4, 6))
class UsersEinops(nn.Module):
    def __init__(self):
        super().__init__()
        self.split = Rearrange("b n (h d) -> b h n d", h=2)
        self.fc = nn.Linear(3, 3)

    def forward(self, x):
        x = self.fc(self.split(x))
        mean = einops.reduce(x, "b h n d -> b h 1 d", "mean")
        x = einops.einsum(x, mean, "b h n d, b h m d -> b n h m") + einops.repeat(
            x[:, 0, :, :1], "b n 1 -> b n h 1", h=2
        )
        return einops.rearrange(x, "b n h 1 -> b (n h)")


@example(randn(4, 3))
class NamesWithAccents(nn.Module):
    def __init__(self):
        super().__init__()
        self.größe = nn.Linear(3, 3)
        self._private = nn.Linear(3, 3)
        self.__mangled = nn.Linear(3, 3)

    def forward(self, x):
        π = self.größe(x)
        return self.__mangled(self._private(π))


@example(randn(4, 3))
class Precedence(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 3)

    def forward(self, x):
        y = self.fc(x)
        a = -(x**2) + (-x) ** 2 - (x - (y - 1)) / (x * x + 1) * (y / (y * y + 2))
        b = ~((x > 0) & (y < 0) | (x == y)) ^ (x <= y)
        c = (x @ x.T) @ (y @ y.T) @ x, 2 ** -x.abs(), (x + y)[0], (x - y).T[1:], -x.sum()
        return a * b, *c, x % 2.0 // 0.5, (1 - x) * (1 - (1 - y)), 1 / (1 / (x * x + 1))


@example(randn(2, 3, 8, 8))
class ListWithNamedItems(nn.Module):
    def __init__(self):
        super().__init__()
        self.path = nn.ModuleList([nn.ReLU()])
        self.path.add_module("pad", nn.ZeroPad2d((0, 1, 0, 1)))
        self.path.add_module("conv", nn.Conv2d(3, 4, 1, bias=False))
        self.path.add_module("inner", nn.ModuleList([nn.BatchNorm2d(4)]))
        self.path.inner.add_module("last", nn.Conv2d(4, 2, 1))

    def forward(self, x):
        x = self.path.conv(self.path.pad(self.path[0](x)))
        return self.path.inner.last(self.path.inner[0](x))


@example(randn(2, 3, 8, 8))
class NumbersThatAreNoPlaces(nn.Module):
    """As CLIP's ResNet names its layers: "-1" comes before "0"."""

    def __init__(self):
        super().__init__()
        layers = [("-1", nn.AvgPool2d(2)), ("0", nn.Conv2d(3, 3, 1)), ("1", nn.BatchNorm2d(3))]
        self.downsample = nn.Sequential(OrderedDict(layers))
        steps = [(str(number), nn.Conv2d(3, 3, 1)) for number in range(2, 5)]
        self.steps = nn.Sequential(OrderedDict([("first", nn.ReLU()), *steps]))

    def forward(self, x):
        x = self.steps.first(self.downsample(x))
        for step in self.steps[1:]:
            x = step(x).tanh()
        return x


@example(randn(4, 3))
class PartsThatHideMethods(nn.Module):
    """`self.parameters` is the method still: nn.Module keeps its parts elsewhere."""

    def __init__(self):
        super().__init__()
        self.blocks = [nn.Linear(3, 3), nn.Linear(3, 3)]
        self.parameters = nn.ParameterList(p for block in self.blocks for p in block.parameters())
        self.float = nn.Linear(3, 3)

    def forward(self, x):
        for block in self.blocks:
            x = torch.relu(block(x))
        return self._modules["float"](x)


@refused(
    "FlagThatHidesAMethod: self.train is a bool, and hides the method train() of nn.Module, which "
    "is needed to record the model.\nGive the attribute another name.",
    randn(4, 3),
)
class FlagThatHidesAMethod(nn.Module):
    def __init__(self):
        super().__init__()
        self.train = False
        self.fc = nn.Linear(3, 3)

    def forward(self, x):
        return self.fc(x) if not self.train else x


@example(randn(2, 5, 6, 4))
class ReadAgainAfterTheLoop(nn.Module):
    """Both directions of an LSTM read its input; no state of theirs may take the input's name."""

    def __init__(self):
        super().__init__()
        self.vertical = nn.LSTM(4, 3, batch_first=True, bidirectional=True)
        self.horizontal = nn.LSTM(4, 3, batch_first=True, bidirectional=True)

    def forward(self, x):
        b, height, width, c = x.shape
        v = x.permute(0, 2, 1, 3)
        v = v.reshape(-1, height, c)
        v, _ = self.vertical(v)
        h = x.reshape(-1, width, c)
        h, _ = self.horizontal(h)
        return v.reshape(b, width, height, -1).permute(0, 2, 1, 3) + h.reshape(b, height, width, -1)


class Pooled(nn.Module):
    def __init__(self, kernel):
        super().__init__()
        self.pool = nn.MaxPool2d([kernel, kernel], stride=[1, 1]) if kernel else nn.Identity()
        self.fc = nn.Conv2d(3, 3, 1)

    def forward(self, x):
        return self.fc(self.pool(x))


@example(randn(2, 3, 8, 8))
class KernelsThatAreLists(nn.Module):
    """Classes are told apart by their kernels, which pooling keeps as they were given."""

    def __init__(self):
        super().__init__()
        self.blocks = nn.Sequential(Pooled(3), Pooled(0), Pooled(1))

    def forward(self, x):
        return self.blocks(x)


class LayersAfterAValue(nn.Module):
    """The layers have the name of the value that goes through them, in the plural."""

    def __init__(self):
        super().__init__()
        self.convs = nn.ModuleList([nn.Conv2d(3, 4, 3, stride=2)])
        self.convs.extend(nn.Conv2d(4, 4, 3) for _ in range(3))


@example(randn(2, 3, 19, 19))
class ValueThatGoesRoundNamedAsALayer(LayersAfterAValue):
    """`for conv in self.convs[1:]` would take the name of what the loop hands on."""

    def forward(self, obs):
        conv = torch.relu(self.convs[0](obs))
        for i in range(1, len(self.convs)):
            conv = torch.relu(self.convs[i](conv))
        return conv


@example(randn(2, 3, 19, 19))
class ValueOfARoundNamedAsALayer(LayersAfterAValue):
    """The value that each round reads, and the value that each round makes."""

    def forward(self, obs):
        layer = x = self.convs[0](obs)
        for i in range(1, len(self.convs)):
            conv = torch.relu(self.convs[i](x))
            x = torch.nn.functional.pad(conv, (1, 1, 1, 1)) * layer
        return x


@example(randn(2, 3, 19, 19))
class LayerNamedByTheUser(LayersAfterAValue):
    """A loop over the layers keeps the user's word for them."""

    def forward(self, obs):
        x = self.convs[0](obs)
        for conv in self.convs[1:]:
            x = torch.relu(conv(x))
        return x
