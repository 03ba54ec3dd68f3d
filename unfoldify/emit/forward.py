"""One graph → the lines of a forward."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from torch import fx, nn

from unfoldify.emit.appending import is_put_at_once
from unfoldify.emit.asked_at_once import asked_at_once
from unfoldify.emit.augmented import OPERATORS, change_of, join_augmented
from unfoldify.emit.comprehensions import appended_at_once, comprehension
from unfoldify.emit.expressions import Expressions
from unfoldify.emit.fixed_arguments import needed, value_checks
from unfoldify.emit.format import Blank, Comment
from unfoldify.emit.functions.function import Function
from unfoldify.emit.headings import begins_part, comments_above, heading
from unfoldify.emit.imports import unhidden
from unfoldify.emit.lines import (
    BEFORE_SHAPE,
    assign,
    constant,
    dotted,
    name,
    opposite,
    paragraphs,
    remarked,
)
from unfoldify.emit.loop_heads import loop_head, loop_variables, target
from unfoldify.emit.loop_start import from_users_start
from unfoldify.emit.modes import by_mode
from unfoldify.emit.named_sizes import several_sizes
from unfoldify.emit.naming import allocate
from unfoldify.emit.parallel import handed_on
from unfoldify.emit.plan import Planner, Step
from unfoldify.emit.prose import fitted
from unfoldify.emit.signature import presence_checks
from unfoldify.emit.uses import position_of, use_of
from unfoldify.lowering.lower import Group
from unfoldify.lowering.presence import present
from unfoldify.recording import modes
from unfoldify.recording.body import Body, Parameter
from unfoldify.recording.dead import drop_dead, is_needed
from unfoldify.recording.loops.loop import Loop, chain, in_block
from unfoldify.recording.loops.rolling import roll
from unfoldify.recording.machinery import MAKES_WEIGHTS
from unfoldify.recording.source import Site, is_of_a_rule, site
from unfoldify.recording.tidy import start_from_the_first

WIDEST = 86  # of a user's comment


@dataclass(frozen=True)
class Forward:
    """The text of one forward: its arguments and its lines, with holes for numbers."""

    parameters: tuple[Parameter, ...]
    names: tuple[str, ...]  # of the parameters, in the emitted signature
    lines: tuple[ast.stmt, ...]
    imports: frozenset[str]


def forward(body: Body, *, is_root: bool = False, shapes: bool = False) -> Forward:
    """The forward of one body; where training does otherwise, both ways under one `if`."""
    own, names, imports = lines_of(body, is_root, shapes)
    other = body.other_mode
    if other is not None:
        theirs, other_names, more = lines_of(other, is_root, shapes)
        imports |= more
        if other_names == names:
            own = by_mode(theirs, own)
    checks = [*presence_checks(body), *value_checks(body.parameters)] if is_root else []
    checks = list(needed(checks, own))
    return Forward(tuple(body.parameters), names, (*checks, *own), frozenset(imports))


def lines_of(
    body: Body, is_root: bool, shapes: bool
) -> tuple[list[ast.stmt], tuple[str, ...], set[str]]:
    roll(body.graph, over_modules=True)
    start_from_the_first(body.graph)
    drop_dead(body.graph.nodes, is_needed, rounds=False)
    steps = join_augmented(Planner(body.graph).plan())
    placeholders = [p.node for p in body.parameters if p.node is not None]
    fixed = [p.name for p in body.parameters if p.node is None]
    fixed += [n.target.name for n in body.graph.nodes if isinstance(n.target, Function)]
    names = allocate(steps, placeholders, fixed, body.module)
    expressions = Expressions(body.module, names, device_of(placeholders, names, body.module))
    writer = Writer(expressions, body, shapes)
    lines = paragraphs(list(writer.write(steps)))
    given = tuple(names[node] for node in placeholders)
    if is_root:
        words = {names[p.node]: p.name for p in body.parameters if p.node is not None}
        own = {name: word for name, word in words.items() if name != word}
        lines = unhidden(lines, own) if own else lines
        given = tuple(words[name] for name in given)
    return lines, given, expressions.imports


def device_of(
    placeholders: list[fx.Node], names: dict[fx.Node, str], module: nn.Module
) -> ast.expr | None:
    """Where new tensors are made: where the first argument is that stays a tensor."""
    others = {names[node] for node in names if "val" not in node.meta}
    for node in placeholders:
        if "val" in node.meta and names[node] not in others:
            return ast.Attribute(name(names[node]), "device", ast.Load())
    for path, _ in module.named_parameters():
        return ast.Attribute(Expressions(module, {}).path(path), "device", ast.Load())
    return None


Unit = tuple[Step, list[Step]]  # a statement, or the head of a loop with all that is in it


class Writer:
    """Turns steps into lines: headings, paragraphs, comments, blocks."""

    def __init__(self, expressions: Expressions, body: Body, shapes: bool) -> None:
        self.shapes = shapes
        self.expressions = expressions
        self.body = body
        self.said: set[Any] = set()  # statements of the user whose comments stand already
        self.begun: set[Any] = set()  # statements of the user that have begun
        self.headed: set[Group] = set()

    def write(
        self, steps: list[Step], loop: Loop | None = None, grad: bool | None = None
    ) -> Iterator[ast.stmt]:
        """The lines of steps that stand in one block, whose gradient mode is `grad`."""
        for own, run in runs(nested(steps, loop), grad_of):
            lines = list(self.paragraph(run, own))
            if own == grad or not lines:
                yield from lines
                continue
            mode = "torch.no_grad" if own is False else "torch.enable_grad"
            block = ast.withitem(ast.Call(dotted(mode), [], []))
            yield ast.With([block], paragraphs(lines), lineno=0)

    def paragraph(self, units: list[Unit], grad: bool | None) -> Iterator[ast.stmt]:
        group: Group | None = None
        for step, inner in units:
            if step.opens is not None:
                yield from self.gap([step, *inner[:1]])
                for first in inner[:1]:
                    yield from self.users_comment(first)
                lines = list(self.loop(step, inner, grad))
                apart = any(isinstance(part, Blank) for line in lines for part in ast.walk(line))
                yield from [Blank(), *lines, Blank()] if apart else lines
                group = None
                continue
            if step.kind == "return" and self.returns_nothing(step):
                continue
            current = step_group(step)
            if current is not group:
                yield Blank()
            yield from self.gap([step])
            yield from self.users_comment(step)
            if current is not group and current is not None:
                yield from self.title(current)
            elif begins_part(step.tree):
                yield Blank()
            group = current
            yield from comments_above(step.tree)
            lines = list(self.statement(step))
            by_chance = modes.CHANCE in step.node.meta and not in_block(step.loop)
            yield from [ast.If(dotted("self.training"), lines, [])] if by_chance else lines
            yield from self.appended(step)

    def appended(self, step: Step) -> Iterator[ast.stmt]:
        """A round's value is put into its list at once."""
        if step.loop is None:
            return
        for value in step.items or [step.node]:
            if value in step.loop.collected and is_put_at_once(value, step.loop):
                yield self.append(value, step.loop.collected[value])

    def append(self, value: fx.Node, collected: fx.Node) -> ast.stmt:
        method = ast.Attribute(name(self.expressions.names[collected]), "append", ast.Load())
        return ast.Expr(ast.Call(method, [self.expressions.value(value)], []))

    def title(self, group: Group) -> Iterator[ast.stmt]:
        """The heading of a layer, once."""
        if group not in self.headed:
            self.headed.add(group)
            yield Comment(self.heading(group))

    def loop(self, step: Step, inner: list[Step], grad: bool | None) -> Iterator[ast.stmt]:
        """A loop: what it starts from, its head, its body, what a round hands on."""
        loop = step.opens
        assert loop is not None
        first = next((step_group(s) for s in inner if s.opens is None), None)
        its_own = loop.test is None and not loop.modules
        if first is not None and its_own and loop_is_inside(inner, first):
            yield from self.title(first)
        names = self.expressions.names
        yield from handed_on(
            (names[start], self.expressions.value(start.args[0]))
            for start in loop.carried
            if not (isinstance(start.args[0], fx.Node) and names.get(start.args[0]) == names[start])
        )
        empty = [
            assign(names[each], self.expressions.value(list(each.args)))
            for each in loop.collected.values()
        ]
        if loop.test is not None:
            yield from empty
            yield self.block(loop, *self.sides(inner, loop, grad))
            return
        target, iterable = loop_head(loop, self.expressions)
        before = dict(self.expressions.attributes)
        self.expressions.attributes.update(loop_variables(loop, names))
        body = list(self.write(inner, loop, grad))
        for value, collected in loop.collected.items():
            if not is_put_at_once(value, loop):
                kept = self.append(value, collected)
                body = [kept, *body] if value in loop.carried else [*body, kept]
                body = appended_at_once(loop, value, body)
        body += handed_on(
            (names[start], self.expressions.value(end))
            for start, end in loop.carried.items()
            if names[start] != names.get(end)
        )
        self.expressions.attributes = before
        if loop.index is not None and isinstance(target, ast.Name):
            iterable, body = from_users_start(loop, target.id, iterable, body)
        in_brackets = comprehension(loop, target, iterable, body)
        if in_brackets is not None:
            yield in_brackets
            return
        yield from empty
        yield ast.For(target, iterable, paragraphs(body), [], lineno=0)

    def sides(self, inner: list[Step], loop: Loop, grad: bool | None) -> Iterator[list[ast.stmt]]:
        """The lines of a block, and of what runs in its place."""
        aside = [step for step in inner if stands_aside(step, loop)]
        yield list(self.write([step for step in inner if step not in aside], loop, grad))
        yield list(self.write(aside[1:], aside[0].opens, grad)) if aside else []

    def block(self, loop: Loop, body: list[ast.stmt], other: list[ast.stmt]) -> ast.stmt:
        """A block that runs or not, what runs in its place, and what its values are then."""
        assert loop.test is not None
        assert loop.without is not None
        condition, when = loop.test.args
        instead: Any = loop.without.args[1]
        names, value = self.expressions.names, self.expressions.value
        handed = handed_on(
            (names[end], value(given))
            for end, given in zip(loop.ends, instead, strict=True)
            if end in names and names[end] != names.get(given)
        )
        asked = value(condition) if when else opposite(value(condition))
        training = dotted("self.training")
        match loop.test.meta.get(modes.CHANCE):
            case modes.EVER:
                asked = ast.BoolOp(ast.Or(), [ast.UnaryOp(ast.Not(), training), asked])
            case modes.NEVER:
                asked = ast.BoolOp(ast.And(), [training, asked])
        return asked_at_once(ast.If(asked, paragraphs(body), paragraphs([*other, *handed])))

    def returns_nothing(self, step: Step) -> bool:
        return step.node.args[0] is None

    def statement(self, step: Step) -> Iterator[ast.stmt]:
        node, remark = step.node, step.node.meta.get("remark")
        inner = [n.meta["remark"] for n in step.tree if "remark" in n.meta]
        remark = remark or (inner[0] if inner else None)
        size = shape_in_words(step) if self.shapes else ""
        if size:
            remark = f"{remark}{BEFORE_SHAPE}{size}" if remark else size
        if step.kind == "return":
            yield remarked(ast.Return(self.expressions.value(node.args[0])), remark)
        elif step.kind == "unpack":
            yield remarked(self.unpacking(step), remark)
        elif step.kind == "sizes":
            left = [target(self.expressions.names[size]) for size in step.items]
            right = several_sizes(self.expressions.value(node.args[0]), step.items)
            yield remarked(assign(ast.Tuple(left, ast.Store()), right), remark)
        elif step.kind == "effect":
            yield from self.effect(node, step.tree)
        elif node.target is present:
            mine = self.expressions.names[node]
            yield assign(mine, self.expressions.value(node.args[0]))
            yield ast.Assert(ast.Compare(name(mine), [ast.IsNot()], [constant(None)]))
        else:
            value = self.expressions.of(node, by_name=False)
            yield remarked(assign(self.expressions.names[node], value), remark)

    def unpacking(self, step: Step) -> ast.stmt:
        names = self.expressions.names
        by_position: dict[Any, ast.expr] = {at: target(word) for at, word in step.idle.items()}
        for part, items in step.inner.items():
            inside = {position_of(item, part): target(names[item]) for item in items}
            by_position[position_of(part, step.node)] = targets(part, inside)
        by_position |= {
            position_of(part, step.node): target(names[part])
            for part in step.items
            if part.args[0] is step.node
        }
        node = step.node
        value = (
            self.expressions.value(node.args[0])
            if is_iterated(node)
            else self.expressions.value(node)
            if node.op == "placeholder"
            else self.expressions.of(node, by_name=False)
        )
        return assign(targets(node, by_position), value)

    def effect(self, node: fx.Node, tree: list[fx.Node]) -> Iterator[ast.stmt]:
        value = self.expressions.value
        target = node.target
        if getattr(target, "__name__", "") == "setitem":
            holder, key, item = node.args
            left = ast.Subscript(value(holder), self.expressions.index(key), ast.Store())
            change = change_of(node, tree)
            if change is None:
                yield assign(left, value(item))
            else:
                yield ast.AugAssign(left, OPERATORS[change.target](), value(change.args[1]))
        elif target is setattr:
            holder, attribute, item = node.args
            yield assign(ast.Attribute(value(holder), str(attribute), ast.Store()), value(item))
        else:
            yield ast.Expr(self.expressions.of(node, by_name=False))

    def heading(self, group: Group) -> str:
        """The heading of a layer; inside a loop over modules it goes by the loop's variable."""
        layer = group.layer
        known = self.expressions.attributes.items()
        for path, variable in sorted(known, key=lambda pair: -len(pair[0])):  # the innermost loop's
            if (layer + ".").startswith(path + ".") and isinstance(variable, ast.Name):
                layer = variable.id + layer[len(path) :]
                break
        return heading(group, layer)

    def sites(self, step: Step) -> Iterator[Site]:
        """Where a statement comes from in the user's file, from the outside in."""
        for node in step.tree:
            inner = node.meta.get("call_positions", node.meta.get("positions", ()))
            for position in reversed((*inner, *node.meta.get("outer", ()))):
                found = site(position)
                if found is not None and not is_of_a_rule(found.filename):
                    yield found

    def gap(self, steps: list[Step]) -> Iterator[ast.stmt]:
        """An empty line where the user left one."""
        for found in (found for step in steps for found in self.sites(step)):
            if found.statement not in self.begun:
                self.begun.add(found.statement)
                if found.gap:
                    yield Blank()

    def users_comment(self, step: Step) -> Iterator[ast.stmt]:
        """The comments that the user wrote above the statement, once, where its first line went."""
        for found in self.sites(step):
            if found.statement in self.said:
                continue
            self.said.add(found.statement)
            if found.filename in MAKES_WEIGHTS:  # its comments are for those who maintain it
                continue
            lines = [c.lstrip("# ").rstrip() for c in found.comments if is_prose(c)]
            yield from map(Comment, fitted(lines, WIDEST))


