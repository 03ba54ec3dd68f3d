"""What goes into a call of a function and what comes out, in the order and the words of the user."""

from __future__ import annotations

from torch import fx

from unfoldify.emit.handed_on import returned_path
from unfoldify.emit.helpers.inside import within
from unfoldify.recording.loops.loop import Loop
from unfoldify.recording.source import site
from unfoldify.recording.users_calls import Call


def is_used_outside(node: fx.Node, own: set[fx.Node], loops: set[Loop]) -> bool:
    if any(user not in own for user in node.users):
        return True
    inner = any(node in (*loop.carried.values(), *loop.collected) for loop in loops)
    return "kept" in node.meta and not inner


def in_users_order(inputs: list[fx.Node], call: Call) -> tuple[fx.Node, ...]:
    """What the function's parameters are first, in their order."""
    words = words_of(inputs, call)
    places = {word: at for at, word in enumerate(call.words)}
    last = len(places)
    known = {node: places.get(words.get(node, ""), last) for node in inputs}
    return tuple(sorted(inputs, key=lambda n: (known[n], "val" not in n.meta, n.op == "get_attr")))


def words_of(inputs: list[fx.Node], call: Call) -> dict[fx.Node, str]:
    """What the function calls what it is given, as far as that is known."""
    words = {
        node: node.meta["given"][call] for node in inputs if call in node.meta.get("given", ())
    }
    for node in inputs:
        own = str(node.target).rpartition(".")[2]
        if node not in words and node.op == "get_attr" and own in call.words:
            words[node] = own
    unknown = [node for node in inputs if node not in words and "val" in node.meta]
    known = {*words.values(), *call.numbers}
    unused = [word for word in call.words if word not in known]
    if len(unknown) == len(unused) == 1:
        words[unknown[0]] = unused[0]
    return words


def as_returned(outputs: list[fx.Node], outside: int) -> tuple[fx.Node, ...]:
    """In the order in which the function returns them."""
    places = {node: returned(node, outside) for node in outputs}
    return tuple(sorted(outputs, key=lambda node: places[node] or ()))


def returned(node: fx.Node, outside: int) -> tuple[int, ...] | None:
    """Where in the function's result a value is."""
    key = "call_positions" if "call_positions" in node.meta else "positions"
    path: tuple[int, ...] = () if node.meta.get("item") is None else (node.meta["item"],)
    for place in within(node, key, outside):
        found = site(place)
        handed = returned_path(found, path) if found is not None else None
        if handed is None:
            return None
        path = handed
    return path
