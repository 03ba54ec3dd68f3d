"""Results that lie in memory as torch's own would, where something later goes by it.

`view` asks for a layout, and dropout draws its numbers in the order of memory. A fused attention,
for one, hands back its heads side by side.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, fx, nn
from torch.nn.modules.dropout import _DropoutNd

from unfoldify.graphs.choose import Rules, rule_of
from unfoldify.recording.calls import is_random
from unfoldify.recording.values import Description, describe

VIEWS = {"view", "_unsafe_view", "view_as", "as_strided"}
FRESH = {"reshape", "contiguous", "clone", "flatten"}  # of a layout of their own


def laid_out(result: Any, found: Any) -> Any:
    """The result, in the layout of what is known of torch's own."""
    if isinstance(result, Tensor) and isinstance(found, Description):
        order = order_of(found)
        if order == order_of(describe(result)):
            return result
        back = tuple(order.index(dim) for dim in range(len(order)))
        return result.permute(order).contiguous().permute(back)
    if isinstance(result, (tuple, list)) and isinstance(found, (tuple, list)):
        pairs = zip(result, found, strict=False)
        return type(result)(laid_out(item, known) for item, known in pairs)
    return result


def order_of(found: Description) -> tuple[int, ...]:
    """The dimensions from the slowest to the fastest; those of size 1 lie where they are."""
    dims = [dim for dim, size in enumerate(found.shape) if size != 1]
    ordered = iter(sorted(dims, key=lambda dim: -found.stride[dim]))
    return tuple(next(ordered) if size != 1 else dim for dim, size in enumerate(found.shape))


def goes_by_layout(node: fx.Node, module: nn.Module, rules: Rules) -> bool:
    """Whether the value, or what is computed from it piece by piece, meets such a call later."""
    waiting, seen = [node], {node}
    while waiting:
        for user in waiting.pop().users:
            name = str(getattr(user.target, "__name__", user.target)).split(".")[0]
            if name in VIEWS or draws(user, module):
                return True
            if user not in seen and name not in FRESH and rule_of(user, rules) is None:
                seen.add(user)
                waiting.append(user)
    return False


def draws(node: fx.Node, module: nn.Module) -> bool:
    """Whether a call may draw random numbers."""
    if node.op == "call_module":
        return has_dropout(module.get_submodule(str(node.target)))
    return node.op != "output" and is_random(node) and False not in node.args


def has_dropout(module: nn.Module) -> bool:
    """Whether dropout is among a module's layers."""
    return any(isinstance(child, _DropoutNd) and child.p > 0 for child in module.modules())
