"""Nodes → Python expressions."""

from __future__ import annotations

import ast
import keyword
import operator
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import fx, nn

from unfoldify.emit.containers import child_of, place_of
from unfoldify.emit.functions.function import Function, FunctionCall
from unfoldify.emit.lines import Hole, constant, dotted, name
from unfoldify.emit.spelling import (
    BINARY,
    COMPARISONS,
    UNARY,
    function_name,
    object_name,
)
from unfoldify.emit.tidy import given_by_position, is_value, tidied
from unfoldify.emit.uses import use_of
from unfoldify.emit.written import as_written, expression_of
from unfoldify.errors import CaptureError
from unfoldify.recording.body import Construct
from unfoldify.recording.by_size import root
from unfoldify.recording.loops.loop import gathered, in_a_row, spread
from unfoldify.recording.modes import choose
from unfoldify.recording.regular import as_range, is_repeated
from unfoldify.recording.source import users_place
from unfoldify.recording.spelling import AutogradCall

LONGEST_LIST = 32  # numbers in a row that are written one by one
LITERAL = (bool, int, float, complex, str, bytes, type(None))


@dataclass
class Expressions:
    """Spells the values of one graph; `names` holds those that have a variable."""

    module: nn.Module
    names: Mapping[fx.Node, str]
    device: ast.expr | None = None  # "the device of the input", for tensors that are made on it
    attributes: dict[str, ast.expr] = field(
        default_factory=dict
    )  # loop variables that stand for a path
    imports: set[str] = field(default_factory=set)

    def of(self, node: fx.Node, *, by_name: bool = True) -> ast.expr:
        """The expression of a value: its variable, or what computes it."""
        if by_name and node in self.names:
            return name(self.names[node])
        if node.op == "get_attr":
            return self.path(str(node.target))
        if node.op == "call_module":
            return self.module_call(node)
        if node.target is gathered:
            return self.value(node.args[0])
        if node.target is in_a_row:
            row = node.args[0]  # or a list that another loop fills with just these
            return self.value(tuple(row) if isinstance(row, list) else row)
        if node.target is spread:
            return ast.Starred(self.value(node.args[0]), ast.Load())
        if node.op == "call_method":
            receiver, *rest = node.args
            call = ast.Attribute(self.value(receiver), str(node.target), ast.Load())
            return self.call(call, method(str(node.target)), tuple(rest), node, method=True)
        return self.function_call(node)

    # -- values --------------------------------------------------------------------------------

    def value(self, value: Any, origin: Any = None) -> ast.expr:
        """An argument: a node, a number, a structure of them."""
        if isinstance(value, fx.Node):
            return self.of(value)
        if isinstance(value, bool) or value is None or isinstance(value, str):
            return ast.Constant(value)
        if isinstance(value, (int, float)):
            return self.number(value, origin)
        if isinstance(value, tuple):
            items = [self.value(item, origin) for item in value]
            return sizes_in_a_row(value, items) or ast.Tuple(items, ast.Load())
        if isinstance(value, list):
            numbers = as_range(value) if len(value) > LONGEST_LIST else None
            if numbers is not None:
                return ast.Call(name("list"), [self.object(numbers, origin)], [])
            once = value[:1] if is_said_once(value) else value
            written = ast.List([self.value(item, origin) for item in once], ast.Load())
            many = ast.BinOp(written, ast.Mult(), constant(len(value)))
            return written if once is value else many
        if isinstance(value, dict):
            return ast.Dict(
                [self.value(key) for key in value], [self.value(item) for item in value.values()]
            )
        if isinstance(value, slice):
            return self.slice(value)
        return self.object(value, origin)

    def object(self, value: Any, origin: Any) -> ast.expr:
        """What is neither a number nor a structure: a device, a type, a function, a module."""
        if isinstance(value, torch.device):
            return self.device or ast.Constant(str(value))
        if isinstance(value, range):
            start = value.start if value.start or value.step != 1 else None
            numbers = [start, value.stop, value.step if value.step != 1 else None]
            return ast.Call(name("range"), [constant(n) for n in numbers if n is not None], [])
        spelled = object_name(value)
        if spelled == "...":
            return ast.Constant(...)
        if spelled is not None:
            return dotted(spelled)
        if isinstance(value, type) and value in (int, float, bool, complex):
            return name(value.__name__)
        if callable(value) and function_name(value) is not None:
            return dotted(str(function_name(value)))
        if isinstance(value, nn.Module):
            place = next((p for p, part in self.module.named_modules() if part is value), None)
            if place is not None:
                return self.path(place)
        if not isinstance(value, LITERAL):
            raise no_text(value, origin)
        return constant(value)

    def number(self, value: int | float, origin: Any) -> ast.expr:
        if isinstance(origin, tuple):
            own = as_written(origin[0], value, self.module)
            if own is not None:
                return own
        if isinstance(constant(value), ast.Constant):
            return Hole.of(value, origin)
        if value == value and abs(value) != float("inf"):
            return ast.UnaryOp(ast.USub(), Hole.of(-value, origin))
        return constant(value)

    def slice(self, value: slice) -> ast.expr:
        parts = [
            None if part is None else self.value(part)
            for part in (value.start, value.stop, value.step)
        ]
        return ast.Slice(*parts)

    def path(self, path: str) -> ast.expr:
        """`blocks.0.weight` → `self.blocks[0].weight`, by what each step really is."""
        expression: ast.expr = name("self")
        here: Any = self.module
        done: list[str] = []
        for part in path.split(".") if path else ():
            done.append(part)
            known = self.attributes.get(".".join(done))
            expression = known if known is not None else step_into(expression, here, part)
            here = child_of(here, part)
        return expression

    # -- calls ---------------------------------------------------------------------------------

    def module_call(self, node: fx.Node) -> ast.expr:
        body = node.meta.get("body")
        target = self.path(str(node.target))
        method = node.meta.get("method", "forward")
        if method != "forward":
            target = ast.Attribute(target, method, ast.Load())
        if body is None:
            return self.call(
                target, type(node.meta["module"]).forward, node.args, node, method=True
            )
        args: list[ast.expr] = []
        keywords: list[ast.keyword] = []
        live = [parameter for parameter in body.parameters if parameter.node is not None]
        for parameter, argument in zip(live, node.args, strict=True):
            label = node.meta.get("argument_names", {}).get(parameter.name)
            if label is not None and len(args) >= 1 and parameter.lifted:
                keywords.append(ast.keyword(label, self.value(argument)))
            else:
                args.append(self.value(argument))
        return ast.Call(target, args, keywords)

    def function_call(self, node: fx.Node) -> ast.expr:
        target: Any = node.target
        if target in BINARY:
            left, right = (self.value(arg, (node, index)) for index, arg in enumerate(node.args))
            word = method_of(node)
            if word is not None:
                return ast.Call(ast.Attribute(left, word, ast.Load()), [right], [])
            return ast.BinOp(left, getattr(ast, BINARY[target])(), right)
        if target in COMPARISONS:
            left, right = (self.value(arg) for arg in node.args)
            return ast.Compare(left, [getattr(ast, COMPARISONS[target])()], [right])
        if target in UNARY:
            return ast.UnaryOp(getattr(ast, UNARY[target])(), self.value(node.args[0]))
        if target is getattr:
            return ast.Attribute(self.value(node.args[0]), str(node.args[1]), ast.Load())
        if target is operator.getitem:
            return ast.Subscript(
                self.value(node.args[0]), self.index(written_index(node)), ast.Load()
            )
        if target is choose:
            flag, value, otherwise = (self.value(arg) for arg in node.args)
            return ast.IfExp(flag, value, otherwise)
        if target is root:
            self.imports.add("math")
            return ast.Call(dotted("math.isqrt"), [self.value(node.args[0])], [])
        if isinstance(target, Function):
            args = [self.value(arg, (node, index)) for index, arg in enumerate(node.args)]
            named = [
                ast.keyword(key, self.value(value, (node, key)))
                for key, value in node.kwargs.items()
            ]
            return FunctionCall.of(target, args, named)
        if isinstance(target, Construct):
            keywords = [ast.keyword(key, self.value(value)) for key, value in node.kwargs.items()]
            return ast.Call(name(target.name), [], keywords)
        if isinstance(target, AutogradCall):
            function = ast.Attribute(name(target.cls.__name__), "apply", ast.Load())
            return ast.Call(function, [self.value(arg) for arg in node.args], [])
        spelled = "OrderedDict" if target is OrderedDict else function_name(target)
        if spelled is None:
            return ast.Call(
                name(getattr(target, "__name__", "call")), [self.value(a) for a in node.args], []
            )
        if spelled.startswith(("math.", "random.")):
            self.imports.add(spelled.partition(".")[0])
        return self.call(dotted(spelled), target, node.args, node)

    def index(self, key: Any) -> ast.expr:
        if isinstance(key, tuple) and not key:
            return ast.Tuple([], ast.Load())
        if isinstance(key, tuple) and len(key) == 1 and not isinstance(key[0], tuple):
            return self.value(key[0])  # `x[(slice(1, None),)]`, of a tuple that was computed
        return self.value(key)

    def call(
        self,
        function: ast.expr,
        target: Callable[..., Any],
        given: tuple[Any, ...],
        node: fx.Node,
        *,
        method: bool = False,
    ) -> ast.expr:
        """A call as a person would write it: defaults dropped, later arguments by name."""
        args, keywords = tidied(
            target, given, dict(node.kwargs), given_by_position(node), method=method
        )
        sizes = [self.value(arg, (node, index)) for index, arg in enumerate(args)]
        named = [
            ast.keyword(key, self.value(value, (node, key))) for key, value in keywords.items()
        ]
        return ast.Call(function, sizes, named)


