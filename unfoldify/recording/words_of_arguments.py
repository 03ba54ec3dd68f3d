"""What a forward calls the parts of its arguments: `hidden, cell = state`, `mask = batch["mask"]`.

Python takes a tuple or a dict apart without torch, so no recorded call tells the names.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Path = tuple[Any, ...]  # the argument's name, then the keys: ("state", 1)


def words_of_parts(forward: Callable[..., Any]) -> Mapping[Path, str]:
    """Which variable a forward gives each part of its arguments to, where it does."""
    function = function_of(forward)
    if function is None:
        return {}
    arguments = function.args
    every = (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
    held: dict[str, Path] = {argument.arg: (argument.arg,) for argument in every}
    words: dict[Path, str] = {}
    for statement in assignments(function):
        given = list(parts(statement, held))
        for target in (node for node in ast.walk(statement) if is_stored(node)):
            held.pop(target.id, None)  # type: ignore[attr-defined]
        for word, path in given:
            held[word] = path
            if len(path) > 1 and word.strip("_"):
                words.setdefault(path, word)
    return words


def function_of(forward: Callable[..., Any]) -> ast.FunctionDef | None:
    """A function's definition, or None where its source is not at hand."""
    try:
        source = inspect.getsource(inspect.unwrap(forward))
        tree = ast.parse(textwrap.dedent(source))
    except (OSError, TypeError, ValueError, SyntaxError):
        return None
    first = tree.body[0] if tree.body else None
    return first if isinstance(first, ast.FunctionDef) else None


def assignments(function: ast.FunctionDef) -> list[ast.stmt]:
    """The statements that set variables, from top to bottom."""
    kinds = (ast.Assign, ast.AugAssign, ast.AnnAssign)
    found = (node for node in ast.walk(function) if isinstance(node, kinds))
    return sorted(found, key=lambda node: node.lineno)


def is_stored(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)


def parts(statement: ast.stmt, held: Mapping[str, Path]) -> Iterator[tuple[str, Path]]:
    """Each variable that a statement gives a part of an argument to."""
    if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
        return
    target, value = statement.targets[0], statement.value
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        pairs = list(zip(target.elts, value.elts, strict=False))
    else:
        pairs = [(target, value)]
    for each, source in pairs:
        path = path_of(source, held)
        if path is not None:
            yield from taken_apart(each, path)


def taken_apart(target: ast.expr, path: Path) -> Iterator[tuple[str, Path]]:
    """`a, (b, c) = state` → a: state[0], b: state[1][0], c: state[1][1]"""
    if isinstance(target, ast.Name):
        yield target.id, path
    elif isinstance(target, (ast.Tuple, ast.List)):
        for at, element in enumerate(target.elts):
            if isinstance(element, ast.Starred):
                return
            yield from taken_apart(element, (*path, at))


def path_of(value: ast.expr, held: Mapping[str, Path]) -> Path | None:
    """("batch", "mask") for `batch["mask"]`, `batch.mask` and `batch.get("mask")`."""
    match value:
        case ast.Name(id=word):
            return held.get(word)
        case ast.Subscript(value=holder, slice=ast.Constant(value=key)):
            path = path_of(holder, held)
        case ast.Call(
            func=ast.Attribute(value=holder, attr="get"), args=[ast.Constant(value=key), *_]
        ):
            path = path_of(holder, held)
        case ast.Attribute(value=holder, attr=key):
            path = path_of(holder, held)
        case _:
            return None
    return None if path is None else (*path, key)
