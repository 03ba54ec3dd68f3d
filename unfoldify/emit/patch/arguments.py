"""A place in the user's file → where the arguments of the contraction come from, there.

`self.conv(x)` takes its weight from `self.conv.weight`, `F.conv2d(x, w, stride=2)` from `w`.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import fx, nn

from unfoldify.emit.patch.constructors import OPEN, Declaration
from unfoldify.emit.patch.sites import Call

CONV = ("input", "weight", "bias", "stride", "padding", "dilation", "groups")
TRANSPOSED = (
    "input",
    "weight",
    "bias",
    "stride",
    "padding",
    "output_padding",
    "groups",
    "dilation",
)
PARAMETERS: Mapping[Any, tuple[str, ...]] = {
    F.linear: ("input", "weight", "bias"),
    F.bilinear: ("input1", "input2", "weight", "bias"),
    torch.conv1d: CONV,
    torch.conv2d: CONV,
    torch.conv3d: CONV,
    torch.conv_transpose1d: TRANSPOSED,
    torch.conv_transpose2d: TRANSPOSED,
    torch.conv_transpose3d: TRANSPOSED,
}
DEFAULTS: Mapping[str, Any] = {
    "bias": None, "stride": 1, "padding": 0, "output_padding": 0, "dilation": 1, "groups": 1,
}  # fmt: skip
LAYERS: Mapping[type[nn.Module], Any] = {
    nn.Linear: F.linear,
    nn.Bilinear: F.bilinear,
    nn.Conv1d: torch.conv1d,
    nn.Conv2d: torch.conv2d,
    nn.Conv3d: torch.conv3d,
    nn.ConvTranspose1d: torch.conv_transpose1d,
    nn.ConvTranspose2d: torch.conv_transpose2d,
    nn.ConvTranspose3d: torch.conv_transpose3d,
}
INPUTS = ("input", "input1", "input2")


@dataclass(frozen=True)
class Source:
    """Where an argument comes from: an expression of the file, or an attribute of the layer."""

    text: str
    node: ast.expr | None = None  # where it stands in the file
    fixed: Any = OPEN  # its value, where that is the same however the model is built


@dataclass(frozen=True)
class Bound:
    """The arguments of a contraction by name, as the file gives them."""

    function: Any  # torch's
    sources: Mapping[str, Source]
    layer: str = ""  # the expression of the layer
    declarations: tuple[Declaration, ...] = ()

    def fixed(self, name: str) -> Any:
        source = self.sources.get(name)
        return DEFAULTS.get(name, OPEN) if source is None else source.fixed

    def same(self, *names: str) -> bool:
        """Whether constructor arguments are one expression wherever the layer is made."""
        return bool(self.declarations) and all(made.same(*names) for made in self.declarations)


@dataclass(frozen=True)
class Values:
    """The arguments of one recorded call by name."""

    call: Call
    given: Mapping[str, Any] = field(default_factory=dict)

    def of(self, name: str) -> Any:
        return self.given.get(name, DEFAULTS.get(name))


def bind_layer(
    cls: type[nn.Module],
    layer: str,
    expression: ast.Call,
    texts: Any,
    declarations: list[Declaration],
) -> Bound | None:
    """The arguments of a layer's call; None where it is given more than its inputs."""
    function = LAYERS[cls]
    names = PARAMETERS[function]
    inputs = [name for name in names if name in INPUTS]
    given = dict(zip(inputs, expression.args, strict=False))
    given |= {k.arg: k.value for k in expression.keywords if k.arg is not None}
    if len(expression.args) + len(expression.keywords) != len(inputs) or set(given) != set(inputs):
        return None
    if any(isinstance(arg, ast.Starred) for arg in expression.args):
        return None
    sources = {name: Source(texts(given[name]), given[name]) for name in inputs}
    for name in names[len(inputs) :]:
        sources[name] = Source(f"{layer}.{name}", None, fixed_attribute(name, declarations))
    return Bound(function, sources, layer, tuple(declarations))


def fixed_attribute(name: str, declarations: list[Declaration]) -> Any:
    """The value of an attribute that all declarations agree on; of a bias, whether there is one."""
    if name == "weight":
        return OPEN
    values = [made.fixed(name) for made in declarations]
    if (
        name == "bias"
        and values
        and all(value is values[0] and value in (True, False) for value in values)
    ):
        return values[0]
    same = values and all(value is not OPEN and value == values[0] for value in values)
    return values[0] if same and name != "bias" else OPEN


def bind_function(function: Any, expression: ast.expr, texts: Any) -> Bound | None:
    """The arguments of a function's call in the file; None where some are spread."""
    if not isinstance(expression, ast.Call):
        return None
    if any(isinstance(arg, ast.Starred) for arg in expression.args) or any(
        k.arg is None for k in expression.keywords
    ):
        return None
    names = PARAMETERS[function]
    given = dict(zip(names, expression.args, strict=False))
    given.update({k.arg: k.value for k in expression.keywords if k.arg})
    if not set(given) <= set(names) or len(expression.args) > len(names):
        return None
    return Bound(
        function, {name: Source(texts(node), node, literal(node)) for name, node in given.items()}
    )


def literal(node: ast.expr) -> Any:
    """The value of a literal, else OPEN."""
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError):
        return OPEN


def values_of(call: Call) -> Values | None:
    """What a recorded call of one of the functions above was given, by name."""
    names = PARAMETERS.get(call.node.target)
    if names is None or len(call.node.args) > len(names):
        return None
    given = dict(zip(names, call.node.args, strict=False)) | dict(call.node.kwargs)
    return Values(call, given) if set(given) <= set(names) else None


def described(value: Any) -> Any:
    """The description of a recorded tensor, or the plain value."""
    if isinstance(value, fx.Node):
        return value.meta.get("val", value.meta.get("value"))
    return value
