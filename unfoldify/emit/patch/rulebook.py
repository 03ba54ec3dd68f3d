"""Recorded calls → their lines with nothing filled in: equal for calls that are spelled out alike."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from unfoldify.emit.patch.arguments import Source, described
from unfoldify.emit.patch.sites import Call
from unfoldify.emit.patch.spell import Invocation, Operand, Spelling, named, spell, written
from unfoldify.lowering.lower import Lowering
from unfoldify.rules import Decline


@dataclass(frozen=True)
class Form:
    """Lines for a place: their spelling and the expression of each operand."""

    spelling: Spelling
    operands: Mapping[str, Source]
    optional: str | None = None  # the operand that is added last, where it may be None
    text: str = ""  # what is special, as far as it is fixed

    @property
    def words(self) -> set[str]:
        """The modules and functions that the lines name."""
        labels = {
            operand.label: ast.Name(operand.label, ast.Load())
            for operand in self.spelling.operands.values()
        }
        names = named(self.spelling, {}, ["x"], lambda word: True)
        lines = plain(written(self.spelling, names, labels))
        return {node.id for line in lines for node in ast.walk(line) if isinstance(node, ast.Name)}


class General(Exception):  # noqa: N818  (it is no error: a function at the top of the file does it)
    """No lines hold for every way to call this place."""


@dataclass(frozen=True, eq=False)
class Rulebook:
    """How calls are to be spelled out, and what came of those that were."""

    how: Lowering
    dialect: str = "einops"
    outcomes: dict[str, Spelling | str] = field(default_factory=dict)

    def outcome(self, call: Call) -> Spelling | str:
        """The spelling of a call with its numbers as they were, or the reason why there is none."""
        key = given(call)
        if key not in self.outcomes:
            try:
                self.outcomes[key] = spell(recorded(call.node), self.how)
            except Decline as reason:
                self.outcomes[key] = str(reason)
        return self.outcomes[key]

    def style(self, call: Call) -> str:
        """The style of one call: einsum where the product would be too large."""
        outcome = self.outcome(call)
        return self.how.style if isinstance(outcome, str) else outcome.group.style

    def declined(self, calls: list[Call]) -> str | None:
        """Why a rule does not do some of these calls, or None."""
        return next((found for call in calls if isinstance(found := self.outcome(call), str)), None)

    def for_all(self, calls: list[Call]) -> Lowering:
        """One style for several calls, whatever their size."""
        styles = {self.style(call) for call in calls}
        style = "einsum" if "einsum" in styles else self.how.style
        return replace(self.how, style=style, max_intermediate=1 << 62)


def different(calls: list[Call]) -> list[Call]:
    """One of each kind of call: blocks of a model often do the same."""
    return list({given(call): call for call in calls}.values())


def given(call: Call) -> str:
    """What a call was given, without its tensors' data."""
    node = call.node
    values = [described(value) for value in (*node.args, *node.kwargs.values())]
    return f"{node.target} {values} {list(node.kwargs)}"


def recorded(node: Any) -> Invocation:
    """A recorded call with its values as operands."""
    count = iter(range(1000))

    def operand(value: Any) -> Any:
        if isinstance(value, torch.fx.Node):
            if "val" in value.meta:
                return Operand(next(count), value.meta["val"])
            if "value" in value.meta:
                return Operand(next(count), None, value.meta["value"])
            raise Decline("an argument is neither a tensor nor a number")
        if type(value) in (tuple, list):
            return type(value)(operand(item) for item in value)
        return value

    args = tuple(operand(arg) for arg in node.args)
    kwargs = {key: operand(value) for key, value in node.kwargs.items()}
    return Invocation(node.op, node.target, args, kwargs, node.meta.get("val"))


def fingerprint(form: Form) -> str:
    """The lines with nothing filled in: equal for calls that are spelled out alike."""
    labels = {
        operand.label: ast.Name(operand.label, ast.Load())
        for operand in form.spelling.operands.values()
    }
    names = named(form.spelling, {}, ["x"], lambda word: True)
    lines = written(form.spelling, names, labels)
    return "\n".join(ast.unparse(ast.fix_missing_locations(line)) for line in plain(lines)) + str(
        form.optional
    )


def plain(lines: Any) -> list[ast.stmt]:
    bare = [getattr(line, "statement", line) for line in lines.statements]
    return [*bare, ast.Expr(lines.result)]
