"""The lines that spell out one call → a function of their own, and a call of it in their place.

Calls whose lines differ in numbers alone share a function, which takes the numbers.
"""

from __future__ import annotations

import ast
import copy
import inspect
import itertools
import operator
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import fx, nn

from unfoldify.emit.format import Blank, Comment, Remarked
from unfoldify.emit.forward import lines_of
from unfoldify.emit.functions.commented import returned
from unfoldify.emit.functions.function import Function
from unfoldify.emit.headings import is_equation
from unfoldify.emit.lines import Hole, constant
from unfoldify.emit.numbered import numbered
from unfoldify.emit.words_for_values import identifier
from unfoldify.lowering.dialect import speak_torch
from unfoldify.lowering.lower import Group
from unfoldify.recording.body import Body, Parameter
from unfoldify.recording.loops.loop import take_place

WORDS = {
    "multi_head_attention_forward": "multihead_attention",
    "einsum": "contraction",
}
SPECIAL = {"causal": "causal", "masked": "masked", "cross-attention": "cross"}
LEADING = ("weight", "bias")  # say little without the word before them: `out_proj_weight`


@dataclass(eq=False)
class OutlinedFunction(Function):
    """The lines of one call, and the calls that are spelled out by the same."""

    body: Body = field(default_factory=lambda: Body(fx.Graph()))
    title: str = ""
    texts: list[str] = field(default_factory=list)  # what is special of each call
    parameters: tuple[str, ...] = ()
    lines: list[ast.stmt] = field(default_factory=list)
    calls: list[fx.Node] = field(default_factory=list)
    holes: list[list[Hole]] = field(default_factory=list)  # of each call
    numbers: dict[int, str] = field(default_factory=dict)  # hole → the parameter that it is

    def write(self) -> None:
        """The lines; not before the graph has its last form."""
        lines, self.parameters, _ = lines_of(self.body, False, False)
        self.lines = in_one_piece(lines)
        self.holes = [list(holes_in(self.lines))]

    def same_as(self) -> Any:
        """What is equal for functions that differ in numbers alone."""
        return self.word, self.parameters, shape_of(self.lines)

    def join(self, other: OutlinedFunction) -> None:
        """Let the calls of the other function be calls of this one."""
        for call in other.calls:
            call.target = self
        self.calls += other.calls
        self.texts += other.texts
        self.holes += other.holes

    def settle(self) -> None:
        """Numbers that differ from call to call become parameters."""
        by_values: dict[str, str] = {}
        for index, column in enumerate(zip(*self.holes, strict=True)):
            values = [hole.value for hole in column]
            if all(type(v) is type(values[0]) and v == values[0] for v in values):
                continue
            word = column[0].origin if isinstance(column[0].origin, str) else "size"
            taken = {*self.parameters, *by_values.values(), *names_in(self.lines)}
            free = next(label for label in numbered([word]) if label not in taken)
            self.numbers[index] = label = by_values.setdefault(repr(values), free)
            for node, value in zip(self.calls, values, strict=True):
                node.kwargs = {**node.kwargs, label: value}

    def definition(self) -> ast.FunctionDef:
        lines = filled(self.lines, self.numbers, itertools.count())
        words = [*self.parameters, *dict.fromkeys(self.numbers.values())]
        arguments = ast.arguments([], [ast.arg(w) for w in words], None, [], [], None, [])
        special = self.texts[0] if len(set(self.texts)) == 1 else ""
        special = f"`{special}`" if is_equation(special) else special
        title = ", ".join(part for part in (self.title, special) if part)
        body = [ast.Expr(ast.Constant(title)), *lines] if title else lines
        return ast.FunctionDef(self.name, arguments, body, [], None, None, lineno=0)


