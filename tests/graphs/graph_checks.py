"""What the tests of `transform` share: a graph and its rewriting, compared in every respect."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, fx
from torch.utils._python_dispatch import TorchDispatchMode

import unfoldify

CONTRACTIONS = {
    *("mm", "bmm", "addmm", "baddbmm", "addbmm", "mv", "addmv", "dot", "vdot", "linear", "matmul"),
    *("convolution", "_convolution", "convolution_overrideable", "mkldnn_convolution"),
    *("conv_transpose2d", "einsum", "bilinear", "_trilinear", "lstm", "gru", "mkldnn_rnn_layer"),
    *("_scaled_dot_product_flash_attention_for_cpu", "_scaled_dot_product_attention_math"),
    *("_thnn_fused_lstm_cell", "_thnn_fused_gru_cell", "outer", "ger", "addr"),
}


class Kernels(TorchDispatchMode):
    """The contraction kernels that run inside."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func._schema.name.split("::")[-1].rstrip("_")
        if name in CONTRACTIONS:
            self.seen.add(name)
        return func(*args, **(kwargs or {}))


def tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from tensors(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from tensors(item)


def gradients(module: fx.GraphModule, args: Any) -> tuple[Any, list[Tensor]]:
    """The outputs, and the gradient of every parameter; zeros where one is not used."""
    torch.manual_seed(0)
    result = module(*args)
    total = sum(
        (out * torch.linspace(0.5, 1.5, out.numel()).view(out.shape)).sum()
        for out in tensors(result)
        if out.requires_grad
    )
    parameters = list(module.parameters())
    if not isinstance(total, Tensor) or not parameters:
        return result, []
    found = torch.autograd.grad(total, parameters, allow_unused=True)
    return result, [
        torch.zeros_like(p) if g is None else g for p, g in zip(parameters, found, strict=True)
    ]


def noted(module: fx.GraphModule) -> list[tuple[Any, ...]]:
    """Everything that a graph says, node by node."""
    return [
        (n.op, n.name, n.target, str(n.args), str(n.kwargs), n.type, dict(n.meta))
        for n in module.graph.nodes
    ]


def assert_same_state(result: fx.GraphModule, original: fx.GraphModule) -> None:
    """The same keys, and the same tensors under them: shared, not copied."""
    assert list(result.state_dict()) == list(original.state_dict())
    for name, parameter in original.named_parameters(remove_duplicate=False):
        assert result.get_parameter(name) is parameter
    for name, buffer in original.named_buffers(remove_duplicate=False):
        assert result.get_buffer(name) is buffer


def assert_transforms(
    original: fx.GraphModule,
    args: tuple[Any, ...],
    *more: tuple[Any, ...],
    example: Any = None,
    **options: Any,
) -> fx.GraphModule:
    """Transform, and compare values and gradients on the example and on further inputs."""
    before, state = noted(original), [t.clone() for t in original.state_dict().values()]
    result = unfoldify.transform(original, args if example is None else example, **options)
    assert noted(original) == before
    for now, then in zip(original.state_dict().values(), state, strict=True):
        torch.testing.assert_close(now, then, rtol=0, atol=0)
    result.graph.lint()
    assert_same_state(result, original)
    assert result.training == original.training
    for inputs in (args, *more):
        with Kernels() as kernels:
            got, got_gradients = gradients(result, inputs)
        want, want_gradients = gradients(original, inputs)
        torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(got_gradients, want_gradients, rtol=1e-3, atol=1e-4)
        if options.get("style", "product") == "product":
            assert kernels.seen == set()
    assert result.meta["unfoldify"].declined == ()
    return result
