"""A recording and the file that it came from → the file with its contractions spelled out."""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import nn

from unfoldify.blame import shown
from unfoldify.emit.patch.changes import edits_in_place, merged, statement_edits
from unfoldify.emit.patch.decide import Decider
from unfoldify.emit.patch.decisions import CallFunction, CallWithLayer, Decision, Leave
from unfoldify.emit.patch.declared import Declarations
from unfoldify.emit.patch.imports import function_edit, import_edits
from unfoldify.emit.patch.observed import observed
from unfoldify.emit.patch.rebuild import rebuilt
from unfoldify.emit.patch.rulebook import Rulebook
from unfoldify.emit.patch.sites import Elsewhere, Place, find_places
from unfoldify.emit.patch.syntax import UserFile
from unfoldify.emit.patch.text import Edit
from unfoldify.emit.patch.top import Top, top_of
from unfoldify.errors import UsageError
from unfoldify.lowering.lower import Declined, Group, Lowering, function_name
from unfoldify.options import Options
from unfoldify.recording.paths import joined

Groups = Sequence[tuple[str, Group]]
Declines = Sequence[tuple[str, Declined]]


@dataclass(frozen=True)
class Patched:
    """The file's new text, and what of it stayed as it was."""

    path: Path
    source: str
    left: tuple[Declined, ...] = ()  # by the layers' full paths

    def module(self, model: nn.Module) -> nn.Module:
        """The model, its classes those of the new text."""
        return rebuilt(model, self.source, self.path)

    def told(
        self, groups: Groups, declined: Declines
    ) -> tuple[list[tuple[str, Group]], list[tuple[str, Declined]]]:
        """For the report: calls that stayed are not among those that were spelled out."""
        stayed = {(each.layer, each.function) for each in self.left}
        kept = [
            (path, group)
            for path, group in groups
            if (joined(path, group.layer), group.function) not in stayed
        ]
        return kept, [*declined, *(("", each) for each in self.left)]


def patched(
    model: nn.Module,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    modes: Sequence[bool],
    options: Options,
    source_path: str | Path | None = None,
) -> Patched:
    """The user's file, only what computes a contraction changed.

    `modes` are the values of `training` under which the model runs.
    """
    path = file_of(model, source_path)
    file = UserFile.read(path)
    how = Lowering(options.rules(), options.style, options.max_intermediate)
    bodies = observed(model, args, kwargs, modes, options.wanted)
    found = find_places(bodies, file, how.rules, options.wanted)
    refuse_elsewhere(found.elsewhere, file)
    namespace = namespace_of(model, path)
    decider = Decider(
        file, namespace, Declarations(file, namespace), Rulebook(how, options.dialect)
    )
    decisions = {place.expression: decider.decide(place) for place in found.places}
    top = top_of(file, found.places, decisions, decider)
    text = file.source.edited(merged(all_edits(file, decisions, top, namespace)))
    if file.source.encoding == "utf-8-sig":
        text = f"\ufeff{text}"  # the mark at the start that some editors write
    return Patched(path, text, tuple(stayed(found.places, decisions)))


def file_of(model: nn.Module, source_path: str | Path | None) -> Path:
    """The user's file: the one that was given, else the one that defines the model's class."""
    if source_path is not None:
        return Path(source_path)
    cls = next(
        (c for c in type(model).__mro__ if not c.__module__.startswith("torch.")), type(model)
    )
    try:
        found = inspect.getsourcefile(cls)
    except TypeError:
        found = None
    if found is None or not Path(found).is_file() or cls.__module__.startswith("torch."):
        raise UsageError(
            f"layout='patch': {type(model).__name__} has no source file that could be patched.\n"
            "Define it in a file, or use layout='inline'."
        )
    return Path(found).resolve()


def namespace_of(model: nn.Module, path: Path) -> Mapping[str, Any]:
    """What the names of the user's file are bound to."""
    modules = [sys.modules.get(cls.__module__) for cls in type(model).__mro__] + list(
        sys.modules.values()
    )
    for module in modules:
        filename = getattr(module, "__file__", None)
        if isinstance(filename, str) and Path(filename).resolve() == path.resolve():
            return vars(module)
    raise UsageError(f"layout='patch': {shown(path)} is not the file of a module that is imported.")


def refuse_elsewhere(elsewhere: Sequence[Elsewhere], file: UserFile) -> None:
    """A contraction that another file computes cannot be spelled out in this one."""
    if not elsewhere:
        return
    name = shown(file.path)
    first = elsewhere[0]
    cls = type(first.owner)
    if not first.filename:
        raise UsageError(
            f"{name}: torch calls the layers of {cls.__name__}, no forward of the file does: there "
            "is nothing to patch.\nUse --layout inline."
        )
    others = {Path(each.filename).name: type(each.owner).__name__ for each in elsewhere}
    named = ", ".join(f"{owner} in {filename}" for filename, owner in others.items())
    raise UsageError(
        f"{shown(Path(first.filename))}:{first.line}: {cls.__name__} computes "
        f"{function_name(first.call.node)}, and --layout patch changes {name} alone ({named}).\n"
        f"Use --layout inline, or move {cls.__name__} into {name}."
    )


def stayed(places: Sequence[Place], decisions: Mapping[ast.expr, Decision]) -> Iterator[Declined]:
    """What was left as it is, with the reason."""
    for place in places:
        decision = decisions[place.expression]
        if isinstance(decision, Leave):
            calls = {call.path: call for call in place.calls}
            for path, call in calls.items():
                yield Declined(path, function_name(call.node), call.rule.kind, decision.reason)


def all_edits(
    file: UserFile, decisions: Mapping[ast.expr, Decision], top: Top, namespace: Mapping[str, Any]
) -> Iterator[Edit]:
    """The edits of every statement, and of the top of the file."""
    statements: dict[ast.stmt, dict[ast.expr, Decision]] = {}
    for place, decision in decisions.items():
        statements.setdefault(file.statement(place), {})[place] = decision
    for statement, places in statements.items():
        in_place = [
            replace(edit, place=place)
            for place, decision in places.items()
            if isinstance(decision, (CallFunction, CallWithLayer))
            for edit in edits_in_place(
                file, place, decision, top.functions[decision.function], namespace, top.dropped
            )
        ]
        yield from statement_edits(
            file, statement, places, in_place, namespace, top.imports.names, top.reserved
        )
    yield from import_edits(file, top.imports.added)
    if top.text:
        yield function_edit(file, top.text)
