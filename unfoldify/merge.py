"""Modules → classes: one class for each kind of block, constructor arguments for what differs.

Every module is first written down for itself, numbers as holes. Modules whose text agrees but for
the holes are instances of one class; holes whose values differ become arguments of its constructor.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from unfoldify.emit.constructor import Constructor, Surroundings, is_instance
from unfoldify.emit.counts import counted
from unfoldify.emit.fingerprint import fingerprint
from unfoldify.emit.forward import Forward, forward
from unfoldify.emit.method_names import method_name
from unfoldify.recording.body import Body


@dataclass(eq=False)
class Instance:
    """One module that is written as a class of its own."""

    module: nn.Module
    path: str
    bodies: list[Body] = field(default_factory=list)
    methods: dict[str, Forward] = field(default_factory=dict)
    init: list[ast.stmt] = field(default_factory=list)
    kind: Kind | None = None


@dataclass(eq=False)
class Kind:
    """One emitted class and the modules that are instances of it."""

    instances: list[Instance]
    name: str = ""
    parameters: dict[str, list[Any]] = field(default_factory=dict)  # name → value for each instance

    @property
    def module(self) -> nn.Module:
        return self.instances[0].module


@dataclass(frozen=True)
class Merged:
    """The classes of a model, in the order in which they are written."""

    kinds: tuple[Kind, ...]
    root: Instance
    side: Mapping[str, Tensor]
    homes: Mapping[int, str]
    resting: tuple[str, ...] = ()  # modules that stay in evaluation mode


def merge(
    model: nn.Module,
    root: Body,
    constants: Mapping[str, Tensor | float],
    resting: tuple[str, ...] = (),
    *,
    shapes: bool = False,
) -> Merged:
    """Group a model's modules into classes."""
    instances = find_instances(model, root)
    homes = first_homes(model)
    side: dict[str, Tensor] = {}
    around = Surroundings({id(i.module): i for i in instances}, homes, constants, side)
    collect_bodies(root, around.instances)
    kinds: list[Kind] = []
    for level in by_height(instances):
        for instance in level:
            write_down(instance, around, is_root=instance.module is model, shapes=shapes)
        kinds.extend(group(level))
    top = around.instances[id(model)]
    return Merged(tuple(kinds), top, side, homes, resting)


def find_instances(model: nn.Module, root: Body) -> list[Instance]:
    """The modules that need a class: those with a graph of their own, and those torch.nn has none
    for.
    """
    entered = {id(body.module) for body in walk_bodies(root)}
    made = {
        id(part)
        for module in model.modules()
        if hasattr(module, "parametrizations") and not is_instance(module)
        for part in module.get_submodule("parametrizations").modules()
    }  # by the call that wraps their layer
    return [
        Instance(module, path)
        for path, module in model.named_modules()
        if module is model
        or (id(module) in entered and not is_container(module))
        or (id(module) not in made and is_instance(module))
    ]


def is_container(module: nn.Module) -> bool:
    from unfoldify.recording.layers import CONTAINERS

    return type(module) in CONTAINERS or type(module) is nn.Sequential


def first_homes(model: nn.Module) -> dict[int, str]:
    """The first path of each module."""
    return {id(module): path for path, module in model.named_modules()}


def walk_bodies(body: Body, seen: set[Body] | None = None) -> Iterator[Body]:
    """A body and all that it calls, and they call; methods that are called several times once."""
    seen = set() if seen is None else seen
    if body in seen:
        return
    seen.add(body)
    yield body
    if body.other_mode is not None:
        yield from walk_bodies(body.other_mode, seen)
    for node in body.graph.nodes:
        for key in ("body", "method_body"):
            if key in node.meta:
                yield from walk_bodies(node.meta[key], seen)


def collect_bodies(root: Body, instances: Mapping[int, Instance]) -> None:
    for body in walk_bodies(root):
        instance = instances.get(id(body.module))
        if instance is not None and body not in instance.bodies:
            instance.bodies.append(body)


