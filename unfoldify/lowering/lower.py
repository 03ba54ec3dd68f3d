"""Calls that have a rule → the calls that the rule makes, in their place.

The rule runs on tensors without data under a recorder, so what it does is recorded as the model was:
one definition serves the eager function, this rewrite and the emitted text.
"""

from __future__ import annotations

import inspect
import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, fx

from unfoldify import notes
from unfoldify.lowering.attention_layer import as_written
from unfoldify.lowering.data_lists import DataLists
from unfoldify.lowering.one_step import OneStep, one_step
from unfoldify.recording import moving
from unfoldify.recording.body import Layer
from unfoldify.recording.builder import Frame
from unfoldify.recording.dead import drop_dead
from unfoldify.recording.loops.loop import take_place
from unfoldify.recording.numbers.traced import traced
from unfoldify.recording.paths import joined
from unfoldify.recording.values import Description
from unfoldify.rules import Decline, Rule

Rules = Mapping[Callable[..., Any], Rule]
OF_RESULT = (
    *("positions", "val", "runs", "result_of", "outer", "item", "in_result"),
    *("calls", "given"),
)  # what is known of a call and stays known of what its rule made
OF_SPARSE = "an operand is sparse, and spelled out it would be dense"


@dataclass(frozen=True, eq=False)
class Group:
    """The lines that spell out one call."""

    layer: str  # path from the module whose graph it is in; "" for a plain function call
    function: str  # torch's name of what was called
    kind: str
    text: str  # what is special: "3x3, stride 2, padding 1"
    style: str
    shapes: tuple[tuple[int, ...], ...]  # of the first operand and of the result
    intermediate: int  # bytes of the largest value in between
    why: str = ""  # why the style is not the one that was asked for


@dataclass(frozen=True)
class Declined:
    """A call that has a rule and stays as it is."""

    layer: str
    function: str
    kind: str
    reason: str


SpellOut = Callable[[fx.Graph, fx.Node, Rule, "Lowering"], Group]


@dataclass(frozen=True)
class Lowering:
    """How calls are to be spelled out."""

    rules: Rules
    style: str = "product"
    max_intermediate: int = 1 << 30
    wanted: Callable[[str, str], bool] = lambda path, kind: True  # by a layer's full path

    def within(self, path: str, wanted: Callable[[str, str], bool]) -> Lowering:
        """The same for the graph of the module at `path`."""
        return replace(
            self, wanted=lambda layer, kind: wanted(joined(path, layer) if layer else "", kind)
        )


def lower(
    graph: fx.Graph, how: Lowering, spell: SpellOut | None = None
) -> tuple[list[Group], list[Declined]]:
    """Spell out, in place, every call of the graph that has a rule."""
    spell = spell or spell_out
    groups: list[Group] = []
    declined: list[Declined] = []
    for node in list(graph.nodes):
        if "declined" in node.meta:  # a layer that was not even opened
            kept = type(node.meta["module"]).__name__
            declined.append(Declined(str(node.target), kept, "recurrent", node.meta["declined"]))
            continue
        rule = rule_of(node, how.rules)
        if rule is None or not how.wanted(layer_path(node), rule.kind):
            continue
        change = as_written(node)
        try:
            groups.append(spell(graph, node, rule, how))
            if change is not None:
                change.settle()
        except Decline as reason:
            if change is not None:
                change.undo()
            declined.append(Declined(layer_path(node), function_name(node), rule.kind, str(reason)))
    return groups, declined


def rule_of(node: fx.Node, rules: Rules) -> Rule | None:
    """The rule of a call, whichever way torch spells it."""
    if node.op == "call_function":
        target: Any = node.target
        return rules.get(OPERATOR_METHODS.get(target, target))
    if node.op == "call_method":
        return rules.get(getattr(Tensor, str(node.target), None))  # type: ignore[arg-type]
    return None


def bound(node: fx.Node, rule: Rule) -> inspect.BoundArguments | None:
    """The arguments of a recorded call by the parameters of its rule; None where they do not fit."""
    try:
        return inspect.signature(rule.function).bind(*node.args, **node.kwargs)
    except (TypeError, ValueError):
        return None


def spell_out(graph: fx.Graph, node: fx.Node, rule: Rule, how: Lowering) -> Group:
    """Replace one call by what its rule does; in the einsum style where the product would not fit."""
    recorder, nodes, group = tried(graph, node, rule, how)
    recorder.replace(nodes, group)
    return group


