"""Calls that a function of the library computes, and what the file's copy of it has to be able to do."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from torch import fx

from unfoldify.emit.functions.commented import parsed
from unfoldify.emit.functions.function import Function
from unfoldify.emit.functions.specialize import arranged, is_none, parameters_of, specialized
from unfoldify.emit.patch.excerpt import Switches, library, rendered
from unfoldify.emit.patch.speak import in_torch
from unfoldify.lowering.lower import bound
from unfoldify.rules.convolution import conv1d, conv2d, conv3d
from unfoldify.rules.linear import linear
from unfoldify.rules.matmul import bmm, dot, matmul, mm, mv
from unfoldify.rules.products import bilinear
from unfoldify.rules.rule import Rule
from unfoldify.rules.transposed import conv_transpose1d, conv_transpose2d, conv_transpose3d

Given = dict[str, Any]  # the library's parameter → what a recorded call gave

WORDS = {  # torch's parameters that the library calls otherwise
    "input": "x",
    "input1": "x1",
    "input2": "x2",
}
FACTORS = {"input": "a", "other": "b", "mat2": "b", "vec": "b", "tensor": "b", "self": "a"}
SPATIAL = ("stride", "padding", "output_padding", "dilation")  # one number for each axis
ONES = ("stride", "dilation", "groups")  # at 1 where they are not given
COMPUTED: Mapping[Callable[..., Any], str] = {
    **{
        rule: rule.__name__
        for rule in (
            *(conv1d, conv2d, conv3d),
            *(conv_transpose1d, conv_transpose2d, conv_transpose3d),
            *(linear, bilinear),
        )
    },
    **dict.fromkeys((matmul, mm, bmm, mv, dot), "matmul"),
}


def given_to(node: fx.Node, rule: Rule) -> Given:
    """The arguments of a recorded call by the parameters of its rule; {} where they do not fit."""
    arguments = bound(node, rule)
    return dict(arguments.arguments) if arguments is not None else {}


def library_call(node: fx.Node, rule: Rule) -> tuple[str, Given] | None:
    """The library's function for a call, and what it is given; None where there is none for it."""
    word = COMPUTED.get(rule.function)
    if word is None:
        return None
    words = FACTORS if word == "matmul" else WORDS
    given = {words.get(key, key): value for key, value in given_to(node, rule).items()}
    known = parameters_of(word)
    if not given or not set(given) <= set(known):
        return None
    spatial = int(word[-2]) if word.endswith("d") else 0
    for label, value in given.items():
        if label in SPATIAL and not isinstance(value, str):
            given[label] = value = spread(value, spatial)
        if label in (*SPATIAL, "groups") and not is_number(value):
            return None
    return word, {key: value for key, value in given.items() if value != default(key, spatial)}


def spread(value: Any, count: int) -> Any:
    """One number for each axis."""
    values = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    return values * count if len(values) == 1 else values


def default(label: str, spatial: int) -> Any:
    if label in SPATIAL:
        return (int(label in ONES),) * spatial
    return 1 if label == "groups" else None


