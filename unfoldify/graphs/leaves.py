"""Calls of modules that somebody's tracer did not look into: looked into where torch.fx can."""

from __future__ import annotations

import inspect
from typing import Any

from torch import fx, nn

from unfoldify.graphs.place import place
from unfoldify.recording.paths import joined


def look_into(graph: fx.Graph, node: fx.Node, module: nn.Module, inner: fx.Graph) -> list[fx.Node]:
    """What a module does, in place of its call."""
    bound = inspect.signature(module.forward).bind(*node.args, **node.kwargs)
    values: dict[fx.Node, Any] = {}
    made: list[fx.Node] = []
    result: Any = None
    with graph.inserting_before(node):
        for source in inner.nodes:
            if source.op == "placeholder":
                default = source.args[0] if source.args else None
                values[source] = bound.arguments.get(str(source.target), default)
            elif source.op == "output":
                result = fx.node.map_arg(source.args[0], lambda n: values[n])
            else:
                copy = graph.node_copy(source, lambda n: values[n])
                if source.op in ("call_module", "get_attr"):
                    copy.target = joined(str(node.target), str(source.target))
                    copy._rename(f"{node.name}_{source.name}")
                values[source] = copy
                made.append(copy)
    return place(node, result, made, {})


def traced(module: nn.Module) -> fx.Graph | None:
    """A module's graph; None where torch.fx cannot trace it, or training has another one."""
    modes = {child: child.training for child in module.modules()}
    try:
        graphs = []
        for mode in (not module.training, module.training):
            module.train(mode)
            graphs.append(fx.Tracer().trace(module))
    except Exception:
        return None
    finally:
        for child, training in modes.items():
            child.training = training
    alike = str(graphs[0]) == str(graphs[1])
    starred = any(str(n.target).startswith("*") for n in graphs[1].nodes if n.op == "placeholder")
    return graphs[1] if alike and not starred else None
