"""Seeds and generators decide which numbers are drawn; no mode of torch's sees the calls that set
them, nor those that draw a number from Python's own.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn

from unfoldify.recording.numbers.traced import ACTIVE

SEEDING = (torch.manual_seed, torch.get_rng_state, torch.set_rng_state)  # and by them fork_rng


def _plain(function: Callable[..., float]) -> Callable[..., float]:
    """A method of Python's generator as a function of the module `random`, which a graph can name."""

    def call(*args: Any, **kwargs: Any) -> float:
        return function(*args, **kwargs)

    call.__name__, call.__module__ = function.__name__, "random"
    return call


DRAWS_OF_PYTHON = (random.random, random.uniform, random.randint, random.randrange)
# numpy's are not here: no file can call them
DRAWING = {function: _plain(function) for function in DRAWS_OF_PYTHON}


def recorded_seeding() -> Iterator[tuple[Any, Callable[..., Any]]]:
    """Each function that sets the state of torch's own generator, or draws one number from Python's,
    and its stand-in.
    """
    yield from ((function, _recorded(function, "seeding")) for function in SEEDING)
    yield from ((function, _recorded(function, "drawing")) for function in DRAWING)


def _recorded(function: Callable[..., Any], method: str) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        recorder: Any = ACTIVE.get()
        if recorder is None or not recorder.is_recording():
            return function(*args, **kwargs)
        return getattr(recorder, method)(function, args, kwargs)

    call.__name__ = function.__name__
    call.__wrapped__ = function  # type: ignore[attr-defined]
    return call


def seed_of_new(generator: torch.Generator) -> int | None:
    """The seed of a generator from which nothing has been drawn yet."""
    new = torch.Generator(generator.device).manual_seed(generator.initial_seed())
    drawn = not torch.equal(new.get_state(), generator.get_state())
    return None if drawn else generator.initial_seed()


def generators_held(model: nn.Module, arguments: Any) -> set[int]:
    """The ids of generators that outlive a call: what is drawn then depends on the calls before."""
    holders = [arguments, *(vars(module) for module in model.modules())]
    return {id(value) for holder in holders for value in _generators(holder)}


def _generators(value: Any, depth: int = 3) -> Iterator[torch.Generator]:
    if isinstance(value, torch.Generator):
        yield value
    elif depth and isinstance(value, (tuple, list, dict)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _generators(item, depth - 1)
