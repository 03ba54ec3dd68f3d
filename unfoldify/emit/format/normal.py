"""The form of a syntax tree that text can express: what the parser would give for that text."""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator
from itertools import groupby
from typing import TypeVar, cast

Node = TypeVar("Node", bound=ast.AST)


def normal_form(tree: Node) -> Node:
    """A copy in which every constant is a literal: `-1` is a minus and a 1, infinity is a call."""
    return cast(Node, _NormalForm().visit(tree))


class _NormalForm(ast.NodeTransformer):
    def generic_visit(self, node: ast.AST) -> ast.AST:
        copied = type(node)()
        for name, value in ast.iter_fields(node):
            if isinstance(value, ast.AST):
                value = self.visit(value)
            elif isinstance(value, list):
                value = [self.visit(v) if isinstance(v, ast.AST) else v for v in value]
            setattr(copied, name, value)
        return copied

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        return literal(node.value)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.JoinedStr:
        merged: list[ast.expr] = []
        for is_text, parts in groupby(_parts(node), lambda part: isinstance(part, ast.Constant)):
            if is_text:
                text = "".join(str(part.value) for part in parts if isinstance(part, ast.Constant))
                merged += [ast.Constant(text)] if text else []
            else:
                merged += [cast(ast.expr, self.generic_visit(part)) for part in parts]
        return ast.JoinedStr(merged)


def _parts(string: ast.JoinedStr) -> Iterator[ast.expr]:
    """The texts and fields of an f-string, those of f-strings in it included."""
    for value in string.values:
        if isinstance(value, ast.JoinedStr):
            yield from _parts(value)
        else:
            yield value


def literal(value: object) -> ast.expr:
    """The expression that a person would write for a constant."""
    match value:
        case bool() | None | str() | bytes():
            return ast.Constant(value)
        case int() | float() if _is_negative(value):
            return ast.UnaryOp(ast.USub(), literal(-value))
        case float() if math.isinf(value) or math.isnan(value):
            return ast.Call(ast.Name("float", ast.Load()), [ast.Constant(str(value))], [])
        case complex():
            return _complex(value)
        case tuple():
            return ast.Tuple([literal(each) for each in value], ast.Load())
        case frozenset():
            elements = ast.Set([literal(each) for each in sorted(value, key=repr)])
            return ast.Call(ast.Name("frozenset", ast.Load()), [elements] if value else [], [])
    return ast.Constant(cast("int | float", value))


def _is_negative(value: int | float) -> bool:
    return not math.isnan(value) and math.copysign(1, value) < 0


def _complex(value: complex) -> ast.expr:
    real, imaginary = value.real, value.imag
    unit = ast.Constant(complex(0, abs(imaginary)))
    if math.isfinite(real) and math.isfinite(imaginary):
        is_negative_zero = not real and _is_negative(real)
        if is_negative_zero and _is_negative(imaginary):
            return ast.UnaryOp(ast.USub(), unit)
        if _is_negative(imaginary) and imaginary and not is_negative_zero:
            return ast.BinOp(literal(real), ast.Sub(), unit)
        if not _is_negative(imaginary) and not is_negative_zero:
            return ast.BinOp(literal(real), ast.Add(), unit) if real else unit
    return ast.Call(ast.Name("complex", ast.Load()), [literal(real), literal(imaginary)], [])
