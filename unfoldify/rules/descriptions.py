# ruff: noqa: A002  (torch calls it `input`)
"""What is special about a call, in the words of its comment: "3x3, stride 2, padding 1"."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from unfoldify.notes import moves
from unfoldify.rules.checks import shape_of
from unfoldify.rules.einsum import arguments_of
from unfoldify.rules.multihead import multi_head_attention_forward
from unfoldify.rules.recurrent import read_call
from unfoldify.rules.sizes import is_open

Size = int | Sequence[int]


def describe_convolution(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: str | Size = 0,
    dilation: Size = 1,
    groups: int = 1,
) -> str:
    """3x3, stride 2, padding 1, dilation 2, 4 groups"""
    c_in = shape_of(weight)[1]
    parts = _kernel(weight)
    parts += [f"stride {_numbers(stride)}"] if _some(stride, 1) else []
    parts += [f"padding {_numbers(padding)}"] if _some(padding, 0) else []
    parts += [f"dilation {_numbers(dilation)}"] if _some(dilation, 1) else []
    if groups > 1:
        named = "groups" if is_open(groups) else f"{groups} groups"
        parts.append("depthwise" if c_in == 1 else named)
    return ", ".join(parts)


def describe_transposed(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: Size = 0,
    output_padding: Size = 0,
    groups: int = 1,
    dilation: Size = 1,
) -> str:
    """4x4, stride 2, padding 1, output padding 1, dilation 2, 4 groups"""
    c_out = shape_of(weight)[1]
    parts = _kernel(weight)
    parts += [f"stride {_numbers(stride)}"] if _some(stride, 1) else []
    parts += [f"padding {_numbers(padding)}"] if _some(padding, 0) else []
    parts += [f"output padding {_numbers(output_padding)}"] if _some(output_padding, 0) else []
    parts += [f"dilation {_numbers(dilation)}"] if _some(dilation, 1) else []
    if groups > 1:
        depthwise = c_out == 1 and shape_of(weight)[0] == groups
        named = "groups" if is_open(groups) else f"{groups} groups"
        parts.append("depthwise" if depthwise else named)
    return ", ".join(parts)


def describe_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> str:
    """causal, grouped queries"""
    parts = ["causal"] if is_causal else []
    parts += ["masked"] if attn_mask is not None else []
    parts += ["grouped queries"] if enable_gqa else []
    return ", ".join(parts)


def describe_einsum(*args: Any, path: Any = None) -> str:
    """bhqd,bhkd->bhqk: the equation as it was given"""
    given = next((arg for arg in args if isinstance(arg, str)), None)
    return " ".join((given or arguments_of(args)[0]).split())


def _kernel(weight: Tensor) -> list[str]:
    """3x3, unless it is another one next time"""
    kernel = shape_of(weight)[2:]
    if any(moves(weight, dim) for dim in range(2, weight.dim())):
        return []
    return [f"kernel {kernel[0]}" if len(kernel) == 1 else "x".join(map(str, kernel))]


def _numbers(value: str | Size) -> str:
    """1 for (1, 1), 1x0 for (1, 0)"""
    if isinstance(value, (str, int)):
        return str(value)
    numbers = [int(number) for number in value]
    return str(numbers[0]) if len(set(numbers)) == 1 else "x".join(map(str, numbers))


def _some(value: str | Size, default: int) -> bool:
    """Whether any of the numbers is not the default; what follows the input is for the lines."""
    if isinstance(value, str):
        return value != "valid"
    if any(map(is_open, [value] if isinstance(value, int) else value)):
        return False
    return value != default if isinstance(value, int) else any(n != default for n in value)


def describe_general(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Size,
    padding: Size,
    dilation: Size,
    transposed: bool,
    output_padding: Size,
    groups: int,
    *backend: Any,
) -> str:
    """The words of a convolution or of a transposed one."""
    if transposed:
        return "transposed, " + describe_transposed(
            input, weight, bias, stride, padding, output_padding, groups, dilation
        )
    return describe_convolution(input, weight, bias, stride, padding, dilation, groups)


def describe_multihead(*args: Any, **kwargs: Any) -> str:
    """4 heads, causal, cross-attention"""
    given = inspect.signature(multi_head_attention_forward).bind_partial(*args, **kwargs).arguments
    return _heads(given["num_heads"], given)


def describe_multihead_layer(layer: nn.MultiheadAttention, *args: Any, **kwargs: Any) -> str:
    """4 heads, causal, cross-attention"""
    given = inspect.signature(nn.MultiheadAttention.forward).bind(layer, *args, **kwargs).arguments
    return _heads(layer.num_heads, given)


def _heads(count: int, given: Mapping[str, Any]) -> str:
    parts = [f"{count} heads"]
    masked = given.get("attn_mask") is not None or given.get("key_padding_mask") is not None
    parts += ["causal"] if given.get("is_causal") else ["masked"] if masked else []
    if not given["query"] is given["key"] is given["value"]:
        parts.append("cross-attention")
    return ", ".join(parts)


def describe_multihead_native(
    query: Tensor, key: Tensor, value: Tensor, embed_dim: int, num_head: int, *args: Any
) -> str:
    """4 heads, cross-attention"""
    return f"{num_head} heads" + ("" if query is key is value else ", cross-attention")


def describe_recurrent(*args: Any) -> str:
    """2 layers, both directions, batch first, packed"""
    call = read_call(args)
    parts = [f"{call.num_layers} layers"] if call.num_layers > 1 else []
    parts += ["both directions"] if call.bidirectional else []
    parts += ["batch first"] if call.batch_first else []
    parts += ["packed"] if call.batch_sizes is not None else []
    return ", ".join(parts)
