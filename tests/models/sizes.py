"""Sizes that are free, computed, guessed, or fixed by the model's own words."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import nn, randn

from tests.models.example import example


@example(randn(2, 3, 16, 16))
class SquareOfTokens(nn.Module):
    def __init__(self):
        super().__init__()
        self.patches, self.fc = nn.Conv2d(3, 4, 4, 4), nn.Linear(4, 4)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        B, N, C = x.shape
        x = self.fc(x)
        H = W = int(math.sqrt(N))
        return x.transpose(1, 2).reshape(B, C, H, W), int(N * 0.5) * x.mean(), x / len(x)


@example(randn(2, 6, 8))
class Heads(nn.Module):
    def __init__(self, heads=2):
        super().__init__()
        self.heads, self.qkv, self.out = heads, nn.Linear(8, 24), nn.Linear(8, 8)

    def forward(self, x):
        B, T, C = x.shape
        q, k, v = self.qkv(x).view(B, T, 3, self.heads, C // self.heads).permute(2, 0, 3, 1, 4)
        scores = q @ k.transpose(-2, -1) * (C // self.heads) ** -0.5
        future = torch.triu(torch.ones(T, T, dtype=torch.bool, device=x.device), diagonal=1)
        scores = scores.masked_fill(future, float("-inf")).softmax(dim=-1)
        return self.out((scores @ v).transpose(1, 2).reshape(B, T, C))


@example(randn(2, 6, 8))
class LearnedPositions(nn.Module):
    def __init__(self):
        super().__init__()
        self.place, self.fc = nn.Parameter(randn(1, 32, 8)), nn.Linear(8, 8)
        self.embed = nn.Embedding(32, 8)

    def forward(self, x):
        x = x + self.place[:, : x.size(1)] + self.embed(torch.arange(x.size(1)))
        return self.fc(x)


@example(randn(1, 4, 7, 9))
class Windows(nn.Module):
    """Padded to whole windows, and cut back."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x, size=4):
        b, c, h, w = x.shape
        pad_h, pad_w = (size - h % size) % size, (size - w % size) % size
        x = F.pad(x, (0, pad_w, 0, pad_h))
        rows, columns = (h + pad_h) // size, (w + pad_w) // size
        x = x.view(b, c, rows, size, columns, size).permute(0, 2, 4, 3, 5, 1)
        x = self.fc(x.reshape(-1, size * size, c))
        x = x.view(b, rows, columns, size, size, c).permute(0, 5, 1, 3, 2, 4)
        return x.reshape(b, c, rows * size, columns * size)[:, :, :h, :w]


@example(randn(2, 3, 8, 12))
class ResizedLike(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.side = nn.Conv2d(3, 4, 3, 2, 1), nn.Conv2d(3, 4, 1)

    def forward(self, x):
        y = F.interpolate(self.conv(x), size=x.shape[-2:], mode="bilinear", align_corners=False)
        return y + self.side(x) + F.adaptive_avg_pool2d(y, 1) / (x.size(2) * x.size(3))


@example(randn(3, 12))
class BatchRead(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(12, 12)

    def forward(self, x):
        n = len(x)
        y = self.fc(x).reshape(n, 3, -1)
        return y.expand(n, 3, 4).flatten(1) / max(n, 1), y.new_ones(n, 2), y.numel() * 0.5


@example(randn(2, 3, 9))
class DilatedStack(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Conv1d(3, 3, 2, dilation=2**i) for i in range(3)])

    def forward(self, x):
        for layer in self.layers:
            x = x + layer(F.pad(x, (layer.dilation[0], 0)))
        return x


@example(randn(2, 4), randn(3, 4))
class TwoBatches(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x, y):
        both = torch.cat([self.fc(x), self.fc(y)])
        a, b = both.split([x.shape[0], y.shape[0]])
        return torch.einsum("n d, m d -> n m", a, b), torch.cdist(a, b)


@example(randn(2, 7, 4))
class Reshapes(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(2, 2)

    def forward(self, x):
        *lead, d = x.shape
        y = self.fc(x.view(*lead, 2, d // 2)).flatten(-2)
        z = y.unflatten(-1, (2, 2)).movedim(-1, 0).repeat_interleave(2, dim=1)
        return y.tile(1, 2, 1), z, y.unfold(1, 3, 1)


class Patches(nn.Module):
    """Returns sizes beside its tensor, and keeps one."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, stride=2, padding=1)

    def forward(self, x):
        x = self.conv(x)
        _, _, height, width = x.shape
        self.area = height * width
        return x.flatten(2).transpose(1, 2), (height, width), x.shape[-2:]


class Mixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x, height, width):
        x = self.fc(x)
        return x.transpose(1, 2).reshape(x.shape[0], -1, height, width), height, width


@example(randn(2, 3, 8, 12))
class SizesFromAChild(nn.Module):
    def __init__(self):
        super().__init__()
        self.patches, self.mixed = Patches(), Mixed()

    def forward(self, x):
        x, (height, width), size = self.patches(x)
        image, height, width = self.mixed(x, height, width)
        larger = F.interpolate(image, size=(2 * size[0], 2 * width))
        return image, larger, x.sum(dim=1) / self.patches.area, height + 1


@example(randn(2, 3, 16, 16))
class SidesThatStandStill(nn.Module):
    """Of 16, 17 or 18 pixels the first layer makes 4; the second must take odd numbers as well."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 4, 4, stride=4), nn.Conv1d(4, 4, 2, stride=2)

    def forward(self, x):
        return self.second(self.first(x).flatten(2))


@example(randn(2, 4, 4, 4))
class SquareElseAnotherWay(nn.Module):
    """Takes height alone, and width alone in another way; both at once it does not take."""

    def __init__(self):
        super().__init__()
        self.fc, self.places = nn.Conv2d(4, 4, 1), nn.Parameter(randn(1, 4, 4, 4))

    def forward(self, x):
        height, width = x.shape[-2:]
        if height > 4 and width > 4:
            raise ValueError("too large")
        places = self.places
        if width != 4:
            places = F.interpolate(places, size=(4, width))
        return self.fc(x)[:, :, :4] + places


@example(randn(2, 3, 12, 18))
class ConvertedSizes(nn.Module):
    """int(), float(), round(), min(), max() and math of sizes follow the sizes."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)

    def forward(self, x):
        h, w = x.shape[-2:]
        y = F.interpolate(self.conv(x), size=(int(h * 0.75), math.floor(w / 1.5)))
        n = max(1, int(y.shape[-1] * 0.3))
        rows, left = divmod(h, 5)
        return y[..., :n] * round(h / 3) / math.sqrt(float(w)) + min(h, w, 40) + rows * left


@example(randn(4, 6), torch.tensor([2, 4, 5, 3]))
class NumbersOfTensors(nn.Module):
    """int() and float() of what the model computes or holds."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(6, 6)
        self.register_buffer("step", torch.tensor(3))

    def forward(self, x, lengths):
        y = self.fc(x)
        n = int(lengths.max())
        index = torch.topk(y.detach().mean(0), 2).indices
        for i in range(2):
            y = y + torch.roll(y, -int(index[i]), 1)
        return y[:, :n] * float(y.abs().max().detach()) / int(self.step)


@example(randn(2, 8, 4))
class PartsOfSizes(nn.Module):
    """Floats on the left of a size: of the code, of the module, computed from both."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)
        self.dropped = 0.25

    def forward(self, x):
        n = x.shape[1]
        kept = int((1 - self.dropped) * n)
        return self.fc(x)[:, :kept] * (1.0 / n)
