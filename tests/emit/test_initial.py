"""The same seed gives the emitted class the weights that it gives the original."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.testing import assert_close

import unfoldify

FILE = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, width=4, scale=0.5):
        super().__init__()
        self.fc1 = nn.Linear(width, width)
        self.shift = {shift}
        self.register_buffer("basis", {basis})
        self.fc2 = nn.Linear(width, width)

    def forward(self, x):
        return self.fc2(self.fc1(x) + self.shift) @ self.basis
"""


def pair(user_file: Callable[..., Path], **written: str) -> tuple[str, dict[str, Any], Any]:
    """The emitted text, and the states of the original and of the emitted class under one seed."""
    path = user_file("net.py", FILE.format(**written))
    sys.path.insert(0, str(path.parent))
    torch.manual_seed(0)
    original = import_module("net").Net()
    source = unfoldify.unfoldify(original, torch.randn(3, 4)).source
    namespace: dict[str, Any] = {"__name__": "net_unfolded"}
    exec(source, namespace)
    torch.manual_seed(0)
    return source, original.state_dict(), namespace["Net"]().state_dict()


@pytest.mark.parametrize(
    "written",
    [
        "nn.Parameter(torch.randn(width))",
        "nn.Parameter(torch.randn(1, width) * 0.02)",
        "nn.Parameter(2**-0.5 * torch.rand(width), requires_grad=False)",
        "nn.Parameter(torch.ones(width) / 3)",
    ],
)
def test_drawn_as_written(user_file: Callable[..., Path], written: str) -> None:
    source, wanted, found = pair(user_file, shift=written, basis="torch.rand(width, 2) * 3")
    assert 'self.register_buffer("basis", torch.rand(4, 2) * 3)' in source
    assert_close(found, wanted, rtol=0, atol=0)


@pytest.mark.parametrize("written", ["torch.randn(width) * scale", "torch.linspace(0, 1, width)"])
def test_what_only_the_constructor_knows_begins_with_zeros(
    user_file: Callable[..., Path], written: str
) -> None:
    source, _, _ = pair(user_file, shift=f"nn.Parameter({written})", basis="torch.rand(width, 2)")
    assert "self.shift = nn.Parameter(torch.zeros(4))" in source
