"""What is known of the values in a graph: tensors by shape, dtype and device, numbers as they are.

Either the graph says so itself (exported and captured graphs do, node by node), or it runs once on
an example: on tensors without data where it can, on the example itself where the data decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.fx.experimental.symbolic_shapes import optimization_hint
from torch.fx.passes.shape_prop import TensorMetadata

from unfoldify.graphs.keep import kept
from unfoldify.preserve import preserved, silenced
from unfoldify.recording.values import Description, describe

Known = dict[fx.Node, Any]  # a node's value, with a Description for each tensor
UNBACKED = 8  # stands for a size that only data can tell
STORED = ("val", "example_value", "tensor_meta")  # where graphs keep what they know of a value


class Shapes(fx.Interpreter):
    """Runs a graph and keeps what is known of each value."""

    def __init__(self, module: fx.GraphModule, graph: fx.Graph) -> None:
        super().__init__(module, graph=graph)
        self.extra_traceback = False
        self.known: Known = {}
        self.calls: dict[str, tuple[Any, Any]] = {}  # what a submodule was called with

    def run_node(self, n: fx.Node) -> Any:
        result = super().run_node(n)
        self.known[n] = described(result)
        return result

    def placeholder(self, target: Any, args: Any, kwargs: Any) -> Any:
        if str(target).startswith("**"):
            return {}
        return super().placeholder(target, args, kwargs)

    def call_module(self, target: Any, args: Any, kwargs: Any) -> Any:
        self.calls.setdefault(target, described((args, kwargs)))
        return super().call_module(target, args, kwargs)


def observed(module: fx.GraphModule, graph: fx.Graph, inputs: tuple[Any, ...]) -> Shapes:
    """The graph, run once on an example; the module comes back as it was."""
    fake = FakeTensorMode(allow_non_fake_inputs=True)
    device = next((tensor.device for tensor in module.parameters()), torch.device("cpu"))
    try:
        with kept(module), fake:
            shapes = Shapes(module, graph)
            shapes.run(*stand_ins(described(inputs), fake, device), enable_io_processing=False)
            return shapes
    except Exception:  # the data decides, or torch cannot tell shapes without it
        with preserved(module), silenced():
            shapes = Shapes(module, graph)
            copies = rebuilt(inputs, lambda tensor: tensor.detach().clone(), Tensor)
            shapes.run(*copies, enable_io_processing=False)
            return shapes


def stand_ins(inputs: Any, fake: FakeTensorMode, device: torch.device) -> Any:
    """Tensors without data; a description on the meta device stands for one on `device`."""

    def stand_in(found: Description) -> Tensor:
        where = device if found.device.type == "meta" else found.device
        return empty(found, fake, where)

    return rebuilt(inputs, stand_in, Description)


def empty(found: Description, fake: FakeTensorMode, device: torch.device | None = None) -> Tensor:
    """A tensor of this description that holds no data."""
    if found.is_sparse:  # how much it holds, only data can tell
        raise ValueError("a sparse tensor is nothing without data")
    with fake:
        return torch.empty_strided(
            found.shape, found.stride, dtype=found.dtype, device=device or found.device
        )


def stored(graph: fx.Graph, module: nn.Module) -> Known:
    """What the graph's own notes tell."""
    device = next((tensor.device for tensor in module.parameters()), torch.device("cpu"))
    known: Known = {}
    for node in graph.nodes:
        if node.op == "get_attr":
            known[node] = described(attribute(module, str(node.target)))
            continue
        key = next((key for key in STORED if node.meta.get(key) is not None), None)
        if key is not None:
            known[node] = described(node.meta[key], device)
    return known


def attribute(module: nn.Module, path: str) -> Any:
    """`module.encoder.weight`, by its path."""
    value: Any = module
    for name in path.split("."):
        value = getattr(value, name)
    return value


def described(value: Any, device: torch.device | None = None) -> Any:
    """A structure with a description in place of each tensor, and plain numbers."""
    if isinstance(value, TensorMetadata):
        return of_metadata(value, device or torch.device("cpu"))
    if isinstance(value, Tensor):
        return of_tensor(value)
    if isinstance(value, (torch.SymInt, torch.SymFloat, torch.SymBool)):
        return plain_number(value)
    if isinstance(value, torch.Size):
        return torch.Size(plain_number(size) for size in value)
    return mapped(value, lambda item: described(item, device))


def of_tensor(tensor: Tensor) -> Description:
    """The description of one tensor, symbolic sizes by what they were in the example."""
    if not isinstance(tensor, FakeTensor) and not any(map(is_symbolic, tensor.shape)):
        return describe(tensor)
    with torch._C.DisableTorchFunction():
        shape = tuple(plain_number(size) for size in tensor.shape)
        try:
            stride = tuple(plain_number(step) for step in tensor.stride())
        except (RuntimeError, NotImplementedError):
            stride = torch.empty(shape, device="meta").stride()
        return Description(shape, stride, tensor.dtype, tensor.device, tensor.layout)


def of_metadata(found: TensorMetadata, device: torch.device) -> Description:
    shape = tuple(plain_number(size) for size in found.shape)
    stride = tuple(plain_number(step) for step in found.stride) if found.stride else None
    stride = stride or torch.empty(shape, device="meta").stride()
    return Description(shape, stride, found.dtype, device)


def is_symbolic(value: Any) -> bool:
    return isinstance(value, torch.SymInt)


def plain_number(value: Any) -> Any:
    """A symbolic number by what it was in the example; what only data can tell is some number."""
    if isinstance(value, torch.SymInt):
        return int(optimization_hint(value, fallback=UNBACKED))
    if isinstance(value, (torch.SymFloat, torch.SymBool)):
        return value.node.hint if value.node.has_hint() else UNBACKED
    return value


def rebuilt(value: Any, function: Callable[[Any], Any], kind: type) -> Any:
    """The structure with every instance of `kind` replaced."""
    if isinstance(value, kind):
        return function(value)
    return mapped(value, lambda item: rebuilt(item, function, kind))


def mapped(value: Any, function: Callable[[Any], Any]) -> Any:
    """One level of a structure, each item replaced."""
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(function(item) for item in value))
    if type(value).__module__ == "torch.return_types":
        return tuple(function(item) for item in value)
    if isinstance(value, torch.Size):
        return torch.Size(function(item) for item in value)
    if isinstance(value, (tuple, list)):
        return (tuple if isinstance(value, tuple) else list)(function(item) for item in value)
    if isinstance(value, Mapping):
        return {key: function(item) for key, item in value.items()}
    if isinstance(value, slice):
        return slice(function(value.start), function(value.stop), function(value.step))
    return value


def instances(value: Any, kind: type | tuple[type, ...]) -> Iterator[Any]:
    """Every instance of `kind` in a structure."""
    if isinstance(value, kind):
        yield value
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from instances(item, kind)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from instances(item, kind)
