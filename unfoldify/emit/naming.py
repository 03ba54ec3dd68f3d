"""Which variable a value gets: the user's own name where it is free, else what the value is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import fx, nn

from unfoldify.emit.appending import is_put_at_once
from unfoldify.emit.containers import child_at
from unfoldify.emit.lifetimes import (
    carriers,
    group_results,
    group_sources,
    last_uses,
    loop_ends,
)
from unfoldify.emit.plan import Step
from unfoldify.emit.sides import Sides
from unfoldify.emit.users_targets import UsersTargets, item_words, word_of_modules, word_of_sequence
from unfoldify.emit.uses import is_shape, position_of, use_of
from unfoldify.emit.variables import Variables
from unfoldify.emit.words_for_lists import list_word, structure_word
from unfoldify.emit.words_for_values import (
    RESERVED,
    assigned_word,
    hinted,
    hooks_word,
    identifier,
    is_item,
    is_telling,
    key_word,
    layer_word,
    local_name,
    object_made,
    operator_word,
    parameter_at,
    words_of_item,
)
from unfoldify.recording.loops.loop import Loop, carried_value, chain, fake_node, gathered_in

MAIN = {
    "x",
    "input",
    "output",
    "result",
    "out",
}  # in a rule's source: the way from its argument to its result
SECOND = {"w": "weight"}  # for what a rule calls by a name that the user's own value has
LETTERS = ("x", "y", "z")


def allocate(
    steps: list[Step],
    placeholders: Iterable[fx.Node],
    taken: Iterable[str],
    module: nn.Module,
) -> dict[fx.Node, str]:
    """A name for every value that has a line or is an argument; a name is used again once its value
    is dead.
    """
    last, ends = last_uses(steps), loop_ends(steps)
    movable = frozenset(s.node for s in steps if s.kind == "assign" and s.loop is None)
    variables = Variables(RESERVED | set(taken), last, movable, assigned_word)
    names, holders, give = variables.names, variables.holders, variables.give

    for node in placeholders:
        name = identifier(str(node.meta.get("name", node.name)))
        give(node, [name], -2)
    results, sources = group_results(steps), group_sources(steps)
    sides = Sides(steps, variables)
    for index, step in enumerate(steps):
        sides.at(index)
        if step.opens is not None:
            words = {assigned_word(s.node) for s in steps[index : ends[step.opens] + 1]}
            name_loop(step.opens, names, give, last, index, ends[step.opens], module, words)
            continue
        for value in step.items or [step.node]:
            start = carriers(step.loop).get(value)
            if start is None or step.loop is None:
                continue
            if last.get(start, -1) <= index and holders.get(names[start]) is start:
                variables.take(value, names[start])
                last[value] = max(last.get(value, -1), index + 1)
            else:
                last[start] = ends[step.loop] + 1
        if step.node in names and step.kind != "unpack":
            continue
        if step.kind in ("unpack", "sizes"):
            for part in step.items:
                if part in names:
                    continue
                wanted = part_wishes(step, part, names, results, sources, last, index)
                give(part, wanted, index, but=set_again(part, step.loop, names, last, ends))
                last[part] = max(
                    last.get(part, -1), index + 1
                )  # names of one tuple differ from each other
            step.idle = {
                at: word for at, word in idle_words(step) if variables.is_free(word, index)
            }
        elif step.kind == "assign":
            wanted = wishes(step.node, names, results, sources, last, index)
            again = set_again(step.node, step.loop, names, last, ends)
            give(step.node, (*sides.joined(step.node, index), *wanted), index, but=again)
    return names


def set_again(
    value: fx.Node,
    loop: Loop | None,
    names: dict[fx.Node, str],
    last: dict[fx.Node, int],
    ends: dict[Loop, int],
) -> set[str]:
    """The variables that a round hands on, for a value that is read behind its loop."""
    return {
        names[start]
        for around in chain(loop)
        if last.get(value, -1) > ends.get(around, -1)
        for start, end in around.carried.items()
        if end is not value and start in names
    }


def part_wishes(step: Step, part: fx.Node, *known: Any) -> Iterator[str]:
    """The names of one of several: another size `C` is `C2`; a part goes by what is made of it."""
    hint = hinted(part)
    if "val" not in part.meta and hint is not None:
        yield hint
        return
    use = use_of(step.node)
    if use.site is not None and not use.site.unpacks and len(part.users) == 1:
        later = hinted(next(iter(part.users)))
        if later is not None:
            yield later
    if step.node.target is torch.broadcast_tensors:  # each of them is what it was, larger
        yield from words_of_broadcast(step.node, position_of(part, step.node) or 0, known[0])
    yield from wishes(part, *known)


def words_of_broadcast(node: fx.Node, at: int, names: dict[fx.Node, str]) -> Iterator[str]:
    """Each of the values is what it was, only larger; a distribution has words for its parameters."""
    source: Any = node.args[at]
    if source in names:
        yield names[source]
    found = use_of(node).site
    made = object_made(found) if found is not None else None
    word = parameter_at(made, at) if made is not None else None
    if word is not None:
        yield identifier(word)


def idle_words(step: Step) -> Iterator[tuple[int, str]]:
    """What the user calls the sizes that nothing reads: `b, n = tokens.shape`."""
    found = use_of(step.node).site
    if is_shape(step.node) and found is not None and found.unpacks:
        read = {position_of(part, step.node) for part in (*step.items, *step.inner)}
        for at, word in enumerate(found.targets):
            if at not in read and word and word.strip("_"):
                yield at, identifier(word)


def name_loop(
    loop: Loop,
    names: dict[fx.Node, str],
    give: Callable[..., None],
    last: dict[fx.Node, int],
    at: int,
    end: int,
    owner: nn.Module,
    assigned: set[str | None],
) -> None:
    """Names for what a loop sets: its variables, what it hands on, the lists that it fills.

    A variable that the user has none for leaves them theirs: what their rounds are `assigned` to.
    """
    own = UsersTargets.of(loop.head)
    if loop.index is not None:
        last[loop.index] = end
        give(loop.index, [identifier(own.index or "i"), "i", "j"], at)
    if own.takes_apart and are_parts(loop, len(own.targets), owner):
        loop.unpacked = [fake_node(loop, loop.modules[0]) for _ in own.targets]
        for variable, target in zip(loop.unpacked, own.targets, strict=True):
            last[variable] = end
            give(variable, [identifier(target)], at)
        loop.variables[loop.modules[0]] = loop.unpacked[0]
    over = {names.get(node) for each in loop.sequences for node in (each, *each.all_input_nodes)}
    for sequence, item in loop.sequences.items():
        last[item] = max(last.get(item, -1), at)
        word = identifier(item.meta["name"]) if "name" in item.meta else None
        held = word_of_sequence(sequence, names)
        users = own.of_sequence(held) if word is None or word in over else None
        if word is not None:
            words = [identifier(users) if users else f"{word}_i" if word in over else word]
        else:
            words = [identifier(users)] if users is not None else [*item_words(held), "item"]
        give(item, words, at)
    for module in loop.modules if not loop.unpacked else ():
        users = own.of_module(module)
        if users is not None:
            words = [identifier(users), "layer", "block"]
        else:
            found = [identifier(word_of_modules(module)), "layer", "block"]
            words = [word for word in found if word not in assigned] or found
        variable = loop.variables.setdefault(module, fake_node(loop, module))
        last[variable] = end
        give(variable, words, at)
    for start, final in loop.carried.items():
        initial: Any = start.args[0]
        ends_here = initial in names and last.get(initial, -1) <= at
        held = names[initial] if ends_here else None
        hint = local_name(final) if "group" in final.meta else words_of_whole(final)
        hint = hint or hinted(final)
        wanted = (hint, held)
        if "group" in final.meta and "name" in final.meta:  # the rule has a word if nobody else has
            wanted = (held, str(final.meta["name"]))
        # it is set in front of the head, which may still read what ends there
        heir_of = initial if ends_here else None
        give(start, [*filter(None, wanted), *LETTERS], at - 1, heir_of)
        last[final] = max(last.get(final, -1), end + 1)  # the round's last statement comes before
    for value, collected in loop.collected.items():
        # it is kept where it is made, or before the round's first statement, else after the last one
        at_end = value not in loop.carried and not is_put_at_once(value, loop)
        read = (value, *gathered_in(value)) if at_end else ()
        # the rounds read a list in which something is before the first one
        for each in (*read, *((collected,) if collected.args else ())):
            last[each] = max(last.get(each, -1), end + 1)
        # the empty list is made in front of the head, which may still read what ends there
        word = str(value.meta.get("name") or hinted(value) or "")
        word = word or (names[value] if value in loop.carried else structure_word(value) or "value")
        every = f"all_{word}" if word.endswith("s") else f"{word}s"
        is_users = "name" in value.meta and "group" not in value.meta
        theirs = None if is_users else list_word(collected)
        give(collected, [*filter(None, [theirs]), every], at - 1)


def words_of_whole(node: fx.Node) -> str | None:
    """What a child calls one of its results, where the user has a word for all of them together:
    `state = self.cell(x, state)`.
    """
    found = use_of(node).site
    is_whole = found is not None and not found.unpacks and node.meta.get("item") is not None
    return next(words_of_item(node), None) if is_whole and is_item(node) else None


def words_of_state(node: fx.Node) -> Iterator[str]:
    """What the first state of a loop is called where its rounds return the next one as a part."""
    for user in node.users:
        if user.target is carried_value and "head_of" in user.meta:
            word = words_of_whole(user.meta["head_of"].carried[user])
            yield from () if word is None else (word,)


def are_parts(loop: Loop, count: int, owner: nn.Module) -> bool:
    """Whether each round's module is a list of so many: `for attention, mlp in self.layers`."""
    if len(loop.modules) != 1 or loop.sequences:
        return False
    items = [child_at(owner, path) for path in loop.modules[0].paths]
    return all(isinstance(i, (nn.ModuleList, nn.Sequential)) and len(i) == count for i in items)


