"""What the user's file says of a layer, however the model is built: its class, its fixed numbers.

`self.conv = nn.Conv2d(c_in, c_out, 3, stride, 1)` fixes kernel and padding, whatever the
constructor is given; the stride has to be read from the layer. What cannot be traced to a
constructor call of torch.nn counts as unknown.
"""

from __future__ import annotations

import ast
import builtins
import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import FunctionType
from typing import Any

from torch import nn

from unfoldify.emit.patch.syntax import FUNCTIONS, Function, UserFile, bound_names
from unfoldify.layers import is_torch_class

WRAPPERS = {"weight_norm", "spectral_norm", "orthogonal"}  # hand on the layer that they are given
CONTAINERS = (nn.ModuleList, nn.Sequential)


class Open:
    """An argument that depends on how the model is built."""


OPEN = Open()


@dataclass(frozen=True)
class Argument:
    """An expression and the arguments of the function that it stands in."""

    expression: ast.expr
    scope: Scope


@dataclass(frozen=True)
class Scope:
    """A function and, for the parameters that the call on the way here gave, the arguments."""

    function: ast.AST | None
    arguments: Mapping[str, Argument]


@dataclass(frozen=True)
class Declaration:
    """One constructor call of a torch.nn class."""

    cls: type[nn.Module]
    given: Mapping[str, Argument]  # by the constructor's parameter
    elements: tuple[Argument, ...] | None = (
        None  # of a Sequential or ModuleList that is written out
    )
    complete: bool = True  # whether every argument is known: no `*args`, no `**kwargs`

    def fixed(self, name: str) -> Any:
        """The value of an argument that is the same however the model is built, else OPEN."""
        if name in self.given:
            return literal(self.given[name])
        parameter = parameters(self.cls).get(name)
        if not self.complete or parameter is None or parameter.default is inspect.Parameter.empty:
            return OPEN
        return parameter.default

    def same(self, *names: str) -> bool:
        """Whether several arguments are one expression."""
        found = [self.given.get(name) for name in names]
        first = found[0]
        return first is not None and all(
            other is not None
            and other.scope is first.scope
            and ast.dump(other.expression) == ast.dump(first.expression)
            for other in found
        )


