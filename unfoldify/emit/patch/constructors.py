"""Constructor calls of torch.nn in the user's file, and which of their arguments are fixed."""

from __future__ import annotations

import ast
import builtins
import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from types import FunctionType
from typing import Any

from torch import nn

from unfoldify.emit.patch.bindings import bindings, is_changed
from unfoldify.emit.patch.syntax import FUNCTIONS, Function, UserFile, bound_names
from unfoldify.recording.layers import is_torch_class

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
class Constructors:
    """Follows an expression to the constructor calls of torch.nn that its value may come from."""

    file: UserFile
    namespace: Mapping[str, Any]

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
