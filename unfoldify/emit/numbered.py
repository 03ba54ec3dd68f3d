"""Names to try one after the other."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence


def numbered(wishes: Sequence[str]) -> Iterator[str]:
    """The wishes, then the first of them with a number: `block`, `block2`, `block3`, ..."""
    yield from wishes
    yield from (f"{wishes[0]}{count}" for count in itertools.count(2))
