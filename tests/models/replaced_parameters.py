"""Layers whose weights are computed, wrapped, hooked or parts of something larger."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn, randn
from torch.nn.utils import parametrizations, parametrize

from tests.models.example import example


@example(randn(4, 3))
class WeightNorm(nn.Module):
    def __init__(self):
        super().__init__()
        self.old = torch.nn.utils.weight_norm(nn.Linear(3, 3))
        self.new = parametrizations.weight_norm(nn.Linear(3, 3))

    def forward(self, x):
        return self.new(self.old(x).tanh())


@example(randn(4, 3))
class SpectralNorm(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = parametrizations.spectral_norm(nn.Linear(3, 3))

    def forward(self, x):
        return self.fc(x)


@example(randn(4, 3))
class OldSpectralNorm(nn.Module):
    """Before its first call, each layer's `weight` is a second tensor over `weight_orig`."""

    def __init__(self):
        super().__init__()
        self.first = torch.nn.utils.spectral_norm(nn.Linear(3, 6))
        self.last = torch.nn.utils.spectral_norm(nn.Conv1d(2, 4, 2, padding=1))

    def forward(self, x):
        x = F.leaky_relu(self.first(x), 0.1)
        return self.last(x.unflatten(1, (2, 3)))


class Symmetric(nn.Module):
    def forward(self, w):
        return w.triu() + w.triu(1).transpose(-1, -2)


@example(randn(4, 3))
class OwnParametrization(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 3)
        parametrize.register_parametrization(self.fc, "weight", Symmetric())

    def forward(self, x):
        return self.fc(x)


class LoraLinear(nn.Module):
    def __init__(self, base, rank=2):
        super().__init__()
        self.base = base
        self.lora_a = nn.Parameter(randn(rank, base.in_features))
        self.lora_b = nn.Parameter(torch.zeros(base.out_features, rank))

    def forward(self, x):
        return self.base(x) + x @ self.lora_a.T @ self.lora_b.T


