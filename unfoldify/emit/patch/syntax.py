"""The user's file as a tree: expressions by where they stand, and the names of a function."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from unfoldify.emit.patch.text import SourceText

Function = ast.FunctionDef | ast.AsyncFunctionDef
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
SCOPES = (*FUNCTIONS, ast.Lambda, ast.ClassDef, ast.Module)
Span = tuple[int, int, int | None, int | None]


@dataclass(frozen=True)
class UserFile:
    """One file of the user's: its path, its text and its tree."""

    path: Path
    source: SourceText
    tree: ast.Module

    @classmethod
    def read(cls, path: Path) -> UserFile:
        source = SourceText.read(path)
        return cls(path, source, ast.parse(source.text))

    @cached_property
    def parents(self) -> dict[ast.AST, ast.AST]:
        return {child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}

    @cached_property
    def expressions(self) -> dict[Span, ast.expr]:
        """Expressions by span; of two at one span, the outer."""
        found: dict[Span, ast.expr] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.expr):
                found.setdefault(span(node), node)
        return found

    def above(self, node: ast.AST) -> Iterator[ast.AST]:
        """What a node stands in, from the inside out."""
        while node in self.parents:
            node = self.parents[node]
            yield node

    def statement(self, node: ast.AST) -> ast.stmt:
        return next(n for n in (node, *self.above(node)) if isinstance(n, ast.stmt))

    def scope(self, node: ast.AST) -> ast.AST:
        """The function, class or module whose names a node sees first."""
        return next(n for n in self.above(node) if isinstance(n, SCOPES))

    def function(self, node: ast.AST) -> Function | None:
        """The function around a node, lambdas aside."""
        return next((n for n in self.above(node) if isinstance(n, FUNCTIONS)), None)

    def class_of(self, node: ast.AST) -> ast.ClassDef | None:
        """The class in whose body a node stands, however deep."""
        return next((n for n in self.above(node) if isinstance(n, ast.ClassDef)), None)

    def with_parentheses(self, node: ast.expr) -> tuple[int, int]:
        """Where a node stands, with parentheses that hold nothing else."""
        start, end = self.source.start(node), self.source.end(node)
        text, parent = self.source.text, self.parents[node]
        if (
            isinstance(parent, (ast.Call, ast.keyword, ast.ClassDef))
            and getattr(parent, "func", None) is not node
        ):
            return start, end
        before, after = text[:start].rstrip(), text[end:]
        if not before.endswith("(") or not after.lstrip().startswith(")"):
            return start, end
        return len(before) - 1, end + len(after) - len(after.lstrip()) + 1

    def definition(self, qualified_name: str) -> ast.AST | None:
        """A class or function by its `__qualname__`: `Outer.Inner`, `make.<locals>.Net`."""
        here: ast.AST = self.tree
        for part in qualified_name.split("."):
            if part == "<locals>":
                continue
            found = [
                node
                for node in inner_definitions(here)
                if isinstance(node, (*FUNCTIONS, ast.ClassDef)) and node.name == part
            ]
            if not found:
                return None
            here = found[-1]
        return here


def inner_definitions(node: ast.AST) -> Iterator[ast.AST]:
    """The classes and functions directly in a body, those under `if` and `try` included."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (*FUNCTIONS, ast.ClassDef)):
            yield child
        elif isinstance(child, (ast.stmt, ast.ExceptHandler)):
            yield from inner_definitions(child)


def span(node: ast.expr | ast.stmt) -> Span:
    return (node.lineno, node.col_offset, node.end_lineno, node.end_col_offset)


def identifiers(node: ast.AST) -> set[str]:
    """Every name that occurs anywhere in a node: variables, arguments, imports, definitions."""
    found: set[str] = set()
    for inner in ast.walk(node):
        match inner:
            case ast.Name(id=word) | ast.arg(arg=word):
                found.add(word)
            case (
                ast.FunctionDef(name=word)
                | ast.AsyncFunctionDef(name=word)
                | ast.ClassDef(name=word)
            ):
                found.add(word)
            case ast.alias(name=word, asname=other):
                found.add(other or word.partition(".")[0])
            case ast.ExceptHandler(name=str(word)) | ast.MatchAs(name=str(word)):
                found.add(word)
            case ast.MatchStar(name=str(word)) | ast.MatchMapping(rest=str(word)):
                found.add(word)
            case ast.Global(names=words) | ast.Nonlocal(names=words):
                found.update(words)
    return found


def bound_names(scope: ast.AST) -> set[str]:
    """The names that a function binds itself, without those of inner functions."""
    found: set[str] = set()
    if isinstance(scope, (*FUNCTIONS, ast.Lambda)):
        found |= {inner.arg for inner in ast.walk(scope.args) if isinstance(inner, ast.arg)}
    waiting = list(ast.iter_child_nodes(scope))
    while waiting:
        node = waiting.pop()
        if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            found.add(node.name)
            continue
        if isinstance(node, ast.Lambda):
            continue
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            found.add(node.id)
        elif isinstance(
            node, (ast.alias, ast.ExceptHandler, ast.MatchAs, ast.MatchStar, ast.MatchMapping)
        ):
            found |= names_of(node)
        waiting.extend(ast.iter_child_nodes(node))
    return found


def names_of(node: ast.AST) -> set[str]:
    """The names that one import, handler or pattern binds."""
    match node:
        case ast.alias(name=word, asname=other):
            return {other or word.partition(".")[0]}
        case (
            ast.ExceptHandler(name=str(word))
            | ast.MatchAs(name=str(word))
            | ast.MatchStar(name=str(word))
        ):
            return {word}
        case ast.MatchMapping(rest=str(word)):
            return {word}
    return set()


def loads(node: ast.AST, name: str) -> Iterator[ast.Name]:
    """Where a name is read, or taken away."""
    for inner in ast.walk(node):
        if (
            isinstance(inner, ast.AugAssign)
            and isinstance(inner.target, ast.Name)
            and inner.target.id == name
        ):
            yield inner.target
        elif (
            isinstance(inner, ast.Name)
            and inner.id == name
            and not isinstance(inner.ctx, ast.Store)
        ):
            yield inner
