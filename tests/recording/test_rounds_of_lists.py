"""Loops whose rounds fill a list that is read from its end, or that torch's own calls stand in."""

from __future__ import annotations

import sys

import torch
from torch import Tensor, nn, randn
from torch.testing import assert_close

import unfoldify
from unfoldify.recording.source import Position, position_in


class ReadBackwards(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        h = torch.zeros_like(x[0])
        states = []
        for x_t in x.flip(0).unbind(0):
            h = torch.tanh(self.cell(x_t) + h)
            states.append(h)
        return torch.stack(states[::-1])


class Shuffled(ReadBackwards):
    """Its twin: the list is in no order of its rounds."""

    def forward(self, x: Tensor) -> Tensor:
        h = torch.zeros_like(x[0])
        states = []
        for x_t in x.unbind(0):
            h = torch.tanh(self.cell(x_t) + h)
            states.append(h)
        return torch.stack([states[1], states[0], *states[2:]])


def test_a_list_that_is_turned_around_is_filled_by_a_loop() -> None:
    model = ReadBackwards()
    result = unfoldify.unfoldify(model, (randn(5, 2, 4),), check=False)
    assert "states.append(h)" in result.source
    assert "torch.stack(states[::-1])" in result.source
    for n in (2, 7):
        x = randn(n, 3, 4)
        assert_close(result.module(x), model(x))


def test_a_list_in_another_order_is_not() -> None:
    result = unfoldify.unfoldify(Shuffled(), (randn(4, 2, 4),), check=False)
    assert "append" not in result.source
    x = randn(4, 3, 4)
    assert_close(result.module(x), Shuffled.forward(result.module, x))  # type: ignore[arg-type]


def called_from() -> tuple[Position, int]:
    frame = sys._getframe(2)
    return position_in(frame), frame.f_lasti


def test_a_call_stands_at_one_place_however_often_it_is_made() -> None:
    """Python 3.11 notes another place once it has made a call of `tuple` often enough."""
    found = [tuple(called_from() for _ in range(1)) for _ in range(200)]
    assert len({position for ((position, _),) in found}) == 1


class Stack(nn.Module):
    """A loop over layers, each of which makes two states of zeros."""

    def __init__(self) -> None:
        super().__init__()
        self.rnns = nn.ModuleList(nn.LSTM(4, 4) for _ in range(3))

    def forward(self, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        packed = nn.utils.rnn.pack_padded_sequence(x, lengths, enforce_sorted=False)
        last = []
        for rnn in self.rnns:
            packed, (h, _) = rnn(packed)
            last.append(h)
        return torch.cat(last), packed.data


def test_a_loop_over_layers_with_loops_in_them() -> None:
    model = Stack()
    result = unfoldify.unfoldify(model, (randn(5, 3, 4), torch.tensor([2, 5, 4])), check=False)
    assert "for rnn in self.rnns:" in result.source
    assert result.source.count("for b, x_t in zip(sizes, torch.split(") == 1
    assert not result.report.declined
    call = randn(7, 2, 4), torch.tensor([7, 1])
    assert_close(result.module(*call), model(*call))


class GivenStates(nn.Module):
    """torch does not look whether the states of packed sequences fit, and reads beyond them."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.LSTM(4, 3, bias=False)

    def forward(self, x: Tensor, lengths: Tensor, h: Tensor, c: Tensor) -> Tensor:
        packed = nn.utils.rnn.pack_padded_sequence(x, lengths, enforce_sorted=False)
        return self.rnn(packed, (h, c))[0].data


def test_states_that_do_not_fit_are_not_tried() -> None:
    example = randn(5, 3, 4), torch.tensor([2, 5, 4]), randn(1, 3, 3), randn(1, 3, 3)
    result = unfoldify.unfoldify(GivenStates(), example)
    assert result.report.verification is not None
    assert result.report.verification.ok
