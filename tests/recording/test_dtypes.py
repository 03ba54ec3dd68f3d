"""A dtype is read from a value where the user reads it, and named where the user names it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

import unfoldify


class Norm(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x * x.to(torch.float32).pow(2).mean(-1, keepdim=True).rsqrt()


class NormInItsType(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x * x.to(x.dtype).pow(2).mean(-1, keepdim=True).rsqrt()


class Net(nn.Module):
    """Asks for the dtype of what it hands to the second of two equal layers."""

    def __init__(self, norm: type[nn.Module]) -> None:
        super().__init__()
        self.first, self.proj, self.second = norm(), nn.Linear(4, 4), norm()

    def forward(self, x: Tensor) -> Tensor:
        x = self.proj(self.first(x))
        if x.dtype == torch.float16:
            x = x.clamp(-1, 1)
        found: Tensor = self.second(x)
        return found


def written(norm: type[nn.Module]) -> str:
    return unfoldify.unfoldify(Net(norm), torch.randn(3, 4)).source


def test_a_dtype_that_is_named_is_not_that_of_a_value() -> None:
    source = written(Norm)
    assert source.count("x.to(torch.float32).pow(2)") == 1
    assert "x.dtype" not in source


def test_a_dtype_that_is_read_is_read() -> None:
    assert written(NormInItsType).count("x.to(x.dtype).pow(2)") == 1


class KeptType(nn.Module):
    """The norm of T5 and Llama: x is another value by the time its dtype is asked for."""

    def forward(self, x: Tensor) -> Tensor:
        input_dtype = x.dtype
        x = x.to(torch.float32)
        x = x * x.pow(2).mean(-1, keepdim=True).rsqrt()
        return x.to(input_dtype)


class UnreadType(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        input_dtype = x.dtype
        x = x.to(torch.float32)
        x = x * x.pow(2).mean(-1, keepdim=True).rsqrt()
        return x if input_dtype == torch.float32 else x.double()


def test_a_dtype_that_is_kept_in_a_variable_stays_there() -> None:
    source = written(KeptType)
    kept = "\n        input_dtype = x.dtype\n        x = x.to(torch.float32)\n"
    assert source.count(kept) == 1  # one class for both layers
    assert source.count("return x.to(input_dtype)") == 1
    assert "x2" not in source


def test_a_dtype_that_only_python_reads_has_no_line() -> None:
    assert "input_dtype" not in written(UnreadType)
