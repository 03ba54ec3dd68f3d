"""Lists, tuples, dictionaries, sets, comprehensions and slices to documents."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from .brackets import ENCLOSED, Level, enclosed, parenthesize_if_expands
from .document import Document, Group, Line, comma_separated, join

if TYPE_CHECKING:
    from .expressions import Expressions


def display(write: Expressions, node: ast.expr, level: Level) -> Document:
    """An expression that brings its own brackets."""
    match node:
        case ast.Tuple():
            return _tuple(write, node, level)
        case ast.List([]):
            return "[]"
        case ast.List(items):
            return enclosed("[", elements(write, items), "]", level)
        case ast.Set(items):
            return enclosed("{", elements(write, items), "}", level)
        case ast.Dict([]):
            return "{}"
        case ast.Dict(keys, values):
            pairs = [_pair(write, key, value) for key, value in zip(keys, values, strict=True)]
            return enclosed("{", comma_separated(pairs), "}", level)
        case ast.ListComp(element, generators):
            return enclosed("[", Group(comprehension(write, [element], generators)), "]", level)
        case ast.SetComp(element, generators):
            return enclosed("{", Group(comprehension(write, [element], generators)), "}", level)
        case ast.DictComp(key, value, generators):
            return enclosed("{", Group(comprehension(write, [key, value], generators)), "}", level)
        case ast.GeneratorExp(element, generators):
            return enclosed("(", Group(comprehension(write, [element], generators)), ")", level)
        case ast.Slice():
            return _slice(write, node, level)
    raise TypeError(f"not an expression: {node!r}")


def elements(write: Expressions, items: list[ast.expr], level: Level = ENCLOSED) -> Document:
    """Expressions between commas."""
    return comma_separated([write.document(item, level) for item in items])


def _tuple(write: Expressions, node: ast.Tuple, level: Level) -> Document:
    match node.elts:
        case []:
            return "()"
        case [single]:
            return enclosed("(", [write.document(single, ENCLOSED), ","], ")", level)
    if write.structure.is_bare_tuple(node):
        return parenthesize_if_expands(lambda _: elements(write, node.elts))
    return enclosed("(", elements(write, node.elts), ")", level)


def _pair(write: Expressions, key: ast.expr | None, value: ast.expr) -> Document:
    if key is None:
        return Group(["**", write.document(value, ENCLOSED)])
    return Group([write.document(key, ENCLOSED), ": ", write.document(value, ENCLOSED)])


def comprehension(
    write: Expressions, element: list[ast.expr], generators: list[ast.comprehension]
) -> Document:
    """The inside of a comprehension; of a dictionary the element is a key and a value."""
    first, *rest = [write.document(part, ENCLOSED) for part in element]
    head: list[Document] = [Group(first)]
    for value in rest:
        head += [": ", value]
    lines = [line for generator in generators for line in _generator(write, generator)]
    return join(Line.SPACE, [head, *lines])


def _generator(write: Expressions, generator: ast.comprehension) -> list[Document]:
    target = generator.target
    names = write.document(target, ENCLOSED)
    if isinstance(target, ast.Tuple) and write.structure.is_bare_tuple(target):
        names = join(", ", [write.document(element, ENCLOSED) for element in target.elts])
    keyword = "async for " if generator.is_async else "for "
    head: Document = [keyword, names, " in ", write.document(generator.iter, ENCLOSED)]
    conditions: list[Document] = [
        ["if ", write.document(condition, ENCLOSED)] for condition in generator.ifs
    ]
    return [head, *conditions]


def _slice(write: Expressions, node: ast.Slice, level: Level) -> Document:
    ends = [end for end in (node.lower, node.upper, node.step) if end is not None]
    space = "" if all(_is_simple(end) for end in ends) else " "
    pieces: list[Document] = []
    if node.lower is not None:
        pieces += [write.document(node.lower, level), space]
    pieces.append(":")
    if node.upper is not None:
        pieces += [space, write.document(node.upper, level)]
    if node.step is not None:
        pieces += [space if node.upper is not None else "", ":"]
        pieces += [space, write.document(node.step, level)]
    return pieces


def _is_simple(end: ast.expr) -> bool:
    """Whether the colon of a slice hugs it."""
    match end:
        case ast.UnaryOp(op, operand):
            return not isinstance(op, ast.Not) and _is_simple(operand)
    return isinstance(end, (ast.Constant, ast.Name))
