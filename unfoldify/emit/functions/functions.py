"""All functions of one file: recorded calls go in, definitions come out."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from torch import fx

from unfoldify.emit.functions.layers import adapt, layer_call
from unfoldify.emit.functions.library import (
    Called,
    LibraryFunction,
    callers_first,
    given_to,
    library_call,
    uses_in,
)
from unfoldify.emit.functions.outline import OutlinedFunction, outlined
from unfoldify.emit.headings import is_equation
from unfoldify.emit.patch.excerpt import library
from unfoldify.emit.words_for_values import RESERVED
from unfoldify.lowering.lower import Group, Lowering, forecast, spell_out
from unfoldify.recording.body import Body
from unfoldify.rules.rule import Rule

OPERANDS = ("x", "y", "z")  # of functions that take any number


@dataclass
class Functions:
    """The functions that forwards call, in the order in which they are first called."""

    style: str
    dialect: str
    library: dict[tuple[str, str], LibraryFunction] = field(default_factory=dict)
    outlines: list[OutlinedFunction] = field(default_factory=list)  # one for each call, then kind

    def spell_out(self, graph: fx.Graph, node: fx.Node, rule: Rule, how: Lowering) -> Group:
        """Let a call that has a rule call a function of the file instead of torch's."""
        called = library_call(node, rule) or layer_call(node, rule)
        if called is not None:
            entry, given = called
            group = forecast(graph, node, rule, how)
            node.meta["called"] = group
            self.of_library(entry, group.style).add(node, given)
            adapt(graph, node, entry)
            return group
        words: dict[fx.Node, str] = {}
        for key, value in flat(given_to(node, rule).items()):
            words.setdefault(value, OPERANDS[len(words) % 3] if key == "args" else key)
        group = spell_out(graph, node, rule, how)
        title = "" if is_equation(group.text) else first_line(rule.function)
        self.outlines.append(outlined(graph, group, words, self.dialect, title))
        return group

    @property
    def bodies(self) -> list[Body]:
        """The graphs of the functions that are made of a call's own lines."""
        return [outline.body for outline in self.outlines]

    def of_library(self, entry: str, style: str) -> LibraryFunction:
        word = entry if style == self.style else f"{entry}_{style}"
        function = LibraryFunction(word, entry=entry, style=style, dialect=self.dialect)
        return self.library.setdefault((entry, style), function)

    def settle(self, taken: Iterable[str]) -> None:
        """The last form of all functions and of their calls, and their names."""
        kinds: dict[Any, OutlinedFunction] = {}
        for outline in self.outlines:
            outline.write()
            same = kinds.setdefault(outline.same_as(), outline)
            if same is not outline:
                same.join(outline)
        self.outlines = list(kinds.values())
        for entry in callers_first():
            for style in ("product", "einsum"):
                if (entry, style) in self.library:
                    self.settle_library(self.library[entry, style])
        used = {*taken, *RESERVED, *dir(builtins)}
        for function in [*self.library.values(), *self.outlines]:
            function.name = next(word for word in function.names() if word not in used)
            used.add(function.name)
        for outline in self.outlines:
            outline.settle()

    def settle_library(self, function: LibraryFunction) -> None:
        function.settle()
        for word, given in uses_in(function.tree, function.entry):
            self.of_library(word, function.style).uses.append(given)

    def definitions(self) -> list[ast.FunctionDef]:
        """The text of the functions; those of the library in its order, then the others."""
        found: list[ast.FunctionDef] = []
        for entry in library():
            for style in ("product", "einsum"):
                if (entry, style) in self.library:
                    function = self.library[entry, style]
                    fellows = {e: f for (e, s), f in self.library.items() if s == style}
                    tree = Called(fellows).visit(function.tree)
                    tree.name = function.name
                    found.append(tree)
        return [*found, *(outline.definition() for outline in self.outlines)]


def flat(items: Iterable[tuple[str, Any]]) -> Iterable[tuple[str, fx.Node]]:
    """(parameter, node) of the nodes among arguments, those in lists as well."""
    for key, value in items:
        if isinstance(value, fx.Node):
            yield key, value
        elif isinstance(value, (list, tuple)):
            yield from flat((key, item) for item in value)


def first_line(function: Callable[..., Any]) -> str:
    return (function.__doc__ or "").strip().partition("\n")[0]
