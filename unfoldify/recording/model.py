"""A model and its example → what it does, in both modes and at other sizes."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from torch import fx, nn

from unfoldify.blame import fact, users_line
from unfoldify.errors import CaptureError, UnfoldifyError
from unfoldify.nesting import tensors_of_call
from unfoldify.preserve import preserved, silenced
from unfoldify.recording.align import Unalike, align
from unfoldify.recording.body import Body
from unfoldify.recording.by_size import by_size
from unfoldify.recording.calls import (
    DATA_NUMBERS,
    DRAWN,
    HAS_GRADIENT,
    LASTS,
    REMAINDER,
)
from unfoldify.recording.capture import Recording
from unfoldify.recording.counts import settle_counts
from unfoldify.recording.decisions import Read
from unfoldify.recording.elsewhere import Elsewhere
from unfoldify.recording.finish import bodies
from unfoldify.recording.lasting import may_last
from unfoldify.recording.lazy import check_filled
from unfoldify.recording.loops.loop import block_runs
from unfoldify.recording.methods import check_methods
from unfoldify.recording.modes import by_mode, choose
from unfoldify.recording.observe import See, Wanted, observe, refuse_draws
from unfoldify.recording.scripted import check_scripted
from unfoldify.recording.sizes import Group, SizeVariant, free_sizes
from unfoldify.recording.source import shown_line
from unfoldify.recording.stand_ins import stand_ins
from unfoldify.recording.tidy import tidy

FAR_ENOUGH = 1 << 20  # numbers in the inputs of a run that only looks what moves


@dataclass(frozen=True)
class Fixed:
    """Something of the example that the emitted file is bound to."""

    what: str  # "sizes" | "value" | "mode"
    where: str  # "model.py:12: `if mask.all():`"
    reason: str
    at_sizes: str = ""  # "at x: 3x13x4, in model.py:12": for the file
    variant: SizeVariant | None = field(default=None, compare=False)  # inputs that show it
    has_more: bool = field(default=False, compare=False)  # whether the model makes more calls then


@dataclass(frozen=True)
class Recorded:
    """One graph for each module call, with sizes, dtypes and modes explained."""

    recording: Recording
    variants: tuple[SizeVariant, ...]
    fixed: tuple[Fixed, ...]
    modes: tuple[bool, ...]  # the values of `training` under which the model ran
    resting: tuple[str, ...] = ()  # modules that stay in evaluation mode when the model trains
    by_value: bool = False  # whether there are blocks that a value decides about
    lengthened: bool = False  # whether it is of another example, with more where it has one


def record(
    model: nn.Module,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    wanted: Wanted,
    seconds: float = 10.0,
    *,
    by_value: bool = True,
    by_size: bool = False,
    lengthen: bool = True,
) -> Recorded:
    """Run the model in evaluation and in training mode, and at other sizes where it takes them.

    With `by_value` and `by_size`, blocks that a value or a size decides about are looked for. A loop
    over a single image or moment is none that one could see: with `lengthen`, what shows it is
    recorded instead.
    """
    recorded, variants = as_given(model, args, kwargs, wanted, seconds, by_value, by_size)
    more = longer(variants, recorded.variants) if lengthen and binds_sizes(recorded) else None
    if more is not None:
        with suppress(Exception):  # nobody said that all of it can be written for these
            other, _ = as_given(model, *more.build(), wanted, seconds, by_value, by_size)
            if not binds_sizes(other):
                return replace(other, lengthened=True)
    return recorded


def binds_sizes(recorded: Recorded) -> bool:
    return any(each.what == "sizes" for each in recorded.fixed)


def longer(tried: Sequence[SizeVariant], free: Sequence[SizeVariant]) -> SizeVariant | None:
    """The example with several where it has one and the model does something else for more."""
    bound = [variant for variant in tried if variant not in free and len(variant.groups) == 1]
    groups = [group for variant in bound for group in variant.groups if group.dims[0].size == 1]
    return replace(bound[0], groups=tuple(groups)) if groups else None


def as_given(
    model: nn.Module,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    wanted: Wanted,
    seconds: float,
    by_value: bool,
    by_size: bool,
) -> tuple[Recorded, tuple[SizeVariant, ...]]:
    """What the model does with its example, and all the other sizes that it took."""
    check_scripted(model)
    check_methods(model)
    check_filled(model, args, kwargs)
    variants = tried = free_sizes(model, args, kwargs, max_seconds=seconds)
    with preserved(model), silenced(), stand_ins():
        see = partial(observe, model, wanted=wanted)
        recordings, failures = in_both_modes(see, args, kwargs)
        left = tuple(dict.fromkeys(name for seen in recordings.values() for name in seen.left))
        lasting = may_last(model, left, flags=False)
        if lasting:
            see = partial(see, lasting=lasting)
            recordings, failures = in_both_modes(see, args, kwargs)
        flags = may_last(model, left, flags=True)
        asks = flags > lasting or any(map(looks_at_values, recordings.values()))
        found_blocks = False
        if (by_value and asks) or by_size:
            asked = frozenset[int]().union(*(seen.asked for seen in recordings.values()))
            other_sizes = Elsewhere(model, variants, asked) if by_size else None
            turning = partial(see, lasting=flags, by_value=by_value, by_size=other_sizes)
            found = in_both_modes(turning, args, kwargs)
            found_blocks = any(map(has_blocks, found[0].values()))
            if found_blocks:
                see, (recordings, failures) = turning, found
        for training, recording in recordings.items():
            if recording.drew:
                refuse_draws(recording, args, kwargs, see, training)
        if not recordings:
            raise not_recorded(failures[False]) from failures[False]
        first = recordings[min(recordings)]
        fixed = [
            *dict.fromkeys(each for seen in recordings.values() for each in values_read(seen)),
            *(mode_missing(mode, error) for mode, error in failures.items()),
        ]
        free = set(variants)
        turned: dict[str, SizeVariant] = {}
        for training, recording in recordings.items():
            once_more = partial(see, training=training)
            bound, others = explain_sizes(recording, variants, once_more, turned)
            fixed.extend(each for each in bound if each not in fixed)
            free &= set(others)
        fixed = [replace(f, variant=f.variant or turned.get(f.where)) for f in fixed]
        variants = tuple(variant for variant in variants if variant in free)
        if len(recordings) == 2:
            by_mode(first.root, recordings[True].root)
        settle_counts(first.root)
        tidy(first.root)
    constants = {**recordings[max(recordings)].constants, **first.constants}
    reads = tuple(read for seen in recordings.values() for read in seen.reads)
    decisions = tuple(each for seen in recordings.values() for each in seen.decisions)
    settled = frozenset[Any]().union(*(seen.settled for seen in recordings.values()))
    first = replace(
        first, constants=constants, left=left, reads=reads, decisions=decisions, settled=settled
    )
    ran = tuple(sorted(recordings))
    recorded = Recorded(first, variants, tuple(fixed), ran, resting(model), found_blocks)
    return recorded, tried


def resting(model: nn.Module) -> tuple[str, ...]:
    """The modules, outermost only, that a model's own `train` leaves in evaluation mode."""
    with preserved(model, values=False):
        model.train(True)
        found: list[str] = []
        for path, module in model.named_modules():
            if not module.training and not any(path.startswith(f"{other}.") for other in found):
                found.append(path)
    return tuple(path for path in found if path)