@dataclass
class Declarations:
    """Looks layers up in the user's file; `namespace` is what its module's names are bound to."""

    file: UserFile
    namespace: Mapping[str, Any]

    def of_expression(self, expression: ast.expr, owners: list[type]) -> list[Declaration] | None:
        """How the module that an expression names was made; None where that is unknown."""
        match expression:
            case ast.Attribute(value=ast.Name(id="self"), attr=attribute):
                return self.of_attribute(attribute, owners)
            case ast.Name(id="self"):
                return self.of_self(owners)
            case ast.Subscript(value=container, slice=index):
                return self.of_item(container, index, owners)
            case ast.Name(id=word):
                return self.of_variable(expression, word, owners)
        return None

    # -- self -----------------------------------------------------------------------------------

    def of_attribute(self, attribute: str, owners: list[type]) -> list[Declaration] | None:
        """What the constructors assign to `self.attribute`; every class that was seen counts."""
        if attribute in self.assigned_from_outside:
            return None
        found: list[Declaration] = []
        for owner in owners:
            values = list(self.assignments(attribute, owner))
            if not values:
                return None
            for value in values:
                made = self.resolve(value)
                if made is None:
                    return None
                found.extend(made)
        return found or None

    def assignments(self, attribute: str, owner: type) -> Iterator[Argument]:
        """The values of `self.attribute = ...` in a class and its ancestors."""
        for cls in self.classes(owner):
            for node in ast.walk(cls):
                for target, value in assigned(node):
                    if (
                        isinstance(target, ast.Attribute)
                        and is_self(target.value)
                        and target.attr == attribute
                    ):
                        yield Argument(value, Scope(self.file.function(node), {}))

    def classes(self, owner: type) -> Iterator[ast.ClassDef]:
        """The definitions in the file of a class and its ancestors."""
        for cls in owner.__mro__:
            if cls.__module__ == self.namespace.get("__name__"):
                found = self.file.definition(cls.__qualname__)
                if isinstance(found, ast.ClassDef):
                    yield found

    def of_self(self, owners: list[type]) -> list[Declaration] | None:
        """`self` of a class derived from a layer: what its constructor hands to the layer's."""
        found: list[Declaration] = []
        for owner in owners:
            layer = next((cls for cls in owner.__mro__ if is_torch_class(cls)), None)
            calls = [call for cls in self.classes(owner) for call in super_calls(cls)]
            if layer is None or len(calls) != 1:
                return None
            scope = Scope(self.file.function(calls[0]), {})
            found.append(self.bound(layer, calls[0], scope))
        return found or None

    @property
    def assigned_from_outside(self) -> set[str]:
        """Attributes that are assigned on something else than self: `model.fc = ...`."""
        found: set[str] = set()
        for node in ast.walk(self.file.tree):
            for target, _ in assigned(node):
                if isinstance(target, ast.Attribute) and not is_self(target.value):
                    found.add(target.attr)
        return found

    # -- loops, items, variables ----------------------------------------------------------------

    def of_item(
        self, container: ast.expr, index: ast.expr, owners: list[type]
    ) -> list[Declaration] | None:
        """`self.layers[i]`: any element; `self.layers[0]` of a written list: that one."""
        made = self.of_expression(container, owners)
        if made is None or any(not issubclass(each.cls, CONTAINERS) for each in made):
            return None
        grown = list(self.appended(container, owners))
        found: list[Declaration] = []
        for each in made:
            elements = each.elements
            if elements is None:
                return None
            if isinstance(index, ast.Constant) and isinstance(index.value, int) and not grown:
                if not -len(elements) <= index.value < len(elements):
                    return None
                elements = (elements[index.value],)
            for element in (*elements, *grown):
                inner = self.resolve(element)
                if inner is None:
                    return None
                found.extend(inner)
        return found or None

    def appended(self, container: ast.expr, owners: list[type]) -> Iterator[Argument]:
        """What is appended to a list of layers after it was made."""
        if not isinstance(container, ast.Attribute):
            return
        for owner in owners:
            for cls in self.classes(owner):
                for node in ast.walk(cls):
                    match node:
                        case ast.Call(
                            func=ast.Attribute(
                                value=ast.Attribute(value=ast.Name(id="self"), attr=attr),
                                attr="append"
                                | "extend"
                                | "insert"
                                | "add_module"
                                | "register_module",
                            ),
                            args=[*_, value],
                        ) if attr == container.attr:
                            yield Argument(value, Scope(self.file.function(node), {}))

    def of_variable(self, use: ast.expr, word: str, owners: list[type]) -> list[Declaration] | None:
        """A loop variable over a list of layers, or a variable that is assigned once."""
        function = self.file.function(use)
        if function is None or word in {
            arg.arg for arg in ast.walk(function.args) if isinstance(arg, ast.arg)
        }:
            return None
        sources = [source for node in ast.walk(function) for source in bindings(node, word)]
        if len(sources) != 1:
            return None
        kind, source = sources[0]
        if kind == "value":
            return self.of_expression(source, owners)
        return self.of_item(source, ast.Name("_", ast.Load()), owners)

    # -- constructor calls ----------------------------------------------------------------------

    def resolve(self, value: Argument, depth: int = 0) -> list[Declaration] | None:
        """The constructor calls that an expression may come from; None where that is unknown."""
        if depth > 8:
            return None
        scope = value.scope
        match value.expression:
            case ast.Constant(value=None):
                return []
            case ast.IfExp(body=one, orelse=other):
                made = [self.resolve(Argument(each, scope), depth + 1) for each in (one, other)]
                return None if None in made else [d for each in made for d in each or ()]
            case ast.Name(id=word):
                if word in scope.arguments:
                    return self.resolve(scope.arguments[word], depth + 1)
                source = self.local_value(word, scope.function)
                return None if source is None else self.resolve(Argument(source, scope), depth + 1)
            case ast.Call():
                return self.resolve_call(value.expression, scope, depth)
        return None

    def local_value(self, word: str, function: ast.AST | None) -> ast.expr | None:
        """The value of a local variable that is assigned once and is no list that grows."""
        if not isinstance(function, FUNCTIONS):
            return None
        values = [source for node in ast.walk(function) for source in bindings(node, word)]
        if len(values) != 1 or values[0][0] != "value" or is_changed(word, function):
            return None
        return values[0][1]

    def resolve_call(self, call: ast.Call, scope: Scope, depth: int) -> list[Declaration] | None:
        target = self.object_of(call.func)
        if isinstance(target, type) and issubclass(target, nn.Module) and is_torch_class(target):
            return [self.bound(target, call, scope)]
        if getattr(target, "__name__", None) in WRAPPERS and call.args:
            return self.resolve(Argument(call.args[0], scope), depth + 1)
        function = self.function_of(call.func, target, scope)
        if function is None:
            return None
        inner = Scope(function, bound_arguments(function, call, scope))
        found: list[Declaration] = []
        for node in ast.walk(function):
            if isinstance(node, ast.Return) and self.file.function(node) is function:
                made = self.resolve(Argument(node.value or ast.Constant(None), inner), depth + 1)
                if made is None:
                    return None
                found.extend(made)
        return found or None

    def function_of(self, func: ast.expr, target: Any, scope: Scope) -> Function | None:
        """The definition in the file of a function that makes layers."""
        found: ast.AST | None = None
        if isinstance(target, FunctionType) and target.__module__ == self.namespace.get("__name__"):
            found = self.file.definition(target.__qualname__)
        elif isinstance(func, ast.Name) and isinstance(scope.function, FUNCTIONS):
            local = [
                n
                for n in ast.walk(scope.function)
                if isinstance(n, FUNCTIONS) and n.name == func.id
            ]
            found = local[0] if len(local) == 1 else None
        return found if isinstance(found, FUNCTIONS) and not found.decorator_list else None

    def object_of(self, expression: ast.expr) -> Any:
        """What a dotted name of the file's module stands for."""
        match expression:
            case ast.Name(id=word):
                return self.global_value(expression, word)
            case ast.Attribute(value=inner, attr=attribute):
                holder = self.object_of(inner)
                return None if holder is None else getattr(holder, attribute, None)
        return None

    def global_value(self, use: ast.expr, word: str) -> Any:
        """The module's own value of a name, unless a function around its use has another."""
        for function in self.file.above(use) if use in self.file.parents else ():
            if isinstance(function, (*FUNCTIONS, ast.Lambda)) and word in bound_names(function):
                return None
        return self.namespace.get(word, getattr(builtins, word, None))

    def bound(self, cls: type[nn.Module], call: ast.Call, scope: Scope) -> Declaration:
        """A constructor call, its arguments by name."""
        spread = any(isinstance(arg, ast.Starred) for arg in call.args) or any(
            k.arg is None for k in call.keywords
        )
        if issubclass(cls, CONTAINERS):
            return Declaration(cls, {}, elements_of(call, scope), not spread)
        names = list(parameters(cls))
        positional = [arg for arg in call.args if not isinstance(arg, ast.Starred)]
        given = dict(zip(names, (Argument(arg, scope) for arg in positional), strict=False))
        given.update({k.arg: Argument(k.value, scope) for k in call.keywords if k.arg})
        if any(isinstance(arg, ast.Starred) for arg in call.args):
            given = {k.arg: Argument(k.value, scope) for k in call.keywords if k.arg}
        return Declaration(cls, given, None, not spread)


