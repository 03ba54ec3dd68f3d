"""Ranges of the user's, once recordings are compared: in the heads of loops, or gone."""

from __future__ import annotations

from unfoldify.recording.body import Body
from unfoldify.recording.finish import bodies
from unfoldify.recording.loops.ranges import settle_ranges


def settle_counts(body: Body) -> None:
    """Loops count as the user's ranges do; what only a range was given is no argument."""
    found = list(bodies(body))
    for each in found:
        settle_ranges(each.graph)
    for each in found[:0:-1]:
        drop_unread(each)
    if body.other_mode is not None:
        settle_counts(body.other_mode)


def drop_unread(body: Body) -> None:
    """Arguments of a module that are not read any more are none; the caller stops passing them."""
    assert body.call is not None
    taken = [(parameter, parameter.node) for parameter in body.parameters]
    nodes = [node for _, node in taken if node is not None]
    given = dict(zip(nodes, body.call.args, strict=True))
    body.call.args = tuple(given[node] for node in nodes if node.users)
    body.parameters[:] = [each for each, node in taken if node is None or node.users]
    for node in nodes:
        if not node.users:
            body.graph.erase_node(node)
