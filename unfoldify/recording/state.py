"""What a module holds when its forward begins, and what forward has set when it ends."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from typing import Any

from torch import Tensor, fx, nn

from unfoldify.recording.lasting import LASTING, comes_from, is_number, written
from unfoldify.recording.numbers.traced import plain
from unfoldify.recording.paths import below, joined
from unfoldify.recording.scopes import ScopedRecorder


class StatefulRecorder(ScopedRecorder):
    """A recorder of nested graphs that writes down what they assign to their modules.

    `lasting` are the paths of the attributes that go on from call to call.
    """

    def __init__(self, model: nn.Module, lasting: Collection[str]) -> None:
        super().__init__(model)
        self.lasting = lasting
        self.going_on: set[str] = set()  # those of which the next value comes from the last
        self.for_callers: list[tuple[nn.Module, str, Tensor]] = []  # rebound from elsewhere
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
        changed = {
            name: value
            for name, value in self.held(module).items()
            if not (value is None or value is before.get(name) or isinstance(value, bool))
        }
        for name in changed:
            self.forget(module, name, before.get(name))
        for name, value in changed.items():
            node = self.new_node(value) if isinstance(value, Tensor) else self.to_nodes(value)
            if node is None:
                continue
            new = self.assignment(name, node)
            if name in state:
                self.note_place(module, name, value)
            else:
                self.note_lasting(new, joined(path, name))
                if isinstance(node, fx.Node) and comes_from(node) == joined(path, name):
                    self.going_on.add(joined(path, name))

    def new_node(self, value: Tensor) -> fx.Node | None:
        """The node of what a buffer was given: a value of the run, or what another buffer holds."""
        made = self.past.get(id(value))
        if self.is_state(value) or (made is not None and made[0]() is value):
            return self.node_of(value)
        return self.known(value, self.frame)

    def note_rebound(self, module: nn.Module, name: str, old: Tensor, value: Tensor) -> None:
        """A parent, a hook or a plain method of a child gave a buffer of another module a new value:
        that is an assignment where it happens, for a layer that is called whole reads it there.
        """
        path = self.path_here(self.module_paths.get(id(module), []))
        if path is not None:
            self.forget(module, name, old)
            new = self.assignment(name, self.node_of(value), path)
            new.meta["positions"] = self.positions()
            self.note_place(module, name, value)
        elif id(module) in self.module_paths:
            self.for_callers.append((module, name, old))

    def forget(self, module: nn.Module, name: str, old: object) -> None:
        """What a buffer has held so far is from now on a value that was read before."""
        if not isinstance(old, Tensor) or not self.is_state(old):
            return
        self.node_of(old)
        paths = [joined(path, name) for path in self.module_paths[id(module)]]
        others = [path for path in self.state_paths.pop(id(old)) if path not in paths]
        if others:
            self.state_paths[id(old)] = others

    def note_place(self, module: nn.Module, name: str, value: Tensor) -> None:
        """Other calls read a value where it is put."""
        paths = [joined(path, name) for path in self.module_paths[id(module)]]
        self.state_paths[id(value)] = paths
        self.keep_alive.append(value)

    def note_for_callers(self) -> None:
        """What a finished call has rebound of modules that lie outside of its own."""
        waiting, self.for_callers = self.for_callers, []
        for module, name, old in waiting:
            if module is not self.body.module:  # else it is seen when that ends
                self.note_rebound(module, name, old, getattr(module, name))

    def path_here(self, paths: list[str]) -> str | None:
        """A module's path from the module whose graph is being recorded."""
        return next((path for path in (below(p, self.body.path) for p in paths) if path), None)

    def assignment(self, name: str, value: Any, owner_path: str = "") -> fx.Node:
        """`self.name = value`, or of another module `self.child.name = value`."""
        owner = self.frame.graph.create_node("get_attr", owner_path, (), {})
        new = self.frame.graph.call_function(setattr, (owner, name, value))
        new.meta["mutates"] = ()
        return new

    def note_lasting(self, new: fx.Node, path: str) -> None:
        """An attribute is set that lasts; who read it before, read what the last call left."""
        for node in self.frame.graph.nodes:
            if node is new or (node.op == "get_attr" and node.target == new.args[1]):
                node.meta[LASTING] = path

    @contextmanager
    def attributes(self) -> Iterator[None]:
        """Note where buffers of other modules are set, and flags that last: a block may do that, or
        not. Numbers are set at the end of a forward, for their old values may be read until then.
        """
        original = nn.Module.__setattr__
        recorder = self

        def set_attribute(module: nn.Module, name: str, value: Any) -> None:
            old = (
                module._buffers.get(name, module._parameters.get(name))
                if is_set_up(module)
                else None
            )
            original(module, name, value)
            if not recorder.is_recording():
                return
            if recorder.body.module is not module:
                if old is not None and old is not value and isinstance(value, Tensor):
                    recorder.note_rebound(module, name, old, value)
            elif isinstance(value, bool) and name in recorder.lasting_of(module):
                path = joined(recorder.module_paths[id(module)][0], name)
                recorder.note_lasting(recorder.assignment(name, value), path)

        holder: Any = nn.Module
        holder.__setattr__ = set_attribute
        try:
            yield
        finally:
            holder.__setattr__ = original


def is_set_up(module: nn.Module) -> bool:
    """Whether nn.Module's own constructor has run."""
    return "_buffers" in vars(module)
