"""Calls in the order of arguments that torch had before factors were keywords, and still takes:
`x.addmm_(beta, alpha, a, b)`, `torch.add(x, alpha, y)`.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

# function → how many tensors it takes, and what the numbers in front of the last ones are called
FACTORS = {
    **dict.fromkeys(("add", "sub"), (2, ("alpha",))),
    **dict.fromkeys(("addcmul", "addcdiv"), (3, ("value",))),
    **dict.fromkeys(
        ("addmm", "addmv", "addr", "addbmm", "baddbmm", "sspaddmm"), (3, ("beta", "alpha"))
    ),
}


def in_todays_order(name: str, args: Any, kwargs: Any) -> tuple[Any, Any]:
    """The arguments with the factors as keywords; those of other calls as they are.

    >>> import torch
    >>> x, y = torch.ones(2), torch.zeros(2)
    >>> in_todays_order("add", (x, 3, y), {})
    ((tensor([1., 1.]), tensor([0., 0.])), {'alpha': 3})
    """
    count, words = FACTORS.get(name.removesuffix("_"), (0, ()))
    if not words or not count < len(args) <= count + len(words):
        return args, kwargs
    tensors = tuple(arg for arg in args if isinstance(arg, Tensor))
    numbers = [arg for arg in args if not isinstance(arg, Tensor)]
    if len(tensors) != count:  # a factor that is a tensor itself
        return args, kwargs
    return tensors, {**dict(zip(words, numbers, strict=False)), **kwargs}