METHODS = {
    operator.add: ("add",),
    operator.sub: ("sub", "subtract"),
    operator.mul: ("mul", "multiply"),
    operator.truediv: ("div", "divide", "true_divide"),
    operator.pow: ("pow",),
    operator.mod: ("remainder",),
}


def method_of(node: fx.Node) -> str | None:
    """`pow`, where the user wrote `x.pow(2)` and not `x**2`: torch calls both alike."""
    match expression_of(node):
        case ast.Call(func=ast.Attribute(value=receiver, attr=word), args=[_], keywords=[]):
            is_known = word in METHODS.get(node.target, ())  # type: ignore[arg-type]
            return word if is_known and is_value(receiver) else None
    return None


def written_index(node: fx.Node) -> Any:
    """The key of a subscript; `-1` for the last size where the source says so."""
    source, key = node.args
    if isinstance(source, fx.Node) and source.target is getattr and source.args[1] == "shape":
        found = use_of(source).site
        length = source.meta.get("length")
        if found is not None and found.index is not None and length and found.index % length == key:
            return found.index
    return key


def step_into(expression: ast.expr, parent: Any, part: str) -> ast.expr:
    """`parent.part`, `parent[0]` or `parent["key"]`."""
    place = place_of(parent, part)
    if place is not None:
        return ast.Subscript(expression, ast.Constant(place), ast.Load())
    if isinstance(parent, (nn.ModuleDict, nn.ParameterDict)):
        return ast.Subscript(expression, ast.Constant(part), ast.Load())
    if not part.isidentifier() or keyword.iskeyword(part):
        return ast.Call(name("getattr"), [expression, ast.Constant(part)], [])
    if hasattr(nn.Module, part) and child_of(parent, part) is not None:  # the method is found first
        modules = ast.Attribute(expression, "_modules", ast.Load())
        return ast.Subscript(modules, ast.Constant(part), ast.Load())
    return ast.Attribute(expression, part, ast.Load())


