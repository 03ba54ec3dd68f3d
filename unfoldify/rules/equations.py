"""Reading an einsum equation: which axes each operand has, and which the result has."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from unfoldify.rules.checks import check, spelled

DOTS = "..."


@dataclass(frozen=True)
class Equation:
    """`operands` and `result` as tuples of axis names; `...` is one name among them."""

    operands: tuple[tuple[str, ...], ...]
    result: tuple[str, ...]


def parse(equation: str, shapes: Sequence[tuple[int, ...]]) -> Equation:
    """`"ij,jk"` and the shapes of its operands → axes, checked as torch checks them."""
    text = equation.replace(" ", "")
    left, arrow, right = text.partition("->")
    terms = left.split(",")
    check(
        len(terms) == len(shapes),
        "einsum",
        f"equation {equation!r} should have one term for each operand, "
        f"it has {len(terms)} for {len(shapes)}",
    )
    operands = tuple(_term(term, equation) for term in terms)
    result = _term(right, equation) if arrow else _implied(operands)
    for position, (term, shape) in enumerate(zip(operands, shapes, strict=True)):
        _check_rank(term, shape, position, equation)
    _check_result(operands, result, equation)
    _check_sizes(operands, shapes, equation)
    return Equation(operands, result)


def _term(term: str, equation: str) -> tuple[str, ...]:
    check(
        re.fullmatch(r"[a-zA-Z]*(\.\.\.)?[a-zA-Z]*", term) is not None,
        "einsum",
        f"a term of equation {equation!r} should be letters and at most one '...', it is {term!r}",
    )
    return tuple(re.findall(r"\.\.\.|[a-zA-Z]", term))


def _implied(operands: tuple[tuple[str, ...], ...]) -> tuple[str, ...]:
    """What einsum answers without an arrow: `...`, then every letter that occurs once, sorted."""
    count = Counter(name for term in operands for name in term if name != DOTS)
    dots = (DOTS,) if any(DOTS in term for term in operands) else ()
    return dots + tuple(sorted(name for name, times in count.items() if times == 1))


def _check_rank(
    term: tuple[str, ...], shape: tuple[int, ...], position: int, equation: str
) -> None:
    letters = len(term) - (DOTS in term)
    fits = letters <= len(shape) if DOTS in term else letters == len(shape)
    check(
        fits,
        "einsum",
        f"operand {position} should have {letters} dimensions as in equation {equation!r}, "
        f"it has {len(shape)} ({spelled(shape)})",
    )


def _check_result(
    operands: tuple[tuple[str, ...], ...], result: tuple[str, ...], equation: str
) -> None:
    for name in result:
        check(
            name == DOTS or any(name in term for term in operands),
            "einsum",
            f"axis {name!r} of the result of {equation!r} is in no operand",
        )
        check(
            result.count(name) == 1,
            "einsum",
            f"axis {name!r} is more than once in the result of {equation!r}",
        )


def _check_sizes(
    operands: tuple[tuple[str, ...], ...], shapes: Sequence[tuple[int, ...]], equation: str
) -> None:
    seen: dict[str, int] = {}
    for position, (term, shape) in enumerate(zip(operands, shapes, strict=True)):
        own: dict[str, int] = {}
        for name, size in sizes_of(term, shape):
            check(
                own.setdefault(name, size) == size,
                "einsum",
                f"axis {name!r} is {own[name]} and {size} long in operand {position} "
                f"of {equation!r}",
            )
            known = seen.get(name, 1)
            check(
                size in (1, known) or known == 1,
                "einsum",
                f"axis {name!r} of {equation!r} is {size} long in operand {position}, "
                f"{known} before it",
            )
            seen[name] = max(size, known) if 0 not in (size, known) else 0


def sizes_of(term: tuple[str, ...], shape: tuple[int, ...]) -> list[tuple[str, int]]:
    """Each letter of a term with its size; what `...` stands for is left out."""
    if DOTS not in term:
        return list(zip(term, shape, strict=True))
    before = term.index(DOTS)
    after = len(term) - before - 1
    head = list(zip(term[:before], shape[:before], strict=True))
    return head + list(zip(term[before + 1 :], shape[len(shape) - after :], strict=True))


def expand(equation: Equation, ranks: Sequence[int]) -> Equation:
    """The equation with a name for each dimension that `...` stands for, counted from the end."""
    counts = [rank - len(term) + 1 for term, rank in zip(equation.operands, ranks, strict=True)]
    widest = max(
        (n for n, t in zip(counts, equation.operands, strict=True) if DOTS in t), default=0
    )
    names = tuple(f"e{i}" for i in range(widest, 0, -1))

    def expanded(term: tuple[str, ...], count: int) -> tuple[str, ...]:
        if DOTS not in term:
            return term
        at = term.index(DOTS)
        return term[:at] + names[len(names) - count :] + term[at + 1 :]

    operands = zip(equation.operands, counts, strict=True)
    return Equation(
        tuple(expanded(term, count) for term, count in operands),
        expanded(equation.result, widest),
    )