def in_both_modes(
    see: See, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> tuple[dict[bool, Recording], dict[bool, Exception]]:
    """What the model does in evaluation and in training, or why it cannot run so."""
    recordings, failures = {}, {}
    for training in (False, True):
        try:
            recordings[training] = see(args, kwargs, training=training)
        except UnfoldifyError:
            raise
        except Exception as error:
            failures[training] = error
    return recordings, failures


def looks_at_values(recording: Recording) -> bool:
    """Whether Python asked for a value, which may be another the next time."""
    return any(read.call not in (REMAINDER, HAS_GRADIENT, DRAWN) for read in recording.reads)


def has_blocks(recording: Recording) -> bool:
    nodes = (node for body in bodies(recording.root) for node in body.graph.nodes)
    return any(node.target in (block_runs, choose) for node in nodes)


def explain_sizes(
    first: Recording,
    variants: Sequence[SizeVariant],
    see: See,
    turned: dict[str, SizeVariant],
) -> tuple[list[Fixed], list[SizeVariant]]:
    """Run at other sizes; numbers that follow a size become that size.

    Answers what else differs, and the variants for which nothing does. Where an explanation was
    withdrawn, what was taken for alike by it is looked at again. `turned` is given the lines where a
    remainder is another, with the inputs that show it.
    """
    while True:
        fixed, free, withdrawn = explained_once(first, variants, see, turned)
        if not withdrawn:
            drop_unused_explanations(first)
            return fixed, free


def explained_once(
    first: Recording,
    variants: Sequence[SizeVariant],
    see: See,
    turned: dict[str, SizeVariant],
) -> tuple[list[Fixed], list[SizeVariant], bool]:
    fixed: list[Fixed] = []
    free: list[SizeVariant] = []
    seen: set[Group] = set()  # what moved in a run that was alike
    for variant in reversed(variants):  # the last one moves all that can move at the same time
        if seen.issuperset(variant.groups):
            free.append(variant)
            continue
        args, kwargs = variant.build()
        try:
            other = see(args, kwargs)
        except Exception as error:
            reason = f"{variant.description}: {fact(error)}"
            fixed.append(Fixed("sizes", users_line(error, None) or "", reason))
            continue
        for line in remainders(first) ^ remainders(other):
            turned.setdefault(line[0], variant)
        differences = list(differing(first, other))
        found = [(variant, ours, difference) for ours, _, difference in differences]
        if not differences:
            free.append(variant)
            seen.update(variant.groups)
            if variant is variants[-1]:
                found = [*look_farther(first, variant, see), *look_alone(first, variants, see)]
        if any(difference.withdrawn for _, _, difference in found):
            return fixed, free, True
        fixed.extend(sizes_fixed(ours, each, at) for at, ours, each in found[:3])
    return fixed, free, False


def look_farther(
    first: Recording, variant: SizeVariant, see: See
) -> list[tuple[SizeVariant, Body, Unalike]]:
    """What differs at sizes so far away that every size that can move has moved."""
    for farther in variant.farther():
        args, kwargs = farther.build()
        if sum(t.numel() for _, t in tensors_of_call(first.model, args, kwargs)) > FAR_ENOUGH:
            continue
        try:
            other = see(args, kwargs)
        except Exception:  # nobody said that the model takes these
            continue
        differences = differing(first, other)
        return [(farther, ours, each) for ours, _, each in differences]
    return []


def look_alone(
    first: Recording, variants: Sequence[SizeVariant], see: See
) -> Iterator[tuple[SizeVariant, Body, Unalike]]:
    """What was explained by a size that only grows with the right one: by the batch of 4 for half of
    8 steps. Where sizes have moved together alone, that cannot be told.
    """
    nodes = (node for body in bodies(first.root) for node in body.graph.nodes)
    if not any("explains" in node.meta for node in nodes):
        return
    for variant in variants[:-1]:
        try:
            other = see(*variant.build())
        except Exception:  # it stays free with the others
            continue
        for ours, _, difference in align(first.root, other.root, by_size):
            if difference.withdrawn:
                yield variant, ours, difference


def drop_unused_explanations(recording: Recording) -> None:
    """Numbers that were explained twice are said once, and where they are used once, right there."""
    for body in bodies(recording.root):
        for node in reversed(body.graph.nodes):
            if "explains" in node.meta and not node.users and "head_of" not in node.meta:
                body.graph.erase_node(node)
            elif "explains" in node.meta and is_sum(node) and len(node.users) == 1:
                node.meta["inline"] = True


def is_sum(node: fx.Node) -> bool:
    return node.target in (operator.add, operator.sub, operator.mul, operator.floordiv)


def with_edges(recorded: Recorded, shapes: Sequence[str]) -> Recorded:
    """What was recorded, and that for inputs of these shapes the model does something else."""
    found = (
        Fixed(
            "sizes",
            "",
            f"for {each} the model does something else",
            f"with {each} it does something else",
        )
        for each in shapes
    )
    return replace(recorded, fixed=(*recorded.fixed, *found))


def remainders(recording: Recording) -> set[tuple[str, bool]]:
    """The lines that asked what a division leaves, and what they were told."""
    reads = (read for read in recording.reads if read.call == REMAINDER)
    return {(shown_line(read.sites), read.value) for read in reads}


def calls_in(recording: Recording) -> int:
    return sum(len(body.graph.nodes) for body in bodies(recording.root))


def differing(first: Recording, other: Recording) -> Iterator[tuple[Body, Body, Unalike]]:
    """What nothing explains in another run, and whether there is more of it."""
    has_more = calls_in(other) > calls_in(first)
    for ours, theirs, difference in align(first.root, other.root, by_size):
        difference.has_more = has_more
        yield ours, theirs, difference


def sizes_fixed(body: Body, difference: Unalike, variant: SizeVariant) -> Fixed:
    node = difference.first
    where = shown_line(node.meta.get("positions", ())) if node is not None else ""
    at_sizes = f"with {variant.description} it does something else{at_line(where)}"
    reason = f"for {variant.description} the model does something else here"
    return Fixed("sizes", where, reason, at_sizes, variant, difference.has_more)


def values_read(recording: Recording) -> list[Fixed]:
    """The tensors whose values Python looked at: what was decided by them is fixed."""
    found = {
        (shown_line(read.sites), read.call): Fixed(
            "sizes" if read.call == REMAINDER else "value",
            shown_line(read.sites),
            why_fixed(read),
            otherwise_bound(read),
        )
        for read in recording.reads
        if read.call not in DATA_NUMBERS or read.value is True or read.value is False
    }
    return list(found.values())


def otherwise_bound(read: Read) -> str:
    """When the original goes another way than the file, for the file; "" where that needs more runs."""
    line = at_line(shown_line(read.sites))
    if read.call == REMAINDER:
        return f"where a size leaves another remainder it does something else{line}"
    if read.call == LASTS:
        other = f"with other values of self.{read.value}, which each call changes,"
        return f"{other} it does something else{line}"
    return ""


def at_line(where: str) -> str:
    """`, model.py:12` for "model.py:12: `x = x[mask]`"."""
    line = where.partition(": ")[0]
    return f", {line}" if line else ""


def why_fixed(read: Read) -> str:
    if read.call == REMAINDER:
        return (
            f"{read.value} for the sizes of the example; where a size leaves another remainder, the "
            "model does something else"
        )
    if read.call == DRAWN:
        return "what the model draws decides; the file goes the way of its most common draws"
    if read.call == LASTS:
        return (
            f"self.{read.value} decides, which each call changes; the file goes the example's way"
        )
    if read.call == HAS_GRADIENT:
        which = "requires a gradient" if read.value else "requires no gradient"
        return f"the file is written for a tensor that {which}"
    return f"the value {read.value!r} of a tensor was looked at ({read.call})"


def mode_missing(training: bool, error: Exception) -> Fixed:
    mode = "training" if training else "evaluation"
    return Fixed(
        "mode",
        users_line(error, None) or "",
        f"the model does not run in {mode} mode: {fact(error)}",
    )


def not_recorded(error: Exception) -> CaptureError:
    where = users_line(error, None)
    return CaptureError(
        (f"{where}\n  " if where else "")
        + f"{fact(error)}\nThe model could not be recorded. If it runs without unfoldify, please report what "
        "--traceback shows."
    )
