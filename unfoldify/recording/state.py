"""What a module holds when its forward begins, and what forward has set when it ends."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from typing import Any

from torch import Tensor, fx, nn

from unfoldify.recording.lasting import LASTING, comes_from, is_number, written
from unfoldify.recording.numbers.traced import plain
from unfoldify.recording.paths import joined
from unfoldify.recording.scopes import ScopedRecorder


class StatefulRecorder(ScopedRecorder):
    """A recorder of nested graphs that writes down what they assign to their modules.

    `lasting` are the paths of the attributes that go on from call to call.
    """

    def __init__(self, model: nn.Module, lasting: Collection[str]) -> None:
        super().__init__(model)
        self.lasting = lasting
        self.going_on: set[str] = set()  # those of which the next value comes from the last
        self.module_paths: dict[int, list[str]] = {}
        for path, module in model.named_modules(remove_duplicate=False):
            self.module_paths.setdefault(id(module), []).append(path)

    def state_of(self, module: nn.Module) -> dict[str, Any]:
        """What a module holds when its forward begins; numbers that last remember that they do."""
        path = self.module_paths[id(module)][0]
        for name in self.lasting_of(module):
            value = plain(vars(module)[name])
            if is_number(value):
                node = self.frame.graph.create_node("get_attr", name)
                node.meta[LASTING] = joined(path, name)
                vars(module)[name] = self.remembered(
                    int(value) if isinstance(value, bool) else value, node
                )
                self.constants.setdefault(joined(path, name), value)
        return self.held(module)

    def held(self, module: nn.Module) -> dict[str, Any]:
        """What a file may set: buffers, parameters, what lasts of plain attributes."""
        own = (written(name, vars(module)[name]) for name in self.lasting_of(module))
        return {**module._buffers, **module._parameters, **dict(chain.from_iterable(own))}

    def lasting_of(self, module: nn.Module) -> Iterator[str]:
        """The names of the attributes of a module that last."""
        for path in sorted(self.lasting):
            owner, _, name = path.rpartition(".")
            if owner == self.module_paths[id(module)][0] and name in vars(module):
                yield name

    def note_new_state(self, module: nn.Module, before: Mapping[str, Any]) -> None:
        """What forward replaced by a value of its own is an assignment of the emitted forward."""
        path, state = self.module_paths[id(module)][0], {*module._buffers, *module._parameters}
        for name, value in self.held(module).items():
            if value is None or value is before.get(name) or isinstance(value, bool):
                continue
            node = (
                self.known(value, self.frame) if isinstance(value, Tensor) else self.to_nodes(value)
            )
            if node is not None:
                new = self.assignment(name, node)
                if name not in state:
                    self.note_lasting(new, joined(path, name))
                    if isinstance(node, fx.Node) and comes_from(node) == joined(path, name):
                        self.going_on.add(joined(path, name))

    def assignment(self, name: str, value: Any) -> fx.Node:
        """`self.name = value`"""
        owner = self.frame.graph.create_node("get_attr", "", (), {})
        new = self.frame.graph.call_function(setattr, (owner, name, value))
        new.meta["mutates"] = ()
        return new

    def note_lasting(self, new: fx.Node, path: str) -> None:
        """An attribute is set that lasts; who read it before, read what the last call left."""
        for node in self.frame.graph.nodes:
            if node is new or (node.op == "get_attr" and node.target == new.args[1]):
                node.meta[LASTING] = path

    @contextmanager
    def flags(self) -> Iterator[None]:
        """Note where flags that last are set: a block may do that, or not. Numbers are set at the end
        of a forward, for their old values may be read until then.
        """
        original = nn.Module.__setattr__
        recorder = self

        def set_attribute(module: nn.Module, name: str, value: Any) -> None:
            original(module, name, value)
            is_here = recorder.is_recording() and recorder.body.module is module
            if is_here and isinstance(value, bool) and name in recorder.lasting_of(module):
                path = joined(recorder.module_paths[id(module)][0], name)
                recorder.note_lasting(recorder.assignment(name, value), path)

        holder: Any = nn.Module
        holder.__setattr__ = set_attribute
        try:
            yield
        finally:
            holder.__setattr__ = original
