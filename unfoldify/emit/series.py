"""Items that differ in one argument → a comprehension: `*(Block(2**i) for i in range(8))`."""

from __future__ import annotations

import ast
import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from unfoldify.emit.lines import constant, name

SHORTEST = 4  # items that are worth a comprehension


@dataclass(frozen=True)
class Column:
    """The argument that differs: where it stands in each item, and its values."""

    places: tuple[int, ...]  # among positional arguments, then keywords
    values: tuple[Any, ...]


def series(items: Sequence[ast.expr]) -> ast.GeneratorExp | None:
    """All items as one comprehension; None where they differ in more than one number."""
    calls = [item for item in items if isinstance(item, ast.Call)]
    if len(calls) < max(SHORTEST, len(items)):
        return None
    column = differing(calls)
    if column is None:
        return None
    word = loop_variable(calls[0], column)
    values, rounds = cycle(column.values)
    element, iterable = spelled(values, word)
    item = copy.copy(calls[0])
    item.args, item.keywords = list(item.args), [copy.copy(k) for k in item.keywords]
    for place in column.places:
        if place < len(item.args):
            item.args[place] = element
        else:
            item.keywords[place - len(item.args)].value = element
    loops = [ast.comprehension(ast.Name(variable(element), ast.Store()), iterable, [], 0)]
    if rounds > 1:
        loops.insert(0, ast.comprehension(ast.Name("_", ast.Store()), range_of(0, rounds), [], 0))
    return ast.GeneratorExp(item, loops)


def differing(calls: Sequence[ast.Call]) -> Column | None:
    """The one argument in which calls differ; it may be given in several places."""
    first = calls[0]
    if any(shape(call) != shape(first) for call in calls):
        return None
    rows = [given(call) for call in calls]
    places: list[int] = []
    found: tuple[Any, ...] | None = None
    for place, column in enumerate(zip(*rows, strict=True)):
        if len({ast.dump(item) for item in column}) == 1 and not any(map(is_made, column)):
            continue
        try:
            values = tuple(ast.literal_eval(item) for item in column)
        except (ValueError, TypeError, SyntaxError):
            return None
        if found is not None and repr(values) != repr(found):
            return None
        found = values
        places.append(place)
    return Column(tuple(places), found) if found is not None else None


def shape(call: ast.Call) -> Any:
    """What calls of one series share: what is called, and with how many arguments."""
    called = id(getattr(call.func, "kind", None)), ast.dump(call.func)
    return called, len(call.args), tuple(keyword.arg for keyword in call.keywords)


def given(call: ast.Call) -> list[ast.expr]:
    return [*call.args, *(keyword.value for keyword in call.keywords)]


def is_made(node: ast.expr) -> bool:
    """Whether an argument is made by a class of the file, whose name is not known yet."""
    return any(
        hasattr(each, "kind") for each in ast.walk(node) if not isinstance(each, ast.Constant)
    )


def loop_variable(call: ast.Call, column: Column) -> str:
    """What the argument is called: by its keyword, else by the class's constructor."""
    place = column.places[0]
    kind = getattr(call.func, "kind", None)
    if place >= len(call.args):
        word = call.keywords[place - len(call.args)].arg or "value"
    elif kind is not None:
        word = list(kind.parameters)[place]
    else:
        word = "value"
    taken = {node.id for node in ast.walk(call) if isinstance(node, ast.Name)}
    return word if word not in taken else "value"


def cycle(values: tuple[Any, ...]) -> tuple[tuple[Any, ...], int]:
    """The values of one round, and how many rounds they make."""
    for length in range(2, len(values) // 2 + 1):
        rounds = len(values) // length
        if values == values[:length] * rounds:
            return values[:length], rounds
    return values, 1


def spelled(values: tuple[Any, ...], word: str) -> tuple[ast.expr, ast.expr]:
    """What stands for a value, and what it is taken from: `2**i` and `range(8)`."""
    whole = all(type(value) is int for value in values) and len(values) > 2
    if whole and is_doubling(values):
        start = values[0].bit_length() - 1
        power = ast.BinOp(ast.Constant(2), ast.Pow(), ast.Name("i", ast.Load()))
        return power, range_of(start, start + len(values))
    step = values[1] - values[0] if whole else 0
    if whole and step and all(v == values[0] + i * step for i, v in enumerate(values)):
        return ast.Name(word, ast.Load()), range_of(values[0], values[-1] + step, step)
    return ast.Name(word, ast.Load()), constant(values)


def is_doubling(values: tuple[int, ...]) -> bool:
    """1, 2, 4, 8, or any later part of it."""
    first = values[0]
    return (
        first > 0
        and first & (first - 1) == 0
        and all(value == first << i for i, value in enumerate(values))
    )


def variable(element: ast.expr) -> str:
    return next(node.id for node in ast.walk(element) if isinstance(node, ast.Name))


def range_of(start: int, stop: int, step: int = 1) -> ast.expr:
    numbers = [stop] if start == 0 and step == 1 else [start, stop]
    numbers += [step] if step != 1 else []
    return ast.Call(name("range"), [constant(number) for number in numbers], [])
