"""What a list that a loop fills is called: as in the user's file, else by what is in it."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Iterator
from typing import Any

from torch import fx

from unfoldify.emit.uses import use_of
from unfoldify.emit.words_for_values import hinted, identifier
from unfoldify.recording.body import Construct
from unfoldify.recording.loops.kept import leaves
from unfoldify.recording.loops.loop import gathered, spread
from unfoldify.recording.loops.structures import is_object, taken_apart
from unfoldify.recording.source import lists_of_loop, nested_comprehensions, site


def list_word(collected: fx.Node) -> str | None:
    """What the user calls the list: `outputs` of `outputs.append(...)` and of
    `torch.stack(outputs)`, a field of a result.
    """
    value = collected.meta.get("list_of")
    if isinstance(value, fx.Node):
        nested = list_of_lists(value)
        if nested is not None:
            return nested or None
    own = use_of(value).site if isinstance(value, fx.Node) else None
    if own is not None and own.appended_to is not None:
        return identifier(own.appended_to)
    filled = list_filled(value) if isinstance(value, fx.Node) else None
    if filled is not None:
        return identifier(filled)
    for user in readers(collected):
        if user.target is spread:
            for holder in user.users:
                for key, value in holder.kwargs.items():
                    if user in leaves(value):
                        return identifier(key)
        positions = user.meta.get("rule_positions", user.meta.get("positions", ()))
        found = next(map(site, positions), None)
        is_around = isinstance(value, fx.Node) and positions[:1] == value.meta.get("round", ())[:1]
        if found is not None and isinstance(found.expression, ast.Call) and not is_around:
            for argument in found.expression.args:
                whole = argument.value if isinstance(argument, ast.Subscript) else argument
                if isinstance(whole, ast.Name):
                    return identifier(whole.id)
    return None


def list_of_lists(value: fx.Node) -> str | None:
    """The name of the outer of two comprehensions, for the list that is it; "" for the inner one;
    None where there is but one.
    """
    innermost, depth = value, 1
    while isinstance(innermost.meta.get("list_of"), fx.Node):
        innermost, depth = innermost.meta["list_of"], depth + 1
    found = use_of(innermost).site
    around = nested_comprehensions(found) if found is not None else 0
    if around < 2 or found is None or found.appended_to is None:
        return None
    return identifier(found.appended_to) if depth == around else ""


def readers(collected: fx.Node) -> Iterator[fx.Node]:
    """The calls that are given a list as it is, or turned around."""
    for user in collected.users:
        yield from user.users if user.target is operator.getitem else (user,)


def list_filled(value: fx.Node) -> str | None:
    """`states` where `state` is what the user's loop puts into it, or `states[i]` is assigned."""
    first = value
    while first.target is gathered or is_object(first):
        first = next(iter(first.all_input_nodes), first.graph.find_nodes(op="output")[0])
    found = use_of(first).site
    if found is None:
        return None
    index = first.meta.get("item")
    target: Any = found.target
    if isinstance(target, ast.Tuple | ast.List) and isinstance(index, int):
        target = target.elts[index] if index < len(target.elts) else None
    match target:
        case ast.Subscript(value=ast.Name(id=word)) if first is value:
            return word
    own = [hinted(value)] if first is value else [structure_word(value), as_tuple(value)]
    words = [word for word in own if word is not None]
    for position in first.meta.get("positions", ()):  # where it is made, and who is given it
        lists = lists_of_loop((position,))
        found_word = next((lists[word] for word in words if word in lists), None)
        if found_word is not None:
            return found_word
    return None


def as_tuple(value: fx.Node) -> str | None:
    """`(k, v)` for the values that the user calls so."""
    content = value.args[0] if value.target is gathered else None
    if not isinstance(content, tuple):
        return None
    words = [hinted(item) if isinstance(item, fx.Node) else None for item in content]
    return f"({', '.join(map(str, words))})" if None not in words else None


def structure_word(value: fx.Node) -> str | None:
    """What the user calls a tuple or an object whose values an item of the list is made of; the name
    of the object's class.
    """
    content: Any = value.args[0] if value.target is gathered else value
    if not is_object(content):
        whole = taken_apart(content) if content is not value else None
        return hinted(whole) if whole is not None else None
    whole = taken_apart(tuple(content.kwargs.values()))
    own = hinted(whole) if whole is not None else None
    made: Construct = content.target
    return own or identifier(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", made.name).lower())
