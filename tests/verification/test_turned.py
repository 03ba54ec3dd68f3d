"""A fault on the side that no run of the example goes is found: the question is answered otherwise."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from unfoldify.recording.model import record
from unfoldify.verification.turned import differs_where_turned, memory_filled

X = torch.rand(4, 3)


class OneOfTwo(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Linear(3, 3), nn.Linear(3, 3)

    def forward(self, x: Tensor) -> Tensor:
        if x.mean() > 0:
            y = self.one(x)
        else:
            y = self.two(x)
        return y + 1


class Otherwise(OneOfTwo):
    """The same, asked the other way round."""

    def forward(self, x: Tensor) -> Tensor:
        y = self.two(x) if x.mean() <= 0 else self.one(x)
        return y + 1


class Faulty(OneOfTwo):
    def forward(self, x: Tensor) -> Tensor:
        y = self.one(x) if x.mean() > 0 else self.two(x) * 2
        return y + 1


class AsksNothing(OneOfTwo):
    def forward(self, x: Tensor) -> Tensor:
        return self.one(x) + 1


def found(rewritten: OneOfTwo) -> object:
    model = OneOfTwo()
    rewritten.load_state_dict(model.state_dict())
    wanted = lambda path, kind: True  # noqa: E731
    recording = record(model, (X,), {}, wanted).recording
    return differs_where_turned(model, rewritten, (X,), {}, wanted, recording)


def test_a_fault_on_the_other_side_is_found() -> None:
    assert found(Faulty()) is not None


def test_a_side_that_is_not_there_is_found() -> None:
    assert found(AsksNothing()) is not None


def test_the_same_on_both_sides_is_no_fault() -> None:
    assert found(OneOfTwo()) is None
    assert found(Otherwise()) is None


class Filling(OneOfTwo):
    """As the tokens of an expert are put in their places: told not to, nothing is in them."""

    def forward(self, x: Tensor) -> Tensor:
        y = torch.empty_like(x)
        if x.mean() > 0:
            y[:] = self.one(x)
        return y


def test_memory_that_nobody_wrote_to_is_the_same_in_both() -> None:
    with memory_filled():
        assert torch.empty(64).isnan().all()
    assert not torch.are_deterministic_algorithms_enabled()


def test_a_side_that_leaves_memory_as_it_is_found_is_no_fault() -> None:
    model, other = Filling(), Filling()
    other.load_state_dict(model.state_dict())
    wanted = lambda path, kind: True  # noqa: E731
    recording = record(model, (X,), {}, wanted).recording
    assert differs_where_turned(model, other, (X,), {}, wanted, recording) is None
