"""Calls whose kernels trust their arguments: at sizes that do not fit they read and write beyond them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from unfoldify.rules.attention_checks import check_call
from unfoldify.rules.recurrent import checked_layers, read_call


def _check_pivots(lu: Tensor, pivots: Tensor, *_: Any, **__: Any) -> None:
    if pivots.shape[-1] != min(lu.shape[-2:]) or pivots.shape[:-1] != lu.shape[:-2]:
        raise ValueError(f"pivots of shape {tuple(pivots.shape)} for an LU of {tuple(lu.shape)}")


def _check_channels(x: Tensor, *vectors: Any, **more: Any) -> None:
    for vector in (*vectors, *more.values()):
        if isinstance(vector, Tensor) and vector.shape != x.shape[1:2]:
            raise ValueError(f"statistics of shape {tuple(vector.shape)} for {tuple(x.shape)}")


def _check_lstm(*args: Any) -> None:
    checked_layers("lstm", read_call(args), 2)
    _check_packed(*args)


def _check_packed(*args: Any) -> None:
    call = read_call(args)
    if call.batch_sizes is None:
        return
    rows = call.batch_sizes.tolist()
    if sum(rows) != len(call.x):
        raise ValueError(f"{len(call.x)} rows for steps of {rows}")
    for state in call.hx:
        if state.shape[1] != rows[0]:
            raise ValueError(f"states of {state.shape[1]} sequences for steps of {rows}")


UNCHECKED: dict[Any, Callable[..., None]] = {
    F.scaled_dot_product_attention: check_call,
    torch.lstm: _check_lstm,
    **dict.fromkeys((torch.gru, torch.rnn_tanh, torch.rnn_relu), _check_packed),
    torch.lu_unpack: _check_pivots,
    torch.native_batch_norm: _check_channels,
    torch._native_batch_norm_legit: _check_channels,
    torch.ops.aten._batch_norm_with_update: _check_channels,
}
