"""Items in a row → a comprehension: `*(Block(16) for _ in range(3))`."""

from __future__ import annotations

import ast
import itertools
from typing import Any

from unfoldify.emit.lines import name
from unfoldify.emit.series import series

SHORTEST = 3  # equal layers that are worth a comprehension
TURNS = len("for _ in range(2)")  # a text that is longer is not worth saying twice


def folded(tree: Any) -> Any:
    """The tree with its runs of equal items folded."""

    class Fold(ast.NodeTransformer):
        def visit_Call(self, node: ast.Call) -> ast.AST:
            self.generic_visit(node)
            if is_container(node.func):
                node.args = items(node.args, is_list(node.func))
            return node

    return Fold().visit(tree)


def is_container(function: ast.expr) -> bool:
    if isinstance(function, ast.Attribute):
        if function.attr == "__init__":
            return True
        return function.attr in ("ModuleList", "Sequential", "ParameterList")
    return False


def is_list(function: ast.expr) -> bool:
    """Whether it makes a list, of which all items may be one comprehension."""
    return isinstance(function, ast.Attribute) and function.attr in ("ModuleList", "ParameterList")


def items(args: list[ast.expr], of_list: bool) -> list[ast.expr]:
    if len(args) == 1 and isinstance(args[0], ast.List):
        elements = args[0].elts
        inner = runs(elements)
        if of_list and len(elements) == len(inner) == 2 and text(inner[0]) == text(inner[1]):
            inner = [repeated(inner[0], 2)] if length(inner[0]) > TURNS else inner
        if len(inner) == 1 and isinstance(inner[0], ast.Starred):
            return [inner[0].value]
        return [ast.List(inner, ast.Load())]
    return runs(args)


def runs(elements: list[ast.expr]) -> list[ast.expr]:
    """Equal items in a row as one, and all that stand between as a series where they are one."""
    found: list[ast.expr] = []
    for folds, group in itertools.groupby(equal_runs(elements), key=is_starred):
        items = list(group)
        whole = None if folds else series(items)
        found += items if whole is None else [ast.Starred(whole, ast.Load())]
    return found


def is_starred(element: ast.expr) -> bool:
    return isinstance(element, ast.Starred)


def equal_runs(elements: list[ast.expr]) -> list[ast.expr]:
    found: list[ast.expr] = []
    single = itertools.chain.from_iterable(map(one_by_one, elements))
    for _, same in itertools.groupby(single, key=text):
        run = list(same)
        shortest = 2 if is_block(run[0]) or holds_layers(run[0]) else SHORTEST
        if len(run) >= shortest and isinstance(run[0], ast.Call):
            found.append(repeated(run[0], len(run)))
        else:
            found.extend(run)
    return found


def repeated(element: ast.expr, count: int) -> ast.expr:
    return ast.Starred(comprehension(element, ast.Constant(count)), ast.Load())


def holds_layers(element: ast.expr) -> bool:
    """Whether it is a container of several: `nn.Sequential(nn.Linear(4, 4), nn.ReLU())`."""
    calls = [node for node in ast.walk(element) if isinstance(node, ast.Call)]
    return isinstance(element, ast.Call) and is_container(element.func) and len(calls) > 2


def length(element: ast.expr) -> int:
    """About how many characters a call without calls inside takes."""
    words = {ast.Name: "id", ast.Attribute: "attr", ast.keyword: "arg"}
    found = 0
    for node in ast.walk(element):
        if isinstance(node, ast.Constant):
            found += len(f"{node.value!r}, ")
        else:
            found += len(str(getattr(node, words.get(type(node), ""), ""))) + 1
    return found


def one_by_one(element: ast.expr) -> list[ast.expr]:
    """The items of a comprehension whose number is known after all."""
    match element:
        case ast.Starred(ast.GeneratorExp(item, [ast.comprehension(iter=ast.Call(args=[count]))])):
            if isinstance(count, ast.Constant) and isinstance(count.value, int):
                return [item] * count.value
    return [element]


def is_block(element: ast.expr) -> bool:
    """Whether it is made by a class of the file, whose name is not known yet."""
    return isinstance(element, ast.Call) and hasattr(element.func, "kind")


def text(element: ast.expr) -> str:
    """What makes two items equal: their text, the class of a call included."""
    return ast.dump(element) + "".join(
        str(id(node.kind))
        for node in ast.walk(element)
        if hasattr(node, "kind") and not isinstance(node, ast.Constant)
    )


def comprehension(element: ast.expr, count: ast.expr) -> ast.GeneratorExp:
    generator = ast.comprehension(
        ast.Name("_", ast.Store()), ast.Call(name("range"), [count], []), [], 0
    )
    return ast.GeneratorExp(element, [generator])
