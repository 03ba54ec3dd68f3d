"""Every precision, complex numbers, memory layouts, and a model without memory."""

from __future__ import annotations

import torch
from torch import nn, randn

from tests.models.example import example


class Linear4(nn.Module):
    """The layer that the others use."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)


@example(randn(3, 4, dtype=torch.float64))
class Double(Linear4):
    def __init__(self):
        super().__init__()
        self.double()

    def forward(self, x):
        return self.fc(x).to(x.dtype) + torch.zeros(4, dtype=x.dtype, device=x.device)


@example(randn(3, 4, dtype=torch.bfloat16))
class Brain(Linear4):
    def __init__(self):
        super().__init__()
        self.bfloat16()

    def forward(self, x):
        return self.fc(x).float().softmax(-1).to(x.dtype)


@example(randn(3, 4, dtype=torch.float16))
class Half(Linear4):
    def __init__(self):
        super().__init__()
        self.half()

    def forward(self, x):
        return self.fc(x).relu()


@example(randn(3, 4))
class MixedPrecision(Linear4):
    def __init__(self):
        super().__init__()
        self.exact = nn.Linear(4, 4).double()

    def forward(self, x):
        return self.fc(x), self.exact(x.double())


@example(randn(2, 4))
class ComplexNumbers(Linear4):
    def forward(self, x):
        f = torch.fft.rfft(self.fc(x), dim=-1)
        g = torch.fft.irfft(f * f.conj(), n=x.shape[-1])
        return g, torch.view_as_real(f), f.abs(), f.angle()


@example(randn(2, 6, 8))
class Rotary(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 8)
        angles = torch.outer(torch.arange(16).float(), 1.0 / 100 ** (torch.arange(0, 8, 2) / 8))
        self.register_buffer(
            "turns", torch.polar(torch.ones_like(angles), angles), persistent=False
        )

    def forward(self, x):
        pairs = torch.view_as_complex(self.fc(x).float().reshape(*x.shape[:-1], -1, 2))
        return torch.view_as_real(pairs * self.turns[: x.shape[1]]).flatten(-2).type_as(x)


@example(torch.randint(0, 5, (3, 4)), torch.tensor([[True, False, True, True]]))
class IntegersAndFlags(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(5, 4)

    def forward(self, tokens, mask):
        seen = (tokens != 0) & mask
        return self.embed(tokens % 5) * seen.unsqueeze(-1), seen.sum(), ~seen, tokens // 2 | 1


@example(randn(2, 3, 6, 6).to(memory_format=torch.channels_last))
class ChannelsLast(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.to(memory_format=torch.channels_last)

    def forward(self, x):
        return self.conv(x).contiguous()


@example(randn(2, 3))
class TypeCasts(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 3)

    def forward(self, x):
        y = self.fc(x)
        assert y.type().endswith("Tensor")
        return (y > 0).type(x.dtype) * y, y.type(torch.int64), (y > 1).type_as(y)


@example(randn(2, 5, 3, dtype=torch.bfloat16))
class BrainLSTM(nn.Module):
    """torch.nn makes the states that nobody gives in the type of the input."""

    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(3, 4, batch_first=True)
        self.bfloat16()

    def forward(self, x):
        return self.lstm(x)[0]


class Places(nn.Module):
    """Is told the dtype of what it makes."""

    def made(self, n, dtype):
        return torch.linspace(0.0, 0.7, n, dtype=dtype)

    def forward(self, x, dtype=None):
        return self.made(x.shape[1], dtype)


@example(randn(2, 3, dtype=torch.bfloat16))
class DtypeHandedOver(nn.Module):
    """A dtype that is said far from where it is used, and one that is read there."""

    def __init__(self):
        super().__init__()
        self.fc, self.places = nn.Linear(3, 3), Places()
        self.bfloat16()

    def forward(self, x):
        exact = self.places(x, dtype=torch.float32)
        read = self.places(x, x.dtype)
        return self.fc(x).float() * exact, self.fc(x) + read


@example(torch.randn(2, 5, 4))
class DtypeByDefault(nn.Module):
    """A scan that adds up in a dtype of its own, which its caller leaves at the default."""

    def __init__(self):
        super().__init__()
        self.gate = nn.Linear(4, 4)

    def scan(self, x, gate, dtype=torch.float32):
        state, out = x[:, 0].to(dtype), torch.zeros_like(x)
        for t in range(x.shape[1]):
            state = gate[:, t].type(dtype) * state + x[:, t].type(dtype)
            out[:, t] = state.type(x.dtype)
        return out

    def forward(self, x):
        return self.scan(x, self.gate(x).sigmoid())


@example(torch.randint(6, (2, 3)))
class SparseGradients(nn.Module):
    def __init__(self):
        super().__init__()
        self.word = nn.Embedding(6, 4, sparse=True)
        self.bag = nn.EmbeddingBag(6, 4, mode="sum", sparse=True)
        self.fc = nn.Linear(4, 2)

    def forward(self, x):
        return self.fc(self.word(x).mean(1) + self.bag(x))
