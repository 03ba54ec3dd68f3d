"""Modules → classes: one class for each kind of block, constructor arguments for what differs.

Every module is first written down for itself, numbers as holes. Modules whose text agrees but for
the holes are instances of one class; holes whose values differ become arguments of its constructor.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from unfoldify.emit.constructor import Constructor, Surroundings, is_instance
from unfoldify.emit.format import Comment, Remarked
from unfoldify.emit.forward import Forward, forward
from unfoldify.emit.lines import ClassCall, Declared, Hole
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
    constants: Mapping[str, Tensor],
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
    return [
        Instance(module, path)
        for path, module in model.named_modules()
        if module is model
        or (id(module) in entered and not is_container(module))
        or is_instance(module)
    ]


def is_container(module: nn.Module) -> bool:
    from unfoldify.recording.layers import CONTAINERS

    return type(module) in CONTAINERS or type(module) is nn.Sequential


def first_homes(model: nn.Module) -> dict[int, str]:
    """The first path of each module."""
    return {id(module): path for path, module in model.named_modules()}


def walk_bodies(body: Body) -> Iterator[Body]:
    yield body
    if body.other_mode is not None:
        yield from walk_bodies(body.other_mode)
    for node in body.graph.nodes:
        if "body" in node.meta:
            yield from walk_bodies(node.meta["body"])


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
    for body in ordered_modes(instance.bodies):
        if any(body is other.other_mode for other in instance.bodies):
            continue
        text = forward(body, is_root=is_root, shapes=shapes)
        key = fingerprint([*text.lines], values=True), text.names
        if key not in texts:
            texts[key] = "forward" if not texts else f"forward{len(texts) + 1}"
            instance.methods[texts[key]] = text
        if body.call is not None:
            body.call.meta["method"] = texts[key]


def ordered_modes(bodies: list[Body]) -> list[Body]:
    return sorted(bodies, key=lambda body: body.training)


def fingerprint(tree: Any, *, values: bool = False) -> Any:
    """What is the same for all instances of a class: the tree without the values in its holes."""
    if isinstance(tree, Hole):
        return ("hole", tree.value) if values else ("hole", isinstance(tree.value, str))
    if isinstance(tree, Declared):
        told = [
            (a.name, a.value)
            for a in tree.declaration.arguments
            if values or not is_number(a.value)
        ]
        return ("layer", tree.declaration.cls, repr(told))
    if isinstance(tree, Comment):
        return ("comment", tree.text if values else "")
    if isinstance(tree, Remarked) and not values:
        return ("remarked", fingerprint(tree.statement))
    if isinstance(tree, ClassCall):
        return ("class", id(tree.instance.kind))
    if isinstance(tree, ast.AST):
        fields = getattr(tree, "_fields", ())
        return (
            type(tree).__name__,
            *(fingerprint(getattr(tree, f, None), values=values) for f in fields),
        )
    if isinstance(tree, (list, tuple)):
        return tuple(fingerprint(item, values=values) for item in tree)
    return (type(tree).__name__, tree)


def is_number(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(is_number(item) for item in value)
    return isinstance(value, (int, float)) and not isinstance(value, bool)


# -- classes ---------------------------------------------------------------------------------------


def group(level: list[Instance]) -> list[Kind]:
    """Instances of one text are instances of one class."""
    kinds: dict[Any, Kind] = {}
    for instance in level:
        methods = tuple(
            (label, text.names, fingerprint(list(text.lines)))
            for label, text in instance.methods.items()
        )
        key = (type(instance.module), methods, fingerprint(instance.init))
        kind = kinds.setdefault(key, Kind([]))
        kind.instances.append(instance)
        instance.kind = kind
    return list(kinds.values())
