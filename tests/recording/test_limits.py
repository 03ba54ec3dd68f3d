"""`torch.finfo(x.dtype).eps` is written as it was asked for; a dtype that is named stays named."""

from __future__ import annotations

import torch
from torch import Tensor, nn

import unfoldify


class Normalized(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        y = self.fc(x)
        y = y / (y.norm(dim=-1, keepdim=True) + torch.finfo(y.dtype).eps)
        return y.clamp(min=10 * torch.finfo(x.dtype).tiny).log()


class Masked(Normalized):
    """The author says float32, whatever the model is in."""

    def forward(self, x: Tensor) -> Tensor:
        y = self.fc(x)
        if torch.finfo(torch.float32).eps > 1e-3:
            raise ValueError
        return y.masked_fill(y < 0, torch.finfo(torch.float32).min).softmax(-1)


class Gumbel(Normalized):
    """Numbers and dtypes that torch's own Python takes from its arguments."""

    def forward(self, x: Tensor) -> Tensor:
        y = self.fc(x)
        noise = torch.distributions.Gumbel(torch.zeros_like(y), torch.ones_like(y)).sample()
        return (y + noise).softmax(-1)


def test_limits_of_a_value_s_dtype() -> None:
    result = unfoldify.unfoldify(Normalized(), torch.randn(2, 4))
    assert "+ torch.finfo(y.dtype).eps)" in result.source
    assert ".clamp(min=10 * torch.finfo(x.dtype).tiny)" in result.source
    half = result.module.bfloat16()
    assert half(torch.randn(2, 4, dtype=torch.bfloat16)).dtype is torch.bfloat16


def test_limits_of_a_dtype_that_is_named() -> None:
    result = unfoldify.unfoldify(Masked(), torch.randn(2, 4))
    assert "torch.finfo(torch.float32).min" in result.source
    assert ".dtype" not in result.source
    assert result.report.fixed_sizes == ()


def test_limits_inside_torch() -> None:
    source = unfoldify.unfoldify(Gumbel(), torch.randn(2, 4)).source
    assert "1 - torch.finfo(" in source
    assert "float32" not in source.partition("class Gumbel")[2]


def test_torch_is_itself_again() -> None:
    before = torch.finfo
    unfoldify.unfoldify(Normalized(), torch.randn(2, 4))
    assert torch.finfo is before
    assert type(torch.finfo(torch.float32).eps) is float
