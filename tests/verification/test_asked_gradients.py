"""Models that do not run where more has gradients than their authors gave: they are asked for less."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from unfoldify import unfoldify
from unfoldify.verification.verify import verify

WITHOUT_INPUTS = "no gradients of inputs: the original does not run where they have them"
WITHOUT = "no gradients: the original does not run where they are recorded"


class Loss(nn.Module):
    def __init__(self, slope: float = 1.0) -> None:
        super().__init__()
        self.fc, self.slope = nn.Linear(4, 4), slope

    def forward(self, x: Tensor, target: Tensor) -> Tensor:
        assert target.requires_grad is False
        return ((self.fc(x) - target) ** 2).mean() * self.slope


class HandsOut(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x: Tensor, target: Tensor) -> Tensor:
        y = self.fc(x)
        if y.requires_grad:
            raise RuntimeError("for inference only")
        return y + target


class Plain(Loss):
    def forward(self, x: Tensor, target: Tensor) -> Tensor:
        return ((self.fc(x) - target) ** 2).mean() * self.slope


INPUTS = torch.randn(3, 4), torch.randn(3, 4)


def test_a_target_that_must_have_no_gradient() -> None:
    result = unfoldify(Loss(), INPUTS)
    assert result.report.verification.notes == (WITHOUT_INPUTS,)
    assert result.report.verification.checks[0].gradients is not None


def test_outputs_alone_where_no_value_may_have_one() -> None:
    model = HandsOut()
    found = verify(model, HandsOut(), INPUTS)
    assert found.ok
    assert found.notes == (WITHOUT,)


@pytest.mark.parametrize("cls", [Loss, Plain])
def test_a_difference_is_still_found(cls: type[Loss]) -> None:
    assert not verify(cls(), cls(slope=1.5), INPUTS).ok


def test_others_are_asked_for_all_gradients() -> None:
    found = verify(Plain(), Plain(), INPUTS)
    assert found.ok
    assert found.notes == ()


def test_a_model_that_fails_anyway_is_not_compared() -> None:
    class Fails(Plain):
        def forward(self, x: Tensor, target: Tensor) -> Tensor:
            raise ValueError("always")

    found = verify(Fails(), Fails(), INPUTS)
    assert not found.ok
    assert "ValueError: always" in str(found.first_difference)
