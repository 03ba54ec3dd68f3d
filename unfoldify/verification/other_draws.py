"""Whether a file goes each of the ways that a model goes by what it draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from unfoldify.recording.decisions import Decision
from unfoldify.recording.source import shown_line
from unfoldify.verification.checks import Pair, check
from unfoldify.verification.redraw import redrawn
from unfoldify.verification.runs import Call, Setting

_SEEDS = 8  # a layer that is dropped one time in ten, of ten layers, is dropped in five of these


def decided_by_draws(
    model: nn.Module,
    rewritten: nn.Module,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    decisions: Sequence[Decision],
) -> str | None:
    """What to tell of a model that other draws lead where the file does not go; None of others."""
    call = Call(tuple(args), dict(kwargs), model)
    state = redrawn(model, 0, "given")
    for training in sorted({decision.body.training for decision in decisions}):
        for seed in range(1, _SEEDS + 1):
            setting = Setting(gradients=False, training=training, seed=seed)
            if not check(Pair(model, rewritten, state, setting, relative=1e-8), call, "").ok:
                lines = (shown_line(d.condition.meta.get("positions", ())) for d in decisions)
                return drawn_otherwise(next(filter(None, lines), ""))
    return None


def drawn_otherwise(line: str) -> str:
    """What to tell of a line where what is drawn leads to what the file does not do."""
    return (
        (f"{line}\n  " if line else "")
        + "what the model draws decides here about more than what stands under an `if`, and a file "
        "can say only one way.\nChoose with torch.where, or unfoldify the model with this switched off."
    )
