"""nn.TransformerEncoder and its decoder look at the values of a mask, for the kernel to leave it out
where it is causal.

Another mask may come next time, from an argument or a buffer, so a recorded run does not look: what
is written adds the mask to the scores, whatever it hides. The original does so as well where the two
are compared, or else a mask that is causal has no gradient there.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor
from torch.nn.modules import transformer


@contextmanager
def masks_as_told() -> Iterator[None]:
    """Meanwhile a mask is causal for torch's layers where their caller says so."""
    detect = transformer._detect_is_causal_mask
    transformer._detect_is_causal_mask = as_told
    try:
        yield
    finally:
        transformer._detect_is_causal_mask = detect


def as_told(mask: Tensor | None, is_causal: bool | None = None, size: int | None = None) -> bool:
    return is_causal is True
