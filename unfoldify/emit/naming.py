"""Which variable a value gets: the user's own name where it is free, else what the value is."""

from __future__ import annotations

import ast
import keyword
import operator
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from torch import fx, nn

from unfoldify.emit.plan import Step, chain, is_shape, is_trivial, position_of, use_of
from unfoldify.emit.variables import Variables
from unfoldify.recording.kept import leaves
from unfoldify.recording.loops import Loop, fake_node, spread
from unfoldify.recording.source import site

RESERVED = frozenset(
    {
        *keyword.kwlist,
        "float",
        "range",
        "getattr",
        "zip",
        "enumerate",
        "len",
        "min",
        "max",
        "int",
        "list",
        "super",
        "tuple",
        "dict",
        "type",
        "ValueError",
        "torch",
        "F",
        "nn",
        "math",
        "rearrange",
        "einsum",
        "repeat",
        "reduce",
        "pack",
        "unpack",
        "self",
        "dataclass",
        "Path",
        "load_file",
    }
)
UNCLEAR = {"l", "I", "O"}  # one cannot tell from 1 and 0, as every linter says
MAIN = {
    "x",
    "input",
    "output",
    "result",
    "out",
}  # in a rule's source: the way from its argument to its result
SECOND = {"w": "weight"}  # for what a rule calls by a name that the user's own value has
LETTERS = ("x", "y", "z")
WORDS = {  # operator → what its value is
    "softmax": "weights",
    "log_softmax": "log_probabilities",
    "arange": "positions",
    "embedding": "embedded",
    "size": "n",
    "mean": "mean",
    "var": "variance",
    "matmul": "product",
    "cat": "joined",
    "stack": "stacked",
    "bmm": "product",
    "mm": "product",
    "floordiv": "n",
    "sub": "difference",
    "eq": "mask",
    "ne": "mask",
    "lt": "mask",
    "gt": "mask",
    "le": "mask",
    "ge": "mask",
    "item": "value",
    "topk": "top",
    "sort": "sorted_values",
    "rand": "noise",
    "randn": "noise",
    "tril": "mask",
    "triu": "mask",
    "sigmoid": "gate",
    "getitem": "part",
}


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
    for index, step in enumerate(steps):
        if step.opens is not None:
            name_loop(step.opens, names, give, last, index, ends[step.opens], module)
            continue
        for value in step.items if step.kind == "unpack" else [step.node]:
            start = carriers(step.loop).get(value)
            if start is None or step.loop is None:
                continue
            if last.get(start, -1) <= index and holders.get(names[start]) is start:
                variables.take(value, names[start])
                last[value] = max(last.get(value, -1), index + 1)
            else:
                last[start] = ends[step.loop] + 1
        if step.node in names:
            continue
        if step.kind == "unpack":
            for part in step.items:
                if part in names:
                    continue
                give(part, part_wishes(step, part, names, results, sources, last, index), index)
                last[part] = max(
                    last.get(part, -1), index + 1
                )  # names of one tuple differ from each other
            step.idle = {
                at: word for at, word in idle_words(step) if variables.is_free(word, index)
            }
        elif step.kind == "assign":
            give(step.node, wishes(step.node, names, results, sources, last, index), index)
    return names


def assigned_word(node: fx.Node) -> str | None:
    """The variable that the user's statement gives to the value, as it is."""
    if node.meta.get("group") is not None and not node.meta.get("result"):
        return None
    if len(node.meta.get("positions", ())) > 1:  # a variable of a helper's, whatever it is called
        return None
    use = use_of(node)
    return hinted(node) if use.role == "assigned" else None


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
    yield from wishes(part, *known)


def idle_words(step: Step) -> Iterator[tuple[int, str]]:
    """What the user calls the sizes that nothing reads: `b, n = tokens.shape`."""
    found = use_of(step.node).site
    if is_shape(step.node) and found is not None and found.unpacks:
        read = {position_of(part, step.node) for part in (*step.items, *step.inner)}
        for at, word in enumerate(found.targets):
            if at not in read and word and word.strip("_"):
                yield at, identifier(word)