# -- pieces ----------------------------------------------------------------------------------------


def parameters(cls: type) -> Mapping[str, inspect.Parameter]:
    """The constructor's parameters, without self."""
    return dict(list(inspect.signature(cls.__init__).parameters.items())[1:])  # type: ignore[misc]


def literal(argument: Argument) -> Any:
    """The value of an argument that is written as a literal, else OPEN."""
    match argument.expression:
        case ast.Name(id=word) if word in argument.scope.arguments:
            return literal(argument.scope.arguments[word])
        case ast.Constant() | ast.Tuple() | ast.List() | ast.UnaryOp():
            try:
                return ast.literal_eval(argument.expression)
            except ValueError:
                return OPEN
    return OPEN


def elements_of(call: ast.Call, scope: Scope) -> tuple[Argument, ...] | None:
    """The elements of a Sequential or ModuleList that is written out; one for a comprehension."""
    match call.args:
        case [ast.List(elts=elements) | ast.Tuple(elts=elements)]:
            pass
        case [ast.ListComp(elt=element) | ast.GeneratorExp(elt=element)]:
            elements = [element]
        case elements:
            pass
    if call.keywords or any(isinstance(element, (ast.Starred, ast.Dict)) for element in elements):
        return None
    return tuple(Argument(element, scope) for element in elements)


