"""A graph under construction: which node stands for which value.

A node's arguments are values of the run; a `GraphBuilder` finds the nodes that made them, and
remembers the node for what the call gave, through tuples, lists and dicts.
"""

from __future__ import annotations

import operator
import sys
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import CodeType, FrameType
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn.utils.rnn import PackedSequence
from torch.overrides import TorchFunctionMode

from unfoldify.errors import CaptureError
from unfoldify.recording.machinery import is_machinery
from unfoldify.recording.numbers.limits import Limit, nodes_of
from unfoldify.recording.numbers.traced import ACTIVE, Traced, plain
from unfoldify.recording.source import Position, position_in
from unfoldify.recording.spelling import return_fields, whole_list, whole_shape
from unfoldify.recording.values import describe, literal, tensors_in


@dataclass(eq=False)
class Frame:
    """One graph under construction."""

    graph: fx.Graph
    values: dict[int, tuple[Any, fx.Node]] = field(
        default_factory=dict
    )  # id → (weak reference, node)
    layers: list[Any] = field(default_factory=list)  # layers being spelled out, innermost last


class GraphBuilder(TorchFunctionMode):
    """A stack of graphs, and what each of their nodes made."""

    boundary: frozenset[CodeType] = frozenset()  # frames at which a call's history ends

    def __init__(self) -> None:
        super().__init__()
        self.stack: list[Frame] = []
        self.paused = 0
        self.generators: dict[int, tuple[torch.Generator, fx.Node]] = {}

    @property
    def frame(self) -> Frame:
        return self.stack[-1]

    def is_recording(self) -> bool:
        """Whether the calls that are made now become nodes."""
        return not self.paused and bool(self.stack)

    def add(self, op: str, target: Any, args: Any, kwargs: Any) -> fx.Node:
        """One node, its arguments translated from values to nodes."""
        nodes = self.to_nodes(args)
        named = self.to_nodes(kwargs)
        node = self.frame.graph.create_node(op, target, nodes, named)
        node.meta["positions"] = self.positions()
        self.note_calls(node)
        if self.frame.layers:
            node.meta["layer"] = self.frame.layers[-1]
        return node

    def note_calls(self, node: fx.Node) -> None:
        """Remember in which calls of the user's functions a call was made, where that is of use."""

    def bind(self, result: Any, node: fx.Node) -> None:
        """Remember which node made a tensor, through tuples, lists and dicts."""
        if isinstance(result, Tensor):
            node.meta["val"] = describe(result)
            self.note_alias(result, node)
            self.remember(result, node)
        elif isinstance(result, (tuple, list)):
            node.meta["length"] = len(result)
            node.meta["packed"] = isinstance(result, PackedSequence)
            fields = PackedSequence._fields if node.meta["packed"] else return_fields(result)
            for index, item in enumerate(result):
                if not any(True for _ in tensors_in(item)):
                    continue
                if fields:
                    inner = self.add("call_function", getattr, (node, fields[index]), {})
                else:
                    inner = self.add("call_function", operator.getitem, (node, index), {})
                inner.meta["item"] = index
                self.bind(item, inner)
        elif isinstance(result, dict):
            for key, item in result.items():
                if any(True for _ in tensors_in(item)):
                    self.bind(item, self.add("call_function", operator.getitem, (node, key), {}))

    def note_alias(self, tensor: Tensor, node: fx.Node) -> None:
        """Which other value a tensor shares its memory with, as far as autograd knows."""
        earlier = self.known(tensor, self.frame)
        with torch._C.DisableTorchFunction():
            base = tensor._base
        if earlier is not None and earlier is not node:
            node.meta["alias"] = earlier
        elif base is not None:
            node.meta["alias"] = self.known(base, self.frame)
        elif node.target in ("detach", "view_as", nn.Parameter) or node.args[1:2] == ("data",):
            node.meta["alias"] = node.args[0]

    def remember(self, tensor: Tensor, node: fx.Node) -> None:
        self.frame.values[id(tensor)] = (weakref.ref(tensor), node)

    def known(self, tensor: Tensor, frame: Frame) -> fx.Node | None:
        """The node of a tensor in one frame; an id that was given away to a newer tensor does not
        count.
        """
        entry = frame.values.get(id(tensor))
        return entry[1] if entry is not None and entry[0]() is tensor else None

    def known_here(self, tensor: Any) -> fx.Node | None:
        return self.known(tensor, self.frame) if isinstance(tensor, Tensor) else None

    def node_of(self, tensor: Tensor) -> fx.Node:
        """The node that stands for a tensor in the current frame."""
        node = self.known(tensor, self.frame)
        return node if node is not None else self.missing(tensor)

    def missing(self, tensor: Tensor) -> fx.Node:
        """What to do with a tensor that no recorded call made."""
        raise CaptureError(f"a {tuple(tensor.shape)} tensor was made by no recorded call")

    def followed(self, array: Any) -> Tensor | None:
        """The tensor that is made as an array of numpy's is, if that is known."""
        return None

    def value_node(self, value: Any) -> fx.Node | None:
        if isinstance(value, Tensor) and self.stack:
            return self.known(value, self.frame)
        return value.node if isinstance(value, Traced) else None

    def node_of_number(self, number: Any) -> Any:
        """The node of a traced number, or its plain value where it comes from another run."""
        if number.owner is not self or number.node.graph is not self.frame.graph:
            return plain(number)
        return number.node

    def node_of_generator(self, generator: torch.Generator) -> Any:
        """The node of a generator that the run has made."""
        _, node = self.generators.get(id(generator), (None, None))
        return node if node is not None and node.graph is self.frame.graph else generator

    def node_of_packed(self, value: PackedSequence) -> Any:
        """The node that made a packed sequence whole, or one that packs what it holds."""
        data = self.node_of(value.data)
        if data.target is getattr and data.args[1] == "data":
            return data.args[0]
        fields = self.to_nodes(tuple(value))
        packed = (user for user in data.users if user.target is PackedSequence)
        known = next((user for user in packed if user.args == fields), None)
        return known or self.add("call_function", PackedSequence, fields, {})

    def to_nodes(self, value: Any) -> Any:
        """Values → what an fx node takes: tensors and traced numbers become nodes."""
        if isinstance(value, fx.Node):
            return value
        if isinstance(value, Tensor):
            return self.node_of(value)
        if isinstance(value, Traced):
            return self.node_of_number(value)
        if isinstance(value, torch.Generator):
            return self.node_of_generator(value)
        if isinstance(value, Limit):
            return nodes_of(value, self.frame.graph, self.known_here)
        if isinstance(value, torch.Size):
            items = tuple(self.to_nodes(item) for item in value)
            return whole_shape(items) or items
        if type(value) in (tuple, list):
            items = type(value)(self.to_nodes(item) for item in value)
            return (whole_list(items) or items) if type(items) is list else items
        if isinstance(value, PackedSequence):
            return self.node_of_packed(value)
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            return tuple(self.to_nodes(item) for item in value)
        if isinstance(value, dict):
            return {key: self.to_nodes(item) for key, item in value.items()}
        if isinstance(value, slice):
            return slice(
                self.to_nodes(value.start), self.to_nodes(value.stop), self.to_nodes(value.step)
            )
        if type(value).__module__ == "numpy" and hasattr(value, "tolist"):
            tensor = self.followed(value)
            return self.to_nodes(tensor) if tensor is not None else value.tolist()
        return literal(value)

    def positions(self) -> tuple[Position, ...]:
        """The code positions that led here, innermost first, up to the frame that started the run."""
        found: list[Position] = []
        frame: FrameType | None = sys._getframe(1)
        while frame is not None and frame.f_code not in self.boundary:
            if not is_machinery(frame.f_code.co_filename):
                found.append(position_in(frame))
            frame = frame.f_back
        return tuple(found)

    @contextmanager
    def pause(self) -> Iterator[None]:
        """Run torch as it is: nothing inside is recorded."""
        token = ACTIVE.set(None)
        self.paused += 1
        try:
            yield
        finally:
            self.paused -= 1
            ACTIVE.reset(token)