def forecast(graph: fx.Graph, node: fx.Node, rule: Rule, how: Lowering) -> Group:
    """What spelling out one call would be; the graph stays as it is."""
    recorder, nodes, group = tried(graph, node, rule, how)
    recorder.undo(nodes)
    return group


def tried(
    graph: fx.Graph, node: fx.Node, rule: Rule, how: Lowering
) -> tuple[RuleRecorder, list[fx.Node], Group]:
    """The nodes of a rule in front of the call, which is still there."""
    recorder = RuleRecorder(graph, node)
    text = recorder.quietly(rule.describe)
    style, why = how.style, ""
    nodes = recorder.run(rule, style)
    largest = max((size_in_bytes(new.meta.get("val")) for new in nodes), default=0)
    if style == "product" and largest > how.max_intermediate:
        recorder.undo(nodes)
        nodes = recorder.run(rule, "einsum")
        style, why = "einsum", f"the product would take {readable(largest)}"
        largest = max((size_in_bytes(new.meta.get("val")) for new in nodes), default=0)
    group = Group(
        layer_path(node),
        function_name(node),
        rule.kind,
        text,
        style,
        recorder.shapes(),
        largest,
        why,
    )
    return recorder, nodes, group


class RuleRecorder(DataLists):
    """Runs one rule and records what it does in front of the call that it replaces."""

    def __init__(self, graph: fx.Graph, node: fx.Node) -> None:
        super().__init__()
        self.node = node
        self.graph = graph
        self.result: Any = None
        self.short: OneStep | None = None  # the sequence, where the rule is to see more of it
        self.flag: fx.Node | None = None  # self.training, where the call depends on it
        self.boundary = frozenset({RuleRecorder.run.__code__})
        self.before = set(graph.nodes)
        self.parts: list[tuple[fx.Node, str]] = []  # behind which node each begins

    def run(self, rule: Rule, style: str) -> list[fx.Node]:
        """The nodes of one run of the rule."""
        frame = Frame(self.graph)
        self.stack = [frame]
        self.short = one_step(self.node, rule)
        args, kwargs = self.stand_ins()
        before = self.before = set(self.graph.nodes)
        self.parts = []
        with self.graph.inserting_before(self.node):
            try:
                with torch.set_grad_enabled(True), self.running():
                    self.result = rule.function(*args, **kwargs, style=style)
            except Decline:
                self.undo([node for node in self.graph.nodes if node not in before])
                raise
        return [node for node in self.graph.nodes if node not in before]

    def stand_ins(self) -> tuple[Any, Any]:
        """The call's arguments as tensors without data and as sizes that remember their nodes."""
        made: dict[fx.Node, Any] = {}

        def stand_in(node: fx.Node) -> Any:
            if node not in made:
                made[node] = self.stand_in(node)
            return made[node]

        args = fx.node.map_arg(self.node.args, stand_in)
        kwargs = fx.node.map_arg(self.node.kwargs, stand_in)
        return args, kwargs

    def stand_in(self, node: fx.Node) -> Any:
        if node.op == "get_attr" and node.target == "training":
            self.flag = node
            return True  # what the rule does in training; `follow_flag` makes it depend on the mode
        if "val" in node.meta:
            if node.meta["val"].is_sparse:
                raise Decline(OF_SPARSE)
            short = self.short if self.short and self.short.sequence is node else None
            tensor = short.of_two() if short is not None else node.meta["val"].meta()
            self.stack[-1].values[id(tensor)] = (lambda: tensor, node)
            return tensor
        if "value" in node.meta:
            return traced(node.meta["value"], node, self)
        if isinstance(node.meta.get("length"), int) and node.target is getattr:
            return node.args[0].meta["val"].shape  # type: ignore[union-attr]
        raise Decline("an argument is neither a tensor nor a number")

    def quietly(self, describe_call: Callable[..., str]) -> str:
        """The description of the call, from its arguments as they are."""
        self.stack = [Frame(self.graph)]
        args, kwargs = self.stand_ins()
        listening = notes.listener.set(self)
        try:
            return describe_call(*args, **kwargs)
        finally:
            notes.listener.reset(listening)
            self.stack = []

    def part(self, text: str) -> None:
        self.parts.append((self.node.prev, text))

    def moves(self, x: Tensor, dim: int) -> bool:
        """Whether a size was another one when the model ran at other sizes."""
        node = self.known(x, self.frame)
        if node is None:
            return False
        return moving.moves(node, dim) if node in self.before else self.made_of_what_moves(node)

    def made_of_what_moves(self, node: fx.Node) -> bool:
        if node in self.before:
            return moving.moves_at_all(node)
        return any(map(self.made_of_what_moves, node.all_input_nodes))

    def always_equal(self, a: int, b: int) -> bool:
        return moving.always_equal(a, b)

    def is_zero(self, x: Tensor) -> bool:
        node = self.known(x, self.frame)
        if node is None or node.target is not torch.zeros:
            return False
        return not any("mutates" in user.meta for user in node.users)

    def missing(self, tensor: Tensor) -> fx.Node:
        raise Decline("the rule made a tensor that was not recorded")

    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """The shapes of the call's tensors, its operands first, its result last."""
        operands = [n.meta["val"].shape for n in self.node.all_input_nodes if "val" in n.meta]
        result = self.result[0] if isinstance(self.result, (tuple, list)) else self.result
        if not isinstance(result, Tensor):
            return (*operands,)
        shape = tuple(result.shape)
        return (*operands, self.short.resized(shape, 1) if self.short is not None else shape)

    def undo(self, nodes: list[fx.Node]) -> None:
        for node in reversed(nodes):
            self.graph.erase_node(node)

    def replace(self, nodes: list[fx.Node], group: Group) -> None:
        """Let everything that used the call use the rule's result."""
        results = self.result if isinstance(self.result, (tuple, list)) else (self.result,)
        whole = not isinstance(self.result, (tuple, list))
        ends: list[Any] = [self.result_node(result) for result in results]
        for node in nodes:
            node.meta["group"] = group
            node.meta["call_positions"] = self.node.meta.get("positions", ())
            for key in ("grad", "layer", "outer", "loop", "calls"):
                if key in self.node.meta:
                    node.meta[key] = self.node.meta[key]
        if whole:
            self.hand_over(self.node, ends[0], nodes)
        else:
            for user in list(self.node.users):
                if user.users or "kept" in user.meta:
                    self.hand_over(user, ends[user.args[1]], nodes)  # type: ignore[index]
                self.graph.erase_node(user)
        self.graph.erase_node(self.node)
        drop_dead(nodes, is_wanted, rounds=True)
        mark_parts(nodes, self.parts)
        if self.flag is not None:
            follow_flag(
                [node for node in nodes if node.graph is self.graph and not node._erased], self.flag
            )

    def result_node(self, result: Any) -> fx.Node | None:
        return self.node_of(result) if isinstance(result, Tensor) else None

    def hand_over(self, old: fx.Node, new: fx.Node | None, nodes: list[fx.Node]) -> None:
        if new is None:
            return
        old.replace_all_uses_with(new)
        take_place(new, old)
        if new in nodes:
            new.meta["rule_positions"] = new.meta.get("positions", ())
            for key in OF_RESULT:
                if key in old.meta:
                    new.meta[key] = old.meta[key]
            new.meta["result"] = True


