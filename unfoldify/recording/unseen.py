"""Calls that no line of a file could say, refused with the user's line and the way out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch._ops import HigherOrderOperator

from unfoldify.errors import CaptureError
from unfoldify.recording.spelling import call_name


def refuse_unseen(func: Any, tensors: list[Tensor], place: Callable[[], str]) -> None:
    """Raises where a call's tensors stand for others or have no sizes, or where it runs functions;
    `place` says where the user's file makes it.
    """
    if isinstance(func, HigherOrderOperator):
        raise CaptureError(
            f"{place()}{func.__name__} is an operator that is given functions, and what they compute is "
            "not seen call by call.\nWrite it with Python's own if, for or while, or unfoldify the "
            "modules around it."
        )
    if any(torch._C._functorch.is_functorch_wrapped_tensor(tensor) for tensor in tensors):
        raise CaptureError(
            f"{place()}{call_name(func)} was called inside a torch.func transform (vmap, grad, jvp, ...), "
            "which cannot be written down call by call.\nWrite that part of forward with plain tensor "
            "calls, or unfoldify the modules around it."
        )
    if is_nested(tensors):
        raise CaptureError(
            f"{place()}{call_name(func)} works on a nested tensor, whose rows differ in length: no size "
            "of it can be written down.\nPad the rows to one length and mask them, or unfoldify the "
            "modules around it."
        )


def is_nested(tensors: Iterable[Tensor]) -> bool:
    """Whether there is a nested tensor among them: its rows differ in length, and no axis of it has
    a size.
    """
    with torch._C.DisableTorchFunction():
        return any(tensor.is_nested for tensor in tensors)
