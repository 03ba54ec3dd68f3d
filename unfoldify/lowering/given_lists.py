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

from unfoldify.emit.uses import is_tuple_of_names, use_of
from unfoldify.recording.body import Body, Parameter
from unfoldify.recording.loops.loop import collected_list, spread
from unfoldify.recording.words_of_arguments import words_of_parts

Path = tuple[Any, ...]  # of an item: ("pairs", 0, 1)


def give_lists(bodies: Iterable[Body]) -> None:
    """Change, in place, the arguments of graphs and the calls of them; callers come first."""
    for body in bodies:
        if body.call is not None and body.lists:
            give_lists_to(body, body.call)
        for node in body.graph.nodes:
            whole_again(node)


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
    if not any(isinstance(arg, (list, tuple)) for arg in (*user.args, *user.kwargs.values())):
        return
    user.args = tuple(whole(arg, user) for arg in user.args)
    user.kwargs = {key: whole(arg, user) for key, arg in user.kwargs.items()}


def whole(value: Any, user: fx.Node) -> Any:
    if not isinstance(value, (list, tuple)) or not value:
        return value
    items = [whole(item, user) for item in value]
    for start, item in enumerate(items):
        source = source_of(item, user)
        if source is None:
            continue
        count = source.meta["length"]
        own = items[start : start + count]
        if [source_of(each, user) for each in own] != [source] * count:
            continue
        if [each.args[1] for each in own] != list(range(count)):
            continue
        if count == len(items):
            is_it = user.op != "output" or structure_of(source) is type(value)
            return source if is_it else value
        with user.graph.inserting_before(user):
            every = user.graph.call_function(spread, (source,))
        return type(value)([*items[:start], every, *items[start + count :]])
    return type(value)(items)


def source_of(item: Any, user: fx.Node) -> fx.Node | None:
    """The list that a value is an item of, if the user says neither what the item is nor uses it
    besides.
    """
    if not isinstance(item, fx.Node) or item.target is not operator.getitem or "name" in item.meta:
        return None
    source, index = item.args
    if not isinstance(source, fx.Node) or not isinstance(index, int):
        return None
    if not source.meta.get("length") or not is_list(source):
        return None
    if source.op != "placeholder" and (has_words(source) or not is_used_only_by(user, item)):
        return None
    return source


def has_words(source: fx.Node) -> bool:
    """Whether the user takes a result apart: `h` and `c` of `y, (h, c) = self.cell(x)`."""
    found, is_item = use_of(source).site, source.target is operator.getitem
    if found is None or not found.unpacks:
        return False
    return not is_item or is_tuple_of_names(found, source.args[1])  # type: ignore[arg-type]


def is_list(source: fx.Node) -> bool:
    """Whether a value is a list that a module was given or has returned."""
    while source.target is operator.getitem:
        source = source.args[0]  # type: ignore[assignment]
    return source.op == "placeholder" or "body" in source.meta


def is_used_only_by(user: fx.Node, item: fx.Node) -> bool:
    parts = [each for each in item.users if each is not user]
    own = all(each.target is operator.getitem and is_used_only_by(user, each) for each in parts)
    return own and "kept" not in item.meta


def structure_of(source: fx.Node) -> Any:
    """Whether what a module hands back is a list or a tuple; None where that is not known."""
    path: list[Any] = []
    while source.target is operator.getitem:
        path.insert(0, source.args[1])
        source = source.args[0]  # type: ignore[assignment]
    if "body" not in source.meta:
        return None
    value: Any = next(iter(reversed(source.meta["body"].graph.nodes))).args[0]
    for index in path:
        value = value[index] if isinstance(value, (list, tuple)) and index < len(value) else None
    if isinstance(value, fx.Node) and value.target is collected_list:
        return list
    return type(value)


def in_users_order(body: Body) -> list[Parameter]:
    """What forward has a name for comes first, in its order."""
    order = {name: at for at, name in enumerate(inspect.signature(body.module.forward).parameters)}
    last = len(order)
    places = {p: last if p.lifted else order.get(p.name, last) for p in body.parameters}
    return sorted(body.parameters, key=lambda parameter: places[parameter])
