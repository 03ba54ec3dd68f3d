"""What the user's file says of a layer, however the model is built: its class, its fixed numbers.

`self.conv = nn.Conv2d(c_in, c_out, 3, stride, 1)` fixes kernel and padding, whatever the
constructor is given; the stride has to be read from the layer. What cannot be traced to a
constructor call of torch.nn counts as unknown.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from unfoldify.emit.patch.bindings import assigned, bindings, is_self, super_calls
from unfoldify.emit.patch.constructors import CONTAINERS, Argument, Constructors, Declaration, Scope
from unfoldify.recording.layers import is_torch_class


@dataclass
class Declarations(Constructors):
    """Looks layers up in the user's file; `namespace` is what its module's names are bound to."""

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
