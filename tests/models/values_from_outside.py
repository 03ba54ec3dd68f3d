"""Tensors that no call of the model made: attributes, globals, closures, numpy, numbers read."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import nn, randn
from torch.autograd import Variable

from tests.models.example import example, refused

HALVES = torch.full((3,), 0.5)
TABLE = {"shift": torch.linspace(0, 1, 3)}


class Linear3(nn.Module):
    """The layer that the others use."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 3)


@example(randn(4, 3))
class PlainAttributes(Linear3):
    def __init__(self):
        super().__init__()
        self.mask = torch.tril(torch.ones(3, 3))
        self.parts = [torch.arange(3.0), torch.randn(3, 200)]
        self.named = {"a": torch.eye(3)}

    def forward(self, x):
        return self.fc(x) @ self.mask + self.parts[0] + self.parts[1].sum(1) @ self.named["a"]


@example(randn(4, 3))
class Globals(Linear3):
    def forward(self, x):
        return self.fc(x) * HALVES + TABLE["shift"] + torch.tensor([1.0, 2, 3])


@example(randn(4, 3))
class Closure(nn.Module):
    def __init__(self):
        super().__init__()
        fc, turn = nn.Linear(3, 3), torch.eye(3).flip(0)
        self.fc = fc
        self.apply_all = lambda x: fc(x) @ turn

    def forward(self, x):
        return self.apply_all(x)


@example(randn(4, 3))
class ClassAttribute(Linear3):
    mean = torch.tensor([0.1, 0.2, 0.3])
    eps = 1e-5

    def forward(self, x):
        return self.fc((x - self.mean) / (self.mean + self.eps))


@example(randn(4, 3))
class Buffers(Linear3):
    def __init__(self):
        super().__init__()
        self.register_buffer("kept", torch.randn(3))
        self.register_buffer("passing", torch.randn(3), persistent=False)
        self.register_buffer("large", torch.randn(50, 50), persistent=False)
        self.register_buffer("index", torch.tensor([1, 0, 2]))
        self.register_buffer("flags", torch.tensor([True, False, True]))
        self.register_buffer("bytes_", torch.tensor([1, 2, 3], dtype=torch.uint8), persistent=False)
        self.register_buffer("short", torch.tensor([1, 2, 3], dtype=torch.int16))
        self.register_buffer("none", None)

    def forward(self, x):
        y = self.fc(x)[:, self.index] + self.kept * self.passing + self.large[:3, 0]
        return torch.where(self.flags, y, -y) * self.bytes_ + self.short


