"""Python objects → how a person writes them: `F.gelu`, `torch.cat`, `torch.float32`."""

from __future__ import annotations

import builtins
import inspect
import math
import operator
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import einops
import torch
import torch.nn.functional as F

from unfoldify.recording.random_state import DRAWING

# where a function is looked for, and what the place is called in the emitted file; the first that
# has it wins
PLACES: tuple[tuple[str, Any], ...] = (
    ("F", F),
    ("torch", torch),
    ("torch.linalg", torch.linalg),
    ("torch.fft", torch.fft),
    ("torch.special", torch.special),
    ("torch.autograd", torch.autograd),
    ("torch.autograd.functional", torch.autograd.functional),
    ("nn", torch.nn),
    ("nn.init", torch.nn.init),
    ("nn.utils.rnn", torch.nn.utils.rnn),
    ("torch.Tensor", torch.Tensor),
    ("torch._VF", torch._VF),
    ("torch.sparse", torch.sparse),
    ("torch.nested", torch.nested),
    ("torch.signal.windows", torch.signal.windows),
    ("torch._C._nn", torch._C._nn),
    ("torch._C._VariableFunctions", torch._C._VariableFunctions),
)
PREFERRED = {  # the same function under several names: as people call it
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
    "scaled_dot_product_attention",
    "pixel_shuffle",
    "pixel_unshuffle",
    "channel_shuffle",
    "embedding",
    "layer_norm",
    "cosine_similarity",
    "one_hot",
    "pairwise_distance",
    "avg_pool1d",
    "adaptive_avg_pool1d",
    "bilinear",
    "prelu",
    "logsigmoid",
    "softplus",
    "hardshrink",
}
TORCH_FIRST = {"sigmoid", "tanh", "relu_", "softmax_"}

BINARY: dict[Any, str] = {
    operator.add: "Add",
    operator.sub: "Sub",
    operator.mul: "Mult",
    operator.truediv: "Div",
    operator.floordiv: "FloorDiv",
    operator.mod: "Mod",
    operator.pow: "Pow",
    operator.matmul: "MatMult",
    operator.and_: "BitAnd",
    operator.or_: "BitOr",
    operator.xor: "BitXor",
    operator.lshift: "LShift",
    operator.rshift: "RShift",
}
COMPARISONS: dict[Any, str] = {
    operator.eq: "Eq",
    operator.ne: "NotEq",
    operator.lt: "Lt",
    operator.le: "LtE",
    operator.gt: "Gt",
    operator.ge: "GtE",
}
UNARY: dict[Any, str] = {operator.neg: "USub", operator.invert: "Invert"}


@lru_cache(maxsize=4096)
def function_name(function: Callable[..., Any]) -> str | None:
    """The dotted name of a function in the emitted file, or None where it has none there."""
    if isinstance(function, (torch._ops.OpOverload, torch._ops.OpOverloadPacket)):
        return operator_name(function)
    label: str | None = getattr(function, "__name__", None)
    if label is None:
        return None
    if getattr(builtins, label, None) is function:
        return label
    if function in (getattr(math, label, None), wrapped(getattr(math, label, None))):
        return f"math.{label}"
    if function in DRAWING.values():
        return f"random.{label}"
    if getattr(einops, label, None) is function:
        return label
    for place, module in PLACES:
        if getattr(module, label, None) is function and (place != "F" or label not in TORCH_FIRST):
            return f"{place}.{label}"
    for (
        place,
        module,
    ) in (
        PLACES
    ):  # boolean_dispatch wraps under other names: F.max_pool2d is called boolean_dispatch.fn
        for other, value in vars(module).items() if hasattr(module, "__dict__") else ():
            if value is function and not other.startswith("_"):
                return f"{place}.{other}"
    return None


def operator_name(function: Any) -> str:
    """`torch.ops.torchvision.nms`; torch's own operators as the functions that users know."""
    overload = getattr(function, "_overloadname", "default")
    packet = getattr(function, "overloadpacket", function)
    space, label = packet._qualified_op_name.split("::")
    if space == "aten" and callable(getattr(torch, label, None)):
        return f"torch.{label}"
    return f"torch.ops.{space}.{label}{'' if overload == 'default' else f'.{overload}'}"


def wrapped(function: Any) -> Any:
    """What a stand-in stands for."""
    return getattr(function, "__wrapped__", None)


@lru_cache(maxsize=4096)
def signature(function: Callable[..., Any]) -> inspect.Signature | None:
    """The signature of a function that tells one, else None."""
    # F.max_pool2d and its like choose between two functions; the private one says what they take
    function = getattr(F, f"_{getattr(function, '__name__', '')}", function)
    label = function_name(function) or ""
    function = getattr(F, f"_{label.removeprefix('F.')}", function)
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):
        return None


def object_name(value: Any) -> str | None:
    """torch's own constants: dtypes, layouts, memory formats."""
    if isinstance(value, (torch.dtype, torch.layout, torch.memory_format)):
        return str(value) if str(value).startswith("torch.") else f"torch.{value}"
    if value is Ellipsis:
        return "..."
    return None
