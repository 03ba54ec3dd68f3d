"""The value at the end of a statement, and what stands before it."""

from __future__ import annotations

import ast

from .brackets import optional_parentheses, parenthesize_if_expands, parenthesize_if_helps
from .displays import elements
from .document import BestFit, Document, Group, soft_block
from .expressions import Expressions
from .operators import operator_text
from .structure import Need


def assignment(write: Expressions, node: ast.Assign) -> Document:
    """`target = value`, with as many targets as there are."""
    *others, last = node.targets
    first: Document = ""
    if others:
        first = [write.document(others[0], None), " = "]
        first += [part for other in others[1:] for part in (_inner_target(write, other), " = ")]
    elif not write.structure.has_target_brackets(last) or write.structure.is_parenthesized(last):
        return [write.document(last, None), " = ", value(write, node.value, node)]
    return [first, right_to_left(write, last, " = ", node.value, node)]


def augmented_assignment(write: Expressions, node: ast.AugAssign) -> Document:
    """`target += value`."""
    operator = f" {operator_text(node.op)}= "
    if write.structure.has_target_brackets(node.target):
        return right_to_left(write, node.target, operator, node.value, node)
    return [write.document(node.target, None), operator, value(write, node.value, node)]


def annotated_assignment(write: Expressions, node: ast.AnnAssign) -> Document:
    """`target: annotation = value`."""
    target: list[Document] = [write.document(node.target, None), ": "]
    always = write.structure.need(node.annotation, node) is Need.ALWAYS
    always = always or write.structure.is_parenthesized(node.annotation)
    if node.value is None:
        if always:
            return [*target, write.in_parentheses(node.annotation, None)]
        return [*target, value(write, node.annotation, node)]
    if not always and write.structure.is_splittable(node.annotation):
        return [*target, right_to_left(write, node.annotation, " = ", node.value, node)]
    annotation = (write.in_parentheses if always else write.bare)(node.annotation, None)
    return [*target, annotation, " = ", value(write, node.value, node)]


def returned(write: Expressions, node: ast.Return) -> Document:
    """`return value`."""
    if node.value is None:
        return "return"
    if isinstance(node.value, ast.Tuple) and write.structure.is_bare_tuple(node.value):
        items = node.value.elts
        if len(items) == 2:
            return ["return ", optional_parentheses(lambda level: elements(write, items, level))]
        return ["return ", write.bare(node.value, None)]
    return ["return ", value(write, node.value, node)]


def value(write: Expressions, node: ast.expr, parent: ast.stmt) -> Document:
    """The last expression of a statement, in parentheses if that makes it fit."""
    if write.structure.is_parenthesized(node):
        return write.in_parentheses(node, None)
    if isinstance(node, (ast.Name, ast.Constant, ast.JoinedStr)):
        return parenthesize_if_helps(lambda _: write.bare(node, None))
    if isinstance(node, ast.Lambda):
        return write.assigned_function(node)
    return write.if_breaks(node, parent)


def right_to_left(
    write: Expressions, target: ast.expr, operator: str, node: ast.expr, parent: ast.stmt
) -> Document:
    """A target that could break, and a value, which breaks first."""
    chain = isinstance(node, (ast.Attribute, ast.Call, ast.Subscript))
    best_fit = chain and write.structure.need(node, parent) is Need.IF_HELPFUL
    if not best_fit and not isinstance(node, (ast.Name, ast.Constant, ast.JoinedStr)):
        return [_target(write, target), operator, value(write, node, parent)]
    left, right = _target(write, target), write.bare(node, None)
    parenthesized: Document = ["(", Group(soft_block(right), broken=True), ")"]
    variants: list[Document] = [[left, operator, right]]
    if chain:
        variants.append([left, operator, Group(right, broken=True)])
    variants.append([left, operator, parenthesized])
    variants.append([Group(left, broken=True), operator, right])
    return BestFit(tuple(variants))


def _target(write: Expressions, target: ast.expr) -> Document:
    if write.structure.is_target_parenthesized_if_long(target):
        return write.if_long(target)
    return write.bare(target, None)


def _inner_target(write: Expressions, target: ast.expr) -> Document:
    if write.structure.is_target_parenthesized_if_long(target):
        return parenthesize_if_expands(lambda level: write.bare(target, level))
    return write.bare(target, None)
