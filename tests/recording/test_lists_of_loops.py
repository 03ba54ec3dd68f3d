"""What a loop of the user's puts into a list, and what another takes out of it one by one, stay two
loops and a list; rounds that only look alike are none.
"""

from __future__ import annotations

import textwrap

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn, rand

import unfoldify


class Scaled(nn.Module):
    def __init__(self, scale: float) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(scale))

    def forward(self, x: Tensor) -> Tensor:
        return (x * self.scale).tanh()


class Base(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Scaled(0.5 + at) for at in range(4))
        self.heads = nn.ModuleList(Scaled(1.5 - at) for at in range(3))
        self.step1, self.step2, self.step3 = Scaled(1.0), Scaled(2.0), Scaled(3.0)

    def features(self, x: Tensor) -> list[Tensor]:
        found = []
        for block in self.blocks:
            x = block(x) + x.sin()
            found.append(x)
        return found


class Pairs(Base):
    """A perceptual loss."""

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        loss = torch.zeros(())
        for ours, theirs in zip(self.features(x), self.features(y), strict=True):
            loss += F.l1_loss(ours, theirs)
        return loss


class Weighted(Base):
    def forward(self, x: Tensor) -> Tensor:
        features = self.features(x)
        loss = torch.zeros(())
        for i in range(4):
            loss = loss + [0.1, 0.2, 0.5, 2.0][i] * features[i].exp().mean()
        return loss


class Backwards(Base):
    def forward(self, x: Tensor) -> Tensor:
        for block in reversed(self.blocks):
            x = block(x) + x
        return x


class Named(Base):
    def forward(self, x: Tensor) -> Tensor:
        for number in (1, 2, 3):
            x = getattr(self, f"step{number}")(x) + x
        return x


class EverySecond(Base):
    def forward(self, x: Tensor) -> Tensor:
        for i in range(0, len(self.blocks), 2):
            x = self.blocks[i + 1](self.blocks[i](x) + x)
        return x


class Pyramid(Base):
    """From the top down, over what came from the bottom up."""

    def forward(self, x: Tensor) -> list[Tensor]:
        levels = []
        for head in self.heads:
            x = head(x).exp()
            levels.append(x)
            x = F.avg_pool1d(x, 2)
        outs = [levels[-1].exp()]
        for i in range(1, -1, -1):
            up = F.interpolate(outs[-1], scale_factor=2.0)
            outs.append((levels[i] + up).sin().tanh())
        return outs


class Skips(Base):
    def forward(self, x: Tensor) -> Tensor:
        skips = []
        for head in self.heads:
            x = head(x).exp()
            skips.append(x)
            x = F.avg_pool1d(x, 2)
        for head in self.heads:
            x = head(F.interpolate(x, scale_factor=2.0)) + skips.pop()
        return x


class Nested(Base):
    def forward(self, x: Tensor) -> list[Tensor]:
        views = [x, x.sin(), x.exp()]
        found = [[head(view).exp() + 1 for view in views] for head in self.heads]
        return [torch.stack(each).sum(0) for each in found]


