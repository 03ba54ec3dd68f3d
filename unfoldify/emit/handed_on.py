"""What the caller of a function calls the value that the function hands back to it.

`angles` in `angles = table(x)`, whatever the variable is called inside `table`: the emitted forward
is the caller's, with the function's lines in it.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator
from functools import lru_cache

from unfoldify.recording.source import Position, Site, parsed, site

Path = tuple[int, ...]  # of a value inside tuples: (1,) for `b` of `return a, b`
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


@lru_cache(maxsize=4096)
def callers_word(positions: tuple[Position, ...], item: int | None = None) -> str | None:
    """The variable that the outermost statement gives a value to, through the returns in between.

    `item` says which one of the results of the innermost call the value is.
    """
    sites = [site(position) for position in positions]
    path: Path = () if item is None else (item,)
    word: str | None = None
    for found, caller in itertools.pairwise(sites):
        handed = returned_path(found, path) if found is not None else None
        if handed is None or caller is None:
            break
        path = handed
        word = target_at(caller, path) or word
    return word


def returned_path(found: Site, path: Path) -> Path | None:
    """Where in the result of its function a value is; None if the function keeps it for itself."""
    function = enclosing(found)
    if function is None or found.expression is None:
        return None
    places = place_in_tuples(found)
    statement = statement_of(found)
    if isinstance(function, ast.Lambda) or isinstance(statement, ast.Return):
        return None if places is None else (*places, *path)
    name = target_at(found, path)
    if name is None:
        return None
    path = path[1:] if found.unpacks else path
    after = [each for each in returns(function) if each.lineno > found.line]
    for each in after:
        if not is_set_between(function, name, statement, each):
            place = place_of_name(each.value, name)
            if place is not None:
                return (*place, *path)
    return None


def target_at(found: Site, path: Path) -> str | None:
    """The variable that a statement gives one of the values of an expression to."""
    if found.role != "assigned":
        return None
    if not found.unpacks:
        return found.targets[0] if found.targets and not path else None
    is_there = len(path) == 1 and 0 <= path[0] < len(found.targets)
    return found.targets[path[0]] if is_there else None


def place_in_tuples(found: Site) -> Path | None:
    """(1,) for `g(x)` in `return f(x), g(x)`, () for one that is all; None for one in a call."""
    file = parsed(found.filename)
    node: ast.AST | None = found.expression
    places: list[int] = []
    while file is not None and node is not None:
        parent = file.parents.get(node)
        if isinstance(parent, (ast.Return, ast.Lambda)):
            return tuple(places)
        if not isinstance(parent, ast.Tuple):
            return None
        places.insert(0, parent.elts.index(node))  # type: ignore[arg-type]
        node = parent
    return None


def enclosing(found: Site) -> ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | None:
    """The function in whose body an expression stands."""
    file = parsed(found.filename)
    node: ast.AST | None = found.expression
    while file is not None and node is not None:
        node = file.parents.get(node)
        if isinstance(node, FUNCTIONS):
            return node
    return None


def statement_of(found: Site) -> ast.stmt | None:
    file = parsed(found.filename)
    node: ast.AST | None = found.expression
    while file is not None and node is not None and not isinstance(node, ast.stmt):
        node = file.parents.get(node)
    return node if isinstance(node, ast.stmt) else None


def own_nodes(function: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function without those of the functions inside it."""
    for child in ast.iter_child_nodes(function):
        if not isinstance(child, FUNCTIONS):
            yield child
            yield from own_nodes(child)


def returns(function: ast.AST) -> list[ast.Return]:
    return [node for node in own_nodes(function) if isinstance(node, ast.Return)]


def is_set_between(
    function: ast.AST, name: str, statement: ast.stmt | None, end: ast.Return
) -> bool:
    """Whether a variable gets another value after a statement and before a return."""
    first = statement.end_lineno or statement.lineno if statement is not None else 0
    return any(
        isinstance(node, ast.Name)
        and isinstance(node.ctx, ast.Store)
        and node.id == name
        and first < node.lineno < end.lineno
        for node in own_nodes(function)
    )


def place_of_name(value: ast.expr | None, name: str) -> Path | None:
    """Where in what is returned a variable stands: () for `return y`, (1,) for `return x, y`."""
    if isinstance(value, ast.Name):
        return () if value.id == name else None
    if isinstance(value, ast.Tuple):
        for at, element in enumerate(value.elts):
            place = place_of_name(element, name)
            if place is not None:
                return (at, *place)
    return None
