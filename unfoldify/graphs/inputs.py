"""The example that a graph is given, as one value for each of its placeholders."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, fx

from unfoldify.errors import UsageError


def check_module(module: Any) -> None:
    """Raises where `transform` is given something else than a GraphModule, with the way to one."""
    if isinstance(module, fx.GraphModule):
        return
    name = type(module).__name__
    if isinstance(module, torch.export.ExportedProgram):
        raise UsageError(
            "transform: wanted a torch.fx.GraphModule, found an ExportedProgram.\n"
            "Its graph is in exported.module(): transform(exported.module())"
        )
    raise UsageError(
        f"transform: wanted a torch.fx.GraphModule, found {name}.\n"
        "Make one with torch.fx.symbolic_trace(net) or torch.export.export(net, inputs).module(), "
        "or write the module itself again with unfoldify.unfoldify(net, inputs)"
    )


def arguments(module: fx.GraphModule, example: Any) -> tuple[Any, ...] | None:
    """A value for each placeholder, or None where there is no example."""
    names = placeholders(module)
    if isinstance(example, Mapping):
        args = by_name(module, example)
    else:
        args = tuple(example) if isinstance(example, (tuple, list)) else (example,)
    if not args and any(not node.args for node in names.values()):
        return None
    flat = tuple(module.graph.process_inputs(*args))
    open_ended = any(name.startswith("*") for name in names)
    least = sum(not node.args and not name.startswith("*") for name, node in names.items())
    if len(flat) < least or (len(flat) > len(names) and not open_ended):
        raise UsageError(
            f"example_inputs: wanted {counted(names)}, found {len(flat)}: {shown(flat)}"
        )
    return flat


def placeholders(module: fx.GraphModule) -> dict[str, fx.Node]:
    return {str(node.target): node for node in module.graph.nodes if node.op == "placeholder"}


def by_name(module: fx.GraphModule, example: Mapping[str, Any]) -> tuple[Any, ...]:
    """Keyword arguments in the order in which forward takes them."""
    signature = inspect.signature(module.forward)
    try:
        bound = signature.bind(**example)
    except TypeError as error:
        raise UsageError(
            f"example_inputs: wanted {', '.join(signature.parameters)}, "
            f"found {', '.join(map(str, example))}: {error}"
        ) from None
    bound.apply_defaults()
    return bound.args


def counted(names: Mapping[str, Any]) -> str:
    """`2 values (x, mask)`"""
    return f"{len(names)} value{'s' * (len(names) != 1)} ({', '.join(names)})"


def shown(values: Any) -> str:
    """`2x3 float32, None`"""
    words = []
    for value in values:
        if isinstance(value, Tensor):
            shape = "x".join(str(size) for size in value.shape) or "scalar"
            words.append(f"{shape} {str(value.dtype).removeprefix('torch.')}")
        else:
            words.append(
                repr(value)
                if isinstance(value, (int, float, str, type(None)))
                else type(value).__name__
            )
    return ", ".join(words) or "nothing"