def carriers(loop: Loop | None) -> dict[fx.Node, fx.Node]:
    """value at the end of a round → value at its start."""
    return {} if loop is None else {end: start for start, end in loop.carried.items()}


def name_loop(
    loop: Loop,
    names: dict[fx.Node, str],
    give: Callable[..., None],
    last: dict[fx.Node, int],
    at: int,
    end: int,
    owner: nn.Module,
) -> None:
    """Names for what a loop sets: its variables, what it hands on, the lists that it fills."""
    targets = [target for target in (loop.head.targets if loop.head else ()) if target]
    iterable = loop.head.iterable if loop.head else ""
    counted = iterable.startswith(("range(", "enumerate("))
    if counted and targets:
        index_word = targets.pop(0)
    else:
        index_word = "i"
    if loop.index is not None:
        last[loop.index] = end
        give(loop.index, [identifier(index_word), "i", "j"], at)
    if not loop.sequences and len(targets) > 1 and are_parts(loop, len(targets), owner):
        loop.unpacked = [fake_node(loop, loop.modules[0]) for _ in targets]
        for variable, target in zip(loop.unpacked, targets, strict=True):
            last[variable] = end
            give(variable, [identifier(target)], at)
        loop.variables[loop.modules[0]] = loop.unpacked[0]
        targets = []
    for module in loop.modules if not loop.unpacked else ():
        word = (
            targets.pop(0)
            if targets and not iterable.startswith("range(")
            else singular(module.container)
        )
        variable = loop.variables.setdefault(module, fake_node(loop, module))
        last[variable] = end
        give(variable, [identifier(word), "layer", "block"], at)
    for item in loop.sequences.values():
        last[item] = max(last.get(item, -1), at)
        give(item, [identifier(targets.pop(0)) if targets else "item"], at)
    for start, final in loop.carried.items():
        initial: Any = start.args[0]
        wishes = [names[initial]] if initial in names and last.get(initial, -1) <= at else []
        hint = (local_name(final) if "group" in final.meta else None) or hinted(final)
        give(start, [*([hint] if hint else []), *wishes, *LETTERS], at)
        last[final] = max(last.get(final, -1), end + 1)  # the round's last statement comes before
    for value, collected in loop.collected.items():
        if value not in loop.carried:  # else it is kept before the round's first statement
            last[value] = max(last.get(value, -1), end + 1)
        # the empty list is made in front of the head, which may still read what ends there
        word = hinted(value) or (names[value] if value in loop.carried else "value")
        give(collected, [list_word(collected) or f"{word}s"], at - 1)


def are_parts(loop: Loop, count: int, owner: nn.Module) -> bool:
    """Whether each round's module is a list of so many: `for attention, mlp in self.layers`."""
    if len(loop.modules) != 1:
        return False
    module = loop.modules[0]
    items = list(owner.get_submodule(module.container).children())
    return all(
        isinstance(item, (nn.ModuleList, nn.Sequential)) and len(item) == count
        for item in items[module.start : module.start + loop.rounds]
    )


def list_word(collected: fx.Node) -> str | None:
    """What the user calls the list: `outputs` of `torch.stack(outputs)`, a field of a result."""
    for user in collected.users:
        if user.target is spread:
            for holder in user.users:
                for key, value in holder.kwargs.items():
                    if user in leaves(value):
                        return identifier(key)
        found = use_of(user).site
        if found is not None and isinstance(found.expression, ast.Call):
            for argument in found.expression.args:
                if isinstance(argument, ast.Name):
                    return identifier(argument.id)
    return None


def singular(container: str) -> str:
    """`blocks` → `block`"""
    word = next((part for part in reversed(container.split(".")) if part.isidentifier()), "layers")
    found = one_of(word)
    if found != word:
        return found
    return "layer" if len(word) < 3 else f"{word}_layer"


def one_of(word: str) -> str:
    """`entries` → `entry`, `outs` → `out`; a word that is no plural stays."""
    if word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith("s") and len(word) > 2 and not word.endswith("ss"):
        return word[:-1]
    return word


