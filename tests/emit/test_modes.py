"""What training and evaluation do: alike once, else under `if self.training`."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from unfoldify import unfoldify


class FarApart(nn.Module):
    """Differs at its begin and at its end, with two layers between."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            x = x + torch.randn_like(x)
        x = self.b(self.a(x).relu()).tanh()
        return x * 2 if self.training else x * 3 - 1


class SideBySide(nn.Module):
    """Differs twice with one statement between."""

    def forward(self, x: Tensor) -> Tensor:
        x = x.sin() if self.training else x.cos()
        x = x.relu()
        return x * 2 if self.training else x * 3 - 1


def body(model: nn.Module) -> str:
    return unfoldify(model, (torch.randn(2, 4),)).source.partition("def forward(self, x):\n")[2]


def test_layers_between_two_differences_stand_once() -> None:
    text = body(FarApart())
    assert text.count("if self.training:") == 2
    assert text.count("self.a.bias") == text.count("self.b.bias") == 1


def test_a_single_statement_is_worth_no_second_if() -> None:
    assert body(SideBySide()).count("if self.training:") == 1


def test_the_power_iteration_has_torchs_words_and_none_of_its_comments() -> None:
    model = nn.Sequential(nn.utils.spectral_norm(nn.Linear(4, 4)), nn.ReLU())
    text = unfoldify(model, (torch.randn(2, 4),)).source
    assert "v = F.normalize(v, dim=0, out=" in text
    assert "sigma = (" in text
    assert "singular vectors" not in text
