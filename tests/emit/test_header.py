"""The words at the top of a file: every axis is explained once, and only those that are there."""

from __future__ import annotations

import re

import pytest
import torch
from torch import Tensor, nn

import unfoldify
from unfoldify.emit.header import axes_in, bound_to_sizes, glossary


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


TABLE = {12: 24, 24: 48}


class OfATable(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        return torch.fft.rfft(self.fc(x), TABLE.get(int(x.shape[1]), 36), dim=1).abs()


class OfRemainders(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.fc(x)
        while x.shape[1] % 2 != 0:
            x = x[:, 1:]
        return x


def head_of(model: nn.Module) -> str:
    return unfoldify.unfoldify(model, (torch.randn(2, 12, 4),)).source.split('"""')[1]


def test_where_the_original_goes_by_the_examples_sizes_is_told() -> None:
    told = head_of(OfATable()).partition("Written for the example's sizes")[2]
    assert told.startswith(" where the original goes by them:\n    with x: ")
    assert "it does something else, test_header.py:" in told
    assert "another remainder it does something else, test_header.py:" in head_of(OfRemainders())


def test_of_a_model_that_is_free_in_all_sizes_nothing_is_told() -> None:
    assert "example's sizes" not in head_of(nn.Sequential(nn.Linear(4, 4)))


def test_what_is_told_of_sizes_cannot_end_the_docstring() -> None:
    lines = list(bound_to_sizes(['with """ and \\', *"abcd"]))
    assert lines[2] == "    with ''' and /"
    assert lines[-1] == "    and 2 more"
