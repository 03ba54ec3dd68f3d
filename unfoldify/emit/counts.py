"""Equal blocks in a row → one of them and how many there are: `*(Block(c) for _ in range(depth))`.

Stages of one network often differ in their depth alone. With the count as an argument they are one
class.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator, Sequence
from typing import Any

from unfoldify.emit.fingerprint import fingerprint
from unfoldify.emit.lines import ClassCall, Hole
from unfoldify.emit.repetition import comprehension, is_container

COUNT = "depth"  # what the argument is called


def counted(kind: Any) -> Iterator[tuple[Any, list[ast.stmt]]]:
    """Each instance of a kind, and its constructor with counts.

    Blocks that any instance of the kind makes with other numbers stand for themselves.
    """
    inits = [instance.init for instance in kind.instances]
    yield from zip(kind.instances, together(inits), strict=True)


def together(trees: Sequence[Any]) -> list[Any]:
    """Trees of one shape, their runs of equal blocks folded alike."""
    first = trees[0]
    if isinstance(first, list):
        columns = [together([tree[at] for tree in trees]) for at in range(len(first))]
        return [[column[at] for column in columns] for at in range(len(trees))]
    if not isinstance(first, ast.AST) or isinstance(first, ast.Constant) or not first._fields:
        return list(trees)
    results = [copy.copy(tree) for tree in trees]
    for label in first._fields:
        parts = together([getattr(tree, label, None) for tree in trees])
        for result, part in zip(results, parts, strict=True):
            setattr(result, label, part)
    if isinstance(first, ast.Call) and is_container(first.func):
        fold(results)
    return results


def fold(calls: Sequence[Any]) -> None:
    """The items of containers, given one by one or as a list."""
    args = [call.args for call in calls]
    if len(args[0]) == 1 and isinstance(args[0][0], ast.List):
        for arg, folded in zip(args, runs([arg[0].elts for arg in args]), strict=True):
            arg[0].elts = folded
    else:
        for call, folded in zip(calls, runs(args), strict=True):
            call.args = folded


def runs(rows: Sequence[list[ast.expr]]) -> list[list[ast.expr]]:
    """The items of each container; those that are equal in all of them stand for each other."""
    folded: list[list[ast.expr]] = [[] for _ in rows]
    start, end = 0, len(rows[0])
    while start < end:
        stop = start + 1
        if holds_blocks(rows[0][start]):
            while stop < end and all(equal(row[start], row[stop]) for row in rows):
                stop += 1
        for row, result in zip(rows, folded, strict=True):
            result.append(repeated(row[start], stop - start))
        start = stop
    return folded


def repeated(item: ast.expr, count: int) -> ast.expr:
    """A single block counts as well: another instance may have more of it."""
    if not holds_blocks(item):
        return item
    return ast.Starred(comprehension(item, Hole.of(count, COUNT)), ast.Load())


def holds_blocks(item: ast.expr) -> bool:
    """Whether it is made by a class of the file, or is a container of such."""
    return any(isinstance(node, ClassCall) for node in ast.walk(item))


def equal(one: ast.expr, other: ast.expr) -> bool:
    return bool(fingerprint(one, values=True) == fingerprint(other, values=True))
