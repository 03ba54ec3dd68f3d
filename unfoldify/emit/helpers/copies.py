"""The nodes of a region → a graph of their own."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from torch import fx, nn

from unfoldify.emit.helpers.borders import words_of
from unfoldify.emit.helpers.inside import within
from unfoldify.emit.helpers.regions import Region
from unfoldify.emit.numbered import numbered
from unfoldify.emit.words_for_values import hinted, identifier
from unfoldify.recording.body import Body, Parameter
from unfoldify.recording.loops.copies import copies_of
from unfoldify.recording.loops.loop import Loop

OWN = ("val", "value", "length", "items")  # of an input, whoever made it
OF_CALLER = ("outer", "alias", "result_of")  # less what of it is inside the function


def copied(region: Region) -> Body:
    """The region as the graph of a function."""
    graph = fx.Graph()
    new: dict[fx.Node, fx.Node] = {}
    parameters: list[Parameter] = []
    for node, label in zip(region.inputs, labels(region), strict=True):
        new[node] = placeholder(graph, label, {k: v for k, v in node.meta.items() if k in OWN})
        if "given" in node.meta:
            new[node].meta["given"] = node.meta["given"]
        parameters.append(parameter(new[node]))
    for node in region.nodes:
        for weight in node.all_input_nodes:  # of a method's own module
            if weight not in new and weight.op == "get_attr":
                new[weight] = graph.node_copy(weight)
                new[weight].meta = {k: v for k, v in weight.meta.items() if k in OWN}
        new[node] = graph.node_copy(node, new.__getitem__)
    loops = copies_of(region.loops, new)
    for node in region.nodes:
        new[node].meta = meta_of(node, region, new, loops)
    results = [new[node] for node in region.outputs]
    graph.output(results[0] if len(results) == 1 else tuple(results))
    return Body(graph=graph, module=region.module or nn.Module(), parameters=parameters)


def placeholder(graph: fx.Graph, label: str, meta: Mapping[str, Any]) -> fx.Node:
    node = graph.placeholder(label)
    node.meta = {**meta, "name": label}
    return node


def parameter(node: fx.Node) -> Parameter:
    return Parameter(str(node.target), inspect.Parameter.POSITIONAL_OR_KEYWORD, node)


def labels(region: Region) -> list[str]:
    """A name for each input: the function's own, or the one that it comes with."""
    words = words_of(list(region.inputs), region.call)
    found: list[str] = []
    for node in region.inputs:
        word = words.get(node)
        if word is None and node.op == "get_attr":
            word = str(node.target).rpartition(".")[2]
        word = word or node.meta.get("name") or hinted(node) or ("x" if "val" in node.meta else "n")
        found.append(next(w for w in numbered([identifier(str(word))]) if w not in found))
    return found


def meta_of(
    node: fx.Node, region: Region, new: Mapping[fx.Node, fx.Node], loops: Mapping[Loop, Loop]
) -> dict[str, Any]:
    """What is known of a node, seen from inside the function."""
    outside = len(region.caller)
    meta = {key: value for key, value in node.meta.items() if key not in OF_CALLER}
    for key in ("positions", "call_positions"):
        if key in meta:
            meta[key] = within(node, key, outside)
    around = node.meta.get("outer", ())
    if region.module is not None and len(around) > outside:
        meta["outer"] = around[: len(around) - outside]
        meta |= {key: node.meta[key] for key in ("result_of",) if key in node.meta}
    if node.meta.get("calls"):
        calls = node.meta["calls"]
        meta["calls"] = calls[: calls.index(region.call) + 1] if region.call in calls else ()
    if region.grad is not None:
        meta.pop("grad", None)
    for key in ("loop", "head_of"):
        if key in meta and meta[key] in loops:
            meta[key] = loops[meta[key]]
        else:
            meta.pop(key, None)
    if "list_of" in meta:
        meta["list_of"] = new[meta["list_of"]]
    if "mutates" in meta:
        known = (value for value in meta["mutates"] if value in new)  # others were spelled out
        meta["mutates"] = tuple(new[value] for value in known)
    if not region.is_end_of_loop(node):
        meta.pop("kept", None)
    return meta
