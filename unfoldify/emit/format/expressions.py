"""Expressions to documents, by the rules of ruff's formatter."""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace

from .brackets import (
    ENCLOSED,
    Level,
    enclosed,
    group_at,
    optional_parentheses,
    parenthesize_if_expands,
    parenthesize_if_helps,
    space_or_break,
)
from .chains import chain
from .displays import display
from .document import BestFit, Document, FitsBroken, Group, hard_block
from .omission import can_omit_parentheses
from .operators import flat, operation
from .parameters import parameter_list
from .printer import one_line
from .strings import constant_text, f_string_text
from .structure import Need, Structure

_SIGNS: dict[type[ast.unaryop], str] = {
    ast.Invert: "~",
    ast.Not: "not ",
    ast.UAdd: "+",
    ast.USub: "-",
}


@dataclass(frozen=True)
class Expressions:
    """Documents for the expressions of one tree; `quote` is for strings inside an f-string."""

    structure: Structure
    quote: str | None = None

    def document(self, node: ast.expr, level: Level) -> Document:
        """An expression with the parentheses that it needs where it stands."""
        if self.structure.is_parenthesized(node):
            return self.in_parentheses(node, level)
        return self.bare(node, level)

    def in_parentheses(self, node: ast.expr, level: Level) -> Document:
        """An expression with parentheses around it."""
        return enclosed("(", self.bare(node, ENCLOSED), ")", level)

    def if_breaks(self, node: ast.expr, parent: ast.AST, level: Level = None) -> Document:
        """An expression with parentheses around it if it breaks and cannot do so without them."""
        need = self.structure.need(node, parent)
        if need is Need.ALWAYS or self.structure.is_parenthesized(node):
            return self.in_parentheses(node, level)
        if need is Need.NEVER or level is not None:
            return self.bare(node, level)
        if need is Need.IF_HELPFUL:
            return parenthesize_if_helps(lambda inner: self.bare(node, inner))
        return self.if_long(node)

    def if_long(self, node: ast.expr) -> Document:
        """An expression with parentheses around it if it is long and no brackets can break."""
        if can_omit_parentheses(node, self.structure):
            return optional_parentheses(lambda level: self.bare(node, level))
        return parenthesize_if_expands(lambda level: self.bare(node, level))

    def bare(self, node: ast.expr, level: Level) -> Document:
        """An expression without parentheses around it."""
        match node:
            case ast.Name(name):
                return name
            case ast.Constant(value):
                return constant_text(value, self.quote if isinstance(value, str) else None)
            case ast.JoinedStr():
                return f_string_text(node, self._inside_f_string)
            case ast.Attribute() | ast.Call() | ast.Subscript():
                return chain(self, node, level)
            case ast.BinOp() | ast.BoolOp() | ast.Compare():
                parts = flat(node, self.structure)
                return operation(parts, level, self.structure, lambda x: self.document(x, level))
            case ast.UnaryOp(op, operand):
                return [_SIGNS[type(op)], self.document(operand, level)]
            case ast.IfExp():
                return group_at(self._conditional(node, level), level)
            case ast.Lambda():
                return self._function(node, self._body(node, level))
        return self._marked(node, level)

    def _marked(self, node: ast.expr, level: Level) -> Document:
        """An expression with a word or sign before it, or else a display."""
        match node:
            case ast.Starred(value):
                return ["*", self.document(value, level)]
            case ast.NamedExpr(target, value):
                head: Document = Group([self.document(target, level), space_or_break(level)])
                return [head, ":= ", self.document(value, level)]
            case ast.Await(value):
                return ["await ", self.if_breaks(value, node, level)]
            case ast.Yield() | ast.YieldFrom():
                return self._yield(node, level)
        return display(self, node, level)

    def _inside_f_string(self, node: ast.expr, quote: str | None) -> str:
        inside = replace(self, quote=quote)
        return one_line(inside.document(node, ENCLOSED))

    def _conditional(self, node: ast.IfExp, level: Level) -> list[Document]:
        line = space_or_break(level)
        start: list[Document] = [self.document(node.body, level), line]
        start += ["if ", self.document(node.test, level), line, "else "]
        if isinstance(node.orelse, ast.IfExp) and not self.structure.is_parenthesized(node.orelse):
            return start + self._conditional(node.orelse, level)
        return [*start, group_at(self.document(node.orelse, level), level)]

    def _function(self, node: ast.Lambda, body: Document) -> Document:
        """A lambda; its parameters never break, its body may."""
        parameters = one_line(parameter_list(self, node.args))
        return ["lambda", " " if parameters else "", parameters, ": ", body]

    def assigned_function(self, node: ast.Lambda) -> Document:
        """A lambda as the value of an assignment, which parentheses make no clearer."""
        return parenthesize_if_expands(
            lambda level: self._function(node, FitsBroken(self._body(node, level)))
        )

    def _body(self, node: ast.Lambda, level: Level) -> Document:
        need = self.structure.need(node.body, node)
        if need is Need.ALWAYS or self.structure.is_parenthesized(node.body):
            return self.in_parentheses(node.body, level)
        if need is not Need.IF_MULTILINE and isinstance(node.body, (ast.Call, ast.Subscript)):
            body = self.bare(node.body, level)
            parenthesized: Document = ["(", hard_block(body), ")"]
            return BestFit((body, Group(body, broken=True), parenthesized))
        if need is not Need.IF_MULTILINE and self.structure.own_brackets(node.body) is not None:
            return self.document(node.body, level)
        return parenthesize_if_expands(lambda inner: self.bare(node.body, inner))

    def _yield(self, node: ast.Yield | ast.YieldFrom, level: Level) -> Document:
        keyword = "yield" if isinstance(node, ast.Yield) else "yield from"
        if node.value is None:
            return keyword
        if self.structure.is_parenthesized(node.value):
            return [keyword, " ", self.in_parentheses(node.value, level)]
        need = self.structure.need(node.value, node)
        if need is Need.IF_MULTILINE and level is None:
            return [keyword, " ", self.if_long(node.value)]
        return [keyword, " ", self.bare(node.value, level)]
