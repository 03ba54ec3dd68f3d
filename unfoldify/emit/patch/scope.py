"""Names at a statement of the user's: which a new value may take without disturbing anybody."""

from __future__ import annotations

import ast
import builtins
import keyword
from dataclasses import dataclass, field
from functools import cached_property

from unfoldify.emit.patch.syntax import FUNCTIONS, UserFile, bound_names, identifiers, loads, span

LOOPS = (ast.For, ast.AsyncFor, ast.While)
BUILTINS = frozenset(dir(builtins)) | frozenset(keyword.kwlist) | frozenset(keyword.softkwlist)


@dataclass(frozen=True)
class Scope:
    """The names of the function, or of the module, around a statement."""

    file: UserFile
    node: ast.AST
    reserved: frozenset[str] = field(default=frozenset())  # what inserted lines call by name

    @cached_property
    def words(self) -> set[str]:
        """Every name that occurs in it."""
        return identifiers(self.node)

    @cached_property
    def own(self) -> set[str]:
        """Names that are its own variables and nobody else's."""
        if not isinstance(self.node, FUNCTIONS):
            return set()
        elsewhere: set[str] = set()
        for inner in ast.walk(self.node):
            if inner is not self.node and isinstance(inner, (*FUNCTIONS, ast.Lambda, ast.ClassDef)):
                elsewhere |= identifiers(inner)
            elif isinstance(inner, (ast.Global, ast.Nonlocal)):
                elsewhere |= set(inner.names)
            elif isinstance(inner, (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
                elsewhere |= bound_in_comprehension(inner)
        return bound_names(self.node) - elsewhere - {"self", "cls"}

    def is_new(self, word: str) -> bool:
        """Whether nothing in the function is called so."""
        return word not in self.words and word not in self.reserved and word not in BUILTINS

    def is_over(self, word: str, statement: ast.stmt) -> bool:
        """Whether a variable of the function is not read again once a statement is through."""
        if word not in self.own or word in self.reserved:
            return False
        end = (statement.end_lineno or 0, statement.end_col_offset or 0)
        if any(span(load)[:2] >= end for load in loads(self.node, word)):
            return False
        for loop in (n for n in self.file.above(statement) if isinstance(n, LOOPS)):
            if loop is self.node:
                break
            inside = {id(load) for load in loads(statement, word)}
            if any(id(load) not in inside for load in loads(loop, word)) or not stored_before(
                loop, statement, word
            ):
                return False
        return not self.guarded(statement)

    def within(self, statement: ast.stmt) -> list[ast.AST]:
        """What a statement stands in, up to the function."""
        found: list[ast.AST] = []
        for node in self.file.above(statement):
            if node is self.node:
                break
            found.append(node)
        return found

    def guarded(self, statement: ast.stmt) -> bool:
        """Whether a handler might see a variable half-way through a statement."""
        return any(isinstance(node, ast.Try) for node in self.within(statement))


def stored_before(loop: ast.AST, statement: ast.stmt, word: str) -> bool:
    """Whether each round of a loop gives a variable a new value before a statement reads it."""
    body = getattr(loop, "body", [])
    if isinstance(loop, (ast.For, ast.AsyncFor)) and word in {
        node.id for node in ast.walk(loop.target) if isinstance(node, ast.Name)
    }:
        return True
    for step in body:
        if step is statement or any(inner is statement for inner in ast.walk(step)):
            return not any(True for _ in loads(statement, word))
        if isinstance(step, (ast.Assign, ast.AnnAssign)):
            targets = step.targets if isinstance(step, ast.Assign) else [step.target]
            stored = {
                n.id
                for t in targets
                for n in ast.walk(t)
                if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
            }
            if word in stored:
                return True
    return False


def bound_in_comprehension(node: ast.AST) -> set[str]:
    return {
        inner.id
        for inner in ast.walk(node)
        if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store)
    }
