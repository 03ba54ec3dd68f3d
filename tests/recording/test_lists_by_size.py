"""Lists that are as long as a size says: of one value, or of numbers in a row."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from unfoldify import unfoldify
from unfoldify.recording.regular import as_range, is_regular, is_repeated


class Made(nn.Module):
    """Adds what a function makes of its input."""

    def __init__(self, make: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.make, self.weight = make, nn.Parameter(torch.randn(1, 4))

    def forward(self, x: Tensor) -> Tensor:
        return self.make(x) + x


class Weights(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(1, 4, 4))

    def forward(self, x: Tensor) -> Tensor:
        return x @ torch.cat([self.weight] * x.size(0), dim=0)


class Lengths(nn.Module):
    def forward(self, x: Tensor) -> tuple[Tensor, list[int]]:
        return x * 2, [x.size(1)] * x.size(0)


class Pairs(nn.Module):
    """Numbers that are in no row: what follows them is the example's length."""

    def forward(self, x: Tensor) -> Tensor:
        first = [i for i in range(x.size(1)) for _ in range(i)]
        return x[:, first]


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda x: x[:, list(range(x.size(1)))], "x[:, list(range(x.shape[1]))]"),
        (
            lambda x: x * torch.tensor([[2 * i for i in range(x.size(1))]]).unsqueeze(-1),
            "torch.tensor([list(range(0, x.shape[1] * 2, 2))])",
        ),
        (
            lambda x: x / torch.LongTensor([x.size(1)] * x.size(0))[:, None, None],
            "torch.tensor([x.shape[1]] * x.shape[0])",
        ),
        (
            lambda x: x * torch.tensor(range(x.size(1) - 1, -1, -1)).unsqueeze(-1),
            "torch.tensor(range(x.shape[1] - 1, -1, -1))",
        ),
    ],
)
@pytest.mark.parametrize("shape", [(2, 6), (3, 40)])
def test_numbers_in_a_row(
    shape: tuple[int, int], make: Callable[[Tensor], Tensor], text: str
) -> None:
    model = Made(make)
    result = unfoldify(model, (torch.randn(*shape, 4),))
    assert text in result.source
    assert result.report.fixed_sizes == ()
    for b, n in ((1, 2), (4, 9), (2, 33)):
        x = torch.randn(b, n, 4)
        torch.testing.assert_close(result.module(x), model(x))


def test_one_tensor_for_each_of_the_batch() -> None:
    model = Weights()
    result = unfoldify(model, (torch.randn(2, 6, 4),))
    assert "torch.cat([self.weight] * x.shape[0], dim=0)" in result.source
    for b in (1, 5):
        x = torch.randn(b, 3, 4)
        torch.testing.assert_close(result.module(x), model(x))


def test_lengths_that_are_returned() -> None:
    result = unfoldify(Lengths(), (torch.randn(2, 6),))
    assert result.module(torch.randn(3, 5))[1] == [5, 5, 5]
    assert result.module(torch.randn(1, 7))[1] == [7]


def test_what_is_in_no_row_is_told() -> None:
    result = unfoldify(Pairs(), (torch.randn(2, 5),))
    assert "[1, 2, 2, 3, 3, 3, 4, 4, 4, 4]" in result.source
    assert any("the model does something else" in told for told in result.report.fixed_sizes)


def test_a_list_of_fixed_length_stays_as_it_is() -> None:
    result = unfoldify(Made(lambda x: x[:, [0, 2, 4] * 2]), (torch.randn(2, 6, 4),))
    assert "x[:, [0, 2, 4, 0, 2, 4]]" in result.source


def test_what_is_regular() -> None:
    assert as_range([3, 1, -1]) == range(3, -3, -2)
    assert as_range([0, 1, 3]) is None
    assert as_range([2]) is None
    assert as_range([1.0, 2.0]) is None
    assert is_repeated([[1, 2], [1, 2]])
    assert not is_repeated([1, True])
    assert is_regular([[0, 1, 2]] * 5)
    assert not is_regular([[0, 5, 2]] * 5)