def bound_arguments(function: Function, call: ast.Call, scope: Scope) -> dict[str, Argument]:
    """What a call gives to the parameters of a function, its literal defaults included."""
    if any(isinstance(arg, ast.Starred) for arg in call.args) or any(
        k.arg is None for k in call.keywords
    ):
        return {}
    names = [arg.arg for arg in (*function.args.posonlyargs, *function.args.args)]
    own = Scope(function, {})
    found: dict[str, Argument] = {}
    defaults = function.args.defaults
    for name, default in zip(names[len(names) - len(defaults) :], defaults, strict=True):
        found[name] = Argument(default, own)
    for arg, only in zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True):
        if only is not None:
            found[arg.arg] = Argument(only, own)
    found.update(zip(names, (Argument(arg, scope) for arg in call.args), strict=False))
    found.update({k.arg: Argument(k.value, scope) for k in call.keywords if k.arg})
    reassigned = {
        word for word in found if any(True for n in ast.walk(function) for _ in bindings(n, word))
    }
    return {word: argument for word, argument in found.items() if word not in reassigned}


def assigned(node: ast.AST) -> Iterator[tuple[ast.expr, ast.expr]]:
    """(target, value) of assignments, tuples taken apart where both sides are."""
    match node:
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                if isinstance(target, (ast.Tuple, ast.List)) and isinstance(
                    value, (ast.Tuple, ast.List)
                ):
                    yield from zip(target.elts, value.elts, strict=False)
                elif isinstance(target, (ast.Tuple, ast.List)):
                    yield from ((element, ast.Name("_", ast.Load())) for element in target.elts)
                else:
                    yield target, value
        case (
            ast.AnnAssign(target=target, value=ast.expr() as value)
            | ast.NamedExpr(target=target, value=value)
        ):
            yield target, value
        case ast.AugAssign(target=target):
            yield target, ast.Name("_", ast.Load())


def bindings(node: ast.AST, word: str) -> Iterator[tuple[str, ast.expr]]:
    """Where a name gets its value: ("value", expression), or ("element", what is looped over)."""
    for target, value in assigned(node):
        if isinstance(target, ast.Name) and target.id == word:
            yield "value", value
    if isinstance(node, (ast.For, ast.AsyncFor, ast.comprehension)):
        yield from loop_bindings(node.target, node.iter, word)


def loop_bindings(target: ast.expr, source: ast.expr, word: str) -> Iterator[tuple[str, ast.expr]]:
    """`for x in xs`, `for i, x in enumerate(xs)`, `for x, y in zip(xs, ys)`"""
    match target, source:
        case ast.Name(id=found), _ if found == word:
            yield "element", source
        case ast.Tuple(elts=[_, inner]), ast.Call(
            func=ast.Name(id="enumerate"), args=[iterated, *_]
        ):
            yield from loop_bindings(inner, iterated, word)
        case ast.Tuple(elts=elements), ast.Call(func=ast.Name(id="zip"), args=sources):
            for element, iterated in zip(elements, sources, strict=False):
                yield from loop_bindings(element, iterated, word)
        case ast.Tuple() | ast.List() | ast.Starred(), _:
            if any(isinstance(n, ast.Name) and n.id == word for n in ast.walk(target)):
                yield "value", ast.Name("_", ast.Load())


def is_changed(word: str, function: Function) -> bool:
    """Whether a list in a variable grows: `layers.append(...)`, `layers += ...`."""
    for node in ast.walk(function):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=found))) if found == word:
                return True
            case ast.AugAssign(target=ast.Name(id=found)) if found == word:
                return True
    return False


def super_calls(cls: ast.ClassDef) -> Iterator[ast.Call]:
    """The calls of the parent's constructor."""
    for node in ast.walk(cls):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Call(func=ast.Name(id="super")), attr="__init__")
            ):
                yield node


def is_self(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "self"
