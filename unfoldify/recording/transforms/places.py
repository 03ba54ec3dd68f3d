"""One copy of a value is enough to take a derivative's derivative by it."""

from __future__ import annotations

from torch import fx


def settle_places(graph: fx.Graph) -> None:
    """Drops, in place, the copies that were noted to be copies of such a copy."""
    for made in [node for node in graph.nodes if node.meta.get("again")]:
        (asked,) = made.users
        asked.replace_all_uses_with(made.args[0])
        graph.erase_node(asked)
        graph.erase_node(made)
