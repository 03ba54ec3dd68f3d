"""Questions about an expression that decide where its lines may end and what gets parentheses."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from enum import Enum, auto

_DISPLAYS = (ast.Dict, ast.List, ast.Set, ast.ListComp, ast.SetComp, ast.DictComp)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


class Need(Enum):
    """When an expression wants parentheses around it."""

    ALWAYS = auto()
    IF_MULTILINE = auto()
    IF_HELPFUL = auto()  # only if it fits with them and not without
    NEVER = auto()


@dataclass(frozen=True)
class Structure:
    """The expressions of a tree, given the ids of those that are written in parentheses."""

    parenthesized: frozenset[int]

    def is_parenthesized(self, node: ast.expr) -> bool:
        """Whether there are parentheses around it that are not a part of it."""
        return id(node) in self.parenthesized and not isinstance(node, ast.Tuple)

    def is_bare_tuple(self, node: ast.expr) -> bool:
        """Whether it is a tuple without parentheses."""
        bare = isinstance(node, ast.Tuple) and len(node.elts) > 1
        return bare and id(node) not in self.parenthesized

    def own_brackets(self, node: ast.expr) -> int | None:
        """How many things are in the brackets that are a part of it; None: it has none."""
        match node:
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                return 1
            case ast.Subscript():
                return 1
            case ast.List(elts) | ast.Set(elts):
                return len(elts)
            case ast.Tuple(elts):
                return None if self.is_bare_tuple(node) else len(elts)
            case ast.Dict(keys):
                return len(keys)
            case ast.Call():
                return len(node.args) + len(node.keywords)
        return None

    def brackets(self, node: ast.expr) -> int | None:
        """The same, parentheses around it included."""
        own = self.own_brackets(node)
        return 1 if not own and self.is_parenthesized(node) else own

    def is_fluent(self, node: ast.expr) -> bool:
        """Whether it is a chain of two or more calls, which breaks before its dots."""
        called = 0
        while isinstance(node, (ast.Attribute, ast.Call, ast.Subscript)):
            inner = node.func if isinstance(node, ast.Call) else node.value
            if self.is_parenthesized(inner):
                return called + isinstance(node, ast.Attribute) >= 2
            if isinstance(node, ast.Attribute) and isinstance(inner, (ast.Call, ast.Subscript)):
                called += 1
            node = inner
        return called >= 2

    def need(self, node: ast.expr, parent: ast.AST | None = None) -> Need:
        """When it wants parentheses around it, whether or not it already has them."""
        match node:
            case ast.BoolOp() | ast.BinOp() | ast.Compare() | ast.IfExp() | ast.Lambda():
                return Need.ALWAYS if isinstance(parent, ast.Await) else Need.IF_MULTILINE
            case ast.NamedExpr() | ast.Starred() | ast.Slice():
                return Need.IF_MULTILINE
            case ast.UnaryOp(operand=inner):
                if isinstance(parent, ast.Await):
                    return Need.ALWAYS
                return Need.NEVER if self.is_parenthesized(inner) else self.need(inner, node)
            case ast.Await(value=inner):
                return Need.NEVER if self.is_parenthesized(inner) else self.need(inner, node)
            case ast.Call(func=inner) | ast.Attribute(value=inner) | ast.Subscript(value=inner):
                return self._need_of_chain(node, inner, parent)
            case ast.Yield() | ast.YieldFrom():
                return self._need_of_yield(node, parent)
            case ast.Tuple() | ast.GeneratorExp():
                return Need.NEVER
        return Need.NEVER if isinstance(node, _DISPLAYS) else Need.IF_HELPFUL

    def _need_of_chain(self, node: ast.expr, inner: ast.expr, parent: ast.AST | None) -> Need:
        if self.is_fluent(node):
            return Need.IF_MULTILINE
        if self.is_parenthesized(inner):
            return Need.NEVER
        need = self.need(inner, node)
        match parent:
            case ast.FunctionDef() | ast.AsyncFunctionDef() if parent.returns is node:
                if isinstance(node, ast.Subscript) and need is Need.IF_HELPFUL:
                    return Need.NEVER if has_parameters(parent.args) else Need.IF_MULTILINE
        return need

    def _need_of_yield(self, node: ast.Yield | ast.YieldFrom, parent: ast.AST | None) -> Need:
        if not isinstance(parent, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
            return Need.ALWAYS
        if node.value is None or self.is_parenthesized(node.value):
            return Need.NEVER
        need = self.need(node.value, node)
        return Need.NEVER if need is Need.IF_HELPFUL else need

    def is_splittable(self, node: ast.expr) -> bool:
        """Whether any line could end inside of it."""
        match node:
            case ast.Tuple(elts) | ast.List(elts) | ast.Set(elts):
                return bool(elts)
            case ast.Dict(keys):
                return bool(keys)
            case ast.UnaryOp(operand=inner):
                return self.is_splittable(inner)
            case ast.Yield():
                return node.value is not None
            case ast.Call():
                return bool(self.own_brackets(node)) or self.is_parenthesized(node.func)
            case ast.Lambda(body=inner) | ast.Starred(value=inner) | ast.Attribute(value=inner):
                return self.is_parenthesized(inner) or self.is_splittable(inner)
            case ast.Name() | ast.Constant() | ast.NamedExpr() | ast.Slice() | ast.JoinedStr():
                return False
        return True

    def has_target_brackets(self, target: ast.expr) -> bool:
        """Whether an assignment's target brings the brackets in which it can break."""
        return isinstance(target, ast.Tuple) or self.own_brackets(target) is not None

    def is_target_parenthesized_if_long(self, target: ast.expr) -> bool:
        """Whether an assignment's target could only break in parentheses."""
        return not self.has_target_brackets(target) and not self._hangs_on_brackets(target)

    def _hangs_on_brackets(self, target: ast.expr) -> bool:
        match target:
            case ast.Attribute(value):
                return self.brackets(value) is not None or self._hangs_on_brackets(value)
            case ast.Subscript():
                return True
            case ast.Call():
                return bool(self.own_brackets(target))
        return False


def has_parameters(arguments: ast.arguments) -> bool:
    """Whether a function takes any."""
    named = arguments.posonlyargs or arguments.args or arguments.kwonlyargs
    return bool(named or arguments.vararg or arguments.kwarg)
