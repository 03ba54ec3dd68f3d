"""Recorded graphs → graphs that can be written down: results in place, dead calls gone, containers
dissolved.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from torch import fx, nn

from unfoldify.recording.body import Body, Layer, exported
from unfoldify.recording.changes import made_plain
from unfoldify.recording.dead import drop_dead, has_effect, is_bound
from unfoldify.recording.dtypes import settle_dtypes
from unfoldify.recording.lasting import drop_unread
from unfoldify.recording.layers import CONTAINERS, is_plain_sequential
from unfoldify.recording.loops.rolling import roll
from unfoldify.recording.paths import joined
from unfoldify.recording.rebinding import hold_old_values
from unfoldify.recording.source import Position
from unfoldify.recording.transforms.places import settle_places


def finish(body: Body) -> None:
    """Finish a body and every body it calls, innermost first."""
    for call in calls(body):
        finish(call.meta["body"])
    place_exports(body)
    settle_dtypes(body)
    dissolve(body)
    hold_old_values(body)
    settle_places(body.graph)
    drop_unread(body.graph)
    drop_dead(body.graph.nodes, stays_for_now, rounds=True)
    made_plain(body.graph)
    roll(body.graph, over_modules=False)
    drop_dead(body.graph.nodes, lambda n: stays_for_now(n) or is_bound(n), rounds=True)
    if body.parent is not None:
        drop_unused_arguments(body)


def stays_for_now(node: fx.Node) -> bool:
    """What has an effect, and the ranges that say how often loops go round."""
    return has_effect(node) or node.target is range


def bodies(body: Body) -> Iterator[Body]:
    """A body and all that it calls, and they call."""
    yield body
    for call in calls(body):
        yield from bodies(call.meta["body"])


def calls(body: Body) -> list[fx.Node]:
    """The calls of modules that have a graph of their own."""
    return [node for node in body.graph.nodes if "body" in node.meta]


def place_exports(body: Body) -> None:
    """Values that are used outside become further results, after the module's own."""
    for call in calls(body):
        child: Body = call.meta["body"]
        if child.exports:
            take_exports(body, call, own_results(child))
        elif is_single(output_of(child).args[0]):
            take_single(call)
    if body.exports:
        output = output_of(body)
        own = output.args[0] if own_results(body) is not None else (output.args[0],)
        output.args = ((*own, *body.exports),)  # type: ignore[misc]


def own_results(body: Body) -> int | None:
    """How many results a module's own tuple has, without those that are only wanted outside."""
    output = output_of(body)
    if "own" not in output.meta:
        own = output.args[0]
        output.meta["own"] = len(own) if type(own) is tuple else None
    found: int | None = output.meta["own"]
    return found


def take_exports(body: Body, call: fx.Node, count: int | None) -> None:
    """Let the caller find a child's own results and the further ones in one tuple."""
    wanted = [user for user in call.users if user.target is exported]
    if count is None:  # one value: it comes first
        with body.graph.inserting_after(call):
            own = body.graph.call_function(operator.getitem, (call, 0))
        own.meta.update(
            {key: call.meta[key] for key in ("positions", "val", "length") if key in call.meta}
        )
        own.meta["item"] = 0
        call.replace_all_uses_with(own, partial(is_other, {own, *wanted}))
        call.meta.pop("val", None)
    first = 1 if count is None else count
    call.meta["length"] = first + len(call.meta["body"].exports)
    for user in wanted:
        user.target = operator.getitem
        user.args = (call, user.args[1] + first)  # type: ignore[operator]
        user.meta["item"] = user.args[1]


def is_single(result: Any) -> bool:
    """A tuple of one value."""
    return type(result) is tuple and len(result) == 1 and isinstance(result[0], fx.Node)


def take_single(call: fx.Node) -> None:
    """A tuple of one value, of which nothing but that value is used, is that value."""
    if any(user.target is not operator.getitem or user.args[1] != 0 for user in call.users):
        return
    output = output_of(call.meta["body"])
    output.args = (output.args[0][0],)  # type: ignore[index]
    call.meta.pop("length", None)
    for user in list(call.users):
        call.meta.update({key: user.meta[key] for key in ("val", "value") if key in user.meta})
        user.replace_all_uses_with(call)
        call.graph.erase_node(user)


def output_of(body: Body) -> fx.Node:
    last: fx.Node = next(iter(reversed(body.graph.nodes)))
    return last


def is_other(known: set[fx.Node], node: fx.Node) -> bool:
    return node not in known