@dataclass(frozen=True)
class Spelled:
    """The nodes that one call is spelled out by, what goes into them and what comes out."""

    graph: fx.Graph
    group: Group
    nodes: tuple[fx.Node, ...]
    inputs: tuple[fx.Node, ...]
    ends: tuple[fx.Node, ...]

    @classmethod
    def of(cls, graph: fx.Graph, group: Group) -> Spelled:
        nodes = [node for node in graph.nodes if node.meta.get("group") is group]
        inside = set(nodes)
        ends = [node for node in nodes if any(u not in inside for u in node.users) or kept(node)]
        inputs = unique(o for node in nodes for o in node.all_input_nodes if o not in inside)
        return cls(graph, group, tuple(nodes), tuple(ordered(inputs)), tuple(ends))

    def as_function(self, words: Mapping[fx.Node, str], dialect: str = "") -> OutlinedFunction:
        """A function that does the same; `words` are for what it is given."""
        body = copied(self.nodes, self.inputs, self.ends, labels(self.inputs, words, self.group))
        if dialect == "torch":
            speak_torch(body.graph)
        own, longer = word(self.group), longer_word(self.group)
        return OutlinedFunction(own, body=body, longer=longer, texts=[self.group.text])

    def put_call(self, function: Function, given: Sequence[fx.Node] = ()) -> fx.Node:
        """Let a call of the function take the place of the nodes."""
        call = call_in_place(self.graph, function, given or self.inputs, self.ends)
        for node in reversed(self.nodes):
            self.graph.erase_node(node)
        return call


def outlined(
    graph: fx.Graph, group: Group, words: Mapping[fx.Node, str], dialect: str, title: str
) -> OutlinedFunction:
    """Replace a group's nodes by a call of a new function."""
    found = Spelled.of(graph, group)
    function = found.as_function(words, dialect)
    if len(found.ends) == 1:  # of `x` and `weights`, say, only one is used
        title = title.partition("` and `")[0].removesuffix("`") + "`" if "`" in title else title
    function.title = title
    function.calls.append(found.put_call(function))
    return function


def in_one_piece(lines: list[ast.stmt]) -> list[ast.stmt]:
    """Without the heading, and without an empty line in front of the result."""
    heading = next(line for line in lines if isinstance(line, Comment))
    kept = [line for line in lines if line is not heading]
    before = kept[:-1]
    while before and isinstance(before[-1], Blank):
        before.pop()
    return returned([*before, *kept[-1:]])


def word(group: Group) -> str:
    label = group.function.strip("_")
    return identifier(WORDS.get(label, label))


def longer_word(group: Group) -> str:
    """The same with what is special of it: `causal_multihead_attention`."""
    special = [SPECIAL[part] for part in group.text.split(", ") if part in SPECIAL]
    return "_".join([*special, word(group)])


def kept(node: fx.Node) -> bool:
    return "kept" in node.meta


def unique(nodes: Iterable[fx.Node]) -> list[fx.Node]:
    return list(dict.fromkeys(nodes))


def ordered(inputs: Iterable[fx.Node]) -> list[fx.Node]:
    """What flows first, then weights, then numbers and flags."""
    return sorted(inputs, key=lambda node: ("val" not in node.meta, node.op == "get_attr"))


def labels(inputs: Iterable[fx.Node], words: Mapping[fx.Node, str], group: Group) -> list[str]:
    """A name for each input: the layer's own for a weight, the rule's for an operand."""
    found: list[str] = []
    for node in inputs:
        if node.op == "get_attr":
            path = str(node.target).removeprefix(f"{group.layer}.").split(".")
            label = "_".join(path[-2:] if path[-1] in LEADING else path[-1:])
        else:
            label = words.get(node, "x" if "val" in node.meta else "size")
        label = identifier(label)
        found.append(next(w for w in numbered([label]) if w not in found))
    return found


