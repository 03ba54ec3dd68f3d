"""A call's arguments as values that remember their nodes, and the nodes that are made of them."""

from __future__ import annotations

import inspect
import operator
from types import FunctionType
from typing import Any

import torch
from torch import fx
from torch._subclasses.fake_tensor import FakeTensorMode

from unfoldify.graphs.shapes import Known, empty, instances
from unfoldify.lowering.lower import OF_SPARSE
from unfoldify.recording.numbers.traced import traced
from unfoldify.recording.record import Recorder
from unfoldify.recording.source import Position
from unfoldify.recording.values import Description
from unfoldify.rules import Decline, dialect_torch

CONSTANTS = (bool, str, bytes, complex, type(None))
HARMLESS = (torch.dtype, torch.device, torch.layout, torch.memory_format, type(...), slice)


class ArgumentRecorder(Recorder):
    """A recorder whose values are those of a graph's nodes."""

    def __init__(self) -> None:
        super().__init__()
        self.fake = FakeTensorMode(allow_non_fake_inputs=True)
        self.new: list[fx.Node] = []  # made for the call at hand
        self.fixed: list[tuple[fx.Node, Any]] = []  # arguments that it is bound to the values of

    def arguments(self, node: fx.Node, known: Known) -> tuple[Any, Any]:
        """The node's arguments as values that remember their nodes."""
        values: dict[fx.Node, Any] = {}

        def value(source: fx.Node) -> Any:
            if source not in values:
                values[source] = self.stand_in(source, known[source])
            return values[source]

        args = fx.node.map_arg(node.args, value)
        kwargs = fx.node.map_arg(node.kwargs, value)
        return mutable(args), mutable(kwargs)

    def stand_in(self, node: fx.Node, found: Any) -> Any:
        """One value: a tensor without data, a traced number, a structure of such."""
        if isinstance(found, Description):
            if found.is_sparse:
                raise Decline(OF_SPARSE)
            tensor = empty(found, self.fake)
            self.remember(tensor, node)
            return tensor
        if isinstance(found, CONSTANTS):
            self.fixed.append((node, found))
            return found
        if isinstance(found, (int, float)):
            return traced(found, node, self)
        if isinstance(found, (tuple, list)):
            kind = torch.Size if isinstance(found, torch.Size) else type(found)
            return kind(self.item(node, index, item) for index, item in enumerate(found))
        if isinstance(found, dict):
            return {key: self.item(node, key, item) for key, item in found.items()}
        if isinstance(found, HARMLESS):
            return found
        raise Decline(f"an argument is a {type(found).__name__}")

    def item(self, node: fx.Node, key: Any, found: Any) -> Any:
        """One part of a structure."""
        if not any(True for _ in instances(found, (Description, int, float))):
            return found
        return self.stand_in(self.add("call_function", operator.getitem, (node, key), {}), found)

    def add(self, op: str, target: Any, args: Any, kwargs: Any) -> fx.Node:
        """One node, remembered as one of this call's."""
        if isinstance(target, FunctionType):
            kwargs = without_defaults(target, kwargs)
        node = super().add(op, target, args, kwargs)
        self.new.append(node)
        return node

    def positions(self) -> tuple[Position, ...]:
        """As elsewhere, but what stands for einops has no words of its own either."""
        return tuple(p for p in super().positions() if p[0].co_filename != dialect_torch.__file__)

    def undo(self, start: int) -> None:
        """Take back the nodes that were made since there were `start` of them."""
        taken = set(self.new[start:])
        for node in reversed(self.new[start:]):
            node.graph.erase_node(node)
            node.graph._graph_namespace._used_names.discard(node.name)
        del self.new[start:]
        for frame in self.stack:
            frame.values = {
                key: value for key, value in frame.values.items() if value[1] not in taken
            }


def mutable(value: Any) -> Any:
    """The lists and dicts of an fx node as plain ones."""
    if isinstance(value, tuple):
        return tuple(mutable(item) for item in value) if type(value) is tuple else value
    if isinstance(value, list):
        return [mutable(item) for item in value]
    return {key: mutable(item) for key, item in value.items()} if isinstance(value, dict) else value


def without_defaults(function: FunctionType, kwargs: dict[str, Any]) -> dict[str, Any]:
    """Keywords that say something: torch hands its own defaults on."""
    defaults = {name: p.default for name, p in inspect.signature(function).parameters.items()}
    return {name: value for name, value in kwargs.items() if value is not defaults.get(name, ...)}
