"""The head of a loop: `for block in self.blocks`, `for t in range(n)`."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from torch import fx, nn

from unfoldify.emit.containers import child_at, place_of
from unfoldify.emit.expressions import Expressions
from unfoldify.emit.lines import constant, name
from unfoldify.recording.loops.loop import Loop, Module
from unfoldify.recording.regular import as_range

SLICED = (nn.ModuleList, nn.Sequential, nn.ParameterList)


def target(word: str) -> ast.expr:
    return ast.Name(word, ast.Store())


def loop_head(loop: Loop, expressions: Expressions) -> tuple[ast.expr, ast.expr]:
    """The target and the iterable of a loop: `block in self.blocks`, `i, x_t in enumerate(...)`."""
    names = expressions.names
    parts: list[tuple[str, ast.expr]] = []
    for module, variable in loop.variables.items():
        word = ", ".join(names[part] for part in loop.unpacked) or names[variable]
        parts.append((word, modules_of(expressions, module)))
    for sequence, item in loop.sequences.items():
        parts.append((names[item], expressions.of(sequence)))
    if not parts:
        target = names[loop.index] if loop.index is not None and loop.index.users else "_"
        count = loop.index.args[0] if loop.index is not None and loop.index.args else loop.rounds
        spelled = expressions.value(count)
        is_range = isinstance(count, fx.Node) and count.target is range
        iterable = spelled if is_range else ast.Call(name("range"), [spelled], [])
        return ast.Name(target, ast.Store()), iterable
    users = loop.head.targets if loop.head is not None else ()
    parts.sort(key=lambda part: users.index(part[0]) if part[0] in users else len(users))
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


def modules_of(expressions: Expressions, module: Module) -> ast.expr:
    """`self.blocks`, the part of it that the loop goes over, or one module after the other."""
    container = child_at(expressions.module, module.container)
    if isinstance(container, (nn.ModuleDict, nn.ParameterDict)):
        if list(module.labels) == list(container):
            spelled = expressions.path(module.container)
            return ast.Call(ast.Attribute(spelled, "values", ast.Load()), [], [])
    else:
        places = [place_of(container, label) for label in module.labels]
        numbers = [place for place in places if place is not None]
        if len(numbers) == len(places) and as_range(numbers) is not None:
            return part_of(expressions.path(module.container), container, numbers)
    return ast.Tuple([expressions.path(path) for path in module.paths], ast.Load())


def part_of(spelled: ast.expr, container: nn.Module, numbers: list[int]) -> ast.expr:
    """`self.blocks`, `self.blocks[1:]`, `self.blocks[::2]`, `reversed(self.blocks)`."""
    step = numbers[1] - numbers[0]
    if step < 0:
        forward = part_of(spelled, container, numbers[::-1])
        return ast.Call(name("reversed"), [forward], [])
    count = len(container._modules) or len(container._parameters)
    start, last = numbers[0], numbers[-1]
    lower = constant(start) if start else None
    upper = constant(last + 1) if last + step < count else None
    if lower is None and upper is None and step == 1:
        return spelled
    if type(container) not in SLICED:  # torch would make another of the class, from its items
        spelled = ast.Call(name("list"), [spelled], [])
    every = constant(step) if step > 1 else None
    return ast.Subscript(spelled, ast.Slice(lower, upper, every), ast.Load())
