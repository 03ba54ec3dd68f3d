"""A sparse tensor → the call that makes it of its parts: where its numbers are, and the numbers."""

from __future__ import annotations

import ast
from collections.abc import Iterable

import torch
from torch import Tensor

from unfoldify.emit.lines import Hole, dotted
from unfoldify.recording.values import LARGEST_LITERAL, SPARSE


def is_sparse(tensor: Tensor) -> bool:
    return tensor.layout in SPARSE


def all_short(written: Iterable[ast.expr | None]) -> list[ast.expr] | None:
    """The expressions of all parts; None where one has none or is long: then no part is written."""
    wanted = list(written)
    found = [expression for expression in wanted if expression is not None]
    numbers = (isinstance(node, ast.Constant) for each in found for node in ast.walk(each))
    return found if len(found) == len(wanted) and sum(numbers) <= LARGEST_LITERAL else None


def sparse_call(tensor: Tensor, written: list[ast.expr]) -> ast.Call:
    """`torch.sparse_coo_tensor(indices, values, (4, 4))`, its parts as they are `written`."""
    size = ast.Tuple([Hole.of(int(n), "size") for n in tensor.shape], ast.Load())
    function = dotted(f"{tensor.layout}_tensor")  # torch.sparse_csr_tensor
    is_coalesced = tensor.layout is torch.sparse_coo and tensor.is_coalesced()
    keywords = [ast.keyword("is_coalesced", ast.Constant(True))] if is_coalesced else []
    return ast.Call(function, [*written, size], keywords)


def empty_sparse(tensor: Tensor) -> ast.keyword | None:
    """What makes zeros of a shape something that a state_dict's tensor can be copied into.

    Of the other layouts than COO, only a tensor that holds as many numbers can.
    """
    if tensor.layout is torch.sparse_coo and not tensor.dense_dim():
        return ast.keyword("layout", dotted("torch.sparse_coo"))
    return None
