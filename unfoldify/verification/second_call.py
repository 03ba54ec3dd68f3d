"""Whether what one call leaves behind decides what the next one does: then no one file can say it.

A mask that is kept for the next call makes no difference; a first call that fills a buffer from its
input, a counter, or a hidden state that goes on does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from torch import nn

from unfoldify.preserve import preserved, silenced
from unfoldify.recording.align import align
from unfoldify.recording.lazy import copies
from unfoldify.recording.observe import Wanted, observe
from unfoldify.recording.stand_ins import stand_ins
from unfoldify.verification.checks import Pair, check
from unfoldify.verification.decided import first_line, left_as_it_is
from unfoldify.verification.redraw import redrawn
from unfoldify.verification.runs import Call, Setting


def decided_by_calls(
    model: nn.Module,
    rewritten: nn.Module,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    wanted: Wanted,
    left: Sequence[str],
) -> str | None:
    """What to tell where the second call of a model is not what was written; None if it is.

    `left` are the attributes that a call changes.
    """
    call = Call(tuple(args), dict(kwargs), model)
    state = redrawn(model, 0, "given")
    for training in (False, True):
        setting = Setting(gradients=False, training=training, calls=2)
        if not check(Pair(model, rewritten, state, setting, relative=1e-8), call, "").ok:
            return _said(_line(model, args, kwargs, wanted, training), left, training)
    return None


def _said(line: str, left: Sequence[str], training: bool) -> str:
    places = " and ".join(f"self.{name}" for name in left[:3]) or "buffers"
    mode = "model.train()" if training else "model.eval()"
    return (
        (f"{line}\n  " if line else "")
        + f"a second call does something else here: what the first one leaves in {places} decides, and "
        f"a file can say only one way.\nCall the model once before ({mode}; model(...)) if only its "
        "first call is another, or hand over what it keeps as an argument."
    )


def _line(
    model: nn.Module,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    wanted: Wanted,
    training: bool,
) -> str:
    """The line at which the second call parts from the first."""
    with suppress(Exception), preserved(model), silenced(), stand_ins():
        first = observe(model, args, kwargs, wanted, training=training)
        model.train(training)
        given, keywords = copies((tuple(args), dict(kwargs)))
        model(*given, **keywords)
        second = observe(model, args, kwargs, wanted, training=training)
        parted = next(align(first.root, second.root, left_as_it_is), None)
        if parted is not None:
            return first_line(first, second, parted[2])
    return ""