def wishes(
    node: fx.Node,
    names: dict[fx.Node, str],
    results: dict[Any, fx.Node],
    sources: dict[Any, fx.Node],
    last: dict[fx.Node, int],
    at: int,
) -> Iterator[str]:
    """The names a value would like, the best first."""
    if "name" in node.meta and node.op != "placeholder":
        yield identifier(str(node.meta["name"]))
    yield from words_of_state(node)
    group = node.meta.get("group")
    ending = [
        operand
        for operand in (*node.all_input_nodes, *filter(None, [sources.get(group)]))
        if operand in names
        and "val" in operand.meta
        and last.get(operand, -1) <= at
        and hooks_word(operand) is None  # what a layer makes is no weight
        and (operand is sources.get(group) or is_main(operand, node, names))
    ]
    own = local_name(node) if group is not None else None
    if own in MAIN:  # it does not go on as a factor that the rule has a word for
        ending.sort(key=lambda operand: is_aside(operand, group))
    if group is not None and not node.meta.get("result"):
        if own is not None and own not in MAIN:
            yield identifier(own)
            yield from (names[operand] for operand in ending if operand in node.all_input_nodes)
            yield SECOND.get(own, identifier(own))
            return
        node = results.get(group, node)
    first = next((names[operand] for operand in node.all_input_nodes if operand in names), None)
    yield from wishes_of_value(node, [names[operand] for operand in ending], first)