def last_uses(steps: list[Step]) -> dict[fx.Node, int]:
    """The last statement that reads each value; what a loop reads from outside it reads in every
    round.
    """
    last: dict[fx.Node, int] = {}
    ends = loop_ends(steps)
    for index, step in enumerate(steps):
        around = list(chain(step.loop))
        heads = [*step.opens.carried, *filter(None, [step.opens.index])] if step.opens else []
        for node in [*step.tree, *heads]:
            for operand in operands(node):
                own = set(chain(operand.meta.get("loop") or operand.meta.get("head_of")))
                foreign = [loop for loop in around if loop not in own]
                # what every round reads, the last statement of a round must leave alone as well
                until = ends[foreign[-1]] + 1 if foreign else index
                last[operand] = max(last.get(operand, -1), until)
    return last


def loop_ends(steps: list[Step]) -> dict[Loop, int]:
    """The last statement of each loop."""
    ends: dict[Loop, int] = {}
    for index, step in enumerate(steps):
        for loop in chain(step.loop):
            ends[loop] = index
    return ends


def operands(node: fx.Node) -> Iterator[fx.Node]:
    """The values that a call reads, through the trivial ones."""
    for operand in node.all_input_nodes:
        if is_trivial(operand):
            yield from operands(operand)
        yield operand


def group_results(steps: list[Step]) -> dict[Any, fx.Node]:
    """group → the value that leaves it."""
    return {
        step_node.meta["group"]: step_node
        for step in steps
        for step_node in step.tree
        if step_node.meta.get("result") and "group" in step_node.meta
    }


