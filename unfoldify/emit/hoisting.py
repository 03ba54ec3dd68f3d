"""`(index := torch.arange(4))[:, None] - index` → two statements."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import Any


def hoisted(statements: Iterable[ast.stmt], taken: Iterable[str]) -> Iterator[ast.stmt]:
    """Statements without walrus expressions: what they name has a line of its own before."""
    used = set(taken)
    for statement in statements:
        work = Hoist(used)
        result = work.visit(statement)
        yield from work.before
        yield result


class Hoist(ast.NodeTransformer):
    """Moves named values out of one statement; the innermost come first."""

    def __init__(self, taken: set[str]) -> None:
        self.before: list[ast.stmt] = []
        self.taken = taken
        self.names: dict[str, str] = {}

    def visit(self, node: ast.AST) -> Any:
        """What is computed later, or again and again, stays as it is."""
        if isinstance(node, (ast.Lambda, ast.ListComp, ast.GeneratorExp)):
            return node
        return super().visit(node)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> ast.expr:
        word = node.target.id
        free = word
        while free in self.taken:
            free += "_"
        value: ast.expr = self.visit(node.value)
        self.names[word] = free
        self.before.append(ast.Assign([ast.Name(free, ast.Store())], value, lineno=0))
        return ast.Name(free, ast.Load())

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.Name(self.names.get(node.id, node.id), node.ctx)
