"""`for t in range(n - 1): ... x[t + 1]` → `for t in range(1, n): ... x[t]`, as the user counts."""

from __future__ import annotations

import ast

from unfoldify.emit.lines import constant, name
from unfoldify.recording.loops.loop import Loop


def from_users_start(
    loop: Loop, word: str, iterable: ast.expr, body: list[ast.stmt]
) -> tuple[ast.expr, list[ast.stmt]]:
    """The head and the body of a loop over numbers that the user starts from another one than 0.

    They stay as they are where most of the body would have to count back.
    """
    start = users_start(loop)
    match iterable:
        case ast.Call(func=ast.Name("range"), args=[count]) if start:
            shift = Shift(word, start)
            moved = [shift.visit(line) for line in body]
            if 2 * shift.plain >= shift.found:
                head = ast.Call(name("range"), [constant(start), plus(count, start)], [])
                return head, moved
            back = Shift(word, -start)
            return iterable, [back.visit(line) for line in moved]
    return iterable, body


def users_start(loop: Loop) -> int:
    """What `range` starts from in the user's head, if that is written there as a number."""
    text = loop.head.iterable if loop.head is not None else ""
    try:
        head = ast.parse(text, mode="eval").body
    except SyntaxError:
        return 0
    match head:
        case ast.Call(func=ast.Name("range"), args=[ast.Constant(int() as start), _], keywords=[]):
            return start
    return 0


def plus(number: ast.expr, amount: int) -> ast.expr:
    """The sum, without a difference that it takes back."""
    match number:
        case _ if amount == 0:
            return number
        case ast.BinOp(whole, ast.Add(), ast.Constant(int() as value)):
            return plus(whole, value + amount)
        case ast.BinOp(whole, ast.Sub(), ast.Constant(int() as value)):
            return plus(whole, amount - value)
        case ast.Constant(int() as value):
            return constant(value + amount)
    if amount < 0:
        return ast.BinOp(number, ast.Sub(), ast.Constant(-amount))
    return ast.BinOp(number, ast.Add(), ast.Constant(amount))


class Shift(ast.NodeTransformer):
    """Counts from `start` instead of 0: `t + 1` becomes `t`, and `t` becomes `t - 1`."""

    def __init__(self, word: str, start: int) -> None:
        self.word, self.start = word, start
        self.found = self.plain = (
            0  # how often the word is there, and how often it stands alone now
        )

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        match node:
            case ast.BinOp(ast.Name(word), ast.Add() | ast.Sub(), ast.Constant(int())):
                if word == self.word:
                    return self.shifted(node)
        self.generic_visit(node)
        return node

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self.shifted(node) if node.id == self.word else node

    def shifted(self, number: ast.expr) -> ast.expr:
        new = plus(number, -self.start)
        self.found += 1
        self.plain += isinstance(new, ast.Name)
        return new
