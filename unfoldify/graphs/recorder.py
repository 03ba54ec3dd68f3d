"""The recorder, at work inside a graph that exists: one call at a time is replaced by what it does.

The arguments of the call are tensors without data; whatever its rule, or the layer's own forward,
does with them is recorded in front of the call.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn
from torch._subclasses.fake_tensor import FakeTensor

from unfoldify.graphs import free
from unfoldify.graphs.arguments import ArgumentRecorder
from unfoldify.graphs.choose import plan_for
from unfoldify.graphs.factories import FACTORIES
from unfoldify.graphs.guards import expect
from unfoldify.graphs.layout import goes_by_layout, has_dropout, laid_out
from unfoldify.graphs.loops import loop
from unfoldify.graphs.shapes import Known, described
from unfoldify.graphs.twin import free_name
from unfoldify.lowering.lower import Declined, Group, Lowering, size_in_bytes
from unfoldify.memory import format_bytes
from unfoldify.recording.body import Layer
from unfoldify.recording.builder import Frame
from unfoldify.recording.calls import OF_NO_VALUE
from unfoldify.recording.layers import torch_layer
from unfoldify.recording.numbers.traced import plain
from unfoldify.recording.paths import named_state, plain_tensors
from unfoldify.recording.spelling import call_name
from unfoldify.recording.values import tensors_in
from unfoldify.rules import LAYERS, Decline, Rule, dialect_torch


class GraphRecorder(ArgumentRecorder):
    """Runs rules and layers on the arguments of a graph's nodes."""

    def __init__(self, module: fx.GraphModule, how: Lowering, dialect: str) -> None:
        super().__init__()
        self.module = module
        self.how = how
        self.dialect = dialect
        self.module_paths: dict[int, list[str]] = {}
        for path, child in module.named_modules(remove_duplicate=False):
            self.module_paths.setdefault(id(child), []).append(path)
        self.state_paths: dict[int, list[str]] = {}
        named = ((id(tensor), path) for path, tensor in named_state(module))
        for identity, path in (*named, *plain_tensors(module)):
            self.state_paths.setdefault(identity, []).append(path)
        self.groups: list[Group] = []
        self.declined: list[Declined] = []
        self.anchor: Tensor | None = None  # a tensor of the call: new tensors are made where it is
        self.in_rule = False
        self.whole = False  # whether parametrizations stay calls
        self.original = nn.Module.__call__
        self.boundary = frozenset({GraphRecorder.record.__code__})

    def record(self, node: fx.Node, known: Known, compute: Callable[[Any, Any], Any]) -> Any:
        """What `compute` does with the node's arguments, as nodes; its result as nodes."""
        self.stack = [Frame(node.graph)]
        self.new, self.fixed = [], []
        before = len(self.groups), len(self.declined), len(self.reads)
        with node.graph.inserting_before(node), self.fake:
            try:
                args, kwargs = self.arguments(node, known)
                self.anchor = next(tensors_in((args, kwargs)), None)
                result = compute(args, kwargs)
                if goes_by_layout(node, self.module, self.how.rules):
                    result = laid_out(result, known.get(node))
                result = self.to_nodes(result)
                if any(read.call not in OF_NO_VALUE for read in self.reads[before[2] :]):
                    raise Decline("what it does depends on the values of a tensor")
                for source, value in self.fixed:
                    guard = self.add("call_function", expect, (source, value, source.name), {})
                    guard.meta["is_wrapped"] = True
            except Exception as error:
                self.undo(0)
                del self.groups[before[0] :], self.declined[before[1] :]
                raise error if isinstance(error, Decline) else Decline(first_line(error)) from error
            finally:
                self.stack = []
        return result

    # -- functions -------------------------------------------------------------------------------

    def call(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """One torch call: by its rule inside a layer, as a layer where it follows the mode."""
        if func in FACTORIES and self.anchor is not None:
            with self:  # a mode does not see what its own handler does
                return FACTORIES[func](self.anchor, *args, **kwargs)
        if self.frame.layers and func is F.dropout:
            return self.dropout(*args, **kwargs)
        rule = self.how.rules.get(func) if self.frame.layers and not self.in_rule else None
        if rule is not None and self.how.wanted(self.layer, rule.kind):
            start = len(self.new)
            try:
                with self:
                    return self.by_rule(rule, call_name(func), args, kwargs)
            except Decline as reason:
                self.undo(start)
                self.declined.append(Declined(self.layer, call_name(func), rule.kind, str(reason)))
        return super().call(func, args, kwargs)

    @property
    def layer(self) -> str:
        return self.frame.layers[-1].path if self.frame.layers else ""

    def by_rule(self, rule: Rule, name: str, args: Any, kwargs: Any, layer: str = "") -> Any:
        """Run a rule; in the einsum style where the product would not fit."""
        start = len(self.new)
        with self.pause():
            text = rule.describe(*args, **kwargs)
        style, why = self.how.style, ""
        result, largest = self.run_rule(rule, args, kwargs, style)
        if style == "product" and largest > self.how.max_intermediate:
            self.undo(start)
            style, why = "einsum", f"the product would take {format_bytes(largest)}"
            result, largest = self.run_rule(rule, args, kwargs, style)
        shapes = tuple(shape_of(x) for x in (*tensors_in((args, kwargs)), *tensors_in(result)))
        layer = layer or self.layer
        self.groups.append(Group(layer, name, rule.kind, text, style, shapes, largest, why))
        return result

    def run_rule(self, rule: Rule, args: Any, kwargs: Any, style: str) -> tuple[Any, int]:
        """The rule's result, and the bytes of the largest value on the way."""
        start = len(self.new)
        self.in_rule = True
        try:
            result = rule.function(*args, **kwargs, style=style)
        finally:
            self.in_rule = False
        sizes = (n.meta.get("step") or size_in_bytes(n.meta.get("val")) for n in self.new[start:])
        return result, max(sizes, default=0)

    def whole_call(self, function: Any, args: Any, kwargs: Any) -> Any:
        """A call of einops as it is, or by torch's own calls."""
        if self.dialect == "torch" and hasattr(dialect_torch, function.__name__):
            return getattr(dialect_torch, function.__name__)(*args, **kwargs)
        result = super().whole_call(function, args, kwargs)
        for node in self.new[-1:]:
            node.meta["is_wrapped"] = True  # a leaf for whoever traces the result once more
        return result

    def direction(self, *args: Any) -> Any:
        """The loop over time of a recurrent layer, as one call."""
        call = loop(*args)
        with self.pause():
            result = call.result()
        node = self.add("call_function", call.function, call.args, {})
        node.meta.update(is_wrapped=True, step=call.step_bytes)
        self.bind(result, node)
        return result[0], result[1:]

    def dropout(
        self, x: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
    ) -> Tensor:
        """Dropout inside a layer: a layer too, so that it goes on following the mode."""
        name = f"{self.layer.replace('.', '_')}_dropout"
        present = self.module._modules.get(name)
        if not (isinstance(present, nn.Dropout) and present.p == plain(p)):
            name = free_name(self.module, name)
            layer = nn.Dropout(plain(p))
            self.module.add_module(name, layer.train(self.frame.layers[-1].module.training))
        with self.pause():
            result = x.clone()
        self.bind(result, self.add("call_module", name, (x,), {}))
        return result

    # -- layers ----------------------------------------------------------------------------------

    def call_module(self, module: nn.Module, args: Any, kwargs: Any) -> Any:
        """A module called by a layer that is being spelled out."""
        paths = self.module_paths.get(id(module))
        if self.paused or not self.stack or paths is None:
            return self.original(module, *args, **kwargs)
        path = next((path for path in paths if path.startswith(f"{self.layer}.")), paths[0])
        if plan_for(module, path, self.how, whole=self.whole) == "keep":
            return self.keep(module, path, args, kwargs)
        return self.run_layer(module, path, args, kwargs)

    def run_layer(self, module: nn.Module, path: str, args: Any, kwargs: Any) -> Any:
        """A layer by its own rule, or by its forward, whose calls may have rules."""
        self.frame.layers.append(Layer(path, module))
        try:
            rule = layer_rule(module)
            if rule is not None and self.how.wanted(path, rule.kind):
                start = len(self.new)
                try:
                    result = self.by_rule(rule, type(module).__name__, (module, *args), kwargs)
                    return self.as_by_torch(result, module, args, kwargs)
                except Decline:
                    self.undo(start)
            return self.original(module, *args, **kwargs)
        finally:
            self.frame.layers.pop()

    def as_by_torch(self, result: Any, module: nn.Module, args: Any, kwargs: Any) -> Any:
        """A layer's result in the layout of torch's, where the layer around it may have dropout."""
        if len(self.frame.layers) == 1 or not has_dropout(self.frame.layers[0].module):
            return result
        with self.pause():
            found = described(self.original(module, *plain(args), **plain(kwargs)))
        return laid_out(result, found)

    def keep(self, module: nn.Module, path: str, args: Any, kwargs: Any) -> Any:
        """A call that stays one."""
        with self.pause(), torch._C.DisableTorchFunction():
            result = self.original(module, *plain(args), **plain(kwargs))
        self.bind(result, self.add("call_module", path, args, kwargs))
        return result

    # -- sizes -----------------------------------------------------------------------------------

    def moves(self, x: Tensor, dim: int) -> bool:
        node = self.known(x, self.frame)
        with self.pause(), torch._C.DisableTorchFunction():
            return node is not None and free.moves(node, dim)

    # -- values from elsewhere -------------------------------------------------------------------

    def missing(self, tensor: Tensor) -> fx.Node:
        """A parameter or buffer by its name; of several, by the one in the layer that uses it."""
        paths = self.state_paths.get(id(tensor))
        if paths is None:
            if isinstance(tensor, FakeTensor) or tensor.is_meta:
                raise Decline("it makes a tensor by no call of torch")
            paths = self.state_paths[id(tensor)] = [self.constant(tensor)]
        own = [path for path in paths if path.rpartition(".")[0] == self.layer]
        node = self.add("get_attr", (own or paths)[0], (), {})
        self.bind(tensor, node)
        return node

    def constant(self, tensor: Tensor) -> str:
        """A tensor that belongs to no module becomes a buffer that no state dict has."""
        name = free_name(self.module, "_tensor_constant")
        self.module.register_buffer(name, tensor, persistent=False)
        return name


def layer_rule(module: nn.Module) -> Rule | None:
    """The rule of a whole layer, for those that read better so than by the functions they call."""
    layer = torch_layer(module)
    if layer is None or hasattr(module, "parametrizations"):
        return None
    return LAYERS.get(layer)


def shape_of(tensor: Tensor) -> tuple[int, ...]:
    with torch._C.DisableTorchFunction():
        return tuple(int(size) for size in tensor.shape)


def first_line(error: Exception) -> str:
    """What an exception says, in a line."""
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0]}" if text else type(error).__name__
