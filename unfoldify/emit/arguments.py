"""Holes whose values differ between the instances of a class → arguments of its constructor."""

from __future__ import annotations

import ast
import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from unfoldify.emit.configuration import parameters_of
from unfoldify.emit.constructor import in_wrappings, is_instance, literal
from unfoldify.emit.counts import COUNT
from unfoldify.emit.format import Comment, Remarked
from unfoldify.emit.functions.function import FunctionCall, without_defaults
from unfoldify.emit.layer_numbers import LayerNumber
from unfoldify.emit.lines import (
    BEFORE_SHAPE,
    ClassCall,
    Declared,
    Hole,
    assign,
    constant,
    dotted,
    name,
    remarked,
)
from unfoldify.emit.numbered import numbered
from unfoldify.emit.own_constructor import derived, parameters_in_source, users_word
from unfoldify.emit.words import given_arguments
from unfoldify.emit.words_for_values import identifier
from unfoldify.emit.written import word_of
from unfoldify.merge import Instance, Kind

# what people call the arguments of torch's layers when they pass them on
USUAL = {
    "in_channels": "c_in",
    "out_channels": "c_out",
    "num_features": "features",
    "normalized_shape": "features",
    "in_features": "features_in",
    "out_features": "features_out",
    "embed_dim": "width",
    "num_channels": "channels",
    "size": "size",
}
LAYER_NUMBERS = (
    "stride",
    "padding",
    "dilation",
    "kernel_size",
    "groups",
    "in_channels",
    "out_channels",
    "eps",
    "p",
    "in_features",
    "out_features",
    "num_heads",
    "embed_dim",
    "head_dim",
    "num_groups",
)


