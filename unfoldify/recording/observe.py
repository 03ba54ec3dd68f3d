"""A model and its example → what one run of it does, finished; and runs that no file can say."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import nn

from unfoldify.errors import UnfoldifyError
from unfoldify.preserve import preserved, seed_everything
from unfoldify.recording.calls import HAS_GRADIENT
from unfoldify.recording.capture import Recording, capture
from unfoldify.recording.chances import with_blocks
from unfoldify.recording.decisions import Outcomes
from unfoldify.recording.draws import check_draws, streams
from unfoldify.recording.elsewhere import Elsewhere
from unfoldify.recording.finish import bodies, finish
from unfoldify.recording.lasting import still_read
from unfoldify.recording.lazy import copies, grown, named, refuse_grown
from unfoldify.recording.left_behind import attributes, changed
from unfoldify.recording.numbers.conversions import counting, in_place
from unfoldify.recording.source import shown_line
from unfoldify.recording.transforms.imagined import has_imagined, only_real_items
from unfoldify.recording.ways import Given, OtherCalls, Run

Wanted = Callable[[str, str], bool]
See = Callable[..., Recording]  # a run with these args and kwargs


def observe(
    model: nn.Module,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    wanted: Wanted,
    *,
    training: bool,
    seed: int = 0,
    lasting: Collection[str] = (),
    by_value: bool = False,
    by_size: Elsewhere | None = None,
) -> Recording:
    """One recorded run, its graphs finished. With `by_size`, sizes may decide what stands under an `if`:
    it knows where to look for the other side.
    """
    run: Run = partial(run_once, model, args, kwargs, wanted, training)
    run = partial(run, seed=seed, lasting=lasting, by_value=by_value, by_size=by_size is not None)
    elsewhere = partial(by_size.calls, args, kwargs) if by_size is not None else lambda: ()
    try:
        recording = finished(run, elsewhere)
    except UnfoldifyError:
        raise
    except Exception:  # code may ask whether a number's type is float, and mean that very type
        run = partial(run, floats=False)
        recording = finished(run, elsewhere)
    if has_imagined(recording.root):
        with only_real_items():
            recording = finished(run, elsewhere)
    graphs = (body.graph for body in bodies(recording.root))
    return replace(recording, constants=still_read(recording.constants, graphs))


def finished(run: Run, elsewhere: OtherCalls = lambda: ()) -> Recording:
    """The run that counts, its graphs finished."""
    run, recording = with_callers(run)
    run, recording = with_gradients(run, recording)
    run, recording = with_conversions(run, recording)
    recording = with_blocks(run, recording, elsewhere)
    finish(recording.root)
    return recording


def with_callers(run: Run) -> tuple[Run, Recording]:
    """The run in which modules that are handed a function, and call other modules by it, are part of
    their callers: these have a name for both.
    """
    recording = run()
    dissolved: frozenset[int] = frozenset()
    while not recording.borrowers <= dissolved:
        dissolved |= recording.borrowers
        run = partial(run, dissolved=dissolved)
        recording = run()
    return run, recording


def with_gradients(run: Run, recording: Recording) -> tuple[Run, Recording]:
    """Inputs of an example have no gradients, those of a model at work mostly have. Where that makes
    a difference (`if x.requires_grad:`) the run with gradients is the one that counts.
    """
    if any(read.call == HAS_GRADIENT and not read.value for read in recording.reads):
        with suppress(Exception):
            run = partial(run, with_gradients=True)
            return run, run()
    return run, recording


def with_conversions(run: Run, recording: Recording) -> tuple[Run, Recording]:
    """The run once more, where `int(h * 0.5)` and the like made plain numbers of those that remember."""
    modules: dict[int, dict[str, Any]] = {}
    for _ in range(3):  # what is remembered longer may get into further modules
        new = {id(names): names for names in recording.conversions if id(names) not in modules}
        if not new:
            break
        modules.update(new)
        with suppress(Exception):
            recording = in_place(list(modules.values()))(run)()
    return in_place(list(modules.values()))(run), recording


def run_once(
    model: nn.Module,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    wanted: Wanted,
    training: bool,
    *,
    with_gradients: bool = False,
    seed: int = 0,
    lasting: Collection[str] = (),
    outcomes: Outcomes | None = None,
    given: Given = None,
    by_value: bool = False,
    by_size: bool = False,
    floats: bool = True,
    dissolved: frozenset[int] = frozenset(),
) -> Recording:
    with preserved(model), torch.enable_grad(), counting(model):
        seed_everything(seed)
        model.train(training)
        before, held = named(model).keys(), attributes(model)
        args, kwargs = given or (args, kwargs)
        taken, keywords = copies((tuple(args), dict(kwargs)), with_gradients=with_gradients)
        start = streams()
        recording = capture(
            model, taken, keywords, wanted, lasting, outcomes, by_value, by_size, floats, dissolved
        )
        drew, left = streams() != start, changed(held, attributes(model))
        refuse_growth(recording, before, args, kwargs)
    return replace(recording, drew=drew, left=left)


def refuse_growth(
    recording: Recording, before: Collection[str], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> None:
    """Raises where the recorded call was the one that makes parameters which the model keeps."""
    model = recording.model
    for name, tensor in grown(model, before, args, kwargs).items():
        raise refuse_grown(name, model, shown_line(recording.made.get(id(tensor), ())))


def refuse_draws(
    recording: Recording, args: Sequence[Any], kwargs: Mapping[str, Any], see: See, training: bool
) -> None:
    """Raises where what Python or numpy draws decides what the model does."""
    model = recording.model

    def once_more(seed: int) -> Recording:
        return see(args, kwargs, training=training, seed=seed)

    def call() -> None:
        with preserved(model):
            model.train(training)
            given, keywords = copies((tuple(args), dict(kwargs)))
            model(*given, **keywords)

    check_draws(recording, once_more, call)
