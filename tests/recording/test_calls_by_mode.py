"""Where the modes of a model differ in what it returns, its blocks say by themselves what they do."""

import pytest
import torch
from torch import nn

import unfoldify


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(6, 6), nn.Linear(6, 6)

    def forward(self, x):
        return x + (self.a(x) if self.training else self.b(x))


class Inside(nn.Module):
    def __init__(self):
        super().__init__()
        self.block = Block()

    def forward(self, x):
        return self.block(x.tanh())


class Dropped(nn.Module):
    def __init__(self):
        super().__init__()
        self.drop, self.a = nn.Dropout(0.2), nn.Linear(6, 6)

    def forward(self, x):
        return self.a(self.drop(x))


class ByChance(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(6, 6)

    def forward(self, x):
        if self.training and torch.rand(()) < 0.5:
            return x
        return x + self.a(x)


class Distilled(nn.Module):
    """Two heads in training, their mean in evaluation, as DeiT and LeViT have them."""

    def __init__(self, kind, looped):
        super().__init__()
        self.blocks = nn.Sequential(kind(), kind()) if not looped else None
        self.looped = nn.ModuleList((kind(), kind())) if looped else None
        self.head, self.head_dist = nn.Linear(6, 3), nn.Linear(6, 3)

    def forward(self, x):
        if self.looped is None:
            x = self.blocks(x)
        else:
            for block in self.looped:
                x = block(x)
        x = self.head(x), self.head_dist(x)
        if not self.training:
            x = (x[0] + x[1]) / 2
        return x


class Other(nn.Module):
    """Training calls a block twice: the second call has none of the other mode to go with."""

    def __init__(self):
        super().__init__()
        self.block = Block()

    def forward(self, x):
        y = self.block(x)
        return (y, self.block(y)) if self.training else y


@pytest.mark.parametrize("looped", [False, True])
@pytest.mark.parametrize("kind", [Block, Inside, Dropped, ByChance])
def test_a_block_has_one_forward(kind, looped):
    source = unfoldify.unfoldify(Distilled(kind, looped), (torch.randn(4, 6),)).source
    assert "forward2" not in source
    assert source.count(f"class {kind.__name__}(") == 1


def test_a_call_that_only_training_has_is_verified_too():
    unfoldify.unfoldify(Other(), (torch.randn(4, 6),))


class Write(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(6, 6)

    def forward(self, memories, x):
        return self.a(torch.stack(memories, 1).sum(1)) + x


class Remembering(nn.Module):
    """Each step reads all steps before it, and training drops of each, as in a MAC network."""

    def __init__(self, drops):
        super().__init__()
        self.write = Write()
        self.drops = drops

    def forward(self, x):
        drops = self.drops and self.training
        if drops:
            mask = torch.empty_like(x).bernoulli_(0.8)
        memories = [x]
        for _ in range(3):
            memory = self.write(memories, x)
            if drops:
                memory = memory * mask
            memories.append(memory)
        return memory


@pytest.mark.parametrize("drops", [False, True])
def test_both_modes_call_what_a_block_does_by_one_name(drops):
    source = unfoldify.unfoldify(Remembering(drops), (torch.randn(4, 6),)).source
    assert [f"self.write.forward{n}(" in source for n in (2, 3)] == [True, True]
