"""Imports are those that a file needs, also where an argument of the model hides one."""

from __future__ import annotations

import torch
from torch import Tensor, nn

import unfoldify
from unfoldify.emit.imports import imports


def test_only_what_no_function_sets_for_itself() -> None:
    text = "def f(einsum, y):\n    torch = y\n    return rearrange(einsum, torch) + math.pi\n"
    assert imports(text) == "import math\n\nfrom einops import rearrange"


def test_nothing_is_imported_that_nothing_reads() -> None:
    assert imports("class A:\n    def forward(self, x):\n        return x\n") == ""


class Hiding(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 3)

    def forward(self, rearrange: Tensor, torch: Tensor, len: Tensor) -> Tensor:  # noqa: A002
        return self.fc(rearrange) + nn.functional.pad(torch, (1, 0))[..., :3] * len


def test_an_argument_may_have_the_name_of_an_import() -> None:
    args = torch.randn(2, 4), torch.randn(2, 4), torch.randn(2, 1)
    result = unfoldify.unfoldify(Hiding(), args)
    assert "def forward(self, rearrange, torch, len):" in result.source
    assert "from einops import rearrange as einops_rearrange" in result.source