def is_number(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(is_number(item) for item in value)
    return isinstance(value, (int, str)) and not isinstance(value, bool)


@dataclass(frozen=True)
class Call:
    """One call: its node, whose arguments are the operands, and the numbers beside them."""

    node: fx.Node
    operands: tuple[str, ...]
    numbers: Given

    @property
    def given(self) -> Given:
        return dict(zip(self.operands, self.node.args, strict=True)) | self.numbers


@dataclass(frozen=True)
class Needs:
    """What all calls of a function together need of it."""

    fixed: Mapping[str, ast.expr]  # parameters that no call gives, at their defaults
    scalars: Mapping[str, int]  # one number for all axes in every call, with that default
    always: set[str]  # operands that may be left out, and that no call leaves out
    switches: Switches


@dataclass(eq=False)
class LibraryFunction(Function):
    """One function of the library in one style, and all calls of it."""

    entry: str = ""
    style: str = "product"
    dialect: str = "einops"
    calls: list[Call] = field(default_factory=list)  # in forwards
    uses: list[Given] = field(default_factory=list)  # in other functions, as syntax trees
    needs: Needs = field(init=False)
    tree: ast.FunctionDef = field(init=False)

    def add(self, node: fx.Node, given: Given) -> None:
        """Let a recorded call be a call of this function."""
        operands = {key: value for key, value in given.items() if is_operand(value)}
        node.op, node.target = "call_function", self
        node.args, node.kwargs = tuple(operands.values()), {}
        numbers = {key: value for key, value in given.items() if key not in operands}
        self.calls.append(Call(node, tuple(operands), numbers))

    def settle(self) -> None:
        """Operands by position, numbers by name; and the text that all calls together need."""
        given = [call.given for call in self.calls]
        self.needs = needs = needs_of(self.entry, given, self.uses)
        names = [name for name in parameters_of(self.entry) if name not in needs.fixed]
        self.defaults = defaults_of(self.entry, names, given, needs.scalars)
        for call, values in zip(self.calls, given, strict=True):
            plain = {
                key: value[0] if key in needs.scalars and isinstance(value, tuple) else value
                for key, value in values.items()
            }
            args: list[Any] = []
            while len(args) < len(names) and is_operand(plain.get(names[len(args)])):
                args.append(plain.pop(names[len(args)]))
            call.node.args = tuple(args)
            plain = {**self.defaults, **plain}
            call.node.kwargs = {name: plain[name] for name in names if name in plain}
        text = rendered(library()[self.entry], needs.switches, self.style == "product")
        text = in_torch(text) if self.dialect == "torch" else text
        self.tree = specialized(parsed(text), needs.fixed, needs.scalars, needs.always)


def defaults_of(
    entry: str, names: list[str], calls: list[Given], scalars: Mapping[str, int]
) -> dict[str, Any]:
    """The numbers that a call gives where it says nothing."""
    spatial = int(entry[-2]) if entry.endswith("d") else 0
    return {
        name: scalars.get(name, default(name, spatial))
        for name in names
        if name in (*SPATIAL, "groups")
        and not any(isinstance(given.get(name), str) for given in calls)
    }


def is_operand(value: Any) -> bool:
    """A tensor or a layer, or several."""
    if isinstance(value, tuple):
        return bool(value) and all(isinstance(item, fx.Node) for item in value)
    return isinstance(value, fx.Node)


def needs_of(entry: str, calls: list[Given], uses: list[Given]) -> Needs:
    every = [*calls, *uses]
    always = not uses and all("bias" in given for given in calls)
    return Needs(
        fixed_in(entry, every),
        scalars_in(every),
        {"bias"} if always else set(),
        switches_for(entry, every),
    )


def fixed_in(entry: str, calls: list[Given]) -> dict[str, ast.expr]:
    """Parameters that no call gives, at their defaults; None where there is no default."""
    tree = library()[entry].tree
    names = parameters_of(entry)
    optional = names[len(names) - len(tree.args.defaults) :]
    defaults = dict(zip(optional, tree.args.defaults, strict=True))
    unused = [name for name in names if not any(name in given for given in calls)]
    return {name: defaults.get(name, ast.Constant(None)) for name in unused}


def scalars_in(calls: list[Given]) -> dict[str, int]:
    """Parameters that are one number for all axes in every call."""
    found: dict[str, int] = {}
    for label in SPATIAL:
        values = [given[label] for given in calls if label in given]
        if values and all(is_even(value) for value in values):
            found[label] = int(label in ONES)
    return found


def is_even(value: Any) -> bool:
    """The same along all axes, or a word."""
    return isinstance(value, str) or (isinstance(value, tuple) and len(set(value)) == 1)


def switches_for(entry: str, calls: list[Given]) -> Switches:
    on = {
        switch
        for switch, label in (("GROUPED", "groups"), ("DILATED", "dilation"))
        if any(label in given for given in calls)
    }
    if any(isinstance(given.get("padding"), str) for given in calls):
        on.add("NAMED_PADDING")
    axes = int(entry[-2]) if entry.endswith("d") else 0
    if axes and any(rank(given["x"]) == axes + 1 for given in calls):
        on.add("UNBATCHED")
    if any(rank(given.get(factor)) == 1 for given in calls for factor in ("a", "b")):
        on.add("VECTORS")
    return Switches(frozenset(on))


def uses_in(tree: ast.AST, entry: str) -> Iterator[tuple[str, Given]]:
    """The calls of other functions of the library; what is None there counts as not given."""
    calls = [node for node in ast.walk(tree) if called(node) is not None]
    for node in calls:
        word, call = called(node), node
        assert isinstance(call, ast.Call)
        assert word is not None
        if word != entry:
            yield word, {k: v for k, v in written(call, word).items() if not is_none(v)}
    heads = [node.func for node in calls if isinstance(node, ast.Call)]
    for node in ast.walk(tree):  # handed on to be called with everything that it takes
        if isinstance(node, ast.Name) and node.id in library() and node not in heads:
            yield node.id, dict.fromkeys(parameters_of(node.id), node)


@cache
def callers_first() -> tuple[str, ...]:
    """The library's functions, each in front of those that it calls."""
    called_by = {
        entry: {node.id for node in ast.walk(found.tree) if isinstance(node, ast.Name)} - {entry}
        for entry, found in library().items()
    }
    order: list[str] = []
    while called_by:
        free = [e for e in called_by if not any(e in words for words in called_by.values())]
        order += free
        called_by = {e: words for e, words in called_by.items() if e not in free}
    return tuple(order)


def called(node: ast.AST) -> str | None:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in library():
        return node.func.id
    return None


def written(call: ast.Call, word: str) -> Given:
    """A call's arguments by the parameters of the library; those that are spread are the last."""
    names = parameters_of(word)
    given: Given = {}
    for name, value in zip(names, call.args, strict=False):
        given[name] = value
        if isinstance(value, ast.Starred):
            return given | dict.fromkeys(names[len(given) :], value)
    return given | {str(keyword.arg): keyword.value for keyword in call.keywords}


class Called(ast.NodeTransformer):
    """Calls of the library's functions under their names in the file, as short as these are now."""

    def __init__(self, functions: Mapping[str, LibraryFunction]) -> None:
        self.functions = functions

    def visit_Name(self, node: ast.Name) -> ast.Name:
        found = self.functions.get(node.id)
        return node if found is None else ast.Name(found.name, node.ctx)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        word = called(node)
        is_spread = any(isinstance(arg, ast.Starred) for arg in node.args)
        if word is not None and word in self.functions and not is_spread:
            fixed = self.functions[word].needs.fixed
            names = [name for name in parameters_of(word) if name not in fixed]
            args, keywords = arranged(written(node, word), names)
            node = ast.Call(node.func, args, keywords)
        return self.generic_visit(node)


def rank(value: Any) -> int:
    like = value.meta.get("val") if isinstance(value, fx.Node) else None
    return -1 if like is None else len(like.shape)
