"""Packed sequences: their calls and the layers that read them are the user's own."""

from __future__ import annotations

import torch
from torch import Tensor, nn, randn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

import unfoldify


class Packed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.GRU(4, 3, batch_first=True)
        self.fc = nn.Linear(3, 2)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        output, _ = self.rnn(packed)
        output, _ = pad_packed_sequence(output, batch_first=True)
        return self.fc(output)


class Padded(Packed):
    """Its twin: rows of one length are spelled out."""

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.rnn(x)[0])


def test_packed_rows_go_through_the_layer_whole() -> None:
    torch.manual_seed(0)
    result = unfoldify.unfoldify(Packed(), (randn(3, 6, 4), torch.tensor([6, 3, 4])))
    assert (
        """\
        packed = torch.nn.utils.rnn.pack_padded_sequence(
            x, lengths, batch_first=True, enforce_sorted=False
        )
        output, _ = self.rnn(packed)
        output, _ = torch.nn.utils.rnn.pad_packed_sequence(output, batch_first=True)
"""
        in result.source
    )
    reason = "rnn: its rows are packed: they differ in length, and no axis has a size"
    assert reason in str(result.report)


def test_rows_of_one_length_are_spelled_out() -> None:
    result = unfoldify.unfoldify(Padded(), (randn(3, 6, 4),))
    assert "for x_t in x.unbind(1):" in result.source
    assert "packed" not in str(result.report)