class Summed(Base):
    def forward(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        found = [block(x).exp() for block in self.blocks]
        return sum(found) / len(found), found


class Scales(Base):
    """The last round computes what nobody reads, and is a round all the same."""

    def forward(self, x: Tensor) -> list[Tensor]:
        found = []
        for block in self.blocks[:3]:
            found.append(block(x).exp())
            x = F.avg_pool1d(x, 2)
        return found


class GivenList(Base):
    def forward(self, xs: list[Tensor]) -> Tensor:
        return torch.cat([head(x) for head, x in zip(self.heads, xs, strict=True)])


class Repeated(Base):
    """One module twice is two loops made one, or no loop at all."""

    def forward(self, x: Tensor) -> Tensor:
        for number in (1, 2, 1):
            x = x + getattr(self, f"step{number}")(x)
        return x


class TurnsDiffer(Base):
    """Every other round does something else."""

    def forward(self, x: Tensor) -> Tensor:
        for i, block in enumerate(self.blocks):
            x = block(x).sin() if i % 2 else block(x.cos())
        return x


class Short(Base):
    """Two values are no shorter by a list."""

    def forward(self, x: Tensor) -> Tensor:
        found: list[Tensor] = [block(x) for block in self.blocks[:2]]
        return found[0].exp() - found[1].sin()


class Crossed(Base):
    """What is taken from the list goes by no rule."""

    def forward(self, x: Tensor) -> Tensor:
        found = self.features(x)
        for i in (2, 0, 3):
            x = (x - found[i].exp()).sin()
        return x


X = rand(2, 3, 8)
WRITTEN: list[tuple[type[nn.Module], tuple[object, ...], str]] = [
    (
        Pairs,
        (X, X.cos()),
        """
        loss = torch.zeros(())
        x = self.features(x)
        y = self.features(y)
        for ours, theirs in zip(x, y):
            loss = loss + F.l1_loss(ours, theirs)
        return loss
        """,
    ),
    (
        Weighted,
        (X,),
        """
        found = []
        for block in self.blocks:
            x = block(x) + x.sin()
            found.append(x)
        loss = torch.zeros(())
        for item, item2 in zip(found, (0.1, 0.2, 0.5, 2.0)):
            loss = loss + item2 * item.exp().mean()
        return loss
        """,
    ),
    (
        Backwards,
        (X,),
        """
        for block in reversed(self.blocks):
            x = block(x) + x
        return x
        """,
    ),
    (
        Named,
        (X,),
        """
        for step in (self.step1, self.step2, self.step3):
            x = step(x) + x
        return x
        """,
    ),
    (
        EverySecond,
        (X,),
        """
        for block, layer in zip(self.blocks[::2], self.blocks[1::2]):
            x = layer(block(x) + x)
        return x
        """,
    ),
    (
        Pyramid,
        (X,),
        """
        levels = []
        for head in self.heads:
            y = head(x).exp()
            levels.append(y)
            x = F.avg_pool1d(y, 2)
        outs = y.exp()
        out = outs
        outs2 = []
        for level in levels[1::-1]:
            outs2.append(out)
            up = F.interpolate(out, scale_factor=2.0)
            out = (level + up).sin().tanh()
        return [*outs2, out]
        """,
    ),
    (
        Skips,
        (X,),
        """
        skips = []
        for head in self.heads:
            x = head(x).exp()
            skips.append(x)
            x = F.avg_pool1d(x, 2)
        for head, skip in zip(self.heads, skips[::-1]):
            x = head(F.interpolate(x, scale_factor=2.0)) + skip
        return x
        """,
    ),
    (
        Nested,
        (X,),
        """
        views = x.sin()
        views2 = x.exp()
        found = [[head(view).exp() + 1 for view in (x, views, views2)] for head in self.heads]
        values2 = [torch.stack(each).sum(0) for each in found]
        return values2
        """,
    ),
    (
        Summed,
        (X,),
        """
        found = [block(x).exp() for block in self.blocks]
        return sum(found) / 4, found
        """,
    ),
    (
        Scales,
        (X,),
        """
        found = []
        for block in self.blocks[:3]:
            y = block(x).exp()
            x = F.avg_pool1d(x, 2)
            found.append(y)
        return found
        """,
    ),
    (
        Crossed,
        (X,),
        """
        y = x
        found = []
        for block in self.blocks:
            y = block(y) + y.sin()
            found.append(y)
        for item in (found[2], found[0], found[3]):
            x = (x - item.exp()).sin()
        return x
        """,
    ),
    (
        GivenList,
        ([X, X.sin(), X.exp()],),
        """
        if len(xs) != 3:
            raise ValueError(f"this file was written for 3 values in xs, not {len(xs)!r}")
        values = [head(x) for head, x in zip(self.heads, xs)]
        return torch.cat(values)
        """,
    ),
]
NO_LOOPS: list[tuple[type[nn.Module], str]] = [
    (
        Repeated,
        """
        x = x + self.step1(x)
        x = x + self.step2(x)
        x = x + self.step1(x)
        return x
        """,
    ),
    (
        TurnsDiffer,
        """
        x = self.blocks[3](
            self.blocks[2](self.blocks[1](self.blocks[0](x.cos())).sin().cos())
        ).sin()
        return x
        """,
    ),
    (
        Short,
        """
        blocks = self.blocks[0](x)
        found = self.blocks[1](x)
        return blocks.exp() - found.sin()
        """,
    ),
]


@pytest.mark.parametrize(
    ("model", "args", "want"), WRITTEN, ids=lambda value: getattr(value, "__name__", "")
)
def test_loops_and_lists(model: type[nn.Module], args: tuple[object, ...], want: str) -> None:
    assert body(model, args) == textwrap.dedent(want).strip()


@pytest.mark.parametrize(
    ("model", "want"), NO_LOOPS, ids=lambda value: getattr(value, "__name__", "")
)
def test_no_loops_of_what_only_looks_alike(model: type[nn.Module], want: str) -> None:
    assert body(model, (X,)) == textwrap.dedent(want).strip()


def body(model: type[nn.Module], args: tuple[object, ...]) -> str:
    """The forward of the model itself, in the file."""
    source = unfoldify.unfoldify(model(), args).source
    own = source[source.index(f"class {model.__name__}(") :]
    lines = own[own.index("def forward") :].split("\n", 1)[1]
    return textwrap.dedent(lines).strip()
