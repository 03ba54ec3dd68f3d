"""What goes in and comes out: nested, named, optional, and not always tensors."""

from __future__ import annotations

import enum
from collections import OrderedDict, namedtuple
from dataclasses import dataclass
from types import SimpleNamespace
from typing import NamedTuple

import torch
from torch import Tensor, nn, randn

from tests.models.example import example, refused


class Linear3(nn.Module):
    """The layer that the others use."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 3)


class Pair(NamedTuple):
    first: Tensor
    second: Tensor


Point = namedtuple("Point", ["x", "y"])


@dataclass
class Prediction:
    logits: Tensor
    loss: Tensor | None = None
    hidden: tuple[Tensor, ...] | None = None


@dataclass
class Batch:
    image: Tensor
    mask: Tensor


@example(randn(2, 3), {"a": randn(2, 3), "b": [randn(2, 3), (randn(2, 3), None)]})
class NestedInputs(Linear3):
    def forward(self, x, more):
        return self.fc(x) + more["a"] * more["b"][0] - more["b"][1][0]


@example(randn(2, 3), 3, randn(2, 3))
class NumberBetweenTensors(Linear3):
    def forward(self, x, n, y=None):
        return self.fc(x) * n + y


@example(Batch(randn(2, 3), randn(2, 1)))
class DataclassIn(Linear3):
    def forward(self, batch):
        return self.fc(batch.image) * batch.mask


@example(Pair(randn(2, 3), randn(2, 3)))
class NamedTupleIn(Linear3):
    def forward(self, pair):
        first, _ = pair
        return self.fc(first) + pair.second


@example([randn(2, 3), randn(4, 3)])
class ListIn(Linear3):
    def forward(self, parts):
        return self.fc(torch.cat(parts))


@example(randn(2, 3), randn(2, 3), randn(2, 3))
class StarArguments(Linear3):
    def forward(self, *tensors):
        return sum(self.fc(x) for x in tensors)


@example(randn(2, 3), flag=True, scale=2.0, mode="up")
class KeywordOnly(Linear3):
    def forward(self, x, *, mode="down", flag=False, scale=1.0, **unused):
        y = self.fc(x)
        if flag:
            y = y * scale
        return y if mode == "up" else -y


@example(randn(2, 3), bias=randn(3))
class KeywordArguments(Linear3):
    def forward(self, x, **extra):
        return self.fc(x) + extra["bias"]


@example(randn(2, 3), None, mask=torch.tensor([[True, False, True]]))
class OptionalArguments(Linear3):
    def forward(self, x, context=None, mask=None, weights=None):
        y = self.fc(x)
        if context is not None:
            y = y + context
        return y if mask is None else y.masked_fill(mask, 0.0)


@example(randn(2, 3))
class DefaultNumbers(Linear3):
    def forward(self, x, times=2, by=0.5):
        return self.fc(x) * times + by


@example(randn(2, 3))
class DictOut(Linear3):
    def forward(self, x):
        return {"y": self.fc(x), "n": x.shape[0], "none": None, "deep": (x, [x * 2])}


@example(randn(2, 3))
class NamedTupleOut(Linear3):
    def forward(self, x):
        return Pair(self.fc(x), x)


@example(randn(2, 3))
class PlainNamedTupleOut(Linear3):
    def forward(self, x):
        return Point(self.fc(x), x.mean())


@example(randn(2, 3))
class DataclassOut(Linear3):
    def forward(self, x):
        return Prediction(self.fc(x), hidden=(x, x + 1))


@example(randn(2, 3))
class OrderedDictOut(Linear3):
    def forward(self, x):
        return OrderedDict(out=self.fc(x), largest=x.max(1))


@example(randn(2, 3))
class OtherOutputs(Linear3):
    def forward(self, x):
        return self.fc(x), x.shape, 3, True, "words", None, 0.5, torch.float32


@example(randn(2, 3))
class InputHandedBack(Linear3):
    def forward(self, x):
        return x, self.fc(x)


@example()
class NoArguments(nn.Module):
    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(randn(3, 3))

    def forward(self):
        return self.w @ self.w.T


@example(randn(2, 3))
class InnerDict(nn.Module):
    """A dict between parent and child."""

    def __init__(self):
        super().__init__()
        self.inner = DictOut()

    def forward(self, x):
        found = self.inner(x)
        return found["y"] * found["n"] + found["deep"][1][0]


@example(randn(2, 3))
class InnerDataclass(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = DataclassOut()

    def forward(self, x):
        found = self.inner(x)
        return found.logits + found.hidden[1]


@dataclass
class Guarded:
    """Settings that may be looked at one by one only."""

    width: int = 3
    guarded: bool = True

    def __getattribute__(self, name):
        if name == "guarded":
            raise ValueError("not to be read")
        return super().__getattribute__(name)


@example(randn(2, 3))
class GuardedSettings(nn.Module):
    def __init__(self):
        super().__init__()
        self.settings = Guarded()
        self.fc = nn.Linear(3, self.settings.width)

    def forward(self, x):
        return self.fc(x) / self.settings.width


class Images:
    """An object of a class of the user's own, as DETR hands its images on."""

    def __init__(self, tensors, mask):
        self.tensors, self.mask, self.scale = tensors, mask, 2
        self.whole = self

    def decompose(self):
        return self.tensors, self.mask