class Arguments:
    """Decides, for one class, what its constructor takes; `resolve` gives the text of it."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.first = kind.instances[0]
        self.by_values: dict[Any, str] = {}
        self.taken: set[str] = {"self", *self.first.module._modules, *self.first.module._parameters}
        self.stored: dict[str, str] = {}  # attribute of self that keeps an argument for forward
        made: Any = type(self.first.module)
        self.given = given_arguments(made)

    def resolve(self) -> tuple[list[ast.stmt], dict[str, list[ast.stmt]]]:
        """The statements of `__init__` and of each method, without holes."""
        inits = [instance.init for instance in self.kind.instances]
        init = [
            self.fill([statements[i] for statements in inits], in_init=True)
            for i in range(len(inits[0]))
        ]
        methods: dict[str, list[ast.stmt]] = {}
        for label, text in self.first.methods.items():
            others = [list(instance.methods[label].lines) for instance in self.kind.instances]
            methods[label] = [
                self.fill([lines[i] for lines in others], in_init=False)
                for i in range(len(text.lines))
            ]
        order = parameters_in_source(self.kind)
        if set(self.kind.parameters) <= set(order):
            parameters = dict(self.kind.parameters)
            self.kind.parameters.clear()
            self.kind.parameters.update({k: parameters[k] for k in order if k in parameters})
        init[1:1] = [
            assign(ast.Attribute(name("self"), label, ast.Store()), name(argument))
            for label, argument in self.stored.items()
        ]
        return init, methods

    # -- trees ---------------------------------------------------------------------------------

    def fill(self, trees: list[Any], *, in_init: bool) -> Any:
        """One tree from the trees of all instances: what differs is read from an argument."""
        if isinstance(trees[0], FunctionCall):
            trees = without_defaults(trees)
        first = trees[0]
        if isinstance(first, Hole):
            return self.hole(trees, in_init=in_init)
        if isinstance(first, Declared):
            return self.layer(trees)
        if isinstance(first, ClassCall):
            return self.instance(trees)
        if isinstance(first, Remarked):
            statement = self.fill([tree.statement for tree in trees], in_init=in_init)
            return remarked(statement, common_remark([tree.remark for tree in trees]))
        if isinstance(first, Comment):
            return Comment(common_text([tree.text for tree in trees]))
        if isinstance(first, ast.AST):
            filled = copy.copy(first)
            for label in first._fields:
                parts = [getattr(tree, label, None) for tree in trees]
                setattr(filled, label, self.fill(parts, in_init=in_init))
            return with_sign_inside(filled) if isinstance(filled, ast.UnaryOp) else filled
        if isinstance(first, list):
            return [
                self.fill([tree[i] for tree in trees], in_init=in_init) for i in range(len(first))
            ]
        return first

    def hole(self, holes: list[Hole], *, in_init: bool) -> ast.expr:
        values = [hole.value for hole in holes]
        if all_same(values):
            return constant(values[0])
        origin = holes[0].origin
        if in_init:
            return name(self.argument(values, origin if isinstance(origin, str) else "size"))
        kept = self.by_values.get(repr(values))
        if kept in self.stored.values():  # one name for a number, wherever it is used
            return self.attribute(str(kept))
        read = self.read_from_layer(values, origin)
        if read is not None:
            return read
        product = self.multiple(values)
        if product is not None:
            return product
        word = "size"
        if isinstance(origin, tuple):
            keyword = origin[1] if isinstance(origin[1], str) else None
            word = word_of(*origin) or keyword or word
        return self.attribute(self.argument(values, word))

    def multiple(self, values: list[Any]) -> ast.expr | None:
        """`2 * self.dilation`; of fewer than three different values it may be chance."""
        if any(type(value) is not int for value in values) or len(set(values)) < 3:
            return None
        for label, column in self.kind.parameters.items():
            if values == column or any(type(value) is not int or value == 0 for value in column):
                continue
            factor = values[0] // column[0]
            if factor > 1 and all(factor * c == v for c, v in zip(column, values, strict=True)):
                return ast.BinOp(ast.Constant(factor), ast.Mult(), self.attribute(label))
        return None

    def attribute(self, label: str) -> ast.Attribute:
        """An argument, read in a method from where the constructor keeps it."""
        attribute = label if not hasattr(nn.Module, label) else f"{label}_"
        self.stored[attribute] = label
        return ast.Attribute(name("self"), attribute, ast.Load())

    def layer(self, calls: list[Declared]) -> ast.expr:
        """The declaration of a layer; an argument that any instance gives, all give."""
        declarations = [call.declaration for call in calls]
        defaults = parameters_of(declarations[0].cls)
        given = [
            {argument.name: argument.value for argument in found.arguments}
            for found in declarations
        ]
        by_position = {
            a.name for found in declarations[:1] for a in found.arguments if a.positional
        }
        args: list[ast.expr] = []
        keywords: list[ast.keyword] = []
        names = [label for label in defaults if any(label in each for each in given)]
        columns = {label: [each.get(label, defaults[label]) for each in given] for label in names}
        path, made = calls[0].path, declarations[0].cls.__name__
        ends = {word for at in (0, 1) for word in map(users_word, self.users(path, at, made)[:1])}
        for position, label in enumerate(names):
            own = self.users(path, label, made) or self.users(path, position, made)
            if names_both_ends(label, columns) and len(ends) > 1:
                own = []
            value = self.value(columns[label], self.usual(label, columns), own)
            if label in by_position and not keywords:
                args.append(value)
            else:
                keywords.append(ast.keyword(label, value))
        call = ast.Call(calls[0].called or dotted(declarations[0].spelled), args, keywords)
        return in_wrappings(call, declarations[0])

    def users(self, path: str, key: Any, made: str) -> list[ast.expr]:
        """What the user's constructor gives there; several where several calls may be meant."""
        parts = path.split(".")
        while parts and parts[-1].isdigit():
            parts.pop()
        every = ".".join([*parts, f"*:{made}"])
        return self.given.get((path, key)) or self.given.get((every, key), [])

    def usual(self, label: str, columns: dict[str, list[Any]]) -> str:
        if names_both_ends(label, columns):
            return "channels" if label in ("in_channels", "out_channels") else "features"
        return USUAL.get(label, label)

    def value(self, values: list[Any], word: str, own: Sequence[ast.expr] = ()) -> ast.expr:
        """A number that all instances have, or an argument; `own` is what the user gives there."""
        if isinstance(values[0], Tensor) and len({each.shape for each in values}) == 1:
            values = values[:1] if all_same(values) else [torch.zeros_like(values[0])]
        if all_same(values):
            return literal(values[0])
        if repr(values) not in self.by_values:
            found = next(filter(None, (derived(each, values, self.kind) for each in own)), None)
            if found is not None:
                return found
        words = [each for each in map(users_word, own) if each and each not in self.taken]
        return name(self.argument(values, next(iter(words), word)))

    def instance(self, calls: list[ClassCall]) -> ast.expr:
        """The call of another emitted class, with what its constructor takes."""
        kind: Kind = calls[0].instance.kind
        path = calls[0].path.removeprefix(f"{self.first.path}.")
        order = parameters_in_source(kind)
        args: list[ast.expr] = []
        for label, column in kind.parameters.items():
            values = [column[kind.instances.index(call.instance)] for call in calls]
            made = type(kind.module).__name__
            own = self.users(path, label, made)
            if not own and label in order:
                own = self.users(path, order.index(label), made)
            args.append(self.value(values, label, own))
        return ast.Call(ClassName(kind), args, [])

    # -- arguments -----------------------------------------------------------------------------

    def argument(self, values: list[Any], word: str) -> str:
        """The argument that has these values; one for each column of values.

        How many blocks there are is never said by another number that happens to be equal.
        """
        key = repr(values) if word != COUNT else (COUNT, repr(values))
        if key not in self.by_values:
            word = (self.own_attribute(values) or word) if word == "size" else word
            label = next(word for word in numbered([identifier(word)]) if word not in self.taken)
            self.taken.add(label)
            self.by_values[key] = label
            self.kind.parameters[label] = values
        return self.by_values[key]

    def own_attribute(self, values: list[Any]) -> str | None:
        """What the user's module itself calls a number: an attribute that has it in every instance."""
        for label in vars(self.first.module):
            found = [vars(instance.module).get(label) for instance in self.kind.instances]
            alike = all(type(a) is type(b) for a, b in zip(found, values, strict=True))
            if alike and found == values and not label.startswith("_") and label != "training":
                return label
        return None

    def read_from_layer(self, values: list[Any], origin: Any) -> ast.expr | None:
        """`self.conv1.stride[0]`: a number of forward that a layer of every instance has."""
        node = origin[0] if isinstance(origin, tuple) else None
        group = node.meta.get("group", node.meta.get("called")) if node is not None else None
        if group is None or not group.layer:
            return None
        said = origin[1] if isinstance(origin[1], str) else ""  # `dilation=` rather than another
        for reading in sorted(READINGS, key=lambda reading: reading.label != said):
            layers = [layer_at(instance, group.layer) for instance in self.kind.instances]
            if [reading.of(layer) for layer in layers] == values:
                if any(map(is_instance, layers)):  # a class that holds tensors and no numbers
                    return None
                from unfoldify.emit.expressions import Expressions

                layer = Expressions(self.first.module, {}).path(group.layer)
                whole = ast.Attribute(layer, reading.label, ast.Load())
                if reading.axis is None:
                    return whole
                return LayerNumber(whole, reading.axis, len(getattr(layers[0], reading.label)))
        return None


