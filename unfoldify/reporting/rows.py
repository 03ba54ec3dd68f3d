"""The rows of a report: each call that was rewritten, repeated blocks as one."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LayerRow:
    """One rewritten call."""

    name: str
    kind: str
    description: str  # "3x3, stride 2, padding 1"
    shapes: tuple[tuple[int, ...], ...]  # of the operands and, last, of the result
    bytes: int  # of the largest value in between
    error: float | None  # relative; None where it was not measured
    style: str
    reason: str = ""  # why it is not in the style that was asked for


@dataclass(frozen=True)
class Fold:
    """Rows that say the same of layers whose names differ in numbers alone."""

    name: str
    rows: tuple[LayerRow, ...]

    @property
    def first(self) -> LayerRow:
        """The row that stands for all of them, but for the error."""
        return self.rows[0]

    @property
    def error(self) -> float | None:
        """The largest that was measured."""
        return max((row.error for row in self.rows if row.error is not None), default=None)


def shapes_in_words(row: LayerRow) -> str:
    """`2x3x32x32, 16x3x3x3 → 2x16x32x32`: operands, then the result; a scalar is `()`."""
    *operands, result = ["x".join(map(str, shape)) or "()" for shape in row.shapes] or [""]
    return f"{', '.join(operands)} → {result}" if operands else result


def error_in_words(error: float | None) -> str:
    """`3e-16`, `0`, or `-` where it was not measured."""
    if error is None:
        return "-"
    return f"{error:.0e}" if error else "0"
