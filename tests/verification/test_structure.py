"""State that does not fit is found before anything runs."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from unfoldify.verification.verify import verify


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Linear(4, 3)
        self.two = nn.Linear(4, 3)
        self.register_buffer("scale", torch.ones(3))

    def forward(self, x: Tensor) -> Tensor:
        return (self.one(x) + self.two(x)) * self.scale


def transposed(net: Net) -> None:
    net.one.weight = nn.Parameter(net.one.weight.detach().T.contiguous())


def without_bias(net: Net) -> None:
    net.two.bias = None


def with_more(net: Net) -> None:
    net.three = nn.Parameter(torch.zeros(2, 3))


def in_half(net: Net) -> None:
    net.scale = net.scale.half()


def tied(net: Net) -> None:
    net.two.weight = net.one.weight


def lazy(net: Net) -> None:
    net.one = nn.LazyLinear(3)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (
            transposed,
            "one.weight is float32 [3, 4] in the original and float32 [4, 3] in the rewritten"
            " model",
        ),
        (without_bias, "two.bias (float32 [3]) is not in the rewritten model's state_dict"),
        (with_more, "three is in the rewritten model's state_dict alone"),
        (in_half, "scale is float32 [3] in the original and float16 [3] in the rewritten model"),
        (tied, "one.weight and two.weight are one tensor in the rewritten model alone"),
        (
            lazy,
            "one.weight is float32 [3, 4] in the original and not initialised in the rewritten"
            " model",
        ),
    ],
)
def test_state_that_does_not_fit(change: Callable[[Net], None], text: str) -> None:
    rewritten = Net()
    change(rewritten)
    verification = verify(Net(), rewritten, (torch.randn(2, 4),))
    assert not verification.ok
    assert verification.checks == ()
    assert verification.first_difference == text
    assert str(verification) == f"NOT EQUAL: {text}"
    assert verification.sentence == "Not equal to the original."


def test_weights_that_are_no_longer_tied() -> None:
    original = Net()
    tied(original)
    said = verify(original, Net(), (torch.randn(2, 4),)).first_difference
    assert said == "one.weight and two.weight are one tensor in the original alone"


def test_a_model_on_meta_is_compared_by_shapes() -> None:
    with torch.device("meta"):
        original, rewritten = Net(), Net()
    verification = verify(original, rewritten, (torch.randn(2, 4),))
    assert verification.ok
    assert str(verification).splitlines() == [
        "equal to the original",
        "  evaluation  shapes    x: 2x4: equal",
        "  note: the model is on the meta device, without numbers: shapes and types were compared",
    ]

    class Longer(Net):
        def forward(self, x: Tensor) -> Tensor:
            return torch.cat([super().forward(x), x], dim=-1)

    with torch.device("meta"):
        longer = Longer()
    assert verify(original, longer, (torch.randn(2, 4),)).first_difference == (
        "output has shape [2, 3] in the original and [2, 7] in the rewritten model,"
        " in evaluation with x: 2x4"
    )
