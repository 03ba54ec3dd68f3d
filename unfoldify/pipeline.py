"""The way of a model through the tool: record → lower → merge → emit → build → verify → report."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from unfoldify.build import build, save
from unfoldify.effects import settle
from unfoldify.emit.file import emit
from unfoldify.emit.header import header
from unfoldify.errors import UsageError, VerificationError
from unfoldify.layers import ON_REQUEST, SPELLED
from unfoldify.lower import Declined, Group, Lowering, lower
from unfoldify.memory import parse_bytes
from unfoldify.merge import Merged, merge, walk_bodies
from unfoldify.recording import Recorded, record
from unfoldify.report import Report
from unfoldify.rules import ON_REQUEST as RULES_ON_REQUEST
from unfoldify.rules import RULES, Rule
from unfoldify.summary import summarize
from unfoldify.verification import verify

Progress = Callable[[str, int, int], None]
STYLES = ("product", "einsum")
DIALECTS = ("einops", "torch")
LAYOUTS = ("inline", "functions", "patch")


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


@dataclass(frozen=True)
class Options:
    """How the file is to be written."""

    style: str = "product"
    dialect: str = "einops"
    max_intermediate: int = 1 << 30
    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    layout: str = "inline"
    shapes: bool = False

    def wanted(self, path: str, kind: str) -> bool:
        """Whether a layer is to be spelled out, by its path and kind."""
        if kind in ON_REQUEST and kind not in self.also:
            return False
        if any(matches(path, kind, pattern) for pattern in self.skip):
            return False
        return not self.only or any(matches(path, kind, pattern) for pattern in self.only)

    def rules(self) -> Mapping[Callable[..., Any], Rule]:
        rows = dict(RULES)
        for kind in self.also:
            rows.update(RULES_ON_REQUEST.get(kind, {}))
        return rows


def matches(path: str, kind: str, pattern: str) -> bool:
    return kind == pattern or bool(path) and fnmatch.fnmatchcase(path, pattern)


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
    args, kwargs = as_arguments(args), dict(kwargs or {})
    options = checked(style, dialect, max_intermediate, only, skip, also, layout, shapes)
    say = progress or (lambda stage, done, total: None)
    say("recording", 0, 1)
    recorded = record(model, args, kwargs, options.wanted)
    say("rewriting", 0, 1)
    groups, declined = spell_out(recorded, options)
    merged = merge(model, recorded.recording.root, recorded.recording.constants)
    source = emit(merged)
    module = build(source, merged.side, model)
    say("verifying", 0, 1)
    verification = verify(model, module, args, kwargs, variants=recorded.variants) if check else None
    source = emit(merged, header(model, source, verification, source_path))
    report = summarize(model, recorded, groups, declined, verification, options)
    result = Result(source, module, report, merged.side)
    if verification is not None and not verification.ok:
        raise VerificationError(f"{type(model).__name__}: {verification.first_difference}", result)
    return result


def as_arguments(args: Any) -> tuple[Any, ...]:
    """A single tensor is one argument."""
    return tuple(args) if isinstance(args, (tuple, list)) else (args,)


def spell_out(recorded: Recorded, options: Options) -> tuple[list[tuple[str, Group]], list[tuple[str, Declined]]]:
    """Rewrite every graph of the model in place: the calls that have a rule, and changes in place."""
    how = Lowering(options.rules(), options.style, options.max_intermediate)
    groups: list[tuple[str, Group]] = []
    declined: list[tuple[str, Declined]] = []
    for body in walk_bodies(recorded.recording.root):
        settle(body.graph)
        done, left = lower(body.graph, how.within(body.path, options.wanted))
        groups.extend((body.path, group) for group in done)
        declined.extend((body.path, each) for each in left)
    return groups, declined


def checked(
    style: str,
    dialect: str,
    max_intermediate: str | int,
    only: Sequence[str],
    skip: Sequence[str],
    also: Sequence[str],
    layout: str,
    shapes: bool,
) -> Options:
    """The options, or a UsageError that says which one does not exist."""
    for what, value, known in (("style", style, STYLES), ("dialect", dialect, DIALECTS), ("layout", layout, LAYOUTS)):
        if value not in known:
            raise UsageError(f"{what}: wanted one of {', '.join(known)}, found {value!r}")
    for kind in also:
        if kind not in ON_REQUEST:
            raise UsageError(f"also: wanted kinds among {', '.join(ON_REQUEST)}, found {kind!r}")
    for pattern in (*only, *skip):
        if not isinstance(pattern, str):
            raise UsageError(f"only, skip: wanted layer names or kinds ({', '.join(SPELLED)}), found {pattern!r}")
    size = parse_bytes(max_intermediate)
    return Options(style, dialect, size, tuple(only), tuple(skip), tuple(also), layout, shapes)
