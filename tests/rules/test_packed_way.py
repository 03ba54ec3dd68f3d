"""Recurrent layers over packed sequences: a loop over steps of which each has fewer sequences."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from agreement import NoContraction
from torch import Tensor, nn, randn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from torch.testing import assert_close

import unfoldify


class Packed(nn.Module):
    """Sorted by the model or by torch, from a given state or from none."""

    def __init__(self, layer: nn.RNNBase, is_sorted: bool = False) -> None:
        super().__init__()
        self.rnn = layer
        self.is_sorted = is_sorted

    def forward(self, x: Tensor, lengths: Tensor, hx: Any = None) -> Any:
        if self.is_sorted:
            lengths, order = lengths.sort(descending=True)
            x = x[order]
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=self.is_sorted)
        output, last = self.rnn(packed, hx)
        return pad_packed_sequence(output, batch_first=True), last, output.data.tanh()


def inputs(layer: nn.RNNBase, lengths: list[int], given: bool = False) -> tuple[Any, ...]:
    """Rows of these lengths, and a state for each sequence where one is given."""
    x = randn(len(lengths), max(lengths), 4)
    if not given:
        return x, torch.tensor(lengths)
    count = layer.num_layers * (2 if layer.bidirectional else 1)
    h = randn(count, len(lengths), layer.proj_size or 3)
    state = (h, randn(count, len(lengths), 3)) if isinstance(layer, nn.LSTM) else h
    return x, torch.tensor(lengths), state


LAYERS = {
    "lstm": lambda: nn.LSTM(4, 3),
    "gru": lambda: nn.GRU(4, 3),
    "tanh": lambda: nn.RNN(4, 3, bias=False),
    "relu": lambda: nn.RNN(4, 3, nonlinearity="relu"),
    "deep lstm": lambda: nn.LSTM(4, 3, num_layers=2, bidirectional=True, dropout=0.4),
    "deep gru": lambda: nn.GRU(4, 3, num_layers=2, bidirectional=True, dropout=0.4),
    "projected": lambda: nn.LSTM(4, 3, bidirectional=True, proj_size=2),
}
HOW = {
    "plain": {},
    "torch": {"style": "einsum", "dialect": "torch"},
    "functions": {"layout": "functions"},
    "patch": {"layout": "patch"},
}


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("kind", LAYERS)
def test_other_lengths_and_another_batch(kind: str, how: str) -> None:
    torch.manual_seed(0)
    given, is_sorted = kind == "deep gru", kind == "gru"
    model = Packed(LAYERS[kind](), is_sorted)
    example = inputs(model.rnn, [2, 5, 4], given)
    result = unfoldify.unfoldify(model, example, check=False, **HOW[how])  # type: ignore[arg-type]
    assert [row.kind for row in result.report.layers] == ["recurrent"]
    assert result.report.declined == ()
    for lengths in ([2, 5, 4], [1, 1], [6, 1, 3, 3, 9], [4]):
        for training in (False, True):
            call = inputs(model.rnn, lengths, given)
            torch.manual_seed(1)
            wanted = model.train(training)(*call)
            torch.manual_seed(1)
            if how == "torch":
                found = result.module.train(training)(*call)
            else:
                with NoContraction():
                    found = result.module.train(training)(*call)
            assert_close(found, wanted)


@pytest.mark.parametrize("kind", ["deep lstm", "gru"])
def test_values_and_gradients_are_verified(kind: str) -> None:
    torch.manual_seed(0)
    model = Packed(LAYERS[kind]())
    report = unfoldify.unfoldify(model, inputs(model.rnn, [2, 5, 4])).report
    assert report.verification.ok
    assert report.fixed_sizes == ()
