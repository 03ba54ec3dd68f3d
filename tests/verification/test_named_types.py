"""Constants that are chosen by the type of a value: float64 proves those of the model's own type."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from unfoldify import unfoldify
from unfoldify.verification.verify import verify

EPS = {torch.float32: 1e-2, torch.float64: 1e-6}
NOTE = "chooses numbers by the type of its values: those of float32 are in the file"
X = torch.randn(3, 4)


class ByType(nn.Module):
    def __init__(self, factor: float = 1.0) -> None:
        super().__init__()
        self.fc, self.factor = nn.Linear(4, 4), factor

    def forward(self, x: Tensor) -> Tensor:
        x = self.fc(x)
        return self.factor * x / torch.clamp(x.pow(2), min=EPS[x.dtype])


class AsInFloat32(ByType):
    def forward(self, x: Tensor) -> Tensor:
        x = self.fc(x)
        return self.factor * x / torch.clamp(x.pow(2), min=1e-2)


def test_the_constant_of_the_models_own_type_is_in_the_file() -> None:
    result = unfoldify(ByType(), (X,))
    verification = result.report.verification
    assert "min=0.01" in result.source
    assert NOTE in " ".join(result.source.split())
    assert verification.notes == (f"the model {NOTE}",)
    assert {check.precision for check in verification.checks} == {"float64", "float32"}


@pytest.mark.parametrize("original", [ByType(), AsInFloat32()])
def test_a_difference_is_still_found(original: ByType) -> None:
    found = verify(original, AsInFloat32(factor=1.001), (X,))
    assert not found.ok
    assert found.notes == ()


def test_others_say_nothing_of_it() -> None:
    found = verify(AsInFloat32(), AsInFloat32(), (X,))
    assert found.ok
    assert found.says is None
    assert "type of its values" not in str(found)
