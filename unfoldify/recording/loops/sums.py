"""Python's `sum` of a list, which runs as one addition after the other → the call that it was."""

from __future__ import annotations

import ast
import operator
from typing import Any

from torch import fx

from unfoldify.recording.loops.items import WHOLE, item_of
from unfoldify.recording.source import site


def whole_sums(graph: fx.Graph) -> None:
    """Sums of a list's items, in place: `0 + xs[0] + xs[1] + xs[2]` is `sum(xs)`."""
    for node in list(graph.nodes):
        additions = summed(node)
        items = [*filter(is_node, node.args), *(each.args[1] for each in additions[1:])]
        found = item_of(items) if len(additions) > 1 and all(map(is_node, items)) else None
        if found is None:
            continue
        with graph.inserting_before(additions[-1]):
            whole: fx.Node = found.sequence
            if found.part != WHOLE:
                whole = graph.call_function(operator.getitem, (whole, slice(*found.part)))
                whole.meta["inline"] = True
            total = graph.call_function(sum, (whole,))
        total.meta = dict(additions[-1].meta)
        additions[-1].replace_all_uses_with(total)
        for each in (*reversed(additions), *items):
            if not each.users:
                graph.erase_node(each)


def is_node(value: Any) -> bool:
    return isinstance(value, fx.Node)


def summed(node: fx.Node) -> list[fx.Node]:
    """The additions of one call of `sum`, if this is its first one."""
    if node.target is not operator.add or 0 not in [arg for arg in node.args if type(arg) is int]:
        return []
    found = next(map(site, node.meta.get("positions", ())), None)
    match found.expression if found is not None else None:
        case ast.Call(func=ast.Name("sum")):
            pass
        case _:
            return []
    additions = [node]
    while len(additions[-1].users) == 1 and "kept" not in additions[-1].meta:
        user = next(iter(additions[-1].users))
        same = user.meta.get("positions") == node.meta["positions"]
        if user.target is not operator.add or user.args[0] is not additions[-1] or not same:
            break
        additions.append(user)
    return additions
