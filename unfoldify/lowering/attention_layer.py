"""nn.MultiheadAttention as its user wrote it, not as torch hands it on.

On its way to the function, the layer turns sequences that have the batch in front, and turns the
result back; a bool mask becomes one of zeros and -inf. The rule takes both as they are.
"""

from __future__ import annotations

import operator
from typing import Any

import torch
import torch.nn.functional as F
from torch import fx

TURNED = ((0, 1), (1, 0))
MASKS = {14: "key_padding_mask", 16: "attn_mask"}  # by their position


class AsWritten:
    """One call of the function, changed; `undo` leaves the graph as it was."""

    def __init__(self, node: fx.Node) -> None:
        self.node, self.before = node, (node.args, node.kwargs)
        self.turned_back: fx.Node | None = None
        self.item: fx.Node | None = None
        self.item_meta: dict[str, Any] = {}

    def undo(self) -> None:
        self.node.args, self.node.kwargs = self.before
        if self.item is not None and self.turned_back is not None:
            back = self.turned_back
            self.item.replace_all_uses_with(back, lambda user: user is not back)
            self.item.meta = self.item_meta

    def settle(self) -> None:
        """Drop what only made the arguments that the call no longer has."""
        if self.turned_back is not None:
            self.turned_back.graph.erase_node(self.turned_back)
        old = fx.node.map_arg(self.before, lambda n: n)
        for source in dict.fromkeys(found(old)):
            drop(source)


def as_written(node: fx.Node) -> AsWritten | None:
    """The call with sequences and masks as the layer was given them; None for other calls."""
    if node.target is not F.multi_head_attention_forward or len(node.args) < 3:
        return None
    change = AsWritten(node)
    turn(change)
    for position, name in MASKS.items():
        if len(node.args) > position:
            args = list(node.args)
            args[position] = bool_mask(args[position], node)
            node.args = tuple(args)
        elif name in node.kwargs:
            node.kwargs = {**node.kwargs, name: bool_mask(node.kwargs[name], node)}
    return change if (node.args, node.kwargs) != change.before else None


def turn(change: AsWritten) -> None:
    """Sequences with the batch in front, where all three and the result are turned."""
    node = change.node
    sources = [unturned(arg) for arg in node.args[:3]]
    items = [user for user in node.users if user.target is operator.getitem and user.args[1] == 0]
    if None in sources or len(items) != 1 or len(items[0].users) != 1:
        return
    back = next(iter(items[0].users))
    if unturned(back) is not items[0]:
        return
    change.turned_back, change.item, change.item_meta = back, items[0], dict(items[0].meta)
    node.args = (*sources, *node.args[3:])
    node.kwargs = {**node.kwargs, "batch_first": True}
    back.replace_all_uses_with(items[0])
    items[0].meta.update(back.meta)
    items[0].meta["item"] = 0


def unturned(value: Any) -> Any:
    """`x` of `x.transpose(1, 0)`, for a batch of sequences."""
    if not isinstance(value, fx.Node) or value.target != "transpose" or value.kwargs:
        return None
    source = value.args[0]
    if value.args[1:] not in TURNED or not isinstance(source, fx.Node):
        return None
    return source if "val" in source.meta and len(source.meta["val"].shape) == 3 else None


def bool_mask(value: Any, call: fx.Node) -> Any:
    """`mask` of `zeros_like(mask).masked_fill_(mask, -inf)`, else the value itself."""
    if not isinstance(value, fx.Node) or value.target is not torch.zeros_like:
        return value
    mask = value.args[0]
    fills = [user for user in value.users if user is not call]
    if len(fills) != 1 or fills[0].target != "masked_fill_":
        return value
    if fills[0].args != (value, mask, float("-inf")) or not isinstance(mask, fx.Node):
        return value
    return mask if mask.meta["val"].dtype == torch.bool else value


def found(value: Any) -> list[fx.Node]:
    """The nodes in the arguments of a call."""
    nodes: list[fx.Node] = []
    fx.node.map_arg(value, lambda n: nodes.append(n) or n)  # type: ignore[func-returns-value]
    return nodes


def drop(source: fx.Node) -> None:
    """Erase a turned sequence or a mask of zeros that nothing reads any more."""
    fills = [user for user in source.users if user.target == "masked_fill_"]
    if source.target is torch.zeros_like and len(fills) == len(source.users) == 1:
        source.graph.erase_node(fills[0])
    if source.target in ("transpose", torch.zeros_like) and not source.users:
        source.graph.erase_node(source)
