"""The head of a loop: `for block in self.blocks`, `for t in range(n)`."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from torch import fx, nn

from unfoldify.emit.containers import place_of
from unfoldify.emit.expressions import Expressions
from unfoldify.emit.lines import constant, name
from unfoldify.recording.loops.loop import Loop, Module

SLICED = (nn.ModuleList, nn.Sequential, nn.ParameterList)


def target(word: str) -> ast.expr:
    return ast.Name(word, ast.Store())


def loop_head(loop: Loop, expressions: Expressions) -> tuple[ast.expr, ast.expr]:
    """The target and the iterable of a loop: `block in self.blocks`, `i, x_t in enumerate(...)`."""
    names = expressions.names
    parts: list[tuple[str, ast.expr]] = []
    for module, variable in loop.variables.items():
        word = ", ".join(names[part] for part in loop.unpacked) or names[variable]
        parts.append((word, whole_or_slice(expressions, module, loop.rounds)))
    for sequence, item in loop.sequences.items():
        parts.append((names[item], expressions.of(sequence)))
    if not parts:
        target = names[loop.index] if loop.index is not None and loop.index.users else "_"
        count = loop.index.args[0] if loop.index is not None and loop.index.args else loop.rounds
        spelled = expressions.value(count)
        is_range = isinstance(count, fx.Node) and count.target is range
        iterable = spelled if is_range else ast.Call(name("range"), [spelled], [])
        return ast.Name(target, ast.Store()), iterable
    words = parts[0][0].split(", ")
    target_: ast.expr = ast.Name(words[0], ast.Store())
    if len(words) > 1:
        target_ = ast.Tuple([ast.Name(word, ast.Store()) for word in words], ast.Store())
    iterable = parts[0][1]
    if len(parts) > 1:
        target_ = ast.Tuple([ast.Name(label, ast.Store()) for label, _ in parts], ast.Store())
        iterable = ast.Call(name("zip"), [expression for _, expression in parts], [])
    if loop.index is not None:
        target_ = ast.Tuple([ast.Name(names[loop.index], ast.Store()), target_], ast.Store())
        iterable = ast.Call(name("enumerate"), [iterable], [])
    return target_, iterable


def loop_variables(loop: Loop, names: Mapping[fx.Node, str]) -> dict[str, ast.expr]:
    """What stands for the modules of a round, by their paths."""
    if loop.unpacked:
        (module,) = loop.variables
        return {
            f"{module.path}.{index}": name(names[part]) for index, part in enumerate(loop.unpacked)
        }
    return {module.path: name(names[variable]) for module, variable in loop.variables.items()}


def whole_or_slice(expressions: Expressions, module: Module, rounds: int) -> ast.expr:
    """`self.blocks`, or the part of it that the loop goes over."""
    container = expressions.module.get_submodule(module.container)
    spelled = expressions.path(module.container)
    if isinstance(container, (nn.ModuleDict, nn.ParameterDict)):
        return values_of(spelled, list(container), module.start, rounds)
    count = len(container._modules) or len(container._parameters)
    start = place_of(container, str(module.start)) or 0
    end = start + rounds
    if (start, end) == (0, count):
        return spelled
    lower = constant(start) if start else None
    upper = constant(end) if end != count else None
    if type(container) not in SLICED:  # torch would make another of the class, from its items
        spelled = ast.Call(name("list"), [spelled], [])
    return ast.Subscript(spelled, ast.Slice(lower, upper), ast.Load())


def values_of(container: ast.expr, keys: list[str], start: int, rounds: int) -> ast.expr:
    """`self.parts.values()`, or the parts under some numbers: going over it would give the keys."""
    if keys == [str(number) for number in range(start, start + rounds)]:
        return ast.Call(ast.Attribute(container, "values", ast.Load()), [], [])
    of_number = ast.Call(name("str"), [name("number")], [])
    numbers = ast.Call(name("range"), [constant(start), constant(start + rounds)], [])
    return ast.ListComp(
        ast.Subscript(container, of_number, ast.Load()),
        [ast.comprehension(ast.Name("number", ast.Store()), numbers, [], 0)],
    )