def group_sources(steps: list[Step]) -> dict[Any, fx.Node]:
    """group → the first value that goes into it."""
    sources: dict[Any, fx.Node] = {}
    for step in steps:
        for node in step.tree:
            group = node.meta.get("group")
            if group is None or group in sources:
                continue
            for operand in operands(node):
                if (
                    operand.meta.get("group") is not group
                    and operand.op != "get_attr"
                    and not is_trivial(operand)
                ):
                    sources[group] = operand
                    break
    return sources


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
    group = node.meta.get("group")
    ending = [
        operand
        for operand in (*node.all_input_nodes, *filter(None, [sources.get(group)]))
        if operand in names and "val" in operand.meta and last.get(operand, -1) <= at
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


def is_aside(node: fx.Node, group: Any) -> bool:
    """Whether a rule has a name of its own for a value: `w`, `scale`, `weights`."""
    return node.meta.get("group") is group and local_name(node) not in {None, *MAIN}


def is_telling(word: str | None) -> bool:
    """Whether the name of a layer says what its result is: `to_residual` does, `fc1` does not."""
    return word is not None and len(word) > 4 and word.isascii() and not word[-1].isdigit()


def wishes_of_value(node: fx.Node, carried: list[str], operand: str | None) -> Iterator[str]:
    """`carried` are the names of operands that end here: a value may go on under one of them."""
    use = use_of(node)
    hint, attribute = hinted(node), layer_word(node)
    if use.role == "nested" and attribute is not None:
        unpacked = use.site is not None and use.site.unpacks and not attribute[-1].isdigit()
        if unpacked or (hint is not None and len(hint) > 1 and is_telling(attribute)):
            yield attribute.removeprefix("to_")
    if hint is not None and (use.site is None or use.site.unpacks or not is_item(node)):
        yield hint
    yield from words_of_item(node)
    if hint is not None:
        yield hint
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


def is_item(node: fx.Node) -> bool:
    """Whether a value is one of the results of a child."""
    call = node.args[0] if node.target is operator.getitem else None
    return isinstance(call, fx.Node) and "body" in call.meta and isinstance(node.args[1], int)


def words_of_item(node: fx.Node) -> Iterator[str]:
    """What the child that returns an item calls it, and what a child that takes it does."""
    own = returned_name(node)
    if own is not None:
        yield own
    for user in node.users:
        body = user.meta.get("body")
        if body is None or user.op != "call_module":
            continue
        live = [p.name for p in body.parameters if p.node is not None]
        yield from (
            identifier(word) for word, arg in zip(live, user.args, strict=True) if arg is node
        )


def returned_name(node: fx.Node) -> str | None:
    """What a child calls the result that this item of its call is."""
    result = result_of_child(node)
    if not isinstance(result, fx.Node):
        return None
    own = result.meta.get("name") or hinted(result) or returned_name(result)
    return None if own is None else identifier(str(own))


def result_of_child(node: fx.Node) -> Any:
    """The value in a child's graph that an item of its call is, or an item of that item."""
    if node.target is not operator.getitem or not isinstance(node.args[0], fx.Node):
        return None
    whole, index = node.args
    if is_item(node):
        results = next(iter(reversed(whole.meta["body"].graph.nodes))).args[0]  # type: ignore[union-attr]
    else:
        results = result_of_child(whole)  # type: ignore[arg-type]
    is_there = isinstance(results, (tuple, list)) and isinstance(index, int)
    return results[index] if is_there and index < len(results) else None  # type: ignore[operator]


def hinted(node: fx.Node) -> str | None:
    """The target of the statement that the user wrote the value in, or an item of its list."""
    if is_deep(node):
        return target_inside(node)
    for position in (*node.meta.get("positions", ()), *node.meta.get("outer", ())):
        found = site(position)
        if found is None or found.role == "returned":
            continue
        if found.appended_to is not None:
            return identifier(one_of(found.appended_to))
        item = node.meta.get(
            "item", node.args[1] if node.target is operator.getitem and len(node.args) > 1 else None
        )
        if found.unpacks:
            item = (
                ordinal(node) if item is None and isinstance(found.expression, ast.Tuple) else item
            )
            if isinstance(item, int) and 0 <= item < len(found.targets) and found.targets[item]:
                return identifier(str(found.targets[item]))
            return None
        return identifier(found.targets[0]) if found.targets and found.targets[0] else None
    return None


def ordinal(node: fx.Node) -> int:
    """How many values the same place made before: `q, k, v = map(split, qkv)` makes three."""
    places = [n.meta.get("positions") for n in node.graph.nodes if n.target == node.target]
    own = [n for n in node.graph.nodes if n.target == node.target]
    before = places[: own.index(node)]
    return before.count(node.meta.get("positions"))


def is_deep(node: fx.Node) -> bool:
    """An item of an item of a result: the user's targets are those of the result itself."""
    source = node.args[0] if node.target is operator.getitem else None
    return (
        isinstance(source, fx.Node)
        and source.target is operator.getitem
        and "item" in node.meta
        and "item" in source.meta
    )


def target_inside(node: fx.Node) -> str | None:
    """`h` of `x, (h, w) = ...`"""
    found = use_of(node).site
    tree: Any = found.target if found is not None else None
    whole: Any = node.args[0]
    for index in (whole.args[1], node.args[1]):
        items = getattr(tree, "elts", ())
        tree = items[index] if isinstance(index, int) and index < len(items) else None
    return identifier(tree.id) if isinstance(tree, ast.Name) else None


def local_name(node: fx.Node) -> str | None:
    """The name of a value in the source of the rule that made it."""
    for position in node.meta.get("rule_positions", node.meta.get("positions", ())):
        found = site(position)
        if found is None:
            return None
        if found.role == "returned":
            continue
        if found.unpacks:
            item = node.meta.get("item")
            return (
                found.targets[item] if isinstance(item, int) and item < len(found.targets) else None
            )
        return found.targets[0] if found.targets else None
    return None


def layer_word(node: fx.Node) -> str | None:
    """The last word of the layer's path that is a word."""
    path = str(node.target) if node.op == "call_module" else node.meta.get("result_of")
    group = node.meta.get("group")
    if path is None and group is not None:
        path = group.layer
    words = [part for part in str(path or "").split(".") if part.isidentifier()]
    return identifier(words[-1]) if words else None


def operator_word(node: fx.Node) -> str | None:
    label = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", None)
    if node.op == "call_module" or label is None:
        return None
    label = label.strip("_")
    return WORDS.get(label)


def identifier(text: str) -> str:
    """`text` as a variable that is no keyword, no builtin and not private."""
    name = re.sub(r"\W", "_", text).lstrip("_") or "x"
    if name[0].isdigit():
        name = f"x{name}"
    return f"{name}_" if name in RESERVED or name in UNCLEAR else name
