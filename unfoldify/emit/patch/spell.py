"""One call → the lines that spell it out, with operands and names still to be filled in.

The call's rule runs as it does for the other layouts, on a graph of this one call, so every layout
says the same of the same call.
"""

from __future__ import annotations

import ast
import copy
import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import fx, nn

from unfoldify.emit.expressions import Expressions
from unfoldify.emit.format import Blank
from unfoldify.emit.headings import begins_part, comments_above
from unfoldify.emit.lifetimes import last_uses
from unfoldify.emit.lines import assign, dotted, name, remarked
from unfoldify.emit.naming import MAIN
from unfoldify.emit.numbered import numbered
from unfoldify.emit.plan import Planner, Step
from unfoldify.emit.uses import count_uses
from unfoldify.emit.words_for_values import local_name
from unfoldify.lowering.dialect import speak_torch
from unfoldify.lowering.lower import Group, Lowering, lower
from unfoldify.recording.values import Description
from unfoldify.rules import Decline

PREFIX = "operand_"


@dataclass(frozen=True)
class Operand:
    """An argument that an expression of the file gives: a tensor, or a number of any value."""

    index: int
    like: Description | None = None
    value: Any = None

    @property
    def label(self) -> str:
        return f"{PREFIX}{self.index}"


@dataclass(frozen=True)
class Invocation:
    """A torch call whose arguments are operands and constants."""

    op: str  # fx's
    target: Any
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    result: Description | None = None
    numbers: Mapping[int, str] = field(
        default_factory=dict
    )  # stand-ins among the constants → expression


@dataclass(frozen=True, eq=False)
class Spelling:
    """The statements of one call before they have names."""

    steps: tuple[Step, ...]
    operands: Mapping[fx.Node, Operand]
    group: Group
    numbers: Mapping[int, str]

    def uses(self, operand: Operand) -> int:
        """How often an operand occurs in the lines."""
        return count_uses(next(n for n, other in self.operands.items() if other == operand))


def spell(call: Invocation, how: Lowering, dialect: str = "einops") -> Spelling:
    """Run the rule of a call; raises Decline where it has none that can do it."""
    graph = fx.Graph()
    operands: dict[fx.Node, Operand] = {}

    def placeholder(value: Any) -> Any:
        if isinstance(value, Operand):
            known = next((node for node, other in operands.items() if other == value), None)
            if known is not None:
                return known
            node = graph.placeholder(value.label)
            node.meta.update({"val": value.like} if value.like else {"value": value.value})
            operands[node] = value
            return node
        if type(value) in (tuple, list):
            return type(value)(placeholder(item) for item in value)
        return value

    args = tuple(placeholder(arg) for arg in call.args)
    kwargs = {key: placeholder(value) for key, value in call.kwargs.items()}
    node = graph.create_node(call.op, call.target, args, kwargs)
    node.meta["positions"] = ()  # a value of nobody's source: it is written where it is used
    if call.result is not None:
        node.meta["val"] = call.result
    graph.output(node)
    groups, declined = lower(graph, how)
    if declined or not groups:
        raise Decline(declined[0].reason if declined else "there is no rule for it")
    if dialect == "torch":
        speak_torch(graph)
    steps = tuple(Planner(graph).plan())
    return Spelling(steps, operands, groups[0], call.numbers)


def named(
    spelling: Spelling,
    mentioned: Mapping[str, set[str]],
    result: Iterable[str],
    free: Callable[[str], bool],
) -> dict[fx.Node, str]:
    """A variable for every value that has a line.

    `mentioned` are the names in each operand's expression: they may be given to another value only
    when the operand has been read for the last time.
    """
    steps = list(spelling.steps)
    last = last_uses(steps)
    held = {
        node: mentioned.get(operand.label, set()) for node, operand in spelling.operands.items()
    }
    names: dict[fx.Node, str] = {}
    holders: dict[str, fx.Node] = {}
    wishes = list(result)

    def available(word: str, at: int) -> bool:
        holder = holders.get(word)
        if holder is not None and last.get(holder, -1) > at:
            return False
        if any(word in words and last.get(node, -1) > at for node, words in held.items()):
            return False
        return free(word)

    for index, step in enumerate(steps):
        for node in (
            step.items if step.kind == "unpack" else [step.node] if step.kind == "assign" else []
        ):
            own = node.meta.get("name") or local_name(node)
            wanted = [own] if own is not None and own not in MAIN else wishes
            names[node] = next(
                word for word in numbered([*wanted, *wishes]) if available(word, index)
            )
            holders[names[node]] = node
    return names


