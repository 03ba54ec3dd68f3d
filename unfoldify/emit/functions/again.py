"""Layers that a forward calls more than once: their lines are a function of the file.

`self.real_conv(real) - self.imag_conv(imag)`, then the two the other way round, are four calls of
one `conv2d(x, layer)`. A layer that is called once keeps its lines where it is called.
"""

from __future__ import annotations

import builtins
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from torch import fx, nn

from unfoldify.emit.fingerprint import fingerprint
from unfoldify.emit.functions.outline import OutlinedFunction, Spelled
from unfoldify.emit.helpers.copies import parameter, placeholder
from unfoldify.emit.helpers.helper import how_many
from unfoldify.emit.helpers.loops import twin
from unfoldify.emit.numbered import numbered
from unfoldify.emit.words_for_values import RESERVED, identifier
from unfoldify.lowering.lower import Group
from unfoldify.recording.body import Body
from unfoldify.recording.loops.rolling import roll

FEWEST_SAVED = 3  # statements that a function has to save in one forward, of two or more
KNOWN = ("val", "value")  # of a weight, whoever reads it
OF_LOOPS = {"head_of", "list_of"}

Layer = tuple[type[nn.Module], str]  # whose it is, and its path there


@dataclass(frozen=True)
class Called:
    """One of the calls of a layer."""

    spelled: Spelled

    @cached_property
    def function(self) -> OutlinedFunction:
        """A function that does the same, of the tensor and of the layer."""
        function = self.spelled.as_function(dict.fromkeys(self.flowing, "x"))
        take_layer(function.body, self.spelled)
        function.write()
        return function

    @property
    def flowing(self) -> list[fx.Node]:
        """What the lines are given beside the layer's weights."""
        layer = self.spelled.group.layer
        return [node for node in self.spelled.inputs if way_from(layer, node) is None]

    @property
    def stands_alone(self) -> bool:
        """Whether the lines are given one tensor, and nothing between them reads what they make."""
        spelled = self.spelled
        order = {node: at for at, node in enumerate(spelled.graph.nodes)}
        last = max(order[node] for node in spelled.nodes)
        readers = {user for end in spelled.ends for user in end.users} - set(spelled.nodes)
        return (
            len(self.flowing) == 1
            and "val" in self.flowing[0].meta
            and self.flowing[0].op != "get_attr"
            and all(order[reader] > last for reader in readers)
            and not any(OF_LOOPS & node.meta.keys() for node in spelled.nodes)
            and not any("mutates" in node.meta for node in spelled.nodes)
        )

    @property
    def text(self) -> Any:
        """What is the same for calls that are spelled out by the same lines."""
        own = self.function
        return own.word, own.parameters, own.texts[0], fingerprint(own.lines, values=True)

    def put_call(self, function: OutlinedFunction) -> None:
        """Let a call of the function take the place of the lines."""
        graph, group = self.spelled.graph, self.spelled.group
        now = Called(Spelled.of(graph, group))  # what it is given may be another call by now
        with graph.inserting_before(now.spelled.nodes[0]):
            layer = graph.create_node("get_attr", group.layer)
        now.spelled.put_call(function, [*now.flowing, layer])


def way_from(layer: str, node: fx.Node) -> str | None:
    """Where a weight is in its layer, which has the flag of the whole model as well."""
    path = str(node.target)
    is_own = path == "training" or path.startswith(f"{layer}.")
    return path.removeprefix(f"{layer}.") if node.op == "get_attr" and is_own else None


