"""Every rule under torch's transformations: gradients of gradients, vmap, jvp, export."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from agreement import both_styles, noise
from torch import Tensor, nn

from unfoldify import functional as UF
from unfoldify.rules import ON_REQUEST

CALLS: dict[str, tuple[Callable[..., Any], list[Tensor]]] = {
    "linear": (UF.linear, [noise(2, 3), noise(2, 3, seed=1), noise(2)]),
    "bilinear": (UF.bilinear, [noise(2, 2), noise(2, 3), noise(2, 2, 3)]),
    "matmul": (UF.matmul, [noise(2, 2, 3), noise(3, 2)]),
    "addmm": (UF.addmm, [noise(2), noise(2, 3), noise(3, 2)]),
    "kron": (UF.kron, [noise(2, 1), noise(2)]),
    "conv1d": (lambda *a, **k: UF.conv1d(*a, None, 2, 1, **k), [noise(1, 2, 5), noise(2, 2, 3)]),
    "dilated": (
        lambda *a, **k: UF.conv2d(*a, None, 1, 0, 2, **k),
        [noise(1, 1, 4, 5), noise(2, 1, 2, 2)],
    ),
    "depthwise": (
        lambda *a, **k: UF.conv2d(*a, None, 1, 1, 1, 2, **k),
        [noise(1, 2, 2, 3), noise(2, 1, 2, 2)],
    ),
    "transposed": (
        lambda *a, **k: UF.conv_transpose1d(*a, None, 2, 1, 1, **k),
        [noise(1, 2, 3), noise(2, 1, 3)],
    ),
    "turned": (
        lambda *a, **k: UF.conv_transpose2d(*a, **k),
        [noise(1, 1, 2, 2), noise(1, 2, 2, 2)],
    ),
    "einsum": (
        lambda *a, **k: UF.einsum("bi,oij,bj->bo", *a, **k),
        [noise(2, 2), noise(2, 2, 3), noise(2, 3)],
    ),
    "lstm_cell": (
        lambda x, h, *w, **k: UF.lstm_cell(x, (h, h), *w, **k),
        [noise(2, 2), noise(2, 1), noise(4, 2), noise(4, 1)],
    ),
    "gru_cell": (UF.gru_cell, [noise(2, 2), noise(2, 1), noise(3, 2), noise(3, 1)]),
}


@both_styles
@pytest.mark.parametrize("name", CALLS)
def test_twice_differentiable(name: str, style: str) -> None:
    rule, inputs = CALLS[name]
    leaves = tuple(x.detach().clone().requires_grad_() for x in inputs)
    assert torch.autograd.gradcheck(lambda *a: rule(*a, style=style), leaves)
    assert torch.autograd.gradgradcheck(lambda *a: rule(*a, style=style), leaves)


@both_styles
@pytest.mark.parametrize("name", CALLS)
def test_vmap_is_a_loop(name: str, style: str) -> None:
    rule, inputs = CALLS[name]
    stacks = [torch.stack([x, x.flip(0), 2 * x]) for x in inputs]
    got = torch.vmap(lambda *a: rule(*a, style=style))(*stacks)
    want = [rule(*(stack[i] for stack in stacks), style=style) for i in range(3)]
    if isinstance(want[0], tuple):
        want = [torch.stack(parts) for parts in zip(*want, strict=True)]
        torch.testing.assert_close(list(got), want)
    else:
        torch.testing.assert_close(got, torch.stack(want))


@both_styles
@pytest.mark.parametrize("name", CALLS)
def test_jvp_is_the_other_gradient(name: str, style: str) -> None:
    rule, inputs = CALLS[name]

    def call(*a: Tensor) -> Tensor:
        result = rule(*a, style=style)
        return result[0] if isinstance(result, tuple) else result

    tangents = tuple(noise(*x.shape, seed=7) for x in inputs)
    value, slope = torch.func.jvp(call, tuple(inputs), tangents)
    weight = noise(*value.shape, seed=8)
    _, backward = torch.func.vjp(call, *inputs)
    pairs = zip(backward(weight), tangents, strict=True)
    torch.testing.assert_close((slope * weight).sum(), sum((g * t).sum() for g, t in pairs))


REQUESTED = {
    "max_pool2d": (F.max_pool2d, [noise(1, 1, 4, 4)], {"kernel_size": 2}),
    "avg_pool1d": (F.avg_pool1d, [noise(1, 1, 5)], {"kernel_size": 2, "ceil_mode": True}),
    "adaptive": (F.adaptive_avg_pool2d, [noise(1, 1, 4, 5)], {"output_size": (2, 3)}),
    "layer_norm": (F.layer_norm, [noise(2, 4)], {"normalized_shape": (4,)}),
    "group_norm": (F.group_norm, [noise(2, 4, 3)], {"num_groups": 2}),
    "softmax": (F.softmax, [noise(2, 4)], {"dim": 1}),
    "fold": (F.fold, [noise(1, 4, 6)], {"output_size": (3, 4), "kernel_size": 2}),
}


@pytest.mark.parametrize("name", REQUESTED)
def test_families_are_twice_differentiable(name: str) -> None:
    function, inputs, kwargs = REQUESTED[name]
    rule = next(rows[function] for rows in ON_REQUEST.values() if function in rows).function
    leaves = tuple(x.detach().clone().requires_grad_() for x in inputs)
    assert torch.autograd.gradcheck(lambda *a: rule(*a, **kwargs), leaves)
    assert torch.autograd.gradgradcheck(lambda *a: rule(*a, **kwargs), leaves)


class Small(nn.Module):
    """A convolution and an attention, spelled out."""

    def __init__(self, style: Any) -> None:
        super().__init__()
        self.conv, self.style = nn.Conv1d(3, 4, 3), style

    def forward(self, x: Tensor) -> Tensor:
        x = UF.conv1d(x, self.conv.weight, self.conv.bias, padding=1, style=self.style)
        return UF.scaled_dot_product_attention(x, x, x, is_causal=True, style=self.style)


@pytest.mark.slow
@both_styles
@pytest.mark.filterwarnings("ignore")
def test_export(style: str) -> None:
    model, x = Small(style), torch.randn(2, 3, 8)
    program = torch.export.export(model, (x,))
    torch.testing.assert_close(program.module()(x), model(x))
