"""Values that change hands at the same time → assignments one after the other."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from unfoldify.emit.lines import assign

Handed = tuple[str, ast.expr]  # a variable, and what it becomes


def handed_on(pairs: Iterable[Handed]) -> Iterator[ast.stmt]:
    """None of the variables changes before it was read for another: `y = x`, and then `x = z`.

    Where that cannot be, as for `x, y = y, x`, they change in one statement.
    """
    waiting = list(pairs)
    while waiting:
        free = next((pair for pair in waiting if not _is_read(pair, waiting)), None)
        if free is None:
            targets = ast.Tuple([ast.Name(label, ast.Store()) for label, _ in waiting], ast.Store())
            yield assign(targets, ast.Tuple([value for _, value in waiting], ast.Load()))
            return
        waiting.remove(free)
        yield assign(*free)


def _is_read(pair: Handed, waiting: Iterable[Handed]) -> bool:
    """Whether another one still needs what this variable was."""
    return any(
        isinstance(node, ast.Name) and node.id == pair[0]
        for other in waiting
        if other is not pair
        for node in ast.walk(other[1])
    )
