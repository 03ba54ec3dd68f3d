"""Which variable a value gets: the user's own name where it is free, else what the value is."""

from __future__ import annotations

import keyword
import operator
import re
from collections.abc import Iterable, Iterator
from typing import Any

from torch import fx

from unfoldify.emit.plan import Step, is_trivial, use_of
from unfoldify.source import site

RESERVED = frozenset(
    {*keyword.kwlist, "float", "range", "getattr", "zip", "enumerate", "len", "min", "max", "int", "list", "super",
     "tuple", "dict", "type", "ValueError", "torch", "F", "nn", "math", "rearrange", "einsum", "repeat", "reduce",
     "pack", "unpack", "self", "dataclass", "Path", "load_file"}  # fmt: skip
)
MAIN = {"x", "input", "output", "result", "out"}  # in a rule's source: the way from its argument to its result
LETTERS = ("x", "y", "z")
WORDS = {  # operator → what its value is
    "softmax": "weights", "log_softmax": "log_probabilities", "arange": "positions", "embedding": "embedded",
    "size": "n", "mean": "mean", "var": "variance", "matmul": "product", "cat": "joined", "stack": "stacked",
    "bmm": "product", "mm": "product", "floordiv": "n", "sub": "difference", "eq": "mask", "ne": "mask", "lt": "mask",
    "gt": "mask", "le": "mask", "ge": "mask", "item": "value", "topk": "top", "sort": "sorted_values",
    "rand": "noise", "randn": "noise", "tril": "mask", "triu": "mask", "sigmoid": "gate", "getitem": "part",
}  # fmt: skip


def allocate(steps: list[Step], placeholders: Iterable[fx.Node], taken: Iterable[str]) -> dict[fx.Node, str]:
    """A name for every value that has a line or is an argument; a name is used again once its value is dead."""
    last = last_uses(steps)
    names: dict[fx.Node, str] = {}
    holders: dict[str, fx.Node] = {}
    reserved = RESERVED | set(taken)

    def free(name: str, at: int) -> bool:
        holder = holders.get(name)
        return name not in reserved and (holder is None or last.get(holder, -1) <= at)

    def give(node: fx.Node, wishes: Iterable[str], at: int) -> None:
        name = next(wish for wish in numbered(wishes) if free(wish, at))
        names[node] = name
        holders[name] = node

    for node in placeholders:
        name = identifier(str(node.meta.get("name", node.name)))
        give(node, [name], -2)
    results, sources = group_results(steps), group_sources(steps)
    for index, step in enumerate(steps):
        if step.kind == "unpack":
            for part in step.items:
                give(part, wishes(part, names, results, sources, last, index), index)
                last[part] = max(last.get(part, -1), index + 1)  # names of one tuple differ from each other
        elif step.kind == "assign":
            give(step.node, wishes(step.node, names, results, sources, last, index), index)
    return names


def last_uses(steps: list[Step]) -> dict[fx.Node, int]:
    """The last statement that reads each value."""
    last: dict[fx.Node, int] = {}
    for index, step in enumerate(steps):
        for node in step.tree:
            for operand in operands(node):
                last[operand] = index
    return last


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
                if operand.meta.get("group") is not group and operand.op != "get_attr" and not is_trivial(operand):
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
    if group is not None and not node.meta.get("result"):
        own = local_name(node)
        if own is not None and own not in MAIN:
            yield identifier(own)
        operand_nodes = [*node.all_input_nodes, *([sources[group]] if group in sources else [])]
        node = results.get(group, node)
    else:
        operand_nodes = [*node.all_input_nodes, *([sources[group]] if group in sources else [])]
    carried = [names[operand] for operand in operand_nodes if operand in names and last.get(operand, -1) <= at]
    yield from wishes_of_value(node, carried)


def wishes_of_value(node: fx.Node, carried: list[str]) -> Iterator[str]:
    """`carried` are the names of operands that end here: a value may go on under one of them."""
    use = use_of(node)
    hint = hinted(node)
    if hint is not None:
        yield hint
    attribute = layer_word(node)
    if hint is None or len(hint) == 1:
        yield from (name for name in carried[:1] if use.role != "assigned")
        yield from LETTERS[1:] if hint in LETTERS else ()
    if attribute is not None:
        yield attribute
    yield from carried[:1]
    word = operator_word(node)
    if word is not None:
        yield word
    yield from LETTERS
    yield "hidden"


def hinted(node: fx.Node) -> str | None:
    """The target of the statement that the user wrote the value in."""
    for position in (*node.meta.get("positions", ()), *node.meta.get("outer", ())):
        found = site(position)
        if found is None or found.role == "returned":
            continue
        item = node.meta.get("item", node.args[1] if node.target is operator.getitem and len(node.args) > 1 else None)
        if found.unpacks:
            if isinstance(item, int) and 0 <= item < len(found.targets) and found.targets[item]:
                return identifier(str(found.targets[item]))
            return None
        return identifier(found.targets[0]) if found.targets and found.targets[0] else None
    return None


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
            return found.targets[item] if isinstance(item, int) and item < len(found.targets) else None
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
    name = re.sub(r"\W", "_", text).strip("_") or "x"
    if name[0].isdigit():
        name = f"x{name}"
    return f"{name}_" if name in RESERVED else name


def numbered(wishes: Iterable[str]) -> Iterator[str]:
    """The wishes, then the first of them with a number."""
    first = None
    for wish in wishes:
        first = first or wish
        yield wish
    base = (first or "x").rstrip("0123456789")
    count = 2
    while True:
        yield f"{base}{count}"
        count += 1
