"""What has to be known of a graph's values before its calls can be spelled out."""

from __future__ import annotations

from typing import Any

from torch import fx

from unfoldify.errors import UsageError
from unfoldify.graphs.inputs import shown
from unfoldify.graphs.recorder import first_line
from unfoldify.graphs.shapes import Known, observed, stored

Inputs = tuple[Any, ...] | None  # a value for each placeholder, where there is an example


def knowledge(
    module: fx.GraphModule, graph: fx.Graph, nodes: list[fx.Node], inputs: Inputs
) -> tuple[Known, dict[str, Inputs]]:
    """What is known of the values that the nodes take, and what submodules are called with."""
    known = stored(graph, module)
    takers = {source: node for node in nodes for source in node.all_input_nodes}
    missing = [source for source in takers if source not in known]
    if inputs is None:
        if not missing:
            return known, {}
        inputs = from_placeholders(graph, known)
    if inputs is None:
        source, node = missing[0], takers[missing[0]]
        fact = f"the shape of `{source.name}`, which `{node.name}` takes, is not known."
        raise unknown(graph, f"transform: {fact}")
    try:
        shapes = observed(module, graph, inputs)
    except Exception as error:
        raise UsageError(
            f"example_inputs: the graph does not run on them: {first_line(error)}\n"
            f"It was given {shown(inputs)}"
        ) from error
    return shapes.known, {name: args for name, (args, kwargs) in shapes.calls.items() if not kwargs}


def from_placeholders(graph: fx.Graph, known: Known) -> Inputs:
    """An example by what the graph says of its placeholders."""
    sources = graph.find_nodes(op="placeholder")
    if all(source in known or source.args for source in sources):
        return tuple(
            known.get(source, source.args[0] if source.args else None) for source in sources
        )
    return None


def unknown(graph: fx.Graph, fact: str) -> UsageError:
    names = ", ".join(str(n.target) for n in graph.find_nodes(op="placeholder"))
    way = f"Pass an example of what the graph is called with: example_inputs=({names},)"
    return UsageError(f"{fact}\n{way}")
