"""Where a name or an attribute gets its value."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from unfoldify.emit.patch.syntax import Function


def assigned(node: ast.AST) -> Iterator[tuple[ast.expr, ast.expr]]:
    """(target, value) of assignments, tuples taken apart where both sides are."""
    match node:
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                if isinstance(target, (ast.Tuple, ast.List)) and isinstance(
                    value, (ast.Tuple, ast.List)
                ):
                    yield from zip(target.elts, value.elts, strict=False)
                elif isinstance(target, (ast.Tuple, ast.List)):
                    yield from ((element, ast.Name("_", ast.Load())) for element in target.elts)
                else:
                    yield target, value
        case (
            ast.AnnAssign(target=target, value=ast.expr() as value)
            | ast.NamedExpr(target=target, value=value)
        ):
            yield target, value
        case ast.AugAssign(target=target):
            yield target, ast.Name("_", ast.Load())


def bindings(node: ast.AST, word: str) -> Iterator[tuple[str, ast.expr]]:
    """Where a name gets its value: ("value", expression), or ("element", what is looped over)."""
    for target, value in assigned(node):
        if isinstance(target, ast.Name) and target.id == word:
            yield "value", value
    if isinstance(node, (ast.For, ast.AsyncFor, ast.comprehension)):
        yield from loop_bindings(node.target, node.iter, word)


def loop_bindings(target: ast.expr, source: ast.expr, word: str) -> Iterator[tuple[str, ast.expr]]:
    """`for x in xs`, `for i, x in enumerate(xs)`, `for x, y in zip(xs, ys)`"""
    match target, source:
        case ast.Name(id=found), _ if found == word:
            yield "element", source
        case ast.Tuple(elts=[_, inner]), ast.Call(
            func=ast.Name(id="enumerate"), args=[iterated, *_]
        ):
            yield from loop_bindings(inner, iterated, word)
        case ast.Tuple(elts=elements), ast.Call(func=ast.Name(id="zip"), args=sources):
            for element, iterated in zip(elements, sources, strict=False):
                yield from loop_bindings(element, iterated, word)
        case ast.Tuple() | ast.List() | ast.Starred(), _:
            if any(isinstance(n, ast.Name) and n.id == word for n in ast.walk(target)):
                yield "value", ast.Name("_", ast.Load())


def is_changed(word: str, function: Function) -> bool:
    """Whether a list in a variable grows: `layers.append(...)`, `layers += ...`."""
    for node in ast.walk(function):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=found))) if found == word:
                return True
            case ast.AugAssign(target=ast.Name(id=found)) if found == word:
                return True
    return False


def super_calls(cls: ast.ClassDef) -> Iterator[ast.Call]:
    """The calls of the parent's constructor."""
    for node in ast.walk(cls):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Call(func=ast.Name(id="super")), attr="__init__")
            ):
                yield node


def is_self(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "self"
