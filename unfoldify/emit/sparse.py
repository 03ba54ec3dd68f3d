"""A sparse tensor → the call that makes it of its parts: where its numbers are, and the numbers."""

from __future__ import annotations

import ast
from collections.abc import Callable

import torch
from torch import Tensor

from unfoldify.emit.lines import Hole, dotted
from unfoldify.recording.values import SPARSE, parts


def is_sparse(tensor: Tensor) -> bool:
    return tensor.layout in SPARSE


def sparse_call(tensor: Tensor, written: Callable[[Tensor, str], ast.expr]) -> ast.Call:
    """`torch.sparse_coo_tensor(indices, values, (4, 4))`, its parts as `written` says them."""
    tensor = tensor.detach()
    args = [written(part, label) for label, part in parts(tensor).items()]
    args.append(ast.Tuple([Hole.of(int(n), "size") for n in tensor.shape], ast.Load()))
    is_coo = tensor.layout is torch.sparse_coo
    keywords = [ast.keyword("is_coalesced", ast.Constant(True))]
    layout = str(tensor.layout)  # torch.sparse_csr
    return ast.Call(dotted(f"{layout}_tensor"), args, keywords * (is_coo and tensor.is_coalesced()))


def empty_sparse(tensor: Tensor) -> ast.keyword | None:
    """What makes zeros of a shape something that a state_dict's tensor can be copied into.

    Of the other layouts than COO, only a tensor that holds as many numbers can.
    """
    if tensor.layout is torch.sparse_coo and not tensor.dense_dim():
        return ast.keyword("layout", dotted("torch.sparse_coo"))
    return None
