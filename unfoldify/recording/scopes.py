"""Values used in another graph than the one that made them: down as arguments, up as results.

A parameter or buffer is an attribute of the innermost module that holds it; a value of a caller
becomes an argument, a value of a finished call one of its results; what no call made is a constant.
"""

from __future__ import annotations

import inspect
import operator
import sys
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import Any

from torch import Tensor, fx, nn

from unfoldify.errors import CaptureError
from unfoldify.recording.body import Body, Parameter, exported
from unfoldify.recording.builder import Frame
from unfoldify.recording.machinery import is_machinery
from unfoldify.recording.numbers.traced import plain
from unfoldify.recording.paths import below, joined, named_state, plain_tensors
from unfoldify.recording.record import Recorder
from unfoldify.recording.source import Position, site, users_place
from unfoldify.recording.structures import leaves
from unfoldify.recording.values import describe


class ScopedRecorder(Recorder):
    """A recorder of nested graphs, one for each module call on its stack."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.state_paths: dict[int, list[str]] = {}
        for path, tensor in named_state(model):
            self.state_paths.setdefault(id(tensor), []).append(path)
        self.attribute_paths = dict(reversed(list(plain_tensors(model))))
        self.constants: dict[str, Tensor | float] = {}  # and numbers that last
        self.is_new: Callable[[object], bool] = lambda tensor: False
        self.past: dict[int, tuple[Any, fx.Node, Body]] = {}
        self.finished: dict[int, Body] = {}  # id of a graph → the call that it belonged to

    @property
    def body(self) -> Body:
        body = self.frame
        assert isinstance(body, Body)
        return body

    def is_state(self, tensor: Tensor) -> bool:
        return id(tensor) in self.state_paths

    def node_of(self, tensor: Tensor) -> fx.Node:
        """The node of a value; a parameter with several names goes by the one of the layer that
        uses it.
        """
        names = self.state_paths.get(id(tensor), ())
        if len(names) > 1 and self.frame.layers:
            own = joined(self.body.path, self.frame.layers[-1].path)
            path = next(
                (below(p, self.body.path) for p in names if p.rpartition(".")[0] == own), None
            )
            if path is not None:
                existing = self.known(tensor, self.frame)
                if existing is None or (existing.op == "get_attr" and existing.target != path):
                    return self.attribute(tensor, path, len(self.stack) - 1)
        return super().node_of(tensor)

    def missing(self, tensor: Tensor) -> fx.Node:
        """A parameter or buffer, a value of a caller or of a finished call, or a constant."""
        paths = self.state_paths.get(id(tensor))
        if paths is not None:
            for depth, frame in reversed(list(enumerate(self.stack))):
                assert isinstance(frame, Body)
                path = next((p for p in (below(p, frame.path) for p in paths) if p), None)
                if path is not None:
                    return self.attribute(tensor, path, depth)
        for depth, frame in reversed(list(enumerate(self.stack[:-1]))):
            if self.known(tensor, frame) is not None:
                return self.bring_down(tensor, depth)
        past = self.past.get(id(tensor))
        if past is not None and past[0]() is tensor:
            depth = self.bring_up(tensor, past[2], past[1])
            return self.bring_down(tensor, depth)
        return self.constant(tensor)

    def attribute(self, tensor: Tensor, path: str, depth: int) -> fx.Node:
        frame = self.stack[depth]
        node = frame.graph.create_node("get_attr", path)
        self.bind_in(frame, tensor, node)
        return self.bring_down(tensor, depth)

    def constant(self, tensor: Tensor) -> fx.Node:
        """A tensor that the run did not make: a plain attribute, a global, a closure's."""
        if self.is_new(tensor) and id(tensor) not in self.made:
            raise unseen(tensor, self.positions())
        found = self.attribute_paths.get(id(tensor))
        for depth, frame in reversed(list(enumerate(self.stack))):
            assert isinstance(frame, Body)
            path = below(found, frame.path) if found else None
            if path is not None or depth == len(self.stack) - 1:
                break
        if path is None:
            depth = self.giver(tensor)
        owner = self.stack[depth]
        assert isinstance(owner, Body)
        if path is None:
            path = f"constant{len(owner.constants)}"
            while hasattr(owner.module, path):
                path += "_"
        self.constants[joined(owner.path, path)] = tensor
        owner.constants[path] = tensor
        node = self.attribute(tensor, path, depth)
        self.stack[depth].values[id(tensor)][1].meta["constant"] = tensor
        return node

    def giver(self, tensor: Tensor) -> int:
        """The depth of the module that handed a tensor on in a list; else of the one that uses it."""
        for depth, body in enumerate(self.stack):
            assert isinstance(body, Body)
            if depth and any(each is tensor for each in leaves(body.lists)):
                return depth - 1
        return len(self.stack) - 1

    def node_of_number(self, number: Any) -> Any:
        if number.owner is not self:
            return plain(number)
        known = self.known_value(number, self.frame)
        if known is not None:
            return known
        if number.node.graph is self.frame.graph:
            return number.node
        for depth, frame in reversed(list(enumerate(self.stack[:-1]))):
            if number.node.graph is frame.graph or self.known_value(number, frame) is not None:
                for body in self.stack[depth + 1 :]:
                    assert isinstance(body, Body)
                    known = self.lift(number, body, suggested_name(number.node) or "n")
                return known
        finished = self.finished.get(id(number.node.graph))
        if finished is not None:
            self.bring_up(number, finished, number.node)
            return self.node_of_number(number)
        return plain(number)

    def known_value(self, value: Any, frame: Frame) -> fx.Node | None:
        entry = frame.values.get(id(value))
        return entry[1] if entry is not None and entry[0]() is value else None

    def lift(self, value: Any, body: Body, name: str, *, lifted: bool = True) -> fx.Node:
        """A value of the caller's graph, as an argument of a body."""
        known = self.known_value(value, body)
        if known is not None:
            return known
        position = self.stack.index(body)
        self.stack, rest = self.stack[:position], self.stack[position:]
        try:
            outer = self.node_of(value) if isinstance(value, Tensor) else self.node_of_number(value)
        finally:
            self.stack = self.stack + rest
        existing = list(body.graph.nodes)
        anchor = next((node for node in existing if node.op != "placeholder"), None)
        with body.graph.inserting_before(anchor) if anchor is not None else nothing():
            node = body.graph.placeholder(name)
        node.meta["name"] = name
        if isinstance(outer, fx.Node):
            node.meta.update(
                {key: outer.meta[key] for key in ("val", "value") if key in outer.meta}
            )
        body.parameters.append(
            Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, node, None, outer, lifted)
        )
        if isinstance(value, Tensor):
            body.values[id(value)] = (weakref.ref(value), node)
        else:
            body.values[id(value)] = (lambda: value, node)
        return node

    def bind_in(self, frame: Frame, tensor: Tensor, node: fx.Node) -> None:
        node.meta["val"] = describe(tensor)
        frame.values[id(tensor)] = (weakref.ref(tensor), node)

    def bring_down(self, tensor: Tensor, depth: int) -> fx.Node:
        """From the graph at `depth` of the stack to the top: an argument of every graph in between."""
        node = self.known(tensor, self.stack[depth])
        assert node is not None
        words = local_words(tensor, self.boundary)
        words += [None] * (len(self.stack) - len(words))
        for level in range(depth + 1, len(self.stack)):
            body, word = self.stack[level], words[level]
            assert isinstance(body, Body)
            # the user's name of it here, or the one further in, or the one that it comes with
            further = next((inner for inner in words[level + 1 :] if inner), None)
            given = node.name if node.op == "placeholder" else suggested_name(node) or "x"
            node = self.lift(tensor, body, word or further or given)
        return node

    def bring_up(self, value: Any, body: Body, node: fx.Node) -> int:
        """From a finished graph to one that still runs: a further result of every graph in between."""
        while True:
            parent, call = body.parent, body.call
            assert parent is not None
            assert call is not None
            body.exports.append(node)
            with parent.graph.inserting_after(last_item(call)):
                outer = parent.graph.call_function(exported, (call, len(body.exports) - 1))
            outer.meta["positions"] = node.meta.get("positions", ())
            if isinstance(value, Tensor):
                self.bind_in(parent, value, outer)
            else:
                outer.meta["value"] = plain(value)
                parent.values[id(value)] = (lambda: value, outer)
            if parent in self.stack:
                return self.stack.index(parent)
            body, node = parent, outer