def is_said_once(items: list[Any]) -> bool:
    """Whether a list is one value many times: `[v] * 40`."""
    first = items[0] if items else None
    is_long = isinstance(first, int) and len(items) > LONGEST_LIST
    is_node = isinstance(first, fx.Node) and len(items) > 2
    return (is_long or is_node) and is_repeated(items)


def no_text(value: Any, origin: Any) -> CaptureError:
    """The message for an argument of the user's program that no file can name."""
    node = origin[0] if isinstance(origin, tuple) else None
    place = users_place(node.meta.get("positions", ())) if isinstance(node, fx.Node) else ""
    kind, label = type(value).__name__, getattr(value, "__name__", None)
    return CaptureError(
        f"{place}{'an argument' if label is None else label} is a {kind} of your program, which a file "
        "of its own cannot name.\nWrite that call with plain tensor calls, or unfoldify the modules "
        "around it."
    )


def method(label: str) -> Any:
    """A method of tensors, or of generators."""
    return getattr(torch.Tensor, label, None) or getattr(torch.Generator, label)


def sizes_in_a_row(values: tuple[Any, ...], items: list[ast.expr]) -> ast.expr | None:
    """`x.shape[2:]`, where a tuple holds these sizes and none of them has a name."""
    shape = shape_of(items[0]) if len(items) > 1 else None
    if shape is None or any(shape_of(item) != shape for item in items):
        return None
    places = [item.slice.value for item in items]  # type: ignore[attr-defined]
    first, end = places[0], places[0] + len(places)
    if places != list(range(first, end)):
        return None
    whole = values[0].args[0].meta.get("length") == end
    start, stop = constant(first) if first else None, None if whole else constant(end)
    held: ast.expr = items[0].value  # type: ignore[attr-defined]
    return ast.Subscript(held, ast.Slice(start, stop), ast.Load()) if start or stop else held


def shape_of(item: ast.expr) -> str | None:
    """The text of the `x.shape` of which an expression takes one size."""
    if not (isinstance(item, ast.Subscript) and isinstance(item.slice, ast.Constant)):
        return None
    held = item.value
    is_shape = isinstance(held, ast.Attribute) and held.attr == "shape"
    return ast.unparse(held) if is_shape else None
