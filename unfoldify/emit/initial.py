"""How a parameter begins: drawn or filled as its author wrote it, so that seeds mean the same."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from torch import nn

from unfoldify.emit.lines import dotted
from unfoldify.emit.words import constructor, is_self

FILLED = ("randn", "rand", "ones", "zeros")  # torch's functions that take a shape and no value


def initial_value(module: nn.Module, label: str, sized: ast.Call) -> ast.expr | None:
    """`torch.randn(1, 17, 64) * 0.02`, where the constructor says so and no more than that.

    `sized` is a call of `torch.zeros` with the tensor's shape and dtype. What is computed from
    names that only the constructor knows is not said again.
    """
    found = (_filled(written, sized) for written in _assigned(module, label))
    return next((expression for expression in found if expression is not None), None)


def _assigned(module: nn.Module, label: str) -> Iterator[ast.expr]:
    """What the constructors of the module's classes give to an attribute; the last one counts."""
    for cls in type(module).__mro__:
        if cls is nn.Module:
            return
        function = constructor(cls)
        for node in reversed(list(ast.walk(function))) if function is not None else ():
            match node:
                case ast.Assign(targets=[ast.Attribute(value=owner, attr=attr)], value=value):
                    if attr == label and is_self(owner):
                        yield _inside_parameter(value)
                case ast.Call(
                    func=ast.Attribute(attr="register_buffer" | "register_parameter"),
                    args=[ast.Constant(value=name), value, *_],
                ) if name == label:
                    yield _inside_parameter(value)


def _inside_parameter(value: ast.expr) -> ast.expr:
    match value:
        case ast.Call(ast.Attribute(attr="Parameter") | ast.Name(id="Parameter"), [inside, *_]):
            return inside
    return value


def _filled(written: ast.expr, sized: ast.Call) -> ast.expr | None:
    match written:
        case ast.Call(func=ast.Attribute(value=ast.Name(id="torch"), attr=word)) if word in FILLED:
            return ast.Call(dotted(f"torch.{word}"), sized.args, sized.keywords)
        case ast.BinOp(left=left, op=ast.Mult() | ast.Div() as op, right=right) if _is_number(
            right
        ):
            drawn = _filled(left, sized)
            return None if drawn is None else ast.BinOp(drawn, op, right)
        case ast.BinOp(left=left, op=ast.Mult() as op, right=right) if _is_number(left):
            drawn = _filled(right, sized)
            return None if drawn is None else ast.BinOp(left, op, drawn)
    return None


def _is_number(written: ast.expr) -> bool:
    """Whether an expression is made of number literals alone: `0.02`, `-1`, `64**-0.5`."""
    match written:
        case ast.Constant(value=int() | float()):
            return True
        case ast.UnaryOp(operand=operand):
            return _is_number(operand)
        case ast.BinOp(left=left, right=right):
            return _is_number(left) and _is_number(right)
    return False
