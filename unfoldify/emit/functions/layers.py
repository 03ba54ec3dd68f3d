"""Recurrent layers: functions of the library that are given the layer itself."""

from __future__ import annotations

import operator
from typing import Any

import torch
from torch import fx, nn

from unfoldify.recording.body import Layer
from unfoldify.recording.layers import torch_layer
from unfoldify.rules.recurrent import is_packed
from unfoldify.rules.rule import Rule

WORDS: dict[Any, tuple[str, type[nn.Module]]] = {
    torch.lstm: ("lstm", nn.LSTM),
    torch.gru: ("gru", nn.GRU),
    torch.rnn_tanh: ("rnn", nn.RNN),
    torch.rnn_relu: ("rnn", nn.RNN),
}


def layer_call(node: fx.Node, rule: Rule) -> tuple[str, dict[str, Any]] | None:
    """The library's function for the call that a recurrent layer makes in its forward."""
    word, cls = WORDS.get(node.target, ("", nn.Module))
    layer: Layer | None = node.meta.get("layer")
    if not word or layer is None or torch_layer(layer.module) is not cls:
        return None
    if layer.module.proj_size:
        return None
    packed = is_packed(node.args)
    x, *batch_sizes, state, weights = node.args[: 4 if packed else 3]
    names: list[str] = layer.module._flat_weights_names  # type: ignore[assignment]
    if not isinstance(weights, (list, tuple)) or [w.target for w in weights] != [  # type: ignore[union-attr]
        f"{layer.path}.{name}" for name in names
    ]:
        return None  # weights that are computed
    with node.graph.inserting_before(node):
        module = node.graph.create_node("get_attr", layer.path)
    given: dict[str, Any] = {"layer": module, "x": x}
    if packed:
        word, given["batch_sizes"] = f"packed_{word}", batch_sizes[0]
    states = tuple(state) if isinstance(state, (list, tuple)) else (state,)
    if not all(is_zero(each, layer) for each in states):
        given["hx"] = states if isinstance(state, (list, tuple)) else state
    return word, given


def is_zero(state: Any, layer: Layer) -> bool:
    """Whether the layer itself made a state because it was given none."""
    own = state.meta.get("layer")
    return state.target is torch.zeros and own is not None and own.path == layer.path


def adapt(graph: fx.Graph, node: fx.Node, entry: str) -> None:
    """Take results from where the function has them: torch's `x, h, c` are `x, (h, c)` there."""
    for state in [n for n in graph.nodes if n.target is torch.zeros and not n.users]:
        if "layer" in state.meta:
            graph.erase_node(state)
    if entry not in ("lstm", "packed_lstm"):
        return
    node.meta["length"] = 2
    parts = [user for user in node.users if user.target is operator.getitem]
    states = [part for part in parts if part.args[1] != 0]
    if not any(part.users or "kept" in part.meta for part in states):
        for part in states:
            graph.erase_node(part)
        return
    with graph.inserting_after(node):
        both = graph.create_node("call_function", operator.getitem, (node, 1), {})
    both.meta = {"length": 2, "item": 1, "positions": node.meta.get("positions", ())}
    for part in states:
        part.args = (both, part.args[1] - 1)  # type: ignore[operator]
        part.meta["item"] = part.args[1]