def take_layer(body: Body, spelled: Spelled) -> None:
    """Let the weights that a function is given be read from the layer, which it is given instead."""
    weights = dict(zip(spelled.inputs, list(body.parameters), strict=True))
    first = next(node for node in body.graph.nodes if node.op != "placeholder")
    with body.graph.inserting_before(first):
        layer = placeholder(body.graph, "layer", {})
    for node, weight in weights.items():
        way = way_from(spelled.group.layer, node)
        if way is None or weight.node is None:
            continue
        with body.graph.inserting_before(first):
            read: Any = layer
            for step in way.split("."):
                read = body.graph.call_function(getattr, (read, step))
                read.meta["inline"] = True
        read.meta |= {key: weight.node.meta[key] for key in KNOWN if key in weight.node.meta}
        weight.node.replace_all_uses_with(read)
        body.graph.erase_node(weight.node)
        body.parameters.remove(weight)
    body.parameters.append(parameter(layer))


@dataclass
class Again:
    """The layers that are called again, and their calls."""

    calls: dict[Layer, list[Called]] = field(default_factory=dict)
    staying: dict[Layer, int] = field(default_factory=dict)  # how many calls one forward's text has

    def look_at(self, body: Body) -> None:
        """Take in the layers that a graph calls more than once."""
        groups = groups_of(body.graph)
        if len({group.layer for group in groups}) == len(groups):
            return
        texts = groups_of(rolled(body.graph))
        for group in groups:
            if sum(each.layer == group.layer for each in groups) < 2:
                continue
            layer = type(body.module), group.layer
            self.calls.setdefault(layer, []).append(Called(Spelled.of(body.graph, group)))
            count = sum(each.layer == group.layer for each in texts)
            self.staying[layer] = max(count, self.staying.get(layer, 0))

    def kinds(self) -> list[list[Called]]:
        """The calls that are spelled out by the same lines, where these are worth a function.

        The calls of one layer in all modules of a class are of one kind, or the class would be two.
        """
        found: dict[Any, list[Called]] = {}
        worth: set[Any] = set()
        for layer, calls in self.calls.items():
            if not all(call.stands_alone for call in calls):
                continue
            texts = {call.text for call in calls}
            if len(texts) > 1:
                continue
            (text,) = texts
            found.setdefault(text, []).extend(calls)
            size = how_many(calls[0].function.lines)
            if size > 1 and size * (self.staying[layer] - 1) >= FEWEST_SAVED:
                worth.add(text)
        return [calls for text, calls in found.items() if text in worth]


def functions_of_layers(bodies: Iterable[Body], taken: Iterable[str]) -> list[OutlinedFunction]:
    """Let calls of layers that are called again be calls of functions; answers the functions."""
    again = Again()
    for body in bodies:
        again.look_at(body)
    kinds = again.kinds()
    used = {*taken, *RESERVED, *dir(builtins)}
    functions = [calls[0].function for calls in kinds]
    for function, calls in zip(functions, kinds, strict=True):
        alone = sum(other.word == function.word for other in functions) == 1
        wishes = [function.word] if alone else list(words_of(calls))
        function.name = next(word for word in numbered(wishes) if word not in used)
        used.add(function.name)
        for call in calls:
            call.put_call(function)
    return functions


def words_of(calls: list[Called]) -> Iterator[str]:
    """`conv2d_3x3`, `linear_head`: what tells a function from another of the same kind."""
    function = calls[0].function
    kernel = re.match(r"(?:kernel )?(\d+(?:x\d+)*)", function.texts[0])
    layers = {call.spelled.group.layer.rpartition(".")[2] for call in calls}
    label = layers.pop() if len(layers) == 1 else ""
    found = [kernel[1] if kernel else "", label if not label.isdigit() else ""]
    yield from (identifier(f"{function.word}_{word}") for word in found if word)
    yield function.word


def groups_of(graph: fx.Graph) -> list[Group]:
    """The layers that a graph spells out, once for each call."""
    groups = dict.fromkeys(node.meta.get("group") for node in graph.nodes)
    return [group for group in groups if isinstance(group, Group) and group.layer]


def rolled(graph: fx.Graph) -> fx.Graph:
    """A copy as it will be written: with loops over modules."""
    copy = twin(graph)
    roll(copy, over_modules=True)
    return copy