def drop_unused_arguments(body: Body) -> None:
    """Arguments that a module's graph does not use are not arguments; the caller stops passing
    them.
    """
    for parameter in list(body.parameters):
        node = parameter.node
        if node is not None and not node.users:
            body.parameters.remove(parameter)
            body.graph.erase_node(node)
    if body.call is not None:
        body.call.args = tuple(
            parameter.outer for parameter in body.parameters if parameter.node is not None
        )


# -- containers ------------------------------------------------------------------------------------


def dissolve(body: Body) -> None:
    """Write the calls of an nn.Sequential where it was called, unless calling it whole says the
    same.
    """
    for call in calls(body):
        child: Body = call.meta["body"]
        if is_plain_sequential(child.module) and (not is_chain(child) or not len(child.module)):  # type: ignore[arg-type]
            inline(body, call)


def is_chain(body: Body) -> bool:
    """Whether a Sequential's graph only hands one value on from module to module, each of them
    called whole.
    """
    value: Any = None
    for node in body.graph.nodes:
        if node.op == "placeholder" and value is None:
            value = node
        elif node.op == "call_module" and node.args == (value,) and not node.kwargs:
            if "body" in node.meta and is_container_inside(node):
                return False
            value = node
        elif node.op == "output":
            return node.args[0] is value
        else:
            return False
    return False


def is_container_inside(call: fx.Node) -> bool:
    return (
        isinstance(call.meta["module"], CONTAINERS)
        and type(call.meta["module"]).forward is nn.Module.forward
    )


def inline(body: Body, call: fx.Node) -> None:
    """Replace the call of a module by what its graph does."""
    child: Body = call.meta["body"]
    path = str(call.target)
    values: dict[fx.Node, Any] = {
        parameter.node: argument
        for parameter, argument in zip(
            [p for p in child.parameters if p.node is not None], call.args, strict=True
        )
        if parameter.node is not None
    }
    outer: tuple[Position, ...] = call.meta.get("positions", ())
    result: Any = None
    last: fx.Node | None = None
    for node in list(child.graph.nodes):
        if node.op == "placeholder":
            continue
        if node.op == "output":
            result = fx.node.map_arg(node.args[0], lambda n: values[n])
            continue
        with body.graph.inserting_before(call):
            copy = body.graph.node_copy(node, lambda n: values[n])
        values[node] = copy
        adopt(body, copy, node, call)
        last = copy
    if isinstance(result, fx.Node):
        if result is last:
            result.meta["positions"] = outer
            result.meta["outer"] = result.meta["outer"][: -len(outer) or None]
            result.meta["result_of"] = path
        call.replace_all_uses_with(result)
    else:
        for user in list(call.users):
            assert user.target is operator.getitem
            user.replace_all_uses_with(result[user.args[1]])
            body.graph.erase_node(user)
    body.constants.update({joined(path, name): tensor for name, tensor in child.constants.items()})
    body.graph.erase_node(call)


def adopt(body: Body, copy: fx.Node, node: fx.Node, call: fx.Node) -> None:
    """Make a copied node one of the parent's: its paths, its history, its layer, its block."""
    path, outer = str(call.target), call.meta.get("positions", ())
    copy.meta = dict(node.meta)
    if "grad" in call.meta:
        copy.meta.setdefault("grad", call.meta["grad"])
    if "round" in call.meta:
        copy.meta["round"] = (*node.meta.get("round", ()), *call.meta["round"])
    if node.op in ("call_module", "get_attr"):
        copy.target = joined(path, str(node.target))
    if "layer" in copy.meta:
        layer: Layer = copy.meta["layer"]
        copy.meta["layer"] = Layer(joined(path, layer.path), layer.module)
    if "body" in copy.meta:
        grandchild: Body = copy.meta["body"]
        grandchild.parent, grandchild.call = body, copy
        live = [parameter for parameter in grandchild.parameters if parameter.node is not None]
        outers: dict[int, Any] = dict(
            zip([id(parameter) for parameter in live], copy.args, strict=True)
        )
        grandchild.parameters = [
            parameter if parameter.node is None else replace(parameter, outer=outers[id(parameter)])
            for parameter in grandchild.parameters
        ]
    copy.meta["outer"] = (*node.meta.get("outer", ()), *outer)
    if "calls" in call.meta and node.op != "get_attr":
        copy.meta["calls"] = (*node.meta.get("calls", ()), *call.meta["calls"])
