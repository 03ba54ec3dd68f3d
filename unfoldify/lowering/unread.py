"""Tensors that are made and written to, and that nobody reads: the state that a cache would keep."""

from __future__ import annotations

import operator

import torch
from torch import fx

from unfoldify.recording.dead import is_bound

_MAKERS = {
    *(torch.zeros, torch.ones, torch.empty, torch.full),
    *(torch.zeros_like, torch.ones_like, torch.empty_like, torch.full_like),
    *("new_zeros", "new_ones", "new_empty", "new_full"),
}
_OF_LOOPS = ("loop", "head_of", "kept")


def drop_unread(graph: fx.Graph) -> None:
    """Erase such tensors, what is written to them, and what only that was computed for."""
    for node in reversed(list(graph.nodes)):
        is_made = node.op.startswith("call_") and node.target in _MAKERS
        writes = list(node.users)
        if not is_made or not writes or not all(only_writes(user, node) for user in writes):
            continue
        for write in writes:  # and, after the last of them, what they write to
            erase_with_operands(graph, write)


def only_writes(user: fx.Node, made: fx.Node) -> bool:
    """`made.copy_(x)` or `made[i] = x`, of which nothing else is used."""
    writes = user.target is operator.setitem or user.meta.get("mutates") == (made,)
    others = [*user.args[1:], *user.kwargs.values()]
    of_a_loop = any(mark in node.meta for node in (user, made) for mark in _OF_LOOPS)
    return (
        writes and user.args[0] is made and made not in others and not user.users and not of_a_loop
    )


def erase_with_operands(graph: fx.Graph, node: fx.Node) -> None:
    """A node, and then each of its operands that nothing uses any more and that only computes."""
    operands = node.all_input_nodes
    graph.erase_node(node)
    for operand in operands:
        is_free = operand.op != "placeholder" and not operand.users and "item" not in operand.meta
        if is_free and not is_bound(operand) and not operand._erased:
            erase_with_operands(graph, operand)
