"""Names that differ in numbers alone, as one: `blocks.0-11.attn.qkv`."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import TypeVar

T = TypeVar("T")
Part = str | frozenset[int]
Name = tuple[Part, ...]


def folded(rows: Iterable[tuple[str, Hashable, T]]) -> list[tuple[str, list[T]]]:
    """Rows of a name, what must be equal, and a value; those that fold, under one name.

    In the order in which they first come.

    >>> folded([("a.0.b", 1, "x"), ("c", 1, "y"), ("a.1.b", 1, "z"), ("a.2.b", 2, "u")])
    [('a.0-1.b', ['x', 'z']), ('c', ['y']), ('a.2.b', ['u'])]
    """
    groups = [(_parts(name), equal, [value]) for name, equal, value in rows]
    longest = max((len(parts) for parts, _, _ in groups), default=0)
    for position in reversed(range(longest)):
        groups = _merged(groups, position)
    return [(_spelled(parts), values) for parts, _, values in groups]


def _merged(
    groups: Sequence[tuple[Name, Hashable, list[T]]], position: int
) -> list[tuple[Name, Hashable, list[T]]]:
    """Groups whose names differ at most in the numbers at one position, as one."""
    found: dict[Hashable, tuple[Name, Hashable, list[T]]] = {}
    for parts, equal, values in groups:
        numbers = _numbers(parts, position)
        rest = (*parts[:position], *parts[position + 1 :]) if numbers else parts
        key = (rest, equal, bool(numbers))
        if key in found:
            before, _, gathered = found[key]
            values = [*gathered, *values]
            if numbers:
                both = numbers | _numbers(before, position)
                parts = (*parts[:position], both, *parts[position + 1 :])
        found[key] = parts, equal, values
    return list(found.values())


def _numbers(parts: Name, position: int) -> frozenset[int]:
    part = parts[position] if position < len(parts) else ""
    return frozenset() if isinstance(part, str) else part


def _parts(name: str) -> Name:
    return tuple(frozenset([int(p)]) if p.isdecimal() else p for p in name.split("."))


def _spelled(parts: Name) -> str:
    return ".".join(part if isinstance(part, str) else ranges(part) for part in parts)


def ranges(numbers: Iterable[int]) -> str:
    """Numbers in short.

    >>> ranges([0, 1, 2, 3]), ranges([4]), ranges([0, 1, 5, 6, 7]), ranges([2, 4, 6, 8, 10, 12])
    ('0-3', '4', '0,1,5-7', '2,4,..,12')
    """
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    words = [_run(run, alone=len(runs) == 1) for run in runs]
    return ",".join(words if len(words) <= 5 else [*words[:2], "..", words[-1]])


def _run(run: list[int], alone: bool) -> str:
    if len(run) > 2 or (alone and len(run) == 2):
        return f"{run[0]}-{run[-1]}"
    return ",".join(map(str, run))
