"""What the example fixed about forward's arguments → the checks at the head of an emitted forward.

The recording followed the flags, numbers and lengths that the example gave. Given others, the file
raises: it never computes what was not asked of it.
"""

from __future__ import annotations

import ast
import inspect
import math
from collections.abc import Iterable, Iterator
from enum import Enum
from typing import Any

import torch
from torch import Tensor

from unfoldify.emit.format.comments import plain
from unfoldify.emit.lines import constant, dotted, name
from unfoldify.emit.spelling import object_name
from unfoldify.nesting import is_object
from unfoldify.recording.body import Parameter
from unfoldify.recording.structures import steps_of_argument, tensors_of_argument
from unfoldify.recording.values import literal

OF_TORCH = (torch.dtype, torch.layout, torch.memory_format)
PLAIN = (type(None), bool, int, float, complex, str, bytes)


def value_checks(parameters: Iterable[Parameter]) -> list[ast.stmt]:
    """For each flag, number and length among the arguments, a refusal of every other value."""
    return [
        check
        for parameter in parameters
        for check in _checks(
            name(parameter.name),
            parameter.value,
            error="TypeError" if parameter.kind is inspect.Parameter.VAR_POSITIONAL else "",
        )
    ]


def needed(checks: Iterable[ast.stmt], lines: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """The checks without those of lengths that Python makes itself: `hidden, cell = state` raises."""
    taken_apart: set[tuple[str, int]] = set()
    for line in map(plain, lines):
        match line:
            case ast.Assign(targets=[ast.Tuple() as target], value=ast.Name(id=word)):
                taken_apart |= set(lengths(target, word))
    for check in checks:
        match check:
            case ast.If(
                test=ast.Compare(
                    left=ast.Call(func=ast.Name("len"), args=[held]), comparators=[ast.Constant(n)]
                ),
                body=[ast.Raise(exc=ast.Call(func=ast.Name("ValueError")))],
            ) if (ast.unparse(held), n) in taken_apart:
                continue
        yield check


def lengths(target: ast.Tuple, place: str) -> Iterator[tuple[str, int]]:
    """How long what is taken apart has to be: `x, (h, c) = state` wants two, and two in `state[1]`."""
    yield place, len(target.elts)
    for at, item in enumerate(target.elts):
        if isinstance(item, ast.Tuple):
            yield from lengths(item, f"{place}[{at}]")


def is_plain(value: Any) -> bool:
    """A value that can be written down and compared: a flag, a number, a string, or such a tuple."""
    if isinstance(value, tuple) and type(value) is tuple:
        return all(map(is_plain, value))
    return type(value) in PLAIN and not (isinstance(value, float) and math.isnan(value))


def _checks(
    place: ast.expr, value: Any, error: str = "", above: tuple[Any, ...] = ()
) -> Iterator[ast.stmt]:
    """The checks of one value, and of what is in it."""
    if isinstance(value, Tensor) or any(value is outer for outer in above):
        return
    value = literal(value)
    if isinstance(value, Enum):  # its class is not in the file
        text = str(value)
        test = ast.Compare(ast.Call(name("str"), [place], []), [ast.NotEq()], [constant(text)])
        yield _refusal(test, f"{ast.unparse(place)}={text}", place)
        return
    if isinstance(value, OF_TORCH):
        test = ast.Compare(place, [ast.NotEq()], [dotted(str(object_name(value)))])
        yield _refusal(test, f"{ast.unparse(place)}={value}", place)
        return
    if is_object(value) and not any(True for _ in tensors_of_argument(value)):
        return  # a configuration, say: too much to compare
    if error == "" and is_plain(value):
        identity = value is None or isinstance(value, bool)
        test = ast.Compare(place, [ast.IsNot() if identity else ast.NotEq()], [constant(value)])
        yield _refusal(test, f"{ast.unparse(place)}={value!r}", place)
        return
    if type(value) in (tuple, list):
        if (
            not any(True for _ in tensors_of_argument(value))
            and is_plain(tuple(value))
            and error == ""
        ):
            found: ast.expr = ast.Call(name("list"), [place], [])
            test = ast.Compare(found, [ast.NotEq()], [constant(value)])
            yield _refusal(test, f"{ast.unparse(place)}={value!r}", place)
            return
        length: ast.expr = ast.Call(name("len"), [place], [])
        test = ast.Compare(length, [ast.NotEq()], [constant(len(value))])
        values = "1 value" if len(value) == 1 else f"{len(value)} values"
        yield _refusal(test, f"{values} in {ast.unparse(place)}", length, error)
    for step, key, item in steps_of_argument(value):
        yield from _checks(_entered(place, step, key), item, above=(*above, value))


def _entered(place: ast.expr, step: Any, key: Any) -> ast.expr:
    """`batch["mask"]`, `state.hidden`: where one value of a structure is."""
    if step is getattr:
        return ast.Attribute(place, key, ast.Load())
    return ast.Subscript(place, constant(key), ast.Load())


def _refusal(test: ast.expr, wanted: str, found: ast.expr, error: str = "") -> ast.stmt:
    message = ast.JoinedStr(
        [
            ast.Constant(f"this file was written for {wanted}, not "),
            ast.FormattedValue(found, ord("r")),
        ]
    )
    return ast.If(test, [ast.Raise(ast.Call(name(error or "ValueError"), [message], []), None)], [])
