"""The words at the top of a file: every axis is explained once, and only those that are there."""

from __future__ import annotations

import re

import pytest
import torch
from torch import Tensor, nn

import unfoldify
from unfoldify.emit.header import axes_in, glossary


def told(*patterns: str) -> list[str]:
    lines = glossary(axes_in("\n".join(f'rearrange(x, "{pattern}")' for pattern in patterns)))
    return [entry for line in lines for entry in re.split(r"  +", line.strip()) if entry]


@pytest.mark.parametrize(
    ("patterns", "entries"),
    [
        (
            ["m n -> m n 1", "n p -> 1 n p"],
            ["m, n, p: rows, inner size and columns of two factors"],
        ),
        (
            ["m n -> m n 1", "n p -> 1 n p", "b n i -> b n i 1"],
            [
                "b: batch size",
                "n: sequence length, inner size of two factors",
                "m, p: rows and columns of two factors",
            ],
        ),
        (["m -> m 1"], ["m: rows of two factors"]),
        (["m n -> m n 1"], ["m, n: rows and inner size of two factors"]),
        (["b n i -> b n i 1"], ["b: batch size", "n: sequence length"]),
        (
            ["c_out c_in kd kh kw -> c_out c_in 1 1 1 kd kh kw"],
            [
                "c_in, c_out: input and output channels",
                "kd, kh, kw: kernel depth, height and width",
            ],
        ),
        (
            ["c_out c_in kh kw -> c_out c_in 1 1 kh kw"],
            ["c_in, c_out: input and output channels", "kh, kw: kernel height and width"],
        ),
    ],
)
def test_axes_are_explained_once(patterns: list[str], entries: list[str]) -> None:
    assert told(*patterns) == entries


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.fc(x)
        return y @ y.transpose(1, 2)


def test_the_letters_of_a_file() -> None:
    source = unfoldify.unfoldify(Net(), torch.randn(2, 5, 4)).source
    assert source.splitlines()[2:5] == [
        "    b: batch size                                   i, o: input and output features",
        "    n: sequence length, inner size of two factors   m, p: rows and columns of two factors",
        "",
    ]