@example(randn(4, 3))
class Lora(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = LoraLinear(nn.Linear(3, 3))
        self.b = nn.Sequential(LoraLinear(nn.Linear(3, 5), rank=1), nn.ReLU())

    def forward(self, x):
        return self.b(self.a(x))


class LoraSubclass(nn.Linear):
    def __init__(self, i, o, rank=2):
        super().__init__(i, o)
        self.lora_a, self.lora_b = nn.Parameter(randn(rank, i)), nn.Parameter(torch.zeros(o, rank))
        self.weight.requires_grad_(False)

    def forward(self, x):
        return super().forward(x) + F.linear(F.linear(x, self.lora_a), self.lora_b)


@example(randn(4, 3))
class LoraBySubclass(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = LoraSubclass(3, 3), LoraSubclass(3, 4, rank=1)

    def forward(self, x):
        return self.b(self.a(x))


class FakeQuantized(nn.Linear):
    def forward(self, x):
        scale = self.weight.detach().abs().max() / 127
        rounded = (self.weight / scale).round() * scale
        return F.linear(x, self.weight + (rounded - self.weight).detach(), self.bias)


@example(randn(4, 3))
class StraightThrough(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = FakeQuantized(3, 4)

    def forward(self, x):
        return self.fc(x)


@example(randn(2, 3, 8, 8))
class StandardizedConv(nn.Conv2d):
    def __init__(self):
        super().__init__(3, 4, 3)

    def forward(self, x):
        w = self.weight
        w = (w - w.mean((1, 2, 3), keepdim=True)) / (w.std((1, 2, 3), keepdim=True) + 1e-5)
        return F.conv2d(x, w, self.bias, self.stride, self.padding)


@example(randn(4, 6))
class SlicedParameter(nn.Module):
    """q, k and v are views of one parameter."""

    def __init__(self):
        super().__init__()
        self.qkv = nn.Parameter(randn(18, 6))

    def forward(self, x):
        q, k, v = (F.linear(x, w) for w in self.qkv.chunk(3))
        return (q @ k.T).softmax(-1) @ v + F.linear(x, self.qkv[:6])


@example(randn(4, 3))
class Hooks(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc, self.act = nn.Linear(3, 3), nn.ReLU()
        self.fc.register_forward_hook(lambda module, args, out: out * 2)
        self.act.register_forward_pre_hook(lambda module, args: (args[0] - 1,))

    def forward(self, x):
        return self.act(self.fc(x))


@example(randn(4, 3))
class WeightMadeBySmallNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.code = nn.Parameter(randn(2))
        self.make = nn.Linear(2, 12)

    def forward(self, x):
        made = self.make(self.code)
        return F.linear(x, made[:9].view(3, 3), made[9:])


@example(randn(4, 3))
class LazyLayer(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.LazyLinear(4)
        self.fc(randn(1, 3))

    def forward(self, x):
        return self.fc(x)


@example(torch.randint(0, 7, (2, 3)), randn(2, 3))
class ResizedByHand(nn.Module):
    def __init__(self):
        super().__init__()
        self.tokens, self.fc = nn.Embedding(10, 4), nn.Linear(3, 4)
        self.tokens.weight = nn.Parameter(randn(7, 4))
        self.fc.weight, self.fc.bias = nn.Parameter(randn(2, 3)), None
        self.norm = nn.LayerNorm(4)

    def forward(self, tokens, x):
        return self.norm(self.tokens(tokens)), self.fc(x)


class NormedConv(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.conv = torch.nn.utils.weight_norm(nn.Conv1d(3, 3, size, padding=size // 2))

    def forward(self, x):
        return self.conv(x)


@example(randn(2, 3, 9))
class NormedConvsOfSeveralSizes(nn.Module):
    """One class for layers that keep their parameters and nothing else of a layer."""

    def __init__(self):
        super().__init__()
        self.blocks = nn.ModuleList([NormedConv(3), NormedConv(5), NormedConv(7)])

    def forward(self, x):
        for block in self.blocks:
            x = x + block(x)
        return x


class HandWrittenSpectralNorm(nn.Module):
    """As in many GANs: a power iteration that writes to `.data` of parameters."""

    def __init__(self, module):
        super().__init__()
        self.module = module
        weight = module.weight
        del module._parameters["weight"]
        module.weight_bar = nn.Parameter(weight.data)
        module.weight_u = nn.Parameter(weight.data.new_ones(len(weight)), requires_grad=False)
        module.weight_v = nn.Parameter(weight.data.new_ones(weight[0].numel()), requires_grad=False)

    def forward(self, x):
        u, v, w = self.module.weight_u, self.module.weight_v, self.module.weight_bar
        v.data = F.normalize(torch.mv(w.flatten(1).t().data, u.data), dim=0)
        u.data = F.normalize(torch.mv(w.flatten(1).data, v.data), dim=0)
        self.module.weight = w / u.dot(w.flatten(1).mv(v))
        return self.module(x)


@example(randn(2, 4))
class DataOfParametersIsSet(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = HandWrittenSpectralNorm(nn.Linear(4, 3))

    def forward(self, x):
        return self.fc(x)


@example(randn(3, 4), torch.tensor([0, 2, 1]))
class LossWithWeights(nn.Module):
    """A layer of torch that is given a tensor, which it keeps in a buffer."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 3)
        self.criterion = nn.CrossEntropyLoss(weight=torch.tensor([0.5, 1.0, 2.0]))
        self.positive = nn.BCEWithLogitsLoss(pos_weight=torch.rand(3))

    def forward(self, x, y):
        logits = self.fc(x)
        wanted = nn.functional.one_hot(y, 3).to(logits)
        return logits, self.criterion(logits, y) + self.positive(logits, wanted)


@example(randn(3, 4).log_softmax(1), torch.tensor([0, 3, 1]))
def loss_alone() -> nn.Module:
    return nn.NLLLoss(weight=torch.rand(4))
