"""A loop that only fills a list: the comprehension that it was in the user's file, or one line less."""

from __future__ import annotations

import ast

from torch import fx

from unfoldify.emit.format import Blank
from unfoldify.emit.words_for_values import assigned_word
from unfoldify.recording.loops.loop import Loop


def appended_at_once(loop: Loop, value: fx.Node, body: list[ast.stmt]) -> list[ast.stmt]:
    """`outs.append(head(x))` for `x = head(x)` and `outs.append(x)`, where nothing else reads it and
    the user has no word for it. The last line of a layer that is spelled out stays one.
    """
    has_word = assigned_word(value) is not None and not (loop.head and loop.head.in_brackets)
    if value.users or has_word or "group" in value.meta or value in loop.carried.values():
        return body
    match [line for line in body if not isinstance(line, Blank)]:
        case [
            *before,
            ast.Assign(targets=[ast.Name(id=word)], value=made),
            ast.Expr(value=ast.Call(args=[ast.Name(id=given)]) as append),
        ] if word == given:
            append.args = [made]
            return [*before, ast.Expr(append)]
    return body


def comprehension(
    loop: Loop, target: ast.expr, iterable: ast.expr, body: list[ast.stmt]
) -> ast.stmt | None:
    """`outs = [head(x) for head in self.heads]`, where the user wrote one and no more is in it."""
    if loop.head is None or not loop.head.in_brackets or loop.carried or len(loop.collected) != 1:
        return None
    match body:
        case [ast.Expr(value=ast.Call(func=ast.Attribute(value=name, attr="append"), args=[item]))]:
            made = ast.ListComp(item, [ast.comprehension(target, iterable, [], 0)])
            stored = ast.Name(name.id, ast.Store())  # type: ignore[attr-defined]
            return ast.Assign([stored], made, lineno=0)
    return None