def mark_parts(nodes: list[fx.Node], parts: list[tuple[fx.Node, str]]) -> None:
    """The first node of each part that is still there has its text."""
    for before, text in parts:
        start = nodes.index(before) + 1 if before in nodes else 0
        first = next((node for node in nodes[start:] if not node._erased), None)
        if first is not None:
            first.meta["part"] = text


def is_wanted(node: fx.Node) -> bool:
    """Whether a node of a rule stays although nobody uses it."""
    return bool({"mutates", "kept"} & node.meta.keys() or node.meta.get("result"))


def follow_flag(nodes: list[fx.Node], flag: fx.Node) -> None:
    """Dropout that the rule does in training is done in training only."""
    for node in nodes:
        if "dropout" in function_name(node):
            node.args = (*node.args[:2],)
            node.kwargs = {
                **{k: v for k, v in node.kwargs.items() if k != "inplace"},
                "training": flag,
            }


def layer_path(node: fx.Node) -> str:
    layer: Layer | None = node.meta.get("layer")
    return layer.path if layer is not None else ""


def function_name(node: fx.Node) -> str:
    target: Any = node.target
    if isinstance(target, str):
        return target
    if isinstance(target, torch._ops.OpOverload):
        return str(target._schema.name).split("::")[-1]
    return str(getattr(target, "__name__", target)).removeprefix("linalg_")


def size_in_bytes(description: Description | None) -> int:
    return 0 if description is None else math.prod(description.shape) * description.dtype.itemsize


def readable(size: float) -> str:
    """`1536` → `1.5 KiB`"""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024 or unit == "GiB":
            break
        size /= 1024
    return f"{size:.0f} {unit}" if size >= 100 or size == int(size) else f"{size:.1f} {unit}"


OPERATOR_METHODS: dict[Any, Any] = {operator.matmul: Tensor.matmul}
