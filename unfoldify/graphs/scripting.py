"""What TorchScript needs to be told of a graph's weights."""

from __future__ import annotations

import typing
from typing import Any

from torch import fx, nn
from torch.jit._script import _unwrap_optional

from unfoldify.graphs.twin import twin


def as_script_wants(module: fx.GraphModule) -> fx.GraphModule:
    """The module for TorchScript: a bias that its class calls optional is said to be there."""
    result = twin(module)
    for node in list(result.graph.nodes):
        if node.op == "get_attr" and is_optional(module, str(node.target)):
            with result.graph.inserting_after(node):
                sure = result.graph.call_function(_unwrap_optional, (node,))
            node.replace_all_uses_with(sure, lambda user, sure=sure: user is not sure)
    result.recompile()
    return result


def is_optional(module: nn.Module, path: str) -> bool:
    """Whether the class of a parameter's module says that the parameter may be missing."""
    owner, _, name = path.rpartition(".")
    for cls in type(module.get_submodule(owner)).__mro__:
        annotation: Any = vars(cls).get("__annotations__", {}).get(name)
        if annotation is not None:
            return "None" in str(annotation) or type(None) in typing.get_args(annotation)
    return False