def is_iterated(node: fx.Node) -> bool:
    """Whether it was Python that took a tensor apart, in `src, dst = edges`: torch sees `unbind`."""
    site = use_of(node).site
    by_hand = site is not None and isinstance(site.expression, ast.Call)
    return node.target == "unbind" and site is not None and not by_hand


def targets(whole: fx.Node, by_position: dict[Any, ast.expr]) -> ast.Tuple:
    """`a, _, b`: a target for each item of a value."""
    length = int(whole.meta["length"])
    return ast.Tuple([by_position.get(at, target("_")) for at in range(length)], ast.Store())


def is_prose(comment: str) -> bool:
    """Whether a comment is for readers, not for tools, and not code that was put aside."""
    text = comment.lstrip("# ").strip()
    if not text or text.startswith(
        ("type:", "noqa", "fmt:", "pylint", "pragma", "mypy", "ruff:", "yapf", "!", "Copied from")
    ):
        return False
    if not any(character.isalpha() for character in text):
        return False
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return True
    return all(isinstance(statement, ast.Expr) for statement in tree.body) and not any(
        isinstance(node, (ast.Call, ast.Subscript, ast.Attribute, ast.Await, ast.Yield))
        for node in ast.walk(tree)
    )


def shape_in_words(step: Step) -> str:
    """`2x16x48`, or `3 of 2x16x48` where a line gives several values."""
    values = step.items if step.kind == "unpack" else [step.node]
    if step.kind == "return" and isinstance(step.node.args[0], fx.Node):
        values = [step.node.args[0]]
    shapes = [
        "x".join(map(str, value.meta["val"].shape)) or "scalar"
        for value in values
        if "val" in value.meta
    ]
    if len(shapes) > 1 and len(set(shapes)) == 1:
        return f"{len(shapes)} of {shapes[0]}"
    return ", ".join(shapes)


