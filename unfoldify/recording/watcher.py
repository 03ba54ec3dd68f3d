"""What a run goes by that is no call: values that Python looked at, numbers it made plain, blocks that
switch gradients on and off.
"""

from __future__ import annotations

import operator
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import torch
from torch import Tensor, fx

from unfoldify.errors import CaptureError
from unfoldify.recording.body import Body
from unfoldify.recording.builder import GraphBuilder
from unfoldify.recording.calls import (
    DATA_NUMBERS,
    DRAWN,
    HAS_GRADIENT,
    LASTS,
    REMAINDER,
    SIZE,
    TO_PYTHON,
)
from unfoldify.recording.decisions import (
    MOST,
    Decision,
    Outcomes,
    Place,
    Read,
    is_drawn,
    place_in,
)
from unfoldify.recording.lasting import comes_from
from unfoldify.recording.machinery import is_machinery
from unfoldify.recording.numbers.conversions import converts, only_calls
from unfoldify.recording.numbers.traced import Traced, plain
from unfoldify.recording.source import Position, first_site, is_of_a_rule, users_place
from unfoldify.recording.spelling import call_name

MOST_ROUNDS = 5000  # each costs about a hundredth of a second, in all runs together


class Watcher(GraphBuilder):
    """Builds graphs, and notes what of the run they do not show."""

    def __init__(self) -> None:
        super().__init__()
        self.reads: list[Read] = []
        self.conversions: dict[int, dict[str, Any]] = {}  # modules that make numbers plain
        self.grad_mode = True
        self.asked_modes: list[tuple[bool, int]] = []  # of blocks, and how deep in graphs they are
        self.in_asked_mode: list[fx.Node] = []  # calls in one that asks for what is so anyway
        self.differentiates = False
        self.decisions: list[Decision] = []  # by what was drawn
        self.outcomes: Outcomes | None = None
        self.by_value = False  # whether runs may go the other way by any value
        self.by_size = False  # and by any size
        self.decided_sizes = Counter[Place]()  # where sizes decided, and how often
        self.compared_with: set[int] = set()  # numbers that sizes were compared with
        self.ranges: dict[int, tuple[range, tuple[Any, ...]]] = {}  # over sizes
        self.through = 0  # how many autograd functions are being run as plain calls
        self.dual_levels: list[Any] = []  # of torch.autograd.forward_ad
        self.rounds_run = 0
        self.rounds: list[
            tuple[int, tuple[Position, ...]]
        ] = []  # how deep in graphs, and what is around

    def decided(self, number: Any, name: str, others: tuple[Any, ...], outcome: bool) -> bool:
        """The user's code compared a number; if a tensor held it, its value decides, and what is
        left of a size when it is divided decides for sizes that leave the same.
        """
        if number.owner is not self or not self.is_recording():
            return outcome
        if is_machinery(sys._getframe(2).f_code.co_filename):
            return outcome
        self.note_conversion(sys._getframe(2))
        read = self.read_of(number, name, outcome)
        if read is not None and (read.call == DRAWN or self.by_value):
            told: bool = self.turned(self.comparison(number, name, others), outcome, read)
            return told
        if read is None:
            decided: bool = self.decided_by_size(number, name, others, outcome)
            return decided
        self.reads.append(read)
        return outcome

    def decided_by_size(
        self, number: Any, name: str, others: tuple[Any, ...], outcome: bool
    ) -> bool:
        """A size was compared: what it decides may be a block, and what a remainder decides is told."""
        numbers = others or (0,)  # of `if n:`
        self.compared_with.update(plain(other) for other in numbers if isinstance(other, int))
        positions = self.positions()
        found = first_site(positions)
        if found is None or not found.decides:
            return outcome
        kind = REMAINDER if is_remainder(number.node) else SIZE
        read = Read(kind, bool(outcome), positions)
        if not found.goes_on:
            if isinstance(self.frame, Body):  # and not a graph that is rewritten
                self.decided_sizes[place_in(self.frame, positions)] += 1
            if self.by_size:
                told: bool = self.turned(self.comparison(number, name, others), outcome, read)
                return told
        if kind == REMAINDER:
            self.reads.append(read)
        return outcome

    def read_of(self, number: Any, name: str, outcome: bool) -> Read | None:
        """What is told of a comparison, if it is one of a value."""
        if self.is_chance(number.node):
            return Read(DRAWN, bool(outcome), self.positions())
        if is_of_data(number.node):
            return Read(name, bool(outcome), self.positions())
        path = comes_from(number.node)
        return None if path is None else Read(LASTS, path, self.positions())

    def comparison(self, number: Any, name: str, others: tuple[Any, ...]) -> fx.Node:
        if name == "__bool__":
            return number.node  # type: ignore[no-any-return]
        return self.add("call_function", getattr(operator, name), (number, *others), {})

    def is_chance(self, node: fx.Node | None) -> bool:
        """Whether what is asked of a value is decided by what the graph has drawn."""
        return node is not None and node.graph is self.frame.graph and is_drawn(node)

    def turned(self, condition: fx.Node, outcome: bool, read: Read) -> bool:
        """What Python is told of what it asks: what is so, or what this run is to go by."""
        body: Any = self.frame
        after = next(iter(reversed(self.frame.graph.nodes)))
        number, drawn = len(self.decisions), read.call == DRAWN
        if self.outcomes is not None:
            by_size = sum(self.decided_sizes.values()) if self.by_size else 0
            if number > MOST + by_size:
                raise RuntimeError("a loop does not end the other way")
            outcome = self.outcomes.of(number, place_in(body, read.sites), bool(outcome), drawn)
        if read.call != SIZE:  # sizes are looked at once more, at others
            self.reads.append(read)
        self.decisions.append(Decision(body, condition, after, read, bool(outcome), drawn))
        return outcome

    def counted(self, numbers: tuple[Any, ...], made: range) -> None:
        """A loop runs as often as numbers say: where a tensor held one, that is fixed, and where they
        are sizes it is a call of the graph as long as recordings are compared.
        """
        ours = [n for n in numbers if isinstance(n, Traced) and n.owner is self]
        of_data = [number for number in ours if is_of_data(number.node)]
        for number in of_data:
            self.reads.append(Read("range", plain(number), self.positions()))
        if ours and not of_data:
            self.add("call_function", range, numbers, {}).meta["value"] = made
            self.ranges[id(made)] = (made, numbers)

    def ends_of(self, made: range) -> tuple[Any, ...] | None:
        """What a range over a size was given."""
        known, numbers = self.ranges.get(id(made), (None, ()))
        return numbers if known is made else None

    def followed(self, array: Any) -> Tensor | None:
        """The tensor that is made as an array is, of sizes."""
        tensor = getattr(array, "tensor", None)
        return array.follow() if isinstance(tensor, Tensor) and self.is_recording() else None

    def converted(self, number: Any) -> None:
        """Python was given a number for which it hands back a plain one."""
        if number.owner is self and self.is_recording():
            self.note_conversion(sys._getframe(2))

    def note_conversion(self, frame: FrameType, surely: bool = False) -> None:
        """A frame makes a plain number of one that remembers, or may do so with one that it gets."""
        filename = frame.f_code.co_filename
        if is_machinery(filename) or is_of_a_rule(filename):
            return
        if (surely and only_calls(filename)) or converts(frame):
            self.conversions[id(frame.f_globals)] = frame.f_globals

    def asked_for_gradient(self, tensor: Tensor, outcome: bool) -> None:
        """The user's code asked whether a value of the run has gradients, and may do as it likes."""
        where = sys._getframe(3).f_code.co_filename
        if not (is_machinery(where) or is_of_a_rule(where) or self.is_state(tensor)):
            self.reads.append(Read(HAS_GRADIENT, outcome, self.positions()))

    def is_state(self, tensor: Tensor) -> bool:
        """Whether a tensor is a parameter or a buffer."""
        return False

    @property
    def gave_to_numpy(self) -> bool:
        """Whether an array may have been computed from a tensor of the model."""
        return any(read.call in TO_PYTHON for read in self.reads)

    def note_mode(self, enabled: bool) -> None:
        """`with torch.enable_grad():` begins or ends."""
        caller = sys._getframe(4).f_code.co_name
        if caller == "__enter__":
            self.asked_modes.append((enabled, len(self.stack)))
        elif caller == "__exit__" and self.asked_modes:
            self.asked_modes.pop()

    @contextmanager
    def round(self, around: tuple[Position, ...]) -> Iterator[None]:
        """What runs inside runs once for each of some values, though the user's file has no loop;
        `around` is where that is asked for.
        """
        self.rounds_run += 1
        if self.rounds_run > MOST_ROUNDS:
            raise CaptureError(
                f"{users_place(around)}a torch.func transform goes over more than {MOST_ROUNDS} items in "
                "one run, and each of them is recorded.\nGive an example with fewer items (a smaller "
                "batch, fewer outputs), or unfoldify the modules around it."
            )
        self.rounds.append((len(self.stack), around))
        try:
            yield
        finally:
            self.rounds.pop()

    def settle_modes(self) -> None:
        """That gradients are asked for in so many words matters where the model differentiates."""
        if not self.differentiates:
            for node in self.in_asked_mode:
                node.meta.pop("grad", None)

    def add(self, op: str, target: Any, args: Any, kwargs: Any) -> fx.Node:
        """One node, and whether gradients are switched on or off for it."""
        node = super().add(op, target, args, kwargs)
        if self.rounds and self.rounds[-1][0] == len(self.stack):
            node.meta["round"] = self.rounds[-1][1]
        if torch.is_grad_enabled() != self.grad_mode and not self.through:
            node.meta["grad"] = torch.is_grad_enabled()
        elif self.asked_modes and self.asked_modes[-1] == (True, len(self.stack)):
            node.meta["grad"] = True
            self.in_asked_mode.append(node)
        return node


def is_of_data(node: fx.Node) -> bool:
    """Whether a number is one that a tensor held, or was computed from such a one."""
    name = node.target if isinstance(node.target, str) else call_name(node.target)
    if name in DATA_NUMBERS and node.op != "get_attr":
        return True
    return "val" not in node.meta and any(map(is_of_data, node.all_input_nodes))


def is_remainder(node: fx.Node) -> bool:
    """Whether a number is what is left of a size when it is divided, or was computed from that."""
    if node.target is operator.mod:
        return True
    return "val" not in node.meta and any(map(is_remainder, node.all_input_nodes))
