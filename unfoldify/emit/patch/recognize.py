"""What an expression of the user's file calls, and how it is called there."""

from __future__ import annotations

import ast
from typing import Any

from torch import nn

from unfoldify.emit.patch.arguments import LAYERS
from unfoldify.emit.patch.constructors import Declaration
from unfoldify.emit.patch.order import is_reference
from unfoldify.emit.patch.sites import Place

ALIASES = {"mm": "matmul", "bmm": "matmul", "mv": "matmul", "dot": "matmul"}


def owners(place: Place) -> list[type]:
    """The classes whose forward a place is in, each once."""
    return list(dict.fromkeys(type(module) for module in place.owners))


def ancestor_layer(cls: type) -> type[nn.Module] | None:
    return next((base for base in cls.__mro__ if base in LAYERS), None)


def is_made_here(layer: ast.expr) -> bool:
    """`torch.vmap(self.fc)`: something that a function returns, `getattr` aside"""
    match layer:
        case ast.Call(func=ast.Name(id="getattr")):
            return False
    return isinstance(layer, ast.Call)


def is_super(expression: ast.expr) -> bool:
    """`super().forward(x)`"""
    match expression:
        case ast.Call(
            func=ast.Attribute(value=ast.Call(func=ast.Name(id="super")), attr="forward")
        ):
            return True
    return False


def is_conv_forward(expression: ast.expr) -> bool:
    match expression:
        case ast.Call(func=ast.Attribute(value=ast.Name(id="self"), attr="_conv_forward")):
            return True
    return False


def is_operands_only(expression: ast.expr, name: str) -> bool:
    """Whether a call can be handed on as it is: no names of arguments that another function lacks."""
    if not isinstance(expression, ast.Call) or name not in ALIASES:
        return True
    return not expression.keywords and not any(isinstance(a, ast.Starred) for a in expression.args)


def is_padded(declared: list[Declaration], place: Place | list[nn.Module]) -> bool:
    """Whether a convolution may pad with anything but zeros."""
    modules = [*place.modules, *place.owners] if isinstance(place, Place) else place
    if any(getattr(module, "padding_mode", "zeros") != "zeros" for module in modules):
        return True
    return any("padding_mode" in made.given or not made.complete for made in declared)


def strange_hooks(module: nn.Module) -> bool:
    """Whether a module has hooks besides those with which torch makes a weight."""
    if any(
        getattr(module, kind)
        for kind in ("_forward_hooks", "_backward_hooks", "_backward_pre_hooks")
    ):
        return True
    hooks = module._forward_pre_hooks.values()
    return any(not type(hook).__module__.startswith("torch.nn.utils") for hook in hooks)


def is_simple(layer: ast.expr) -> bool:
    """Whether an expression may be written several times: names, attributes, plain items."""
    match layer:
        case ast.Subscript(value=value, slice=index):
            return is_simple(value) and is_reference(index)
        case ast.Attribute(value=value):
            return is_simple(value)
    return isinstance(layer, ast.Name)


def modules_at(place: Place, layer: ast.expr) -> list[nn.Module]:
    """The modules that an expression names in each forward that a place is in; none where one is unknown."""
    found = [module_at(owner, layer) for owner in place.owners]
    return found if all(isinstance(module, nn.Module) for module in found) else []


def module_at(owner: nn.Module, layer: ast.expr) -> Any:
    """The module that an expression names, seen from `self`."""
    match layer:
        case ast.Name(id="self"):
            return owner
        case ast.Attribute(value=value, attr=attribute):
            return getattr(module_at(owner, value), attribute, None)
        case ast.Subscript(value=value, slice=ast.Constant(value=int(index))):
            found = module_at(owner, value)
            return (
                found[index]
                if isinstance(found, (nn.Sequential, nn.ModuleList)) and index < len(found)
                else None
            )
    return None


def label_of(layer: ast.expr) -> str:
    """`self.net[0]` → "net.0", as the layer is called in a state dict; a variable by its name."""
    match layer:
        case ast.Attribute(value=ast.Name(id="self"), attr=attribute):
            return attribute
        case ast.Attribute(value=value, attr=attribute):
            return f"{label_of(value)}.{attribute}"
        case ast.Subscript(value=value, slice=ast.Constant(value=str(index) | int(index))):
            return f"{label_of(value)}.{index}"
    return ast.unparse(layer)


def word_of_layer(layer: ast.expr) -> str | None:
    """A name for what a layer computes: that of the attribute."""
    return layer.attr if isinstance(layer, ast.Attribute) else None
