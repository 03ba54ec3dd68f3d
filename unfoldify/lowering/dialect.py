"""einops' notation → torch's own calls, the pattern kept as a comment above them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import einops
from torch import fx

from unfoldify.lowering.lower import RuleRecorder, is_wanted
from unfoldify.recording.dead import drop_dead
from unfoldify.recording.loops.loop import take_place
from unfoldify.rules import Decline, Rule
from unfoldify.rules import dialect_torch as plain

TRANSLATIONS: dict[Any, Callable[..., Any]] = {
    einops.rearrange: plain.rearrange,
    einops.repeat: plain.repeat,
    einops.reduce: plain.reduce,
    einops.einsum: plain.einsum,
}


def speak_torch(graph: fx.Graph) -> None:
    """Replace, in place, every einops call by what it does."""
    for node in list(graph.nodes):
        function = TRANSLATIONS.get(node.target) if node.op == "call_function" else None
        if function is None:
            continue
        try:
            translate(graph, node, function)
        except Decline:
            continue


def translate(graph: fx.Graph, node: fx.Node, function: Callable[..., Any]) -> None:
    recorder = RuleRecorder(graph, node)
    nodes = recorder.run(Rule(without_style(function), "dialect"), "")
    end = recorder.result_node(recorder.result)
    assert end is not None
    node.replace_all_uses_with(end)
    take_place(end, node)
    if end in nodes:
        for other in nodes:
            other.meta.update(
                {key: value for key, value in node.meta.items() if key not in LINE_OWN}
            )
            other.meta["chained"] = other is not end
        value = end.meta.get("val", node.meta.get("val"))
        end.meta.update(node.meta)
        end.meta["val"] = value
        end.meta["pattern"] = pattern_of(node)
    graph.erase_node(node)
    drop_dead([other for other in nodes if other is not end], is_wanted, rounds=False)


LINE_OWN = {
    "val",
    "value",
    "length",
    "item",
    "remark",
    "part",
    "name",
    "result",
    "mutates",
    "alias",
}


def without_style(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, style: str, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return call


def pattern_of(node: fx.Node) -> str:
    """The pattern of an einops call."""
    return next(
        str(arg)
        for arg in (*node.args, *node.kwargs.values())
        if isinstance(arg, str) and "->" in arg
    )