@example(Images(randn(2, 4, 3), torch.tensor([[True, False, True, True]] * 2)))
class ObjectIn(Linear3):
    def forward(self, images):
        x, mask = images.decompose()
        return self.fc(x).masked_fill(mask[..., None], 0.0) * images.scale


@example(SimpleNamespace(x=randn(2, 3), y=[randn(2, 3), None]))
class NamespaceIn(Linear3):
    def forward(self, data):
        return self.fc(data.x) + data.y[0]


class Stage(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.fc = nn.Linear(width, width)

    def forward(self, x):
        return self.fc(x).tanh()


@example(randn(2, 4))
class StatesOfEveryStage(nn.Module):
    """Each stage is a loop that fills a part of one list, all of which is read at the end."""

    def __init__(self):
        super().__init__()
        stage = [nn.ModuleList(Stage(4) for _ in range(3)) for _ in range(2)]
        self.stages = nn.ModuleList(stage)

    def forward(self, x):
        states = ()
        for i, stage in enumerate(self.stages):
            for layer in stage:
                x = layer(x)
                states = (*states, x)
            if i == 0:
                x = x.relu()
        return x, states


@example(randn(4, 6))
class IndexThatWasComputed(nn.Module):
    """The key is a tuple of one slice, made for the axis that is asked for."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(6, 6)

    def first(self, x, axis):
        return x[tuple([slice(None)] * axis + [slice(None, 1)])]

    def forward(self, x):
        y = self.fc(x)
        y[(slice(1, 2),)] = 0.5
        return torch.cat([self.first(y, 0), y]), self.first(y, 1), y[(0,)]


@example(randn(2, 3, 8, 6))
class SizesOut(nn.Module):
    """Sizes are handed on as torch.Size, whole and in part."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)

    def embed(self, x):
        return self.conv(x), x.shape[-2:]

    def forward(self, x):
        y, size = self.embed(x)
        up = nn.functional.interpolate(y, size=x.shape[2:])
        return up, size, x.shape, {"size": size, "n": y.numel()}


class Side(enum.IntEnum):
    CHANNELS = 1
    WIDTH = 3


class Padding(enum.StrEnum):
    REFLECT = "reflect"


@example(randn(2, 3, 8, 6), Side.WIDTH, dtype=torch.float64)
class MembersOfEnums(nn.Module):
    """What is a number or a text is written as one."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)

    def forward(self, x, side, dtype=torch.float32):
        y = nn.functional.pad(self.conv(x), (1, 1, 1, 1), mode=Padding.REFLECT)
        return y.sum(side).to(dtype), y.softmax(dim=Side.CHANNELS) * Side.WIDTH, side


@example(randn(9, 3))
class ListInAResult(Linear3):
    """torch.return_types with a list of tensors in one field, handed on whole."""

    def forward(self, x):
        return torch.histogramdd(
            self.fc(x).detach()[:, :2], bins=[3, 3], range=[-1.0, 1.0, -1.0, 1.0]
        )


class TakesADistance(Linear3):
    def __init__(self):
        super().__init__()
        self.distance = nn.PairwiseDistance(p=1.0)


@example(randn(4, 3), randn(4, 3), randn(4, 3))
class GivesALayer(TakesADistance):
    """A layer that is an argument is a part of the model."""

    def forward(self, a, p, n):
        return nn.functional.triplet_margin_with_distance_loss(
            self.fc(a), p, n, distance_function=self.distance
        )


@refused(
    "<lambda> is a function of your program, which a file of its own cannot name.\nWrite that call "
    "with plain tensor calls, or unfoldify the modules around it.",
    randn(4, 3),
    randn(4, 3),
    randn(4, 3),
)
class GivesAFunction(TakesADistance):
    def forward(self, a, p, n):
        return nn.functional.triplet_margin_with_distance_loss(
            self.fc(a), p, n, distance_function=lambda x, y: (x - y).abs().sum(-1)
        )


@example(torch.randint(1, 9, (3, 6)), torch.tensor([6, 3, 4]))
class PackedRows(nn.Module):
    """Rows of different lengths go through a layer packed."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(9, 4)
        self.rnn = nn.LSTM(4, 3, batch_first=True, bidirectional=True)

    def forward(self, ids, lengths):
        packed = nn.utils.rnn.pack_padded_sequence(
            self.embedding(ids), lengths.tolist(), batch_first=True, enforce_sorted=False
        )
        output, (hidden, _) = self.rnn(packed)
        output, lengths = nn.utils.rnn.pad_packed_sequence(output, batch_first=True)
        return output, torch.cat([hidden[-2], hidden[-1]], -1), lengths


@example(torch.randint(1, 9, (3, 6)))
class ChangedWhilePacked(PackedRows):
    """What is computed from the rows without their padding is packed again."""

    def forward(self, ids):
        rnn = nn.utils.rnn
        packed = rnn.pack_padded_sequence(self.embedding(ids), [6, 4, 2], batch_first=True)
        packed = rnn.PackedSequence(packed.data.tanh(), packed.batch_sizes)
        return rnn.pad_packed_sequence(self.rnn(packed)[0], batch_first=True)[0]
