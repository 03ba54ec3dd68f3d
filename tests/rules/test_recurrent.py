"""Recurrent layers and cells against torch's."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from agreement import agrees, both_styles, noise
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence
from torch.overrides import TorchFunctionMode

from unfoldify import notes
from unfoldify.rules import RULES, Decline

NAMES = ("lstm", "gru", "rnn_tanh", "rnn_relu")
FUNCTIONS = {getattr(torch, f"{name}{cell}") for name in NAMES for cell in ("", "_cell")}


class Compared(TorchFunctionMode):
    """Every recurrent call goes through its rule too, with the same random numbers."""

    def __init__(self, style: str) -> None:
        super().__init__()
        self.style, self.calls = style, 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in FUNCTIONS:
            self.calls += 1
            agrees(RULES[func].function, func, *args, style=self.style)
        return func(*args, **(kwargs or {}))


LAYERS = {
    "lstm": nn.LSTM,
    "projected lstm": lambda *a, **k: nn.LSTM(*a, proj_size=2, **k),
    "gru": nn.GRU,
    "tanh": nn.RNN,
    "relu": lambda *a, **k: nn.RNN(*a, nonlinearity="relu", **k),
}


@both_styles
@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("bidirectional", [False, True])
def test_layers(name: str, bidirectional: bool, style: str) -> None:
    for layers, batch_first, bias in itertools.product((1, 2), (False, True), (False, True)):
        layer = LAYERS[name](
            3, 4, num_layers=layers, bidirectional=bidirectional, batch_first=batch_first, bias=bias
        ).double()
        with Compared(style) as compared:
            layer(noise(2, 5, 3))
            layer(noise(5, 3))
        assert compared.calls == 2


@both_styles
@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("batch_first", [False, True])
def test_dropout_between_layers_draws_what_torch_draws(
    name: str, batch_first: bool, style: str
) -> None:
    layer = LAYERS[name](3, 4, num_layers=3, dropout=0.4, batch_first=batch_first).double()
    for training in (True, False):
        with Compared(style):
            layer.train(training)(noise(2, 5, 3))


@both_styles
def test_initial_states(style: str) -> None:
    layer = nn.LSTM(3, 4, num_layers=2, bidirectional=True).double()
    with Compared(style):
        layer(noise(5, 2, 3), (noise(4, 2, 4), noise(4, 2, 4, seed=1)))


@both_styles
@pytest.mark.parametrize("name", LAYERS)
def test_packed_sequences(name: str, style: str) -> None:
    for layers, bidirectional in ((1, False), (2, True)):
        layer = LAYERS[name](3, 4, num_layers=layers, bidirectional=bidirectional).double()
        packed = pack_padded_sequence(noise(5, 3, 3), [2, 5, 4], enforce_sorted=False)
        with Compared(style) as compared:
            layer(packed)
        assert compared.calls == 1


@both_styles
@pytest.mark.parametrize("bias", [True, False])
def test_cells(bias: bool, style: str) -> None:
    cells = [nn.LSTMCell, nn.GRUCell, nn.RNNCell]
    with Compared(style) as compared:
        for cell in cells:
            cell(3, 4, bias=bias).double()(noise(2, 3))
            cell(3, 4, bias=bias).double()(noise(3))
        nn.RNNCell(3, 4, bias=bias, nonlinearity="relu").double()(noise(2, 3))
    assert compared.calls == 7


class Reading:
    """Somebody who reads along."""

    def named(self, value: object, name: str) -> None: ...

    def remark(self, value: object, text: str) -> None: ...

    def is_zero(self, x: torch.Tensor) -> bool:
        return False

    def counts(self, x: torch.Tensor, example: list[int]) -> None:
        """A graph has no loop over what a tensor holds."""


def test_a_packed_sequence_is_declined_where_it_would_be_written_out() -> None:
    layer = nn.LSTM(3, 4)
    packed = pack_padded_sequence(noise(5, 2, 3).float(), [5, 4])
    states = (torch.zeros(1, 2, 4), torch.zeros(1, 2, 4))
    call = (
        packed.data,
        packed.batch_sizes,
        states,
        list(layer.parameters()),
        True,
        1,
        0.0,
        False,
        False,
    )
    token = notes.listener.set(Reading())  # type: ignore[arg-type]
    try:
        with pytest.raises(Decline) as caught:
            RULES[torch.lstm].function(*call)
    finally:
        notes.listener.reset(token)
    assert str(caught.value) == (
        "a packed sequence: how many sequences each step has is data, so the steps cannot be "
        "written out; a padded batch and a mask can"
    )
