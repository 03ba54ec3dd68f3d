"""Packed sequences in the emitted file: the user's own calls around a loop over the steps."""

from __future__ import annotations

import torch
from torch import Tensor, nn, randn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

import unfoldify


class Packed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.LSTM(4, 3, batch_first=True)
        self.fc = nn.Linear(3, 2)

    def forward(self, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        output, (hidden, _) = self.rnn(packed)
        output, _ = pad_packed_sequence(output, batch_first=True)
        return self.fc(output), hidden


class Padded(Packed):
    """Its twin: rows of one length."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        output, (hidden, _) = self.rnn(x)
        return self.fc(output), hidden


FORWARD = """\
    def forward(self, x, lengths):
        packed = nn.utils.rnn.pack_padded_sequence(
            x, lengths, batch_first=True, enforce_sorted=False
        )

        # rnn: packed
        sizes = packed.batch_sizes.tolist()  # how many sequences have each step
        h = packed.data.new_zeros(sizes[0], 3)
        c = packed.data.new_zeros(sizes[0], 3)
        w_ih = rearrange(self.rnn.weight_ih_l0, "o i -> i o")
        w_hh = rearrange(self.rnn.weight_hh_l0, "o i -> i o")
        steps = []
        for b, x_t in zip(sizes, torch.split(packed.data, sizes)):
            gates = (rearrange(x_t, "b i -> b i 1") * w_ih).sum(dim=-2)  # over i
            gates = gates + (rearrange(h[:b], "b i -> b i 1") * w_hh).sum(dim=-2)  # over i
            gates = gates + self.rnn.bias_ih_l0 + self.rnn.bias_hh_l0
            i, f, g, o = gates.chunk(4, dim=1)
            c_t = f.sigmoid() * c[:b] + i.sigmoid() * g.tanh()
            h_t = o.sigmoid() * c_t.tanh()
            h = torch.cat((h_t, h[b:]))  # the others have ended
            c = torch.cat((c_t, c[b:]))
            steps.append(h_t)

        output = torch.cat(steps)
        hidden = rearrange(h, "b o -> 1 b o")

        hidden = hidden.index_select(1, packed.unsorted_indices)
        output = nn.utils.rnn.PackedSequence(
            output,
            packed.batch_sizes,
            sorted_indices=packed.sorted_indices,
            unsorted_indices=packed.unsorted_indices,
        )
        output, _ = nn.utils.rnn.pad_packed_sequence(output, batch_first=True)
"""


def test_each_step_has_the_sequences_that_are_long_enough() -> None:
    torch.manual_seed(0)
    result = unfoldify.unfoldify(Packed(), (randn(3, 6, 4), torch.tensor([6, 3, 4])))
    assert FORWARD in result.source
    assert not result.report.declined
    assert not result.report.fixed_sizes


class Backwards(nn.Module):
    """A layer that is given the packed sequence itself."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.GRU(4, 3, bidirectional=True)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        packed = pack_padded_sequence(x, lengths, enforce_sorted=False)
        return self.rnn(packed)[0].data


def test_the_way_back_begins_with_the_last_step() -> None:
    example = randn(6, 3, 4), torch.tensor([6, 3, 4])
    source = unfoldify.unfoldify(Backwards(), example, check=False).source
    head = "for b, x_t in zip(reversed(sizes), reversed(torch.split(packed.data, sizes))):"
    assert head in source
    assert "h_back = torch.cat((h_t, h_back[b:]))  # the others have not begun" in source
    assert "back = torch.cat(steps[::-1])" in source


def test_rows_of_one_length_are_not_packed() -> None:
    result = unfoldify.unfoldify(Padded(), (randn(3, 6, 4),), check=False)
    assert "for x_t in x.unbind(1):" in result.source
    assert "sizes" not in result.source
    assert "hidden = rearrange(h, " in result.source
