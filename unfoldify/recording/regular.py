"""Lists that a few numbers say: one value many times, numbers that go up in equal steps."""

from __future__ import annotations

from typing import Any


def is_repeated(items: Any) -> bool:
    """Whether all items are the first one; tensors are the same only if they are one tensor."""
    return len(items) > 0 and all(is_same(item, items[0]) for item in items)


def is_same(one: Any, other: Any) -> bool:
    if one is other:
        return True
    if type(one) is not type(other):
        return False
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(is_same, one, other))
    return isinstance(one, (bool, int, float, str)) and one == other


def as_range(items: Any) -> range | None:
    """The range of two whole numbers or more that a list holds, and ends right behind the last."""
    if len(items) < 2 or any(type(item) is not int for item in items):
        return None
    step = items[1] - items[0]
    if step == 0:
        return None
    found = range(items[0], items[-1] + step, step)
    return found if list(found) == list(items) else None


def is_regular(data: Any) -> bool:
    """Whether a list is of either kind, or of such lists that are all the same."""
    if not isinstance(data, (list, tuple, range)) or not data:
        return False
    if as_range(data) is not None:
        return True
    is_nested = isinstance(data[0], (list, tuple, range))
    return is_repeated(data) and (not is_nested or is_regular(data[0]))