def with_sign_inside(node: ast.UnaryOp) -> ast.expr:
    """`-2 * n` for `-(2 * n)`."""
    match node:
        case ast.UnaryOp(ast.USub(), ast.BinOp(ast.Constant() as factor, ast.Mult(), other)):
            return ast.BinOp(ast.UnaryOp(ast.USub(), factor), ast.Mult(), other)
    return node


class ClassName(ast.expr):
    """The name of an emitted class, once it has one."""

    _fields = ()

    def __init__(self, kind: Kind) -> None:
        super().__init__()
        self.kind = kind


def names_both_ends(label: str, columns: dict[str, list[Any]]) -> bool:
    """Whether a layer's result is as wide as its input, and this is one of the two widths."""
    return any(
        label in pair and columns.get(pair[0]) == columns.get(pair[1])
        for pair in (("in_channels", "out_channels"), ("in_features", "out_features"))
    )


def layer_at(instance: Instance, path: str) -> Any:
    try:
        return instance.module.get_submodule(path)
    except AttributeError:
        return None


@dataclass(frozen=True)
class Reading:
    """A number of a layer and how to read it: `stride`, or one axis of it, `stride[0]`."""

    label: str
    axis: int | None = None

    def of(self, layer: Any) -> Any:
        value = getattr(layer, self.label, None)
        return value if self.axis is None else item(value, self.axis)


READINGS = [Reading(label, axis) for label in LAYER_NUMBERS for axis in (None, 0, 1, 2)]


def common_remark(remarks: list[str]) -> str:
    """A remark without the shape of the example where that differs between instances."""
    parts = [remark.split(BEFORE_SHAPE) for remark in remarks]
    return BEFORE_SHAPE.join(part for part in parts[0] if all(part in other for other in parts))


def common_text(texts: list[str]) -> str:
    """What the headings of all instances say: `filter: kernel 2`, where the dilations differ."""
    if len(set(texts)) == 1:
        return texts[0]
    parts = [text.replace(": ", ", ", 1).split(", ") for text in texts]
    title, *kept = [part for part in parts[0] if all(part in others for others in parts)] or [
        texts[0]
    ]
    mark = ": " if ": " in texts[0] else ", "
    return f"{title}{mark}{', '.join(kept)}" if kept else title


def item(value: Any, axis: int) -> Any:
    return value[axis] if isinstance(value, tuple) and len(value) > axis else None


def all_same(values: list[Any]) -> bool:
    first = values[0]
    if isinstance(first, Tensor):
        return all(isinstance(value, Tensor) and torch.equal(value, first) for value in values)
    return all(type(value) is type(first) and value == first for value in values)
