"""A module that comes back as it was from runs on tensors without data."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from unfoldify.preserve import preserved, same_bits, silenced


@contextmanager
def kept(module: nn.Module) -> Iterator[None]:
    """Attributes, modes and random streams are put back, and buffers: counters count for real.

    Parameters are not copied: they meet tensors without data wherever they are used.
    """
    with preserved(module, values=False) as (snapshot,), silenced():
        states = [t for t in snapshot.tensors if not isinstance(t, nn.Parameter) and not t.is_meta]
        copies = [tensor.detach().clone() for tensor in states]
        try:
            yield
        finally:
            with torch.no_grad():
                for tensor, copy in zip(states, copies, strict=True):
                    if not same_bits(tensor.detach(), copy):
                        tensor.copy_(copy)
