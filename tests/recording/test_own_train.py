"""What a module's own `train` leaves for its forward is made by the forward of the file."""

import torch
from torch import nn

import unfoldify


class Attention(nn.Module):
    """LeViT's: in evaluation the biases are looked up once, when the mode is set."""

    def __init__(self):
        super().__init__()
        self.proj = nn.Linear(8, 8)
        self.biases = nn.Parameter(torch.zeros(4))
        self.register_buffer("idxs", (torch.arange(4)[:, None] - torch.arange(4)).abs())

    @torch.no_grad()
    def train(self, mode=True):
        super().train(mode)
        if mode and hasattr(self, "ab"):
            del self.ab
        else:
            self.ab = self.biases[self.idxs]
        return self

    def forward(self, x):
        scores = x @ x.transpose(1, 2) + (self.biases[self.idxs] if self.training else self.ab)
        return self.proj(scores.softmax(-1) @ x)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = nn.ModuleList(Attention() for _ in range(2))

    def forward(self, x):
        for block in self.blocks:
            x = x + block(x)
        return x


class Frozen(nn.Module):
    """A `train` of its own that leaves nothing, and a tensor that no mode has to do with."""

    def __init__(self):
        super().__init__()
        self.norm, self.scale = nn.BatchNorm1d(8), torch.rand(8)

    def train(self, mode=True):
        super().train(mode)
        self.norm.eval()
        return self

    def forward(self, x):
        return self.norm(x) * self.scale


def test_what_was_looked_up_goes_by_the_weights_that_are_loaded():
    model = Net().eval()
    result = unfoldify.unfoldify(model, (torch.randn(2, 4, 8),))
    assert "self.ab" not in result.source
    assert "ab = self.biases[self.idxs]" in result.source
    for block in model.blocks:
        nn.init.normal_(block.biases)
    result.module.load_state_dict(model.state_dict())
    x = torch.randn(3, 4, 8)
    for mode in (True, False):
        model.train(mode)
        result.module.train(mode)
        torch.testing.assert_close(result.module(x), model(x))


def test_the_model_keeps_what_it_had_looked_up():
    model = Net().eval()
    held = [block.ab for block in model.blocks]
    unfoldify.unfoldify(model, (torch.randn(2, 4, 8),))
    assert all(block.ab is ab for block, ab in zip(model.blocks, held, strict=True))
    model.train()
    unfoldify.unfoldify(model, (torch.randn(2, 4, 8),))
    assert not any(hasattr(block, "ab") for block in model.blocks)


def test_a_train_that_leaves_nothing_leaves_no_line():
    """No-op twin: layers that stay in evaluation do, and a constant is one."""
    source = unfoldify.unfoldify(Frozen(), (torch.randn(5, 8),)).source
    assert source.rstrip().endswith("return self.norm(x) * self.scale")
