"""What two trees have in common that are not yet text."""

from __future__ import annotations

import ast
from typing import Any

from unfoldify.emit.format import Comment, Remarked
from unfoldify.emit.lines import ClassCall, Declared, Hole


def fingerprint(tree: Any, *, values: bool = False) -> Any:
    """What is the same for all instances of a class: the tree without the values in its holes.

    With `values`, what two instances share that are made by the same call.
    """
    if isinstance(tree, Hole):
        return ("hole", repr(tree.value)) if values else ("hole", isinstance(tree.value, str))
    if isinstance(tree, Declared):
        told = [
            (a.name, a.value)
            for a in tree.declaration.arguments
            if values or not is_number(a.value)
        ]
        return ("layer", tree.declaration.cls, repr(told), repr(tree.declaration.wrappings))
    if isinstance(tree, Comment):
        return ("comment", tree.text if values else "")
    if isinstance(tree, Remarked) and not values:
        return ("remarked", fingerprint(tree.statement))
    if isinstance(tree, ClassCall):
        return ("class", id(tree.instance.kind), *([of_instance(tree.instance)] if values else []))
    if isinstance(tree, ast.AST):
        fields = getattr(tree, "_fields", ())
        return (
            type(tree).__name__,
            *(fingerprint(getattr(tree, f, None), values=values) for f in fields),
        )
    if isinstance(tree, (list, tuple)):
        return tuple(fingerprint(item, values=values) for item in tree)
    return (type(tree).__name__, tree)


def is_number(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(is_number(item) for item in value)
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def of_instance(instance: Any) -> Any:
    """An instance with all its numbers, and those of the instances inside."""
    methods = [list(text.lines) for text in instance.methods.values()]
    return fingerprint([instance.init, methods], values=True)
