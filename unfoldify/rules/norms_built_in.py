# ruff: noqa: A002  (torch calls it `input`)
"""torch.batch_norm and torch.instance_norm, whose arguments have an order of their own."""

from __future__ import annotations

from torch import Tensor

from unfoldify.rules.norms import batch_norm, instance_norm
from unfoldify.rules.rule import Style


def batch_norm_as_built_in(
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    training: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool = False,
    *,
    style: Style = "product",
) -> Tensor:
    """`batch_norm`, with the arguments of torch.batch_norm"""
    return batch_norm(
        input, running_mean, running_var, weight, bias, training, momentum, eps, style=style
    )


def instance_norm_as_built_in(
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    use_input_stats: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool = False,
    *,
    style: Style = "product",
) -> Tensor:
    """`instance_norm`, with the arguments of torch.instance_norm"""
    return instance_norm(
        input, running_mean, running_var, weight, bias, use_input_stats, momentum, eps, style=style
    )
