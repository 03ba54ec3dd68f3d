"""A call of a function in the place of all that it does."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import Any

from torch import fx

from unfoldify.emit.handed_on import callers_word
from unfoldify.emit.helpers.helper import Helper
from unfoldify.emit.helpers.regions import Region
from unfoldify.emit.words_for_values import hinted
from unfoldify.recording.calls import is_random
from unfoldify.recording.loops.loop import Loop, item_of_round, take_place
from unfoldify.recording.source import site


def put_call(
    graph: fx.Graph, region: Region, helper: Helper, given: Mapping[str, Any]
) -> dict[fx.Node, fx.Node]:
    """Let a call take the place of a region; answers what stands for its results now."""
    own = [node for node in region.nodes if node not in region.borrowed]
    arguments = tuple(given[parameter.name] for parameter in helper.body.parameters)
    with graph.inserting_after(region.nodes[-1]):
        call = graph.create_node("call_function", helper, arguments, {})
    common = common_meta(region, own)
    call.meta = dict(common)
    if region.module is not None:
        call.meta["method_body"] = helper.body
    if any(is_random(node) or "mutates" in node.meta for node in own):
        call.meta["mutates"] = ()  # it keeps its place among the calls that draw
    helper.calls_modules |= region.module is not None
    results = [call]
    if len(region.outputs) > 1:
        call.meta["length"] = len(region.outputs)
        results = items(graph, call, common)
    for new, old in zip(results, region.outputs, strict=True):
        take_over(new, old, region, set(own))
    for node in reversed(own):
        graph.erase_node(node)
    return dict(zip(region.outputs, results, strict=True))


def common_meta(region: Region, own: list[fx.Node]) -> dict[str, Any]:
    """What is known of the call and of its results."""
    calls = next(n.meta["calls"] for n in own if region.call in n.meta.get("calls", ()))
    meta: dict[str, Any] = {
        "positions": region.caller,
        "calls": calls[calls.index(region.call) + 1 :],
    }
    if region.grad is not None:
        meta["grad"] = region.grad
    if region.around is not None:
        meta["loop"] = region.around
    return meta


def items(graph: fx.Graph, call: fx.Node, common: Mapping[str, Any]) -> list[fx.Node]:
    """The results of a call that has several."""
    found: list[fx.Node] = []
    for index in range(call.meta["length"]):
        with graph.inserting_after(found[-1] if found else call):
            item = graph.create_node("call_function", operator.getitem, (call, index), {})
        item.meta = {**common, "item": index}
        found.append(item)
    return found


def take_over(new: fx.Node, old: fx.Node, region: Region, own: set[fx.Node]) -> None:
    """Let a result of the call be what the value was."""
    word = word_of_result(new, old, region)
    if word is not None and word.strip("_"):
        new.meta["name"] = word
    new.meta |= {k: old.meta[k] for k in ("val", "value", "given", "length") if k in old.meta}
    old.replace_all_uses_with(new, lambda user: user not in own)
    stand_where(new, old, region)
    for item in new.users:
        if item.target is item_of_round:
            loop: Loop = item.meta["head_of"]
            loop.sequences = {each.args[0]: each for each in loop.sequences.values()}  # type: ignore[misc]


def word_of_result(new: fx.Node, old: fx.Node, region: Region) -> str | None:
    """What the caller calls a result; one of several that it has no word for goes by a number, or
    as the function calls it.
    """
    item = new.meta.get("item")
    found = site(region.caller[0]) if region.caller else None
    if item is not None and found is not None and found.role == "assigned" and not found.unpacks:
        whole = found.targets[0] if found.targets else None
        return None if whole is None else f"{whole}{item + 1}"
    word = callers_word(positions_of(old), old.meta.get("item"))
    return hinted(old) if word is None and item is not None else word


def stand_where(new: fx.Node, old: fx.Node, region: Region) -> None:
    """Let the call be for the loops around it what the result was; loops inside are the function's."""
    old.meta = {key: value for key, value in old.meta.items() if key != "loop"}
    if region.around is not None:
        old.meta["loop"] = region.around
    if region.is_end_of_loop(old):
        old.meta.pop("kept", None)
    take_place(new, old)


def positions_of(node: fx.Node) -> Any:
    key = "call_positions" if "call_positions" in node.meta else "positions"
    return tuple(node.meta.get(key, ()))
