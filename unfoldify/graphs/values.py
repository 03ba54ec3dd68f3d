"""Graphs that note a value for each node note one for the new nodes too."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch._dispatch.python import enable_python_dispatcher
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode

from unfoldify.graphs.guards import expect
from unfoldify.graphs.shapes import attribute, instances


def note_values(graph: fx.Graph, nodes: Iterable[fx.Node], module: nn.Module) -> None:
    """Compute what the new nodes' values look like, where the graph says it of the others."""
    for key in ("val", "example_value"):
        values = [node.meta[key] for node in graph.nodes if key in node.meta]
        found = next(instances(values, FakeTensor), None)
        if found is None:
            continue
        shapes = found.fake_mode.shape_env
        quiet = shapes.suppress_guards() if shapes is not None else nullcontext()
        ours = set(nodes)
        # without the Python dispatcher, pad and unfold would fix the sizes of the example
        with found.fake_mode, quiet, enable_python_dispatcher(), torch.no_grad():
            for node in graph.nodes:
                if node in ours and key not in node.meta and node.target is not expect:
                    note_value(node, key, found.fake_mode, module)


def note_value(node: fx.Node, key: str, mode: FakeTensorMode, module: nn.Module) -> None:
    """The value of one node; none where torch cannot tell it, or where that of an argument is missing."""
    if any(key not in source.meta for source in node.all_input_nodes):
        return
    try:
        node.meta[key] = value_of(node, key, mode, module)
    except Exception:  # a symbolic number of steps, say: the note is a service, the graph is right
        return


def value_of(node: fx.Node, key: str, mode: FakeTensorMode, module: nn.Module) -> Any:
    args = fx.node.map_arg(node.args, lambda source: source.meta[key])
    kwargs = fx.node.map_arg(node.kwargs, lambda source: source.meta[key])
    if node.op == "get_attr":
        tensor: Tensor = attribute(module, str(node.target))
        return mode.from_tensor(tensor, static_shapes=True)
    if node.op == "call_method":
        return getattr(args[0], str(node.target))(*args[1:], **kwargs)
    if node.op == "call_module":
        return module.get_submodule(str(node.target))(*args, **kwargs)
    return node.target(*args, **kwargs)  # type: ignore[operator]