def is_main(operand: fx.Node, node: fx.Node, names: Mapping[fx.Node, str]) -> bool:
    """Whether a call is most of all about one of its operands: `encoder(embed(tokens), mask)` makes
    no mask of its mask.
    """
    first: fx.Node | None = node
    while first is not None and (first is node or first not in names):
        first = next(iter(first.all_input_nodes), None)
    made = node.meta.get("val")
    return first is operand or made is None or made.shape == operand.meta["val"].shape


def is_aside(node: fx.Node, group: Any) -> bool:
    """Whether a rule has a name of its own for a value: `w`, `scale`, `weights`."""
    return node.meta.get("group") is group and local_name(node) not in {None, *MAIN}


def wishes_of_value(node: fx.Node, carried: list[str], operand: str | None) -> Iterator[str]:
    """`carried` are the names of operands that end here: a value may go on under one of them."""
    use = use_of(node)
    hint, attribute = hinted(node), layer_word(node)
    made = hooks_word(node)
    if made is not None:
        yield made
    if node.meta.get("packed") and use.role == "nested":
        yield "packed"
    if use.role == "nested" and attribute is not None:
        unpacked = use.site is not None and use.site.unpacks and not attribute[-1].isdigit()
        if unpacked or (hint is not None and len(hint) > 1 and is_telling(attribute)):
            yield attribute.removeprefix("to_")
    at_once = use.site is not None and node.meta.get("item") in dict(use.site.items)
    if hint is not None and (use.site is None or use.site.unpacks or at_once or not is_item(node)):
        yield hint
    yield from words_of_item(node)
    if hint is not None:
        yield hint
    else:
        yield from key_word(node)
    if hint is None or len(hint) == 1:
        yield from (name for name in carried[:1] if use.role != "assigned")
        if hint in LETTERS or (operand in LETTERS and not is_telling(attribute)):
            yield from LETTERS[1:]
    if attribute is not None:
        yield attribute
    yield from carried[:1]
    if hint is not None:
        return  # then the hint with a number
    word = operator_word(node)
    if word is not None:
        yield word
    yield from LETTERS
    yield "hidden"