def unseen(tensor: Tensor, positions: tuple[Position, ...]) -> CaptureError:
    """The message for a tensor that no recorded call made."""
    kind = str(tensor.dtype).removeprefix("torch.")
    return CaptureError(
        f"{users_place(positions)}a {tuple(tensor.shape)} {kind} tensor is used here that was made "
        "while the model ran by a call that cannot be seen (TorchScript, a C++ extension, numpy).\n"
        "Make it by a torch call, or keep it as a buffer of the model."
    )


def local_words(value: Any, boundary: frozenset[CodeType]) -> list[str | None]:
    """What the user's variables call a value in each running call of a module, the outermost first.

    In one call the function that was entered first decides; `boundary` are the frames between calls.
    """
    words: list[str | None] = [None]
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_code in boundary:
            words.append(None)
        elif not is_machinery(frame.f_code.co_filename):
            found = (name for name, held in frame.f_locals.items() if held is value)
            words[-1] = next((name for name in found if name.strip("_.")), words[-1])
        frame = frame.f_back
    return words[-2::-1]


def suggested_name(node: fx.Node) -> str | None:
    """A name for a value that goes to another graph."""
    if "name" in node.meta:
        return str(node.meta["name"])
    if node.op == "get_attr":
        return str(node.target).rsplit(".", 1)[-1]
    for position in node.meta.get("positions", ())[:1]:
        found = site(position)
        if found is not None and found.role == "assigned":
            if not found.unpacks:
                return found.targets[0]
            item = node.args[1] if node.target is operator.getitem else None
            if isinstance(item, int) and item < len(found.targets) and not is_deep(node):
                return found.targets[item]
    return None


def is_deep(node: fx.Node) -> bool:
    """Whether a value is an item of an item: the user's targets are of the result itself."""
    source = node.args[0]
    return isinstance(source, fx.Node) and source.target is operator.getitem


def last_item(call: fx.Node) -> fx.Node:
    """The last of the nodes right behind a call that only take its result apart."""
    node = call
    while node.next.op == "call_function" and node.next.target in (operator.getitem, exported):
        node = node.next
    return node


@contextmanager
def nothing() -> Iterator[None]:
    yield
