"""The way of a model through the tool: record → lower → merge → emit → build → verify → report."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from unfoldify.emit.build import build, save
from unfoldify.emit.file import emit
from unfoldify.emit.functions.functions import Functions
from unfoldify.emit.header import header, users_patterns
from unfoldify.emit.patch.patch import patched
from unfoldify.errors import CaptureError, VerificationError
from unfoldify.lowering.dialect import speak_torch
from unfoldify.lowering.effects import settle
from unfoldify.lowering.lower import Declined, Group, Lowering, lower
from unfoldify.lowering.presence import assure
from unfoldify.merge import merge, walk_bodies
from unfoldify.options import Options, checked
from unfoldify.recording.model import Recorded, record
from unfoldify.recording.sizes import affordable
from unfoldify.recording.stand_ins import stand_ins
from unfoldify.reporting.report import Report
from unfoldify.reporting.summary import layer_name, summarize
from unfoldify.verification.decided import decided_by_values
from unfoldify.verification.layer_errors import largest_errors, layer_errors
from unfoldify.verification.verify import verify

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Result:
    """What came out: the file, the class built from it, and what was done."""

    source: str
    module: nn.Module
    report: Report
    constants: Mapping[str, Tensor] = field(default_factory=dict)  # of the side file

    def save(self, path: str | Path) -> None:
        """Write the file, and beside it the constants that are too large to be written in it."""
        save(self.source, self.constants, Path(path))


def unfoldify(
    model: nn.Module,
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    *,
    style: str = "product",
    dialect: str = "einops",
    max_intermediate: str | int = "1GiB",
    only: Sequence[str] = (),
    skip: Sequence[str] = (),
    also: Sequence[str] = (),
    layout: str = "inline",
    shapes: bool = False,
    check: bool = True,
    source_path: str | Path | None = None,
    progress: Progress | None = None,
) -> Result:
    """Write `model` again with every contraction spelled out, and prove the result equal to it.

    `args` and `kwargs` are an example of what the model is called with. The model comes back as it
    was. Raises `CaptureError` where the model cannot be recorded and, with `check`,
    `VerificationError` where what was written does not compute the same.
    """
    start = time.monotonic()
    args, kwargs = as_arguments(args), dict(kwargs or {})
    options = checked(style, dialect, max_intermediate, only, skip, also, layout, shapes)
    say = progress or (lambda stage, done, total: None)
    say("recording", 0, 1)
    recorded = record(model, args, kwargs, options.wanted)
    say("rewriting", 0, 1)
    wanted = layout == "patch"
    patch = patched(model, args, kwargs, recorded.modes, options, source_path) if wanted else None
    theirs = users_patterns(recorded.recording.root)
    functions = Functions(options.style, options.dialect) if layout == "functions" else None
    groups, declined = spell_out(recorded, options, functions)
    side: Mapping[str, Tensor] = {}
    if patch is not None:
        source, module = patch.source, patch.module(model)
        groups, declined = patch.told(groups, declined)
    else:
        seen = recorded.recording
        merged = merge(model, seen.root, seen.constants, recorded.resting, shapes=shapes)
        definitions = functions.definitions() if functions is not None else []
        source, side = emit(merged, functions=definitions), merged.side
        module = build(source, side, model)
    say("verifying", 0, 1)
    tell = lambda stage: say(f"verifying: {stage}", 0, 1)  # noqa: E731
    sizes = affordable(recorded.variants, max((g.intermediate for _, g in groups), default=0))
    verification = (
        verify(model, module, args, kwargs, variants=sizes, progress=tell) if check else None
    )
    if patch is None:
        told = header(model, source, verification, source_path, theirs)
        source = emit(merged, told, definitions)
    errors = each_error(model, args, kwargs, options, groups) if check else {}
    report = summarize(recorded, groups, declined, verification, errors, time.monotonic() - start)
    result = Result(source, module, report, side)
    if verification is not None and not verification.ok:
        decided = decided_by_values(model, args, kwargs, options.wanted)
        if decided is not None:
            raise CaptureError(decided)
        raise VerificationError(f"{type(model).__name__}: {verification.first_difference}", result)
    return result


def each_error(
    model: nn.Module,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    options: Options,
    groups: Sequence[tuple[str, Group]],
) -> dict[str, float]:
    """How far each layer, spelled out, is from torch's own; in the order in which they run."""
    styles = {layer_name(path, group): group.style for path, group in groups}
    table = options.rules()
    found = layer_errors(
        model, args, kwargs, table, style=options.style, styles=styles, max_seconds=10
    )
    return largest_errors(found)


def as_arguments(args: Any) -> tuple[Any, ...]:
    """A single tensor is one argument."""
    return tuple(args) if isinstance(args, (tuple, list)) else (args,)


def spell_out(
    recorded: Recorded, options: Options, functions: Functions | None = None
) -> tuple[list[tuple[str, Group]], list[tuple[str, Declined]]]:
    """Rewrite every graph of the model in place: the calls that have a rule, and changes in place."""
    how = Lowering(options.rules(), options.style, options.max_intermediate)
    groups: list[tuple[str, Group]] = []
    declined: list[tuple[str, Declined]] = []
    with stand_ins():
        for body in walk_bodies(recorded.recording.root):
            settle(body.graph)
            spell = functions.spell_out if functions is not None else None
            done, left = lower(body.graph, how.within(body.path, options.wanted), spell)
            if options.dialect == "torch":
                speak_torch(body.graph)
                assure(body.graph, body.module)
            groups.extend((body.path, group) for group in done)
            declined.extend((body.path, each) for each in left)
    if functions is not None:  # not before torch and einops are themselves again
        functions.settle(names_of(recorded))
    return groups, declined


def names_of(recorded: Recorded) -> set[str]:
    """The names in the emitted file that are given: its classes, the arguments of the model."""
    recording = recorded.recording
    classes = {type(module).__name__ for module in recording.model.modules()}
    return classes | {parameter.name for parameter in recording.root.parameters}
