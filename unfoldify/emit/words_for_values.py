"""What the user's own file calls a value; if nothing, what it is."""

from __future__ import annotations

import ast
import inspect
import keyword
import operator
import re
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import fx

from unfoldify.emit.handed_on import callers_word, statement_of
from unfoldify.emit.named_sizes import word_of_size
from unfoldify.emit.uses import use_of
from unfoldify.recording.body import Construct
from unfoldify.recording.loops.loop import chain
from unfoldify.recording.source import Site, parsed, site

RESERVED = frozenset(
    {
        *keyword.kwlist,
        "float",
        "range",
        "getattr",
        "zip",
        "reversed",
        "enumerate",
        "len",
        "min",
        "max",
        "int",
        "list",
        "sum",
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
OF_TENSORS = ("Tensor", "Parameter", "Variable")  # classes whose objects are tensors
UNCLEAR = {"l", "I", "O"}  # one cannot tell from 1 and 0, as every linter says
WORDS = {  # operator → what its value is
    "softmax": "weights",
    "log_softmax": "log_probabilities",
    "arange": "positions",
    "embedding": "embedded",
    "size": "n",
    "mean": "mean",
    "var": "variance",
    "logsumexp": "normalizer",
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


def assigned_word(node: fx.Node) -> str | None:
    """The variable that the user's statement gives to the value, as it is."""
    if node.meta.get("group") is not None and not node.meta.get("result"):
        return None
    if len(node.meta.get("positions", ())) > 1:  # a variable of a helper's, whatever it is called
        return None
    use = use_of(node)
    return hinted(node) if use.role == "assigned" else None


def item_word(name: str) -> str | None:
    """`out` of `outs`, `y` of `Y`: what an item of a list is called; None where the list's name
    says nothing of it.
    """
    word = one_of(name)
    if word == name:
        word = name.lower() if len(name) == 1 else name
    return identifier(word) if word != name else None


def singular(container: str) -> str:
    """`blocks` → `block`"""
    word = next((part for part in reversed(container.split(".")) if part.isidentifier()), "layers")
    found = one_of(word)
    if found != word:
        return found
    return "layer" if len(word) < 3 else f"{word}_layer"


def one_of(word: str) -> str:
    """`entries` → `entry`, `outs` → `out`, `norms_1` → `norm_1`; a word that is no plural stays."""
    number = re.search(r"_?\d+$", word)
    if number is not None:
        return one_of(word[: number.start()]) + number[0]
    if word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith("s") and len(word) > 2 and not word.endswith("ss"):
        return word[:-1]
    return word


def is_telling(word: str | None) -> bool:
    """Whether the name of a layer says what its result is: `to_residual` does, `fc1` does not."""
    return word is not None and len(word) > 4 and word.isascii() and not word[-1].isdigit()


def is_item(node: fx.Node) -> bool:
    """Whether a value is one of the results of a child."""
    call = node.args[0] if node.target is operator.getitem else None
    return isinstance(call, fx.Node) and "body" in call.meta and isinstance(node.args[1], int)


def key_word(node: fx.Node) -> Iterator[str]:
    """`position` for `batch["position"]` and for `batch.position`, of what forward is given."""
    if node.target not in (operator.getitem, getattr) or "val" not in node.meta:
        return
    holder, key = node.args
    inside = holder
    while isinstance(inside, fx.Node) and inside.target in (operator.getitem, getattr):
        inside = inside.args[0]
    is_argument = isinstance(inside, fx.Node) and inside.op == "placeholder"
    held_by_tensor = isinstance(holder, fx.Node) and "val" in holder.meta
    if isinstance(key, str) and key.isidentifier() and is_argument and not held_by_tensor:
        yield identifier(key)


def words_of_item(node: fx.Node) -> Iterator[str]:
    """What the child that returns an item calls it, and what a child that takes it does."""
    own = returned_name(node)
    if own is not None:
        yield own
    for user in node.users:
        if isinstance(user.target, Construct):
            yield from (identifier(key) for key, arg in user.kwargs.items() if arg is node)
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
        whole: Any = node.args[0]
        return target_inside(node, (whole.args[1], node.args[1]))
    size = word_of_size(node)
    if size is not None:
        return identifier(size)
    place = place_in_result(node)
    if place is not None and (word := target_inside(node, place)):
        return word
    handed = callers_word(node.meta.get("positions", ()), node.meta.get("item"))
    if handed is not None and handed.strip("_"):
        return identifier(handed)
    for position in (*node.meta.get("positions", ()), *node.meta.get("outer", ())):
        found = site(position)
        if found is None or found.role == "returned":
            continue
        if found.appended_to is not None:
            return item_word(found.appended_to)
        made = object_made(found)
        if made is not None:
            return keyword_given(made, found)
        item = node.meta.get(
            "item", node.args[1] if node.target is operator.getitem and len(node.args) > 1 else None
        )
        if found.unpacks:
            if item is None and (isinstance(found.expression, ast.Tuple) or is_each(found)):
                item = ordinal(node)
            if isinstance(item, int) and 0 <= item < len(found.targets) and found.targets[item]:
                return identifier(str(found.targets[item]))
            return None
        return identifier(found.targets[0]) if found.targets and found.targets[0] else None
    return None


def object_made(found: Site) -> ast.Call | None:
    """`Normal(mean, std)` in `policy = Normal(mean, std)`: the variable holds the object, and none of
    the tensors that are made for it.
    """
    statement = statement_of(found)
    match getattr(statement, "value", None):
        case ast.Call(func=ast.Name(id=word) | ast.Attribute(attr=word)) as call:
            is_class = word[:1].isupper() and not word.endswith(OF_TENSORS)
            return call if is_class and found.role != "returned" else None
    return None


def keyword_given(call: ast.Call, found: Site) -> str | None:
    """`logits` for what `Categorical(logits=self.fc(x))` is given."""
    words = (each.arg for each in call.keywords if each.value is found.expression)
    places = (at for at, each in enumerate(call.args) if each is found.expression)
    word = next(words, None) or next((parameter_at(call, at) for at in places), None)
    return identifier(word) if word else None


def parameter_at(call: ast.Call, at: int) -> str | None:
    """`scale` for the second that `Normal(mean, std)` is given: what torch's distribution calls it."""
    word = getattr(call.func, "id", None) or getattr(call.func, "attr", "")
    made = getattr(torch.distributions, str(word), None)
    words = list(inspect.signature(made).parameters) if isinstance(made, type) else []
    return words[at] if at < len(words) else None


def is_each(found: Site) -> bool:
    """Whether an expression makes the values of `q, k, v = (split(t) for t in qkv)`."""
    file = parsed(found.filename)
    if file is None or found.expression is None:
        return False
    inside = file.parents.get(found.expression)
    if (
        not isinstance(inside, ast.GeneratorExp | ast.ListComp)
        or inside.elt is not found.expression
    ):
        return False
    return isinstance(file.parents.get(inside), ast.Assign)


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


def place_in_result(node: fx.Node) -> Any:
    """Where in the result of its layer a value is, or the one that the layer makes of it alone."""
    (user,) = node.users if len(node.users) == 1 else (node,)
    is_last = "in_result" in node.meta or user.meta.get("layer") is not node.meta.get("layer")
    return (node if is_last else user).meta.get("in_result")


def target_inside(node: fx.Node, place: Sequence[Any]) -> str | None:
    """`h` of `x, (h, w) = ...`"""
    found = use_of(node).site
    tree: Any = found.target if found is not None else None
    for index in place:
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


MAKES = {
    "encoder": "encoded",
    "decoder": "decoded",
    "embedder": "embedded",
}  # the layer → its result


def layer_word(node: fx.Node) -> str | None:
    """The last word of the layer's path that is a word; None for the items of a list that a loop
    goes over, which the loop's variable is called by.
    """
    path = str(node.target) if node.op == "call_module" else node.meta.get("result_of")
    group = node.meta.get("group")
    if path is None and group is not None:
        path = group.layer
    words = [part for part in str(path or "").split(".") if part.isidentifier()]
    around = chain(node.meta.get("loop"))
    is_item_of_loop = any(module.path == path for loop in around for module in loop.modules)
    return identifier(MAKES.get(words[-1], words[-1])) if words and not is_item_of_loop else None


def operator_word(node: fx.Node) -> str | None:
    label = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", None)
    if node.op == "call_module" or label is None:
        return None
    label = label.strip("_")
    return WORDS.get(label)


def hooks_word(node: fx.Node) -> str | None:
    """What a hook makes in front of a layer has no name where the layer is called, whatever that is."""
    return "weight" if getattr(node.target, "__name__", None) == "_weight_norm" else None


def identifier(text: str) -> str:
    """`text` as a variable that is no keyword, no builtin and not private."""
    name = re.sub(r"\W", "_", text).lstrip("_") or "x"
    if name[0].isdigit():
        name = f"x{name}"
    return f"{name}_" if name in RESERVED or name in UNCLEAR else name