@dataclass(frozen=True)
class Lines:
    """The statements of one call; the last value is an expression of its own."""

    statements: tuple[ast.stmt, ...]
    result: ast.expr
    remark: str | None
    group: Group


def written(
    spelling: Spelling,
    names: Mapping[fx.Node, str],
    operands: Mapping[str, ast.expr],
    aliases: Mapping[str, str] | None = None,
) -> Lines:
    """The lines in words: values by name, operands by expression, modules by alias."""
    labels = {node: operand.label for node, operand in spelling.operands.items()}
    first = next((o for o in spelling.operands.values() if o.like is not None), None)
    device = ast.Attribute(name(first.label), "device", ast.Load()) if first is not None else None
    expressions = Expressions(nn.Module(), {**names, **labels}, device)
    fill = Filled(operands, spelling.numbers, {*names.values()}, aliases or {})
    statements: list[ast.stmt] = []
    for step in spelling.steps:
        remark = next(
            (n.meta["remark"] for n in [step.node, *step.tree] if "remark" in n.meta), None
        )
        if statements and begins_part(step.tree):
            statements.append(Blank())
        statements += comments_above(step.tree)
        if step.kind == "return":
            return Lines(
                tuple(statements),
                fill(expressions.value(step.node.args[0])),
                remark,
                spelling.group,
            )
        statements.append(remarked(fill(statement(step, names, expressions)), remark))
    raise Decline("the rule returns nothing")


def statement(step: Step, names: Mapping[fx.Node, str], expressions: Expressions) -> ast.stmt:
    if step.kind == "unpack":
        parts = {part.args[1]: names[part] for part in step.items}
        count = int(step.node.meta["length"])
        targets: list[ast.expr] = [ast.Name(parts.get(i, "_"), ast.Store()) for i in range(count)]
        return assign(ast.Tuple(targets, ast.Store()), expressions.of(step.node, by_name=False))
    if step.kind == "effect":
        raise Decline("the rule changes a tensor in place")
    return assign(names[step.node], expressions.of(step.node, by_name=False))


class Filled(ast.NodeTransformer):
    """Puts expressions in the places of operands and of numbers that stand for them."""

    def __init__(
        self,
        operands: Mapping[str, ast.expr],
        numbers: Mapping[int, str],
        own: set[str],
        aliases: Mapping[str, str],
    ) -> None:
        self.operands, self.numbers, self.own, self.aliases = operands, numbers, own, aliases

    def __call__(self, tree: Any) -> Any:
        return self.visit(tree)

    def visit(self, node: ast.AST) -> Any:
        return self.visit_Constant(node) if isinstance(node, ast.Constant) else super().visit(node)

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id in self.operands:
            return copy.deepcopy(self.operands[node.id])
        if node.id in self.aliases and node.id not in self.own:
            return dotted(self.aliases[node.id])
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """What is called is no value of the lines, even where one has its name."""
        if isinstance(node.func, ast.Name) and node.func.id in self.aliases:
            node.func = dotted(self.aliases[node.func.id])
        return self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        if type(node.value) is int and node.value in self.numbers:
            return ast.parse(self.numbers[node.value], mode="eval").body
        return node


def is_sum_with(spelling: Spelling, label: str) -> bool:
    """Whether the last thing that happens is that an operand is added."""
    node = spelling.steps[-1].node.args[0]
    if not isinstance(node, fx.Node) or node.target is not operator.add:
        return False
    left, right = node.args
    return isinstance(right, fx.Node) and leaves(right) == {label} and label not in leaves(left)


def leaves(node: Any) -> set[str]:
    """The operands that a value is computed from."""
    if not isinstance(node, fx.Node):
        return set()
    if node.op == "placeholder":
        return {str(node.target)}
    return {label for operand in node.all_input_nodes for label in leaves(operand)}