def step_group(step: Step) -> Group | None:
    if step.kind == "return":
        return next((n.meta["group"] for n in step.tree if "group" in n.meta), None)
    found = step.node.meta.get("group")
    return found if isinstance(found, Group) else None


def loop_is_inside(steps: list[Step], group: Group) -> bool:
    """Whether a loop is one layer's own: all that is in it belongs to that layer."""
    return all(step_group(step) is group for step in steps if step.opens is None)


def nested(steps: list[Step], loop: Loop | None) -> Iterator[tuple[Step, list[Step]]]:
    """The statements right inside a loop, the heads of loops with all that is in them."""
    index = 0
    while index < len(steps):
        step = steps[index]
        end = index + 1
        if step.opens is not None:
            while end < len(steps) and (
                step.opens in chain(steps[end].loop) or stands_aside(steps[end], step.opens)
            ):
                end += 1
        yield step, steps[index + 1 : end]
        index = end


def stands_aside(step: Step, block: Loop) -> bool:
    """Whether a statement belongs to what runs in the place of a block."""
    around = (step.opens, *chain(step.loop))
    return any(loop is not None and loop.side_of is block for loop in around)


def grad_of(unit: Unit) -> bool | None:
    """The gradient mode of a statement, or of all that is in a loop; None is the model's own."""
    step, inner = unit
    steps = [step, *inner] if step.opens is None else inner
    flags = {node.meta.get("grad") for s in steps for node in s.tree if node.op != "output"}
    return flags.pop() if len(flags) == 1 else None


def runs(units: Iterable[Unit], key: Any) -> Iterator[tuple[Any, list[Unit]]]:
    """Units in a row that have the same key."""
    for value, run in itertools.groupby(units, key=key):
        yield value, list(run)