def copied(
    nodes: Iterable[fx.Node], inputs: Iterable[fx.Node], ends: Iterable[fx.Node], words: list[str]
) -> Body:
    """The nodes as a graph of their own."""
    graph = fx.Graph()
    new: dict[fx.Node, fx.Node] = {}
    parameters: list[Parameter] = []
    for node, label in zip(inputs, words, strict=True):
        new[node] = graph.placeholder(label)
        new[node].meta = {k: v for k, v in node.meta.items() if k in ("val", "value", "length")}
        new[node].meta["name"] = label
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        parameters.append(Parameter(label, kind, new[node]))
    for node in nodes:
        new[node] = graph.node_copy(node, lambda old: new[old])
        meta = new[node].meta = dict(node.meta)
        for key in ("layer", "loop", "result", "outer", "call_positions", "kept", "grad"):
            meta.pop(key, None)
        if "rule_positions" in meta:
            meta["positions"] = meta["rule_positions"]
    results = [new[end] for end in ends]
    graph.output(results[0] if len(results) == 1 else tuple(results))
    return Body(graph=graph, module=nn.Module(), parameters=parameters)


def call_in_place(
    graph: fx.Graph, function: Function, inputs: Sequence[fx.Node], ends: Sequence[fx.Node]
) -> fx.Node:
    """The call of the function, behind which everything uses its results."""
    last = ends[-1]
    with graph.inserting_after(last):
        call = graph.create_node("call_function", function, tuple(inputs), {})
    if len(ends) == 1:
        take_over(call, last)
        return call
    whole = {k: v for k, v in last.meta.items() if k in CALL_OWN}
    call.meta = {**whole, "length": len(ends)}
    place = call
    for index, end in enumerate(ends):
        with graph.inserting_after(place):
            place = graph.create_node("call_function", operator.getitem, (call, index), {})
        take_over(place, end)
    return call


CALL_OWN = ("positions", "call_positions", "outer", "layer", "grad", "loop")


def take_over(new: fx.Node, old: fx.Node) -> None:
    new.meta = {k: v for k, v in old.meta.items() if k not in ("group", "remark", "name", "result")}
    old.replace_all_uses_with(new)
    take_place(new, old)


# -- numbers ---------------------------------------------------------------------------------------


def holes_in(tree: Any) -> Iterator[Hole]:
    """The numbers in lines, in order; the keyword that one is given under is its origin."""
    if isinstance(tree, Hole):
        yield tree
    elif isinstance(tree, ast.keyword) and isinstance(tree.value, Hole):
        tree.value.origin = tree.arg
        yield tree.value
    elif isinstance(tree, ast.AST):
        for label in tree._fields:
            yield from holes_in(getattr(tree, label, None))
    elif isinstance(tree, (list, tuple)):
        for item in tree:
            yield from holes_in(item)


def shape_of(tree: Any) -> Any:
    """What is equal for lines that differ in numbers alone."""
    if isinstance(tree, Hole):
        return "number"
    if isinstance(tree, ast.AST):
        extra = tree.remark if isinstance(tree, Remarked) else ""
        parts = (shape_of(getattr(tree, label, None)) for label in tree._fields)
        return (type(tree).__name__, extra, *parts)
    if isinstance(tree, (list, tuple)):
        return tuple(shape_of(item) for item in tree)
    return (type(tree).__name__, tree)


def filled(tree: Any, numbers: Mapping[int, str], count: Iterator[int]) -> Any:
    """The tree with parameters and numbers in the places of its holes."""
    if isinstance(tree, Hole):
        label = numbers.get(next(count))
        return constant(tree.value) if label is None else ast.Name(label, ast.Load())
    if isinstance(tree, ast.AST):
        new = copy.copy(tree)
        for label in tree._fields:
            setattr(new, label, filled(getattr(tree, label, None), numbers, count))
        return new
    if isinstance(tree, list):
        return [filled(item, numbers, count) for item in tree]
    return tree


def names_in(lines: list[ast.stmt]) -> set[str]:
    return {node.id for line in lines for node in ast.walk(line) if isinstance(node, ast.Name)}
