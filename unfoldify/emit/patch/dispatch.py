"""The function `apply`: what a layer computes, by the kind of layer that it is.

It stands where one place of the file calls layers of several kinds: an nn.Sequential, an attribute
that is a convolution in one block and the identity in another.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import Any

from torch import nn

from unfoldify.emit.format import format_statement
from unfoldify.emit.patch.arguments import LAYERS
from unfoldify.emit.patch.excerpt import Switches, without_parameters
from unfoldify.emit.patch.syntax import UserFile

CONV = "layer.weight, layer.bias, layer.stride, layer.padding"
MORE = "groups=layer.groups, dilation=layer.dilation"
PADDED = (
    "        padding = layer.padding",
    '        if layer.padding_mode != "zeros":',
    "            x = F.pad(x, layer._reversed_padding_repeated_twice, mode=layer.padding_mode)",
    "            padding = (0,) * len(layer.stride)",
)
HOOKS = (
    "        for hook in layer._forward_pre_hooks.values():  # makes the weight",
    "            hook(layer, (x,))",
)
# layers that are spelled out by a function which is given the layer itself
WHOLE: Mapping[type[nn.Module], str] = {
    nn.MultiheadAttention: "multihead_attention",
    nn.TransformerEncoderLayer: "encoder_layer",
    nn.TransformerDecoderLayer: "decoder_layer",
    nn.TransformerEncoder: "encoder",
    nn.TransformerDecoder: "decoder",
    nn.Transformer: "transformer",
    nn.LSTM: "lstm",
    nn.GRU: "gru",
    nn.RNN: "rnn",
    nn.LSTMCell: "lstm_cell",
    nn.GRUCell: "gru_cell",
    nn.RNNCell: "rnn_cell",
}
KNOWN: tuple[type[nn.Module], ...] = (nn.Sequential, *LAYERS, *WHOLE)


def apply_source(
    classes: Iterable[type[nn.Module]], switches: Switches, *, padded: bool, more: bool, hooks: bool
) -> str:
    """The text of `apply` for the kinds of layers that the file has."""
    wanted = set(classes) | {nn.Sequential}
    rest = ", *args, **kwargs" if more else ""
    parts = [f"def apply(layer, x{rest}):"]
    parts.append('    """What `layer(x)` computes, with every contraction spelled out"""')
    parts.append('    forward = getattr(type(layer), "forward", None)')
    for cls in KNOWN:
        if cls in wanted and (
            more or cls not in (nn.Bilinear, nn.TransformerDecoder, nn.TransformerDecoderLayer)
        ):
            parts.append(f"    if forward is nn.{cls.__name__}.forward:")
            if hooks and cls is not nn.Sequential:
                parts += HOOKS
            parts += case_of(cls, rest, padded=padded)
    parts.append(f"    return layer(x{rest})")
    text = without_parameters("\n".join(parts) + "\n", switches.dropped)
    return "".join(f"{line}\n" for part in text.splitlines() for line in wrapped(part))


def wrapped(line: str) -> list[str]:
    """A line, or several where it is too long for one."""
    if len(line) <= 100:
        return [line]
    depth = (len(line) - len(line.lstrip())) // 4
    return format_statement(ast.parse(f"def _():\n {line.strip()}").body[0].body[0], depth)  # type: ignore[attr-defined]


def case_of(cls: type[nn.Module], rest: str, *, padded: bool) -> list[str]:
    """The lines under the `if` of one class."""
    if cls is nn.Sequential:
        return [
            "        for child in layer:",
            "            x = apply(child, x)",
            "        return x",
        ]
    if cls in WHOLE:
        return [f"        return {WHOLE[cls]}(layer, x{rest})"]
    function = LAYERS[cls].__name__
    if cls.__name__.startswith("ConvTranspose"):
        return [f"        return {function}(x, {CONV}, layer.output_padding, {MORE})"]
    if cls.__name__.startswith("Conv") and padded:
        return [
            *PADDED,
            f"        return {function}(x, {CONV.replace('layer.padding', 'padding')}, {MORE})",
        ]
    if cls.__name__.startswith("Conv"):
        return [f"        return {function}(x, {CONV}, {MORE})"]
    inputs = "x, *args" if cls is nn.Bilinear else "x"
    return [f"        return {function}({inputs}, layer.weight, layer.bias)"]


def mentioned_layers(file: UserFile, namespace: Mapping[str, Any]) -> set[type[nn.Module]]:
    """The layers of torch.nn that the file names and that can be spelled out."""
    found = (named_in(node, namespace) for node in ast.walk(file.tree))
    return {cls for cls in found if isinstance(cls, type) and cls in KNOWN}


def named_in(node: ast.AST, namespace: Mapping[str, Any]) -> Any:
    """What `nn.Linear` or `Linear` is in the file; a class of the user's is no layer of torch's."""
    if isinstance(node, ast.Name):
        return namespace.get(node.id)
    if isinstance(node, ast.Attribute):
        owner = named_in(node.value, namespace)
        return getattr(owner, node.attr, None) if isinstance(owner, ModuleType) else None
    return None


def functions_of(classes: Iterable[type[nn.Module]]) -> set[str]:
    """The library's functions that `apply` calls for classes."""
    return {
        WHOLE[cls] if cls in WHOLE else LAYERS[cls].__name__
        for cls in classes
        if cls is not nn.Sequential
    }
