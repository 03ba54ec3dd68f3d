"""Lists and dicts that a model is given, and adds to, are checked as the caller gave them."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from unfoldify import unfoldify


class Grow(nn.Module):
    """A list of levels, to which the model adds one, as TreeGAN's generator does."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, tree: list[Tensor]) -> list[Tensor]:
        tree.append(torch.tanh(self.fc(tree[-1])))
        return tree


class Noting(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        batch["out"] = self.fc(batch["x"])
        return batch


@pytest.mark.parametrize("model", [Grow(), nn.Sequential(Grow(), Grow())])
def test_a_list_that_grows(model: nn.Module) -> None:
    written = unfoldify(model, ([torch.randn(2, 4), torch.randn(2, 4)],)).module
    given = [torch.randn(3, 4), torch.randn(3, 4)]
    torch.testing.assert_close(written(list(given)), model(list(given)))
    with pytest.raises(ValueError, match="was written for 2 values in"):
        written([*given, *given])


def test_a_dict_that_is_written_to() -> None:
    model = Noting()
    written = unfoldify(model, ({"x": torch.randn(2, 4)},)).module
    given = torch.randn(3, 4)
    torch.testing.assert_close(written({"x": given}), model({"x": given}))
