"""The way of a model through the tool: record → lower → merge → emit → build → verify → report."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from unfoldify.emit.build import save
from unfoldify.emit.layouts import Written, write
from unfoldify.errors import CaptureError, UnfoldifyError, VerificationError
from unfoldify.example_values import bound_to_values
from unfoldify.lowering.lower import Group
from unfoldify.options import Options, checked
from unfoldify.recording.model import Recorded, record
from unfoldify.recording.sizes import SizeVariant, affordable
from unfoldify.reporting.report import Report
from unfoldify.reporting.summary import layer_name, summarize
from unfoldify.richer import Found, right_at_most_sizes
from unfoldify.stateless import apart
from unfoldify.verification.layer_errors import largest_errors, layer_errors
from unfoldify.verification.several_ways import several_ways
from unfoldify.verification.verdict import Verification
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
    by_value = True
    once = lengthen = check  # what is not compared is as the example's own calls are
    while True:
        with apart(model):
            recorded = record(
                model, args, kwargs, options.wanted, by_value=by_value, lengthen=lengthen
            )
            say("rewriting", 0, 1)
            try:
                written = write(recorded, args, kwargs, options, source_path, once=once)
            except UnfoldifyError:
                raise
            except Exception:
                if not once:
                    raise
                once = False  # what fails without functions of the user's too is raised then
                continue
        verification = None
        if check:
            say("verifying", 0, 1)
            verification = verified(model, args, kwargs, recorded, written, say)
        if verification is None or verification.ok:
            break
        if written.has_helpers:
            once = False  # their lines where they are called
        elif recorded.lengthened:  # for one of them the model does something else
            lengthen = False
        elif recorded.by_value:  # the blocks may not be all that a value decides
            by_value = False
        else:
            break
    errors = {}
    if verification is not None:
        found = recorded, written, verification
        at = partial(written_at, model, args, kwargs, recorded.variants, options, source_path)
        recorded, written, verification = right_at_most_sizes(model, args, kwargs, found, at)
        recorded = bound_to_values(model, written.module, args, kwargs, recorded, verification)
        with apart(model):
            errors = each_error(model, args, kwargs, options, written.groups)
    source = written.headed(verification, recorded)
    unmatched = options.unmatched([path for path, _ in model.named_modules() if path])
    seconds = time.monotonic() - start
    report = summarize(recorded, written, verification, errors, unmatched, seconds)
    result = Result(source, written.module, report, written.side)
    if verification is None:
        return result
    undecided = several_ways(
        model, written.module, args, kwargs, recorded.recording, options.wanted, verification.ok
    )
    if undecided is not None:
        raise CaptureError(undecided)
    if not verification.ok:
        raise VerificationError(f"{type(model).__name__}: {verification.first_difference}", result)
    return result


def verified(
    model: nn.Module,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    recorded: Recorded,
    written: Written,
    say: Progress,
) -> Verification:
    """How what was written compares with the model, at the other sizes that are affordable."""
    largest = max((group.intermediate for _, group in written.groups), default=0)
    sizes = affordable(recorded.variants, largest)
    tell = lambda stage: say(f"verifying: {stage}", 0, 1)  # noqa: E731
    return verify(model, written.module, args, kwargs, variants=sizes, progress=tell)


def written_at(
    model: nn.Module,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    others: Sequence[SizeVariant],
    options: Options,
    source_path: str | Path | None,
    variant: SizeVariant | None,
) -> Found | None:
    """What is written of the model as it is at another size, or at its own with blocks that sizes
    decide about, if it is right at the example's.
    """
    with suppress(Exception), apart(model):  # nobody said that all of it can be written for these
        given = (args, kwargs) if variant is None else variant.build()
        by_size = variant is None
        recorded = record(model, *given, options.wanted, by_size=by_size, lengthen=False)
        written = write(recorded, args, kwargs, options, source_path, once=False)
        more = recorded.variants if variant is None else (variant,)
        sizes = tuple(dict.fromkeys((*others, *more)))
        verification = verify(model, written.module, args, kwargs, variants=sizes)
        if verification.ok:
            return replace(recorded, variants=sizes), written, verification
    return None


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
