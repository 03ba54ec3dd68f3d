"""Numbers that nobody reads, as what they are: 0.3535533905932738 is `8**-0.5`.

>>> float_formula(0.3535533905932738), float_formula(1 / 3), float_formula(0.125)
('8**-0.5', '1 / 3', None)
"""

from __future__ import annotations

import math
from collections.abc import Iterator

_RECOGNIZED = 10  # digits from which on a number is not read any more
_LARGEST = 1 << 16  # a width, a number of tokens
_KNOWN = {
    math.sqrt(2 / math.pi): "math.sqrt(2 / math.pi)",
    math.pi: "math.pi",
    2 * math.pi: "2 * math.pi",
}


def float_formula(value: float) -> str | None:
    """A formula that gives a positive number, to the last bit; None where its digits say as much."""
    digits = repr(value).partition("e")[0].replace(".", "").strip("0")
    if len(digits) < _RECOGNIZED or not math.isfinite(value) or value <= 0:
        return None
    return next((text for text, found in _candidates(value) if found == value), None)


def _candidates(value: float) -> Iterator[tuple[str, float]]:
    if value in _KNOWN:
        yield _KNOWN[value], value
    part = round(1 / value)
    if 1 < part <= _LARGEST:
        yield f"1 / {part}", 1 / part
    for exponent in (2, 4):
        power = 1 / exponent
        root = round(value**exponent)
        if 1 < root <= _LARGEST:
            yield f"{root}**{power}", root**power
        if not 1 < value**-exponent <= _LARGEST:
            continue
        root = round(value**-exponent)
        yield f"{root}**-{power}", root**-power
        yield f"1 / {root}**{power}", 1 / root**power
