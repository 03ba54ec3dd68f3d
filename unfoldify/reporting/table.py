"""Rows of text, in columns that fit a terminal."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

_GAP = "  "


def table(
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    right: Collection[int] = (),
    width: int = 110,
) -> str:
    """A heading and the rows below it; cells of the widest columns wrap where the line is too long.

    >>> print(table(("layer", "was"), [("stem", "conv 3x3"), ("head", "linear")]))
    layer  was
    stem   conv 3x3
    head   linear
    """
    widths = _widths([heads, *rows], width)
    lines = []
    for row in (heads, *rows):
        cells = [_wrapped(cell, limit) for cell, limit in zip(row, widths, strict=True)]
        for i in range(max(map(len, cells))):
            parts = [
                (cell[i] if i < len(cell) else "").rjust(limit)
                if column in right
                else (cell[i] if i < len(cell) else "").ljust(limit)
                for column, (cell, limit) in enumerate(zip(cells, widths, strict=True))
            ]
            lines.append(_GAP.join(parts).rstrip())
    return "\n".join(lines)


def _widths(rows: Sequence[Sequence[str]], width: int) -> list[int]:
    """As wide as the widest cell; the widest columns give way until a line fits."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    least = [
        max((_longest_word(cell) for cell in column), default=0)
        for column in zip(*rows, strict=True)
    ]
    room = width - len(_GAP) * (len(widths) - 1)
    while sum(widths) > room:
        shrinkable = [i for i in range(len(widths)) if widths[i] > least[i]]
        if not shrinkable:
            break
        widest = max(shrinkable, key=lambda i: widths[i])
        widths[widest] -= 1
    return widths


def _pieces(cell: str) -> list[str]:
    """Where a cell may be broken: after a space, a comma or a dot of a name."""
    return re.findall(r".+?(?:[ ,]+|\.(?=\D)|$)", cell)


def _longest_word(cell: str) -> int:
    return max((len(piece.rstrip()) for piece in _pieces(cell)), default=0)


def _wrapped(cell: str, limit: int) -> list[str]:
    lines = [""]
    for piece in _pieces(cell):
        if lines[-1] and len(lines[-1]) + len(piece.rstrip()) > limit:
            lines.append("")
        lines[-1] += piece
    return [line.rstrip() for line in lines]