def by_height(instances: list[Instance]) -> Iterator[list[Instance]]:
    """Instances without instances inside first, then those that only hold such, and so on."""
    own = {id(instance.module): instance for instance in instances}
    heights: dict[int, int] = {}

    def height(module: nn.Module) -> int:
        if id(module) not in heights:
            heights[id(module)] = 0
            inner = max((height(child) for child in module.children()), default=0)
            heights[id(module)] = inner + (id(module) in own)
        return heights[id(module)]

    levels: dict[int, list[Instance]] = {}
    for instance in instances:
        levels.setdefault(height(instance.module), []).append(instance)
    for level in sorted(levels):
        yield levels[level]


# -- one instance ----------------------------------------------------------------------------------


def write_down(instance: Instance, around: Surroundings, *, is_root: bool, shapes: bool) -> None:
    """The text of one module, numbers as holes; equal calls share a method."""
    instance.init = Constructor(instance.module, instance.path, around).statements()
    texts: dict[Any, str] = {}
    first: Body | None = None
    for body in reversed(instance.bodies):  # those before that others call
        if body.method:
            instance.methods[body.method] = forward(body, shapes=shapes)
    for body in ordered_modes(instance.bodies):
        if body.call is not None and body.said_by is not None and body.said_by.call is not None:
            body.call.meta["method"] = body.said_by.call.meta["method"]
        if body.said or any(body is other.other_mode for other in instance.bodies):
            continue
        text = forward(body, is_root=is_root, shapes=shapes)
        key = fingerprint([*text.lines], values=True), text.names
        if key not in texts:
            texts[key] = method_name(body, first, instance.methods)
            first = first or body
            instance.methods[texts[key]] = text
        if body.call is not None:
            body.call.meta["method"] = texts[key]


def ordered_modes(bodies: list[Body]) -> list[Body]:
    forwards = [body for body in bodies if not body.method]
    return sorted(forwards, key=lambda body: body.training)


# -- classes ---------------------------------------------------------------------------------------


def group(level: list[Instance]) -> list[Kind]:
    """Instances of one text are instances of one class."""
    exact = alike(level, lambda instance: fingerprint(instance.init))
    return [kind for kinds in by_calls(exact) for kind in without_counts(kinds)]


def alike(instances: Iterable[Instance], init: Callable[[Instance], Any]) -> list[Kind]:
    """Instances that agree in what `init` tells of them, and in all else."""
    kinds: dict[Any, Kind] = {}
    for instance in instances:
        kind = kinds.setdefault((*calls(instance), init(instance)), Kind([]))
        kind.instances.append(instance)
        instance.kind = kind
    return list(kinds.values())


def calls(instance: Instance) -> tuple[Any, ...]:
    """An instance without its constructor: its class and its methods."""
    methods = tuple(
        (label, text.names, fingerprint(list(text.lines)))
        for label, text in instance.methods.items()
    )
    return type(instance.module), methods


def by_calls(kinds: list[Kind]) -> Iterator[list[Kind]]:
    """Kinds that differ in their constructors only, side by side."""
    groups: dict[Any, list[Kind]] = {}
    for kind in kinds:
        groups.setdefault(calls(kind.instances[0]), []).append(kind)
    yield from groups.values()


def without_counts(kinds: list[Kind]) -> list[Kind]:
    """Kinds that differ only in how many equal blocks they hold are one, which is told how many."""
    if len(kinds) == 1:
        return kinds
    counts = {id(i): init for kind in kinds for i, init in counted(kind)}
    groups: dict[Any, list[Kind]] = {}
    for kind in kinds:
        groups.setdefault(fingerprint(counts[id(kind.instances[0])]), []).append(kind)
    found: list[Kind] = []
    for group_ in groups.values():
        if len(group_) == 1:
            found.extend(group_)
            continue
        one = Kind([instance for kind in group_ for instance in kind.instances])
        for instance in one.instances:
            instance.kind, instance.init = one, counts[id(instance)]
        found.append(one)
    return found
