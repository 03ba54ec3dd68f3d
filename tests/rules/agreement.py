"""One question of every rule: does it answer what torch answers, and without torch's kernels?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

STYLES = ("product", "einsum")
both_styles = pytest.mark.parametrize("style", STYLES)

CONTRACTIONS = (
    "convolution", "conv1d", "conv2d", "conv3d", "slow_conv", "mkldnn", "thnn_conv", "mm", "bmm",
    "addmm", "baddbmm", "addbmm", "addmv", "mv", "dot", "vdot", "matmul", "linear", "einsum",
    "bilinear", "_trilinear", "tensordot", "attention", "lstm", "gru", "rnn", "multi_head",
)  # fmt: skip


class NoContraction(TorchDispatchMode):
    """Fails where torch's dispatcher is asked for a contraction."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        words = name.strip("_").split("_")
        for word in CONTRACTIONS:
            assert word not in (name, *words), f"{func} was dispatched"
        return func(*args, **(kwargs or {}))


def tensors(value: Any) -> Iterator[Tensor]:
    """All tensors in a nest of tuples and lists."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from tensors(item)


def leaves(value: Any) -> Any:
    """The same nest, with tensors of its own that take gradients where they can."""
    if isinstance(value, Tensor):
        kinds = value.is_floating_point() or value.is_complex()
        return value.detach().clone(memory_format=torch.preserve_format).requires_grad_(kinds)
    if isinstance(value, (tuple, list)):
        return type(value)(leaves(item) for item in value)
    if isinstance(value, dict):
        return {key: leaves(item) for key, item in value.items()}
    return value


def agrees(
    rule: Callable[..., Any],
    reference: Callable[..., Any],
    *args: Any,
    style: str = "product",
    gradients: bool = True,
    rtol: float | None = None,
    atol: float | None = None,
    **kwargs: Any,
) -> None:
    """Values and gradients of the rule are those of `reference`; no contraction is dispatched."""
    if not gradients:
        torch.manual_seed(0)
        want = reference(*args, **kwargs)
        torch.manual_seed(0)
        got = run(rule, style, *args, **kwargs)
        torch.testing.assert_close(got, want, rtol=rtol, atol=atol, equal_nan=True)
        return
    a_args, a_kwargs, b_args, b_kwargs = leaves(args), leaves(kwargs), leaves(args), leaves(kwargs)
    torch.manual_seed(0)
    want = reference(*a_args, **a_kwargs)
    torch.manual_seed(0)
    got = run(rule, style, *b_args, **b_kwargs)
    torch.testing.assert_close(got, want, rtol=rtol, atol=atol, equal_nan=True)
    wanted = gradients_of(want, [*tensors(a_args), *tensors(list(a_kwargs.values()))])
    found = gradients_of(got, [*tensors(b_args), *tensors(list(b_kwargs.values()))])
    torch.testing.assert_close(found, wanted, rtol=rtol, atol=atol, equal_nan=True)


def run(rule: Callable[..., Any], style: str, *args: Any, **kwargs: Any) -> Any:
    """The rule, watched in the product style."""
    if style != "product":
        return rule(*args, **kwargs, style=style)
    with NoContraction():
        return rule(*args, **kwargs, style=style)


def gradients_of(result: Any, inputs: Sequence[Tensor]) -> list[Tensor | None]:
    """The gradients of a fixed weighted sum of all outputs, None where there is none."""
    outputs = [x for x in tensors(result) if x.requires_grad]
    wanted = [x for x in inputs if x.requires_grad]
    if not outputs:  # a constant
        return [torch.zeros_like(x) for x in wanted]
    if not wanted:
        return []
    generator = torch.Generator().manual_seed(1)
    weights = [torch.randn(x.shape, generator=generator, dtype=torch.float64) for x in outputs]
    found = torch.autograd.grad(
        outputs,
        wanted,
        [w.to(x.dtype) for w, x in zip(weights, outputs, strict=True)],
        allow_unused=True,
    )
    # a gradient of zeros and none at all are the same
    return [torch.zeros_like(x) if g is None else g for g, x in zip(found, wanted, strict=True)]


def noise(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    """Random numbers, the same for the same shape and seed."""
    generator = torch.Generator().manual_seed(hash((shape, seed)) % 2**31)
    if dtype.is_floating_point or dtype.is_complex:
        return torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)
    return torch.randint(0, 5, shape, generator=generator).to(dtype)
