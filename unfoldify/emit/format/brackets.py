"""Brackets, and what may break only inside of them.

A level says where a part stands: outside of all brackets (None), where a line must not end; inside
of some (ENCLOSED); or in parentheses that appear only if the group of that key breaks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from .document import (
    Document,
    FitsBroken,
    Group,
    GroupIfBroken,
    If,
    Indent,
    Key,
    Line,
    ParenthesizeIfHelps,
    soft_block,
)

Level: TypeAlias = Key | None
Build: TypeAlias = Callable[[Level], Document]  # a part, for the level at which it will stand

ENCLOSED = Key()


def enclosed(left: str, content: Document, right: str, level: Level) -> Document:
    """Brackets; that they break is no reason for the optional parentheses around them."""
    inner: Document = Group(soft_block(content))
    if level is not None and level is not ENCLOSED:
        inner = FitsBroken(inner, level)
    return [left, inner, right]


def optional_parentheses(content: Build) -> Document:
    """Parentheses if the content does not fit even with its own brackets broken."""
    key = Key()
    inner: Document = Indent([Line.SOFT, content(key)], key)
    return Group([If("(", broken=True), inner, Line.SOFT, If(")", broken=True)], key)


def parenthesize_if_expands(content: Build) -> Document:
    """Parentheses if the content does not fit on one line."""
    key = Key()
    inner: Document = Indent([Line.SOFT, content(ENCLOSED)], key)
    return Group([If("(", broken=True), inner, Line.SOFT, If(")", broken=True)], key)


def parenthesize_if_helps(content: Build, *, breaking: bool = True) -> Document:
    """Parentheses if the content fits with them and not without."""
    key = Key()
    return ParenthesizeIfHelps(content(key if breaking else None), key)


def space_or_break(level: Level) -> Document:
    """A space, or a line break where the level allows one."""
    if level is None:
        return " "
    if level is ENCLOSED:
        return Line.SPACE
    return [If(Line.SPACE, broken=True, key=level), If(" ", broken=False, key=level)]


def maybe_break(level: Level) -> Document:
    """Nothing, or a line break where the level allows one."""
    if level is None:
        return ""
    return Line.SOFT if level is ENCLOSED else If(Line.SOFT, broken=True, key=level)


def if_broken(content: Document, level: Level) -> Document:
    """Present if the brackets of the level break."""
    if level is None:
        return ""
    return If(content, broken=True, key=None if level is ENCLOSED else level)


def group_at(content: Document, level: Level) -> Document:
    """A group where the level allows line breaks."""
    if level is None:
        return content
    return Group(content) if level is ENCLOSED else GroupIfBroken(content, level)
