"""An example of one step: a recurrent layer is a loop all the same, where it may be given more."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn, rand

import unfoldify

LAYERS = [
    (nn.LSTM(3, 4, 2, dropout=0.1), (1, 2, 3)),
    (nn.GRU(3, 4, batch_first=True, bidirectional=True), (2, 1, 3)),
    (nn.RNN(3, 4, nonlinearity="relu"), (1, 3)),
]


class Reader(nn.Module):
    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x)[0]


class Decoder(nn.Module):
    """What it decodes is one step, whatever the input."""

    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(3, 4)

    def forward(self, token: Tensor, state: Tensor) -> Any:
        return self.gru(token.unsqueeze(0), state)


@pytest.mark.parametrize(("layer", "shape"), LAYERS)
@pytest.mark.parametrize("options", [{}, {"dialect": "torch"}, {"style": "einsum"}])
def test_one_step_is_a_loop(
    layer: nn.Module, shape: tuple[int, ...], options: dict[str, str]
) -> None:
    model = Reader(layer).eval()
    result = unfoldify.unfoldify(model, (rand(shape),), **options)  # type: ignore[arg-type]
    assert "for x_t in " in result.source
    steps = shape.index(1)
    longer = rand([5 if dim == steps else size for dim, size in enumerate(shape)])
    torch.testing.assert_close(result.module.eval()(longer), model(longer))
    (row,) = result.report.layers
    assert row.shapes[-1][steps] == 1  # the example's, not what the rule was shown


def test_what_is_always_one_step_is_no_loop() -> None:
    source = unfoldify.unfoldify(Decoder(), (rand(2, 3), rand(1, 2, 4))).source
    assert "for x_t in " not in source
