"""A torch.fx graph with every contraction spelled out, as a torch.fx graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import fx

from unfoldify.graphs.inputs import arguments, check_module
from unfoldify.graphs.rewrite import rewrite
from unfoldify.options import checked


def transform(
    graph_module: fx.GraphModule,
    example_inputs: Any = (),
    *,
    style: str = "product",
    max_intermediate: str | int = "1GiB",
    only: Sequence[str] = (),
    skip: Sequence[str] = (),
    also: Sequence[str] = (),
    dialect: str = "torch",
) -> fx.GraphModule:
    """A new GraphModule that computes the same, each contraction as a multiplication and a sum.

    What is not spelled out keeps its node, name and notes. Parameters, buffers and layers are
    shared with `graph_module`, which stays as it is. `example_inputs`, a tuple of arguments or a
    dict of them by name, tell the shapes; exported and captured graphs know them without.
    `meta["unfoldify"]` of the result lists what was spelled out, and what was not and why. The
    dialect is torch's, other than in files: graphs are scripted, and traced again.
    """
    check_module(graph_module)
    options = checked(style, dialect, max_intermediate, only, skip, also)
    inputs = arguments(graph_module, example_inputs)
    result, done = rewrite(graph_module, inputs, options)
    result.meta["unfoldify"] = done
    return result