@example(randn(4, 3))
class BufferOfRootUsedBelow(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("scale", torch.rand(3))
        self.inner = UsesScale(self)

    def forward(self, x):
        return self.inner(x)


class UsesScale(Linear3):
    def __init__(self, root):
        super().__init__()
        self.root = [root]

    def forward(self, x):
        return self.fc(x) * self.root[0].scale


@example(randn(5, 3))
class NumbersRead(Linear3):
    def forward(self, x):
        largest = x.abs().max().item()
        first = x[0].tolist()
        return self.fc(x) / largest + first[0] * np.sqrt(3.0) + math.pi


@example(randn(5, 3))
class NumpyArrays(Linear3):
    grid = np.linspace(0, 1, 3, dtype=np.float32)

    def forward(self, x):
        return self.fc(x) * np.float32(2.0) + torch.as_tensor(self.grid)


@example(randn(4, 10, 16))
class PositionTable(nn.Module):
    def __init__(self):
        super().__init__()
        place = torch.arange(64).unsqueeze(1)
        step = torch.exp(torch.arange(0, 16, 2) * (-math.log(10000.0) / 16))
        table = torch.zeros(64, 16)
        table[:, 0::2], table[:, 1::2] = torch.sin(place * step), torch.cos(place * step)
        self.register_buffer("table", table, persistent=False)

    def forward(self, x):
        return x + self.table[: x.size(1)]


@example(randn(4, 3))
class MadeInForward(Linear3):
    def forward(self, x):
        n = x.shape[0]
        mask = torch.triu(torch.ones(n, n, dtype=torch.bool), 1)
        place = torch.arange(n, device=x.device, dtype=x.dtype)
        scores = (self.fc(x) @ x.T).masked_fill(mask, float("-inf")).softmax(-1)
        return scores + place + torch.full((n,), 2.0) + torch.eye(n) + x.new_zeros(n)


@example(randn(4, 3))
class OldConstructors(Linear3):
    def forward(self, x):
        count = torch.IntTensor([2])
        row = torch.Tensor([1.0, 2.0, 3.0]) / torch.FloatTensor([x.shape[0]])
        places = torch.LongTensor([[0, 2]]).expand(x.shape[0], -1)
        filled = torch.Tensor(x.size(0), 3).fill_(0.5)
        y = self.fc(x) + filled.to(x) + row
        assert isinstance(filled, torch.FloatTensor)
        return y[:, : count[0]], y.gather(1, places), filled.type(torch.LongTensor)


@example(randn(2, 5, 8), torch.tensor([0, 2, 3, 5, 7]))
class ComplexTables(nn.Module):
    """A list of tables in a type that safetensors has no word for."""

    def __init__(self):
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        noise = torch.rand(24, 2, dtype=torch.float64, generator=generator)
        self.tables = [torch.polar(noise + 0.5, noise), torch.polar(noise + 0.5, 2 * noise)]
        self.fc = nn.Linear(8, 8)

    def forward(self, x, places):
        turns = torch.cat([table[places] for table in self.tables], dim=-1)
        pairs = torch.view_as_complex(self.fc(x).double().unflatten(-1, (-1, 2)))
        return torch.view_as_real(pairs * turns).flatten(-2).to(x.dtype)


@example(randn(2, 5, 3))
class MaskFromNumpy(Linear3):
    """A constant for the example's sizes alone."""

    def forward(self, x):
        mask = np.arange(x.shape[0] * x.shape[1]).reshape(x.shape[:2]) % 3 == 0
        x = self.fc(x)
        x[torch.tensor(mask)] = 0.0
        return x


@refused(
    "a (2, 3) float32 tensor is used here that was made while the model ran by a call that cannot "
    "be seen (TorchScript, a C++ extension, numpy).\nMake it by a torch call, or keep it as a "
    "buffer of the model.",
    randn(2, 3),
)
class ThroughNumpy(Linear3):
    def forward(self, x):
        return self.fc(x) + torch.from_numpy(np.sort(x.detach().numpy()))


@example(randn(2, 3))
class VariablesOfOldCode(nn.Module):
    """As PointNet makes its identity: an array, a Variable, a view."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 4)
        self.table = np.linspace(0.5, 2, 4, dtype=np.float32)

    def forward(self, x):
        identity = Variable(torch.from_numpy(np.array([1, 0, 0, 1]).astype(np.float32)))
        hidden = Variable(torch.zeros(x.size(0), 4, dtype=x.dtype))
        kept = Variable(x) if isinstance(x, Variable) else x
        return self.fc(kept) + identity.view(1, 4) + hidden + torch.from_numpy(self.table)


@example(randn(2, 12, 3), fixed=True)
class PeriodsThroughNumpy(nn.Module):
    """As TimesNet finds its periods: what numpy was told decides what is done."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 3)

    def forward(self, x):
        strength = torch.arange(7.0, dtype=x.dtype).sin()
        _, top = torch.topk(strength, 2)
        top = top.detach().cpu().numpy()
        picked = x[:, top]
        for period in x.shape[1] // top:
            picked = picked + self.fc(x)[:, :period].mean(1, keepdim=True)
        return picked


@example(randn(4, 3), torch.tensor([0, 2, 1, 1]))
class RowsOfARange(Linear3):
    """Python counts the rows: the list of them is as long as it was."""

    def forward(self, x, label):
        rows = torch.LongTensor(range(x.size(0))).to(x.device)
        return self.fc(x)[rows, label]


def reversed_gradient(x, strength):
    class Reversed(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clone()

        @staticmethod
        def backward(ctx, gradient):
            return -strength * gradient

    return Reversed.apply(x)


@example(randn(4, 3))
class FunctionMadeInACall(nn.Module):
    """Its class is another one in each call, and the same in all that matters."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 3)

    def forward(self, x):
        return reversed_gradient(self.fc(x), 0.5) + reversed_gradient(x, 0.5)


@refused(
    "reversed_gradient.<locals>.Reversed, an autograd.Function, is made anew with other values "
    "around it in each call, and a file has it once.\nDefine it outside the function, and hand the "
    "values over as arguments of apply.",
    randn(4, 3),
)
class FunctionMadeInTwoWays(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 3)

    def forward(self, x):
        return reversed_gradient(self.fc(x), 0.5) + reversed_gradient(x, 2.0)


@example(randn(4, 3))
class SetsASeed(Linear3):
    """Also the one that a check may have set."""

    def forward(self, x):
        torch.manual_seed(0)
        return self.fc(x) + torch.randn(3)


@example(randn(4, 3))
class DrawsApart(Linear3):
    """What is drawn inside leaves the numbers outside as they are."""

    def forward(self, x):
        with torch.random.fork_rng():
            torch.manual_seed(1)
            mask = torch.rand_like(x)
        return self.fc(x) * mask + torch.rand_like(x)


@example(randn(4, 3))
class DrawsFromItsOwnGenerator(Linear3):
    def forward(self, x):
        generator = torch.Generator()
        generator.manual_seed(3)
        first = torch.randn(x.shape, generator=generator, dtype=x.dtype)
        return self.fc(x) + first * torch.rand(3, generator=generator)


@refused(
    "randn draws from a generator that was used or made before: what it draws depends on earlier "
    "calls, and a file cannot say that.\nMake and seed the generator in the forward that draws from "
    "it, or draw without one.",
    randn(4, 3),
)
class DrawsFromAGeneratorThatStays(Linear3):
    def __init__(self):
        super().__init__()
        self.generator = torch.Generator().manual_seed(1)

    def forward(self, x):
        return self.fc(x) + torch.randn(3, generator=self.generator)


@example(randn(4, 3), randn(4, 3))
class ArraysReturned(Linear3):
    """What metrics are made of, beside a loss: `.numpy()` stays the call that it is."""

    def forward(self, x, y):
        score = (self.fc(x) * y).mean(0)
        tags = score.argmax(-1).cpu().numpy()
        return 1 - score.mean(), score.detach().cpu().numpy(), {"tags": [tags]}


@example(randn(4, 3))
class ArraysByNumpysOwnName(Linear3):
    """`np.asarray` hands on what the tensor gives; what is no tensor's is a constant."""

    def forward(self, x):
        y = self.fc(x)
        return np.asarray(y.detach()), y.mean().numpy(force=True), np.array([1, 2]), np.float32(0.5)


class GivesAnArray(Linear3):
    def forward(self, x):
        y = self.fc(x)
        return y, y.detach().numpy()


@example(randn(4, 3))
class ArrayOfAPart(Linear3):
    """It leaves the part as a tensor; where it is not wanted, nothing is written for it."""

    def __init__(self):
        super().__init__()
        self.first, self.second = GivesAnArray(), GivesAnArray()

    def forward(self, x):
        x, array = self.first(x)
        return self.second(x)[0], array


@example(randn(4, 3), fixed=True)
class ArrayThatDecides(Linear3):
    """An array that is looked at as well: the report says that what it decides is fixed."""

    def forward(self, x):
        y = self.fc(x)
        array = y.detach().numpy()
        return (y * 2 if array.min() > -1e6 else y), array


NUMPY_MADE = (
    "`logits.argmax(-1).cpu().numpy()`\n  forward returns a numpy int64 that numpy made of this "
    "array: no call of torch made it, so it cannot be written down.\nReturn the tensor, or what "
    ".numpy() gives as it is, and let whoever calls the model go on from there; or compute it with "
    "torch."
)


@refused(NUMPY_MADE, randn(2, 4, 3))
class NumbersOfAnArray(Linear3):
    def forward(self, x):
        logits = self.fc(x)
        tags = logits.argmax(-1).cpu().numpy()
        return logits, [row[0] for row in tags]


class GivesAList(Linear3):
    def forward(self, x):
        y = self.fc(x)
        return y, y.argmax(-1).tolist()


@example(randn(4, 3))
class ListsReturned(Linear3):
    """What a decoder gives: `.tolist()` as it is, for any batch, also through a part."""

    def __init__(self):
        super().__init__()
        self.part = GivesAList()

    def forward(self, x):
        y, tags = self.part(x)
        return y, tags, {"best": self.fc(y).topk(2)[1].tolist(), "mean": y.mean().tolist()}


@example(randn(4, 3), fixed=True)
class ListsTakenApart(Linear3):
    """A list that is another one in the end is that of its items."""

    def forward(self, x):
        y = self.fc(x)
        tags, rows = y.argmax(-1).tolist(), y.tolist()
        tags.append(7)
        rows[0][1] = 0.5
        return y, tags, rows
