"""Lists and tuples of tensors that a module is given stay what they are: `self.head(features)`.

A recording sees tensors: each that is used in a module's graph is an argument of it, wherever it
came from. Where these are all that the module's forward was given in one list, the list is the
argument again, under the user's own name.
"""

from __future__ import annotations

import inspect
import operator
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from torch import fx

from unfoldify.recording.body import Body, Parameter
from unfoldify.recording.loops.loop import spread
from unfoldify.recording.words_of_arguments import words_of_parts

Path = tuple[Any, ...]  # of an item: ("pairs", 0, 1)


def give_lists(bodies: Iterable[Body]) -> None:
    """Change, in place, the arguments of graphs and the calls of them; callers come first."""
    for body in bodies:
        if body.call is not None and body.lists:
            give_lists_to(body, body.call)


def give_lists_to(body: Body, call: fx.Node) -> None:
    live = [parameter for parameter in body.parameters if parameter.node is not None]
    if len(live) != len(call.args):
        return
    given: dict[fx.Node, Any] = {p.node: arg for p, arg in zip(live, call.args, strict=True)}  # type: ignore[misc]
    lifted = {parameter.node for parameter in live if parameter.lifted}
    words = words_of_parts(body.module.forward)
    for name, tree in body.lists.items():
        items = list(leaves(tree))
        if not items or len(set(items)) < len(items) or not lifted.issuperset(items):
            continue
        lifted.difference_update(items)
        with body.graph.inserting_before(next(iter(body.graph.nodes))):
            node = body.graph.placeholder(name)
        node.meta.update(name=name, length=len(tree))
        place = next(at for at, each in enumerate(body.parameters) if each.node in items)
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        body.parameters.insert(place, Parameter(name, kind, node))
        given[node] = source_in(call.graph, body.sources.get(name)) or replaced(tree, given)
        take_items(body, node, tree, (name,), words)
        body.parameters = [each for each in body.parameters if each.node not in items]
        for old in items:
            body.graph.erase_node(old)
    body.parameters = in_users_order(body)
    call.args = tuple(given[p.node] for p in body.parameters if p.node is not None)
    whole_again(call)


def source_in(graph: fx.Graph, node: fx.Node | None) -> fx.Node | None:
    """The list as another call returned it, if that is still there."""
    is_there = node is not None and node.graph is graph and not node._erased
    return node if is_there else None


def leaves(tree: Any) -> Iterator[fx.Node]:
    """The nodes in a structure."""
    if isinstance(tree, (list, tuple)):
        for item in tree:
            yield from leaves(item)
    else:
        yield tree


def replaced(tree: Any, values: Mapping[fx.Node, Any]) -> Any:
    if isinstance(tree, (list, tuple)):
        return type(tree)(replaced(item, values) for item in tree)
    return values[tree]


def take_items(
    body: Body, holder: fx.Node, tree: Any, path: Path, words: Mapping[Path, str]
) -> None:
    """Let an item of the list be what an argument was; one that the user has a word for goes by it."""
    last = holder if path[1:] else [n for n in body.graph.nodes if n.op == "placeholder"][-1]
    for at, item in enumerate(tree):
        with body.graph.inserting_after(last):
            taken = body.graph.call_function(operator.getitem, (holder, at))
        last = taken
        taken.meta["item"] = at
        word = words.get((*path, at))
        if word is not None:
            taken.meta["name"] = word
        else:
            taken.meta["inline"] = holder.meta["subscripted"] = True
        if isinstance(item, (list, tuple)):
            taken.meta["length"] = len(item)
            take_items(body, taken, item, (*path, at), words)
        else:
            taken.meta |= {key: item.meta[key] for key in ("val", "value") if key in item.meta}
            users = list(item.users)
            item.replace_all_uses_with(taken)
            for user in users:
                whole_again(user)


def whole_again(user: fx.Node) -> None:
    """Let a call that is given all items of a list be given the list: `torch.cat(features, 1)`."""
    user.args = tuple(whole(arg, user) for arg in user.args)
    user.kwargs = {key: whole(arg, user) for key, arg in user.kwargs.items()}


def whole(value: Any, user: fx.Node) -> Any:
    if not isinstance(value, (list, tuple)) or not value:
        return value
    items = [whole(item, user) for item in value]
    for start, item in enumerate(items):
        source = source_of(item)
        count = 0 if source is None else source.meta.get("length", 0)
        own = items[start : start + count]
        if not count or [source_of(each) for each in own] != [source] * count:
            continue
        if [each.args[1] for each in own] != list(range(count)):
            continue
        if count == len(items):
            return source
        with user.graph.inserting_before(user):
            every = user.graph.call_function(spread, (source,))
        return type(value)([*items[:start], every, *items[start + count :]])
    return type(value)(items)


def source_of(item: Any) -> fx.Node | None:
    """The list that a value is an item of."""
    if not isinstance(item, fx.Node) or item.target is not operator.getitem:
        return None
    source, index = item.args
    is_list = isinstance(source, fx.Node) and "length" in source.meta and "val" not in source.meta
    return source if is_list and isinstance(index, int) else None  # type: ignore[return-value]


def in_users_order(body: Body) -> list[Parameter]:
    """What forward has a name for comes first, in its order."""
    order = {name: at for at, name in enumerate(inspect.signature(body.module.forward).parameters)}
    last = len(order)
    places = {p: last if p.lifted else order.get(p.name, last) for p in body.parameters}
    return sorted(body.parameters, key=lambda parameter: places[parameter])
