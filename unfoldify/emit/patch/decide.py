"""A place → what happens to it: lines above its statement, another function, or nothing."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn

from unfoldify.emit.headings import of_function, of_layer
from unfoldify.emit.patch.arguments import (
    DEFAULTS,
    LAYERS,
    PARAMETERS,
    Bound,
    bind_function,
    bind_layer,
    values_of,
)
from unfoldify.emit.patch.constructors import Declaration
from unfoldify.emit.patch.decisions import (
    Argument,
    CallFunction,
    CallWithLayer,
    Decision,
    Inline,
    Leave,
)
from unfoldify.emit.patch.declared import Declarations
from unfoldify.emit.patch.dispatch import WHOLE
from unfoldify.emit.patch.excerpt import library
from unfoldify.emit.patch.forms import form_of
from unfoldify.emit.patch.functions import function_form
from unfoldify.emit.patch.order import can_hoist
from unfoldify.emit.patch.recognize import (
    ALIASES,
    ancestor_layer,
    is_conv_forward,
    is_made_here,
    is_operands_only,
    is_padded,
    is_simple,
    is_super,
    label_of,
    module_at,
    modules_at,
    owners,
    strange_hooks,
    word_of_layer,
)
from unfoldify.emit.patch.rulebook import Form, General, Rulebook
from unfoldify.emit.patch.sites import Call, Place
from unfoldify.emit.patch.stages import Stage
from unfoldify.emit.patch.syntax import UserFile
from unfoldify.lowering.lower import function_name
from unfoldify.recording.layers import has_hooks, torch_layer
from unfoldify.rules import Decline

LONGEST = 3  # contractions of an nn.Sequential that are spelled out where it is called
RESULTS = {"matmul": "product", "mm": "product", "bmm": "product", "einsum": "product"}


@dataclass(frozen=True)
class Decider:
    """Decides place by place."""

    file: UserFile
    namespace: Mapping[str, Any]
    declarations: Declarations
    rules: Rulebook

    def decide(self, place: Place) -> Decision:
        declined = self.rules.declined(place.calls)
        if declined is not None:
            return Leave(declined)
        try:
            layer = self.layer_expression(place)
            return self.of_function(place) if layer is None else self.of_layer(place, layer)
        except Decline as reason:
            return Leave(str(reason))

    def text(self, node: ast.expr) -> str:
        return self.file.source.segment(node) if hasattr(node, "lineno") else ast.unparse(node)

    # -- layers ---------------------------------------------------------------------------------

    def layer_expression(self, place: Place) -> ast.expr | None:
        """What is called, where that is a module: `self.conv`, `layer`; `self` of `super()`."""
        expression = place.expression
        if not isinstance(expression, ast.Call):
            return None
        if is_super(expression):
            return ast.Name("self", ast.Load())
        match expression.func:
            case ast.Attribute(value=inner, attr="forward"):
                if modules_at(place, inner):
                    return inner
        return expression.func if place.modules or place.inside else None

    def of_layer(self, place: Place, layer: ast.expr) -> Decision:
        """One layer of a known kind by its lines or its function, any other by `apply`."""
        apply = CallWithLayer("apply", self.text(layer))
        if any(strange_hooks(module) for module in (*place.modules, *place.inside)):
            raise Decline("the layer has hooks, which would not run")
        if is_super(place.expression):
            return self.of_super(place, layer)
        found = self.declarations.object_of(layer)
        if (callable(found) and not isinstance(found, nn.Module)) or is_made_here(layer):
            raise Decline(f"`{self.text(layer)}` calls the layer, which is not called itself")
        declared = self.declarations.of_expression(layer, owners(place))
        modules = place.modules or modules_at(place, layer)
        classes = {torch_layer(module) for module in modules}
        cls: Any = next(iter(classes)) if len(classes) == 1 else None
        if cls in WHOLE and all(made.cls is cls for made in declared or ()):
            return self.whole(place, cls, layer)
        if any(has_hooks(module) for module in (*place.modules, *place.inside)):
            return apply
        if (
            cls in LAYERS
            and not place.inside
            and declared
            and all(made.cls is cls for made in declared)
        ):
            if is_padded(declared, place):
                return apply
            return self.of_contraction(place, cls, layer, declared) or apply
        is_sequence = all(type(module) is nn.Sequential for module in place.modules)
        if is_sequence and declared and all(made.cls is nn.Sequential for made in declared):
            return self.sequence(place, layer, declared) or apply
        return apply

    def of_super(self, place: Place, layer: ast.expr) -> Decision:
        """`super().forward(x)` of a class that is derived from a layer."""
        classes = {ancestor_layer(type(owner)) for owner in place.owners}
        cls: Any = next(iter(classes))
        if len(classes) > 1 or cls not in LAYERS:
            raise Decline("`super().forward` runs a layer that is not spelled out from outside")
        declared = self.declarations.of_expression(layer, owners(place)) or []
        if is_padded([made for made in declared if made.complete], place):
            raise Decline("`super().forward` pads with something else than zeros")
        decision = self.of_contraction(place, cls, layer, declared)
        if decision is None:
            raise Decline("`super().forward` is given more than one input")
        return decision

    def of_contraction(
        self, place: Place, cls: Any, layer: ast.expr, declared: list[Declaration]
    ) -> Decision | None:
        assert isinstance(place.expression, ast.Call)
        if not is_simple(layer):
            return None
        text = self.text(layer)
        bound = bind_layer(cls, text, place.expression, self.text, declared)
        if bound is None and cls.__name__.startswith("ConvTranspose"):
            return CallWithLayer(f"{LAYERS[cls].__name__}_to", text)
        if bound is None:
            return None
        form = (
            self.form(place, bound, place.calls) if can_hoist(self.file, place.expression) else None
        )
        if form is not None:
            return Inline(
                (Stage(of_layer(label_of(layer), form.text), form),), word_of_layer(layer)
            )
        return CallFunction(LAYERS[cls].__name__, tuple(further(bound)))

    def form(self, place: Place, bound: Bound, calls: list[Call]) -> Form | None:
        """Lines that hold for all calls, where there are such."""
        values = [value for call in calls if (value := values_of(call)) is not None]
        if len(values) != len(calls):
            return None
        try:
            return form_of(bound, values, self.rules)
        except General:
            return None

    def whole(self, place: Place, cls: Any, layer: ast.expr) -> Decision:
        """A layer of several contractions, by a function that is given the layer."""
        inner = [part for module in place.modules for part in module.modules()]
        if any(torch_layer(part) is None and any(True for _ in part.children()) for part in inner):
            raise Decline(f"the {cls.__name__} has layers of another class in it")
        return CallWithLayer(WHOLE[cls], self.text(layer))

    # -- nn.Sequential --------------------------------------------------------------------------

    def sequence(self, place: Place, layer: ast.expr, declared: list[Declaration]) -> Inline | None:
        """The layers of a Sequential that the file writes out, one after the other."""
        assert isinstance(place.expression, ast.Call)
        elements = declared[0].elements
        if (
            len(declared) != 1
            or elements is None
            or not is_simple(layer)
            or not can_hoist(self.file, place.expression)
        ):
            return None
        if len(place.expression.args) != 1 or place.expression.keywords:
            return None
        containers = [module_at(owner, layer) for owner in place.owners]
        if any(
            type(found) is not nn.Sequential or len(found) != len(elements) for found in containers
        ):
            return None
        stages: list[Stage] = []
        for index, element in enumerate(elements):
            children = [found[index] for found in containers if isinstance(found, nn.Sequential)]
            stage = self.stage(
                place, f"{self.text(layer)}[{index}]", children, self.declarations.resolve(element)
            )
            if stage is None:
                return None
            stages.append(stage)
        count = sum(stage.form is not None for stage in stages)
        return Inline(tuple(stages), word_of_layer(layer)) if 0 < count <= LONGEST else None

    def stage(
        self, place: Place, text: str, children: list[nn.Module], declared: list[Declaration] | None
    ) -> Stage | None:
        """One layer of a Sequential: its lines, or its call."""
        own = {id(part) for child in children for part in child.modules()}
        calls = [call for call in place.calls if call.inner is not None and id(call.inner) in own]
        if not calls:
            return Stage("", None, text)
        cls: Any = torch_layer(children[0])
        direct = {id(child) for child in children}
        if cls not in LAYERS or not declared or any(id(call.inner) not in direct for call in calls):
            return None
        if any(made.cls is not cls for made in declared) or is_padded(declared, children):
            return None
        expression = ast.parse(text, mode="eval").body
        assert isinstance(place.expression, ast.Call)
        bound = bind_layer(cls, text, place.expression, self.text, declared)
        form = self.form(place, bound, calls) if bound is not None else None
        return (
            None if form is None else Stage(of_layer(label_of(expression), form.text), form, text)
        )

    # -- functions ------------------------------------------------------------------------------

    def of_function(self, place: Place) -> Decision:
        """`F.conv2d(x, w)`, `q @ k`: lines, or the library's function of the same signature."""
        names = {function_name(call.node) for call in place.calls}
        name = next(iter(names))
        if len(names) > 1:
            raise Decline("several functions are called here")
        if is_conv_forward(place.expression):
            return self.of_conv_forward(place)
        if not self.is_plain_call(place.expression, place.calls[0]):
            raise Decline(f"`{self.text(place.expression)}` computes it inside of other code")
        form, reason = self.function_form(place)
        if form is not None and can_hoist(self.file, place.expression):
            return Inline((Stage(of_function(name, form.spelling.group), form),), RESULTS.get(name))
        function = ALIASES.get(name, name)
        if function not in library() or not is_operands_only(place.expression, name):
            raise Decline(reason or "it stands where no lines can be put above it")
        return CallFunction(function)

    def is_plain_call(self, expression: ast.expr, call: Call) -> bool:
        """Whether the function itself is called here, and not something that calls it."""
        name = function_name(call.node)
        match expression:
            case ast.BinOp(op=ast.MatMult()):
                return True
            case ast.Call(func=ast.Attribute(attr=word) | ast.Name(id=word) as func):
                found = self.declarations.object_of(func)
                return word == name or name.endswith(f"_{word}") or found is call.node.target
        return False

    def of_conv_forward(self, place: Place) -> Decision:
        """`self._conv_forward(x, weight, bias)`: a convolution with the numbers of the layer."""
        names = {function_name(call.node) for call in place.calls}
        assert isinstance(place.expression, ast.Call)
        if is_padded([], place) or len(place.expression.args) != 3 or place.expression.keywords:
            raise Decline("`_conv_forward` pads with something else than zeros")
        numbers = ("stride", "padding", "dilation", "groups")
        more = tuple(
            Argument(n, f"{n}=self.{n}" if n in numbers[2:] else f"self.{n}") for n in numbers
        )
        return CallFunction(names.pop(), more)

    def function_form(self, place: Place) -> tuple[Form | None, str]:
        """Lines that hold for all calls of a function, or why there are none."""
        target = place.calls[0].node.target
        bound = None
        try:
            if target not in PARAMETERS:
                args = place.expression, place.calls, self.text, self.namespace, self.rules
                return function_form(*args), ""
            bound = bind_function(target, place.expression, self.text)
            form = None if bound is None else self.form(place, bound, place.calls)
            return form, "its arguments are not written out, or decided when the model is built"
        except General as reason:
            return None, str(reason)


def further(bound: Bound) -> list[Argument]:
    """What a layer's function is given behind the inputs; what is at its default is left out."""
    found: list[Argument] = []
    skipped = False
    for name, source in bound.sources.items():
        if source.node is not None:
            continue
        default = False if name == "bias" else DEFAULTS.get(name, source)
        if source.fixed == default:
            skipped = True
            continue
        named = skipped or name in ("dilation", "groups")
        found.append(Argument(name, f"{name}={source.text}" if named else source.text))
    return found
