"""A second GraphModule over the same parameters, whose graphs may be changed."""

from __future__ import annotations

import copy
import types
from typing import Any

from torch import fx, nn

_TABLES = (dict, list, set)


def twin(module: fx.GraphModule) -> fx.GraphModule:
    """The same class, attributes, submodules and hooks; graphs of its own.

    Layers, parameters and buffers are shared, as torch.fx does it wherever it makes a module from a
    module. A GraphModule that keeps several graphs, say one for each mode, gets a copy of each.
    """
    other = type(module).__new__(type(module))
    attributes = {name: shallow(value) for name, value in vars(module).items()}
    attributes = {name: rebound(value, module, other) for name, value in attributes.items()}
    copies = {
        id(graph): copy.deepcopy(graph)
        for graph in vars(module).values()
        if isinstance(graph, fx.Graph)
    }
    attributes |= {
        name: copies[id(graph)]
        for name, graph in vars(module).items()
        if isinstance(graph, fx.Graph)
    }
    vars(other).update(attributes)
    for graph in copies.values():
        graph.owning_module = other
    return other


def graphs(module: fx.GraphModule) -> list[fx.Graph]:
    """Every graph of a module, the one that it runs at present first."""
    found = [
        module.graph,
        *(graph for graph in vars(module).values() if isinstance(graph, fx.Graph)),
    ]
    return list({id(graph): graph for graph in found}.values())


def shallow(value: Any) -> Any:
    """Containers are copied, what they hold is shared."""
    return copy.copy(value) if isinstance(value, _TABLES) else value


def rebound(value: Any, old: nn.Module, new: nn.Module) -> Any:
    """A method that was put on the old instance, as one of the new."""
    if isinstance(value, types.MethodType) and value.__self__ is old:
        return types.MethodType(value.__func__, new)
    return value


def replace_submodule(module: nn.Module, path: str, new: nn.Module) -> None:
    """Put a module in another's place; the modules on the way to it are copied, not changed."""
    name, _, rest = path.partition(".")
    if rest:
        child = shell(module.get_submodule(name))
        replace_submodule(child, rest, new)
        new = child
    module._modules[name] = new


def shell(module: nn.Module) -> nn.Module:
    """The same module with tables of its own: its children can be replaced."""
    other: nn.Module = module.__class__.__new__(module.__class__)
    vars(other).update({name: shallow(value) for name, value in vars(module).items()})
    return other


def free_name(module: nn.Module, wanted: str) -> str:
    """`wanted`, or with a number behind it where the module has something of that name."""
    name, count = wanted, 0
    while hasattr(module, name):
        count += 1
        name = f"{wanted}_{count}"
    return name
