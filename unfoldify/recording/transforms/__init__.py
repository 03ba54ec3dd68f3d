"""What torch.func and torch.autograd.functional compute, as plain calls that can be written down.

Their tensors stand for others (a whole batch, a value with its derivative), and no line of a file
says so. While a model is recorded each of them therefore runs as what it means: `vmap` goes over the
items one by one and stacks what comes out, a derivative is one of `torch.autograd.grad`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from unfoldify.recording.transforms.derivatives import recorded_derivatives
from unfoldify.recording.transforms.dual import recorded_dual
from unfoldify.recording.transforms.mapping import recorded_mapping
from unfoldify.recording.transforms.older import recorded_older


def recorded_transforms() -> Iterator[tuple[Any, Callable[..., Any]]]:
    """Each transform, and its stand-in.

    They are inner functions of torch: where a release has none of that name, the transform is left
    as it is, and refused where a model uses it.
    """
    for recorded in (recorded_mapping, recorded_derivatives, recorded_older, recorded_dual):
        with suppress(AttributeError):
            yield from recorded()
