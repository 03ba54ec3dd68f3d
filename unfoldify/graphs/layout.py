"""Results that lie in memory as torch's own would, where somebody later relies on it.

`view` asks for a layout. A fused attention, for one, hands back its heads side by side, and graphs
that were captured from it view them so.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, fx

from unfoldify.graphs.choose import Rules, rule_of
from unfoldify.record import Description, describe

VIEWS = {"view", "_unsafe_view", "view_as", "as_strided"}
FRESH = {"reshape", "contiguous", "clone", "flatten"}  # of a layout of their own


def laid_out(result: Any, found: Any, node: fx.Node, rules: Rules) -> Any:
    """The result, in the layout that is known of the node's value where a view comes after it."""
    if isinstance(result, Tensor) and isinstance(found, Description):
        order = order_of(found)
        if order == order_of(describe(result)) or not is_viewed(node, rules):
            return result
        back = tuple(order.index(dim) for dim in range(len(order)))
        return result.permute(order).contiguous().permute(back)
    if isinstance(result, (tuple, list)) and isinstance(found, (tuple, list)):
        pairs = zip(result, found, strict=False)
        return type(result)(laid_out(item, known, node, rules) for item, known in pairs)
    return result


def order_of(found: Description) -> tuple[int, ...]:
    """The dimensions from the slowest to the fastest; those of size 1 lie where they are."""
    dims = [dim for dim, size in enumerate(found.shape) if size != 1]
    ordered = iter(sorted(dims, key=lambda dim: -found.stride[dim]))
    return tuple(next(ordered) if size != 1 else dim for dim, size in enumerate(found.shape))


def is_viewed(node: fx.Node, rules: Rules) -> bool:
    """Whether a view of the value, or of what is computed from it piece by piece, comes later."""
    waiting, seen = [node], {node}
    while waiting:
        for user in waiting.pop().users:
            name = str(getattr(user.target, "__name__", user.target)).split(".")[0]
            if name in VIEWS:
                return True
            if user not in seen and name not in FRESH and rule_of(user, rules) is None:
                seen.add(user)
                waiting.append(user)
    return False
