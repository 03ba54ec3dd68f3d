"""The parameters of functions to documents."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from .brackets import ENCLOSED
from .document import Document, Group, If, Line, join, soft_block

if TYPE_CHECKING:
    from .expressions import Expressions


def parameters(write: Expressions, arguments: ast.arguments) -> Document:
    """The parameters of a `def`, brackets included."""
    items = _items(write, arguments)
    if not items:
        return "()"
    inner: Document = [join([",", Line.SPACE], items), If(",", broken=True)]
    single = len(items) == 1 and not arguments.posonlyargs and not arguments.kwonlyargs
    return ["(", soft_block(inner if single else Group(inner)), ")"]


def parameter_list(write: Expressions, arguments: ast.arguments) -> Document:
    """The parameters of a lambda."""
    return join(", ", _items(write, arguments))


def _items(write: Expressions, arguments: ast.arguments) -> list[Document]:
    positional = [*arguments.posonlyargs, *arguments.args]
    required = len(positional) - len(arguments.defaults)
    defaults = [*[None] * required, *arguments.defaults]
    items = [_parameter(write, *each) for each in zip(positional, defaults, strict=True)]
    if arguments.posonlyargs:
        items.insert(len(arguments.posonlyargs), "/")
    if arguments.vararg:
        items.append(["*", _parameter(write, arguments.vararg, None)])
    elif arguments.kwonlyargs:
        items.append("*")
    items += [
        _parameter(write, *each)
        for each in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    ]
    if arguments.kwarg:
        items.append(["**", _parameter(write, arguments.kwarg, None)])
    return items


def _parameter(write: Expressions, parameter: ast.arg, default: ast.expr | None) -> Document:
    pieces: list[Document] = [parameter.arg]
    equals = "="
    if parameter.annotation is not None:
        pieces += [": ", write.document(parameter.annotation, ENCLOSED)]
        equals = " = "
    if default is not None:
        pieces += [equals, write.document(default, ENCLOSED)]
    return pieces
